"""Find contradictions in the forms of columns here; what a form is stands in `forms`."""

import re
from collections.abc import Iterator

from metalayer_assets.contracts.forms import Coded, Days, Form, Phone, Zip
from metalayer_assets.contracts.model import Column, Contract, Judged
from metalayer_assets.contracts.types import Type

_REGION = re.compile(r"[A-Z]{2}\Z")


def form_problems(contract: Contract) -> Iterator[str]:
    """What is wrong with the forms of a table's columns, each a sentence without the table's name."""
    for column in contract.columns:
        if column.form is not None:
            yield from _problems_of(contract, column, column.form)


def _problems_of(contract: Contract, column: Column, form: Form) -> Iterator[str]:
    if not isinstance(contract.source, Judged) or column.derived is not None:
        yield f"the column {column.name} has a form, which only a told column of a judged table can have."
    days = column.type in (Type.DATE, Type.TIMESTAMP)
    if isinstance(form, Days) != days or not (days or column.type is Type.TEXT):
        yield f"the column {column.name} is {column.type.name}, which its form {type(form).__name__} does not fit."
    told = {other.name for other in contract.columns if other.derived is None and other.type is Type.TEXT}
    named = {form.state, form.country} if isinstance(form, Phone) else {form.state} if isinstance(form, Zip) else set()
    for name in sorted(name for name in named if name is not None and name not in told):
        yield f"the form of {column.name} asks the column {name}, which is no told text of the table."
    if isinstance(form, Phone) and not _REGION.match(form.region):
        yield f"the form of {column.name} names the region '{form.region}', which is no two-letter code."
    if isinstance(form, Phone) and form.state is not None and form.country is not None:
        yield f"the form of {column.name} is told its region by two columns; name one."
    if isinstance(form, Coded):
        unknown = sorted({code for _, code in form.spellings} - set(form.values))
        if unknown:
            yield f"the spellings of {column.name} stand for {', '.join(unknown)}, which the code list does not hold."
