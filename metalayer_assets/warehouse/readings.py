"""Compile here how the told columns of a judged table are read: in the usual way first, and in full where need is.

Nearly every value comes in a usual notation, which a cheap expression reads by itself. A row with a value that it
leaves open is read again (`second_reading`), with every notation, with what its file shows of the order of days and of
decimal signs, and with what libraries say of e-mail addresses and telephone numbers.
"""

from collections.abc import Iterator

from metalayer_assets.contracts import Column, Contract, Type
from metalayer_assets.contracts.forms import JUDGED_BY_LIBRARY, NOT_ALWAYS_FOUND, Coded, Days, Email, Phone, Zip
from metalayer_assets.contracts.places import US_STATES
from metalayer_assets.warehouse.casts import has_notations, read_as, read_fully
from metalayer_assets.warehouse.forms import hopeless, usual_form
from metalayer_assets.warehouse.statements import ident, literal

PROVENANCE = ("arrival_day", "source_file_id", "source_line")
_ADDED = ("quality_score", "broken_rules")

# Temporary tables of the second reading.
OPENED, FORMED, NOTATIONS = "opened_rows", "formed_values", "file_notations"


def told_columns(contract: Contract) -> Iterator[Column]:
    """The columns that are read from told text."""
    for column in contract.columns:
        if column.derived is None and column.name not in (*PROVENANCE, *_ADDED):
            yield column


def notated_columns(contract: Contract) -> Iterator[Column]:
    """The told columns whose texts come in several notations."""
    return (column for column in told_columns(contract) if has_notations(column.type))


def judged_columns(contract: Contract) -> Iterator[tuple[Column, Email | Phone]]:
    """The told columns that a library judges, with their forms."""
    for column in told_columns(contract):
        if isinstance(column.form, JUDGED_BY_LIBRARY):
            yield column, column.form


def _cleaned(name: str) -> str:
    return f"cleaned.{ident(name)}"


def _told(name: str) -> str:
    return ident(f"{name}__told")


def _form(name: str) -> str:
    return ident(f"{name}__form")


def _joined(name: str) -> str:
    return ident(f"{name}__join")


def coded(contract: Contract, name: str) -> str:
    """The SQL expression of a told column in its code list, where it has one; else of its text."""
    if isinstance(contract.column(name).form, Coded):
        return f"coalesce({_joined(name)}.code, {_cleaned(name)})"
    return _cleaned(name)


def hint(contract: Contract, form: Email | Phone) -> str:
    """The SQL expression of what a row tells of the region of its values; never NULL."""
    named = form.hint if isinstance(form, Phone) else None
    return "''" if named is None else f"coalesce({coded(contract, named)}, '')"


def code_joins(contract: Contract) -> str:
    """The joins of cleaned rows to the code lists of their columns."""
    joins = []
    for column in told_columns(contract):
        if isinstance(column.form, Coded):
            pairs = ", ".join(f"({literal(told)}, {literal(code)})" for told, code in column.form.pairs().items())
            alias = _joined(column.name)
            joins.append(
                f"left join (values {pairs}) as {alias} (told, code) on {alias}.told = lower({_cleaned(column.name)})"
            )
    return "\n".join(joins)


def _file_joins(contract: Contract) -> Iterator[str]:
    for column, form in judged_columns(contract):
        alias = _joined(column.name)
        yield (
            f"left join {FORMED} as {alias} on {alias}.column_name = {literal(column.name)}"
            f" and {alias}.told = {_cleaned(column.name)} and {alias}.hint = {hint(contract, form)}"
        )
    for column in notated_columns(contract):
        alias = _joined(column.name)
        yield (
            f"left join {NOTATIONS} as {alias} on {alias}.column_name = {literal(column.name)}"
            f" and {alias}.source_file_id = cleaned.source_file_id"
        )


def joins(contract: Contract, *, fully: bool) -> str:
    """Everything that cleaned rows are joined to in a reading."""
    return "\n".join([code_joins(contract), *(_file_joins(contract) if fully else ())])


def _read(column: Column, *, fully: bool) -> str:
    told = _cleaned(column.name)
    if not (fully and has_notations(column.type)):
        return read_as(told, column.type)
    swapped = f"{_joined(column.name)}.swapped"
    if isinstance(column.form, Days):
        swapped = f"coalesce({swapped}, {str(column.form.day_first).lower()})"
    return read_fully(told, column.type, swapped)


def _formed(contract: Contract, column: Column, *, fully: bool) -> str:
    told, form = _cleaned(column.name), column.form
    if isinstance(form, Zip):
        state = coded(contract, form.state)
        return f"meta.zip_form({told}, {state}, {state} in ({', '.join(map(literal, US_STATES))}))"
    if not isinstance(form, JUDGED_BY_LIBRARY):
        raise TypeError(f"{column.name} of {contract.name} has no form to be brought to")
    usual = usual_form(told, form, hint(contract, form))
    return f"coalesce({usual}, {_joined(column.name)}.form)" if fully else usual


def typed_columns(contract: Contract, *, fully: bool) -> str:
    """The columns of typed rows, selected from cleaned ones and what they are joined to."""
    lines = [_cleaned(name) for name in PROVENANCE]
    for column in told_columns(contract):
        told = _cleaned(column.name)
        if isinstance(column.form, NOT_ALWAYS_FOUND):
            lines += [
                f"{_formed(contract, column, fully=fully)} as {_form(column.name)}",
                f"{told} as {_told(column.name)}",
            ]
        elif isinstance(column.form, Coded):
            lines.append(f"{coded(contract, column.name)} as {ident(column.name)}")
        else:
            lines.append(f"{_read(column, fully=fully)} as {ident(column.name)}")
            if column.type is not Type.TEXT:
                lines.append(f"{told} as {_told(column.name)}")
    return ",\n        ".join(lines)


def formed_columns(contract: Contract) -> str:
    """The columns that typed rows carry as told where they have no form."""
    return "".join(
        f",\n        coalesce({_form(column.name)}, {_told(column.name)}) as {ident(column.name)}"
        for column in told_columns(contract)
        if isinstance(column.form, NOT_ALWAYS_FOUND)
    )


def is_unread(contract: Contract, name: str) -> str:
    """The SQL condition under which a typed row's told value was not read as its type, or has not come to its form."""
    formed = isinstance(contract.column(name).form, NOT_ALWAYS_FOUND)
    return f"({_told(name)} is not null and {_form(name) if formed else ident(name)} is null)"


def is_open(contract: Contract) -> str:
    """The SQL condition under which a typed row of the first reading holds a value that the second may read."""
    conditions = [
        f"({is_unread(contract, column.name)} and not {hopeless(_told(column.name), form)})"
        for column, form in judged_columns(contract)
    ]
    # A number or a day without a digit is none in any notation.
    conditions += [
        f"({is_unread(contract, name)} and translate({_told(name)}, '0123456789', '') <> {_told(name)})"
        for name in (column.name for column in notated_columns(contract))
    ]
    return " or ".join(conditions) or "false"
