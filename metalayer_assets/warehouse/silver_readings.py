"""Find out here how silver reads the columns of a landed table: as which type, judged by which list of codes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import sqlglot
from sqlglot import exp

from metalayer_assets.contracts import CATALOG, Contract, Judged, Type
from metalayer_assets.contracts.predicate import OneOf
from metalayer_assets.warehouse.errors import ContractError
from metalayer_assets.warehouse.models import model_of


@dataclass(frozen=True)
class Reading:
    """What silver makes of a landed column.

    Attributes:
        column: The silver column, with its table.
        type: Its type.
        is_code: Whether a rule holds it against a closed list.
    """

    column: str
    type: Type
    is_code: bool


def readings_of(landed: Contract) -> Mapping[str, Reading]:
    """How silver reads each landed column that a column of a judged table is made from, and from no other.

    A model that cannot be read tells nothing here: who writes its table is told why.
    """
    found: dict[str, Reading] = {}
    for judged, _ in CATALOG.readers_of(landed.name):
        if not isinstance(judged.source, Judged):
            continue
        codes = {rule.holds.column for rule in judged.rules if isinstance(rule.holds, OneOf)}
        for output, source in _sources(judged, landed.name).items():
            column = judged.column(output)
            reading = Reading(f"{judged.name}.{output}", column.type, output in codes)
            known = found.get(source)
            # Of several columns made from one, the one that asks more of the text counts.
            if known is None or (known.type is Type.TEXT and (column.type is not Type.TEXT or reading.is_code)):
                found[source] = reading
    return found


def _sources(judged: Contract, landed: str) -> Mapping[str, str]:
    try:
        model = model_of(judged)
    except ContractError:
        return {}
    return _parsed_sources(model.select, landed)


@cache
def _parsed_sources(select: str, landed: str) -> Mapping[str, str]:
    """The landed column of each output that is made from a single one."""
    query = sqlglot.parse_one(select, read="postgres")
    aliases = {
        table.alias_or_name for table in query.find_all(exp.Table) if table.db and f"{table.db}.{table.name}" == landed
    }
    made = {}
    for output in query.selects if isinstance(query, exp.Query) else ():
        named = {column.name for column in output.find_all(exp.Column) if column.table in aliases}
        if len(named) == 1:
            made[output.alias_or_name] = named.pop()
    return made
