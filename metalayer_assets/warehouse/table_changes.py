"""Decide here what brings a table as it stands in line with its contract; keep doing it out (`applying`).

The order of columns is no difference: a column that is added stands last, and everything names its columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from metalayer_assets.contracts import CATALOG, Column, Contract, Landed
from metalayer_assets.contracts.replaced import HISTORY
from metalayer_assets.warehouse.standing_tables import StandingTable, standing_tables
from metalayer_assets.warehouse.statements import ident
from metalayer_assets.warehouse.table_definitions import column_definition, index_name, is_unkeyed

Cursor = Any

# Types whose every value is a value of the other, equal to it.
_WIDER = frozenset({("integer", "bigint"), ("integer", "numeric"), ("bigint", "numeric")})


class Kind(Enum):
    """What is done to a table."""

    CREATE = "create table"
    ADD = "add column"
    DROP = "drop column"
    WIDEN = "widen type"
    RELAX = "allow null"
    INDEX = "index"
    REBUILD = "rebuild"


@dataclass(frozen=True)
class TableChange:
    """One step that brings a table in line.

    Attributes:
        table: The table.
        kind: What is done.
        detail: To what, and where it is not plain, why.
        statements: The statements that do it; none for a rebuild, which needs more.
        loses: What is lost by it that no run makes again; empty where nothing is.
    """

    table: str
    kind: Kind
    detail: str
    statements: tuple[str, ...] = ()
    loses: str = ""


def unmet(cursor: Cursor) -> dict[str, list[TableChange]]:
    """The tables that stand otherwise than declared, with what has to be done; indexes are made on the way."""
    standing = standing_tables(cursor)
    found = {
        contract.name: [change for change in changes(contract, standing[contract.name]) if change.kind != Kind.INDEX]
        for contract in CATALOG.values()
        if contract.name in standing
    }
    return {table: needed for table, needed in found.items() if needed}


def changes(contract: Contract, standing: StandingTable | None) -> list[TableChange]:
    """What brings a table in line with its contract; a rebuild stands alone.

    Args:
        contract: The table as declared.
        standing: As it stands; None where it does not.
    """
    if standing is None:
        columns = f"{len(contract.columns)} columns, key ({', '.join(contract.key)})"
        return [TableChange(contract.name, Kind.CREATE, columns)]
    reasons = list(_reasons_to_rebuild(contract, standing))
    if reasons:
        return [TableChange(contract.name, Kind.REBUILD, "; ".join(reasons), loses=_lost_by_rebuild(contract))]
    return [*_of_columns(contract, standing), *_of_indexes(contract, standing)]


def _lost_by_rebuild(contract: Contract) -> str:
    if contract.layer == HISTORY:
        return f"the replaced rows kept in {contract.name}"
    # Rows of assets are made again by the next run; nobody makes those that the warehouse keeps about itself again.
    return "" if contract.is_asset else f"the rows of {contract.name}"


def _reasons_to_rebuild(contract: Contract, standing: StandingTable) -> Iterator[str]:
    if not is_unkeyed(contract) and standing.key != contract.key:
        yield f"key ({', '.join(standing.key)}) becomes ({', '.join(contract.key)})"
    declared = contract.sliced_by if contract.by_month else None
    if standing.partitioned_by != declared:
        yield f"partitioned by {standing.partitioned_by or 'nothing'} becomes by {declared or 'nothing'}"
    for column in contract.columns:
        told = standing.columns.get(column.name)
        if told is None:
            if not column.nullable and column.default is None:
                yield f"{column.name} is added and may not be null"
            continue
        kind, required = told
        if kind != column.type.sql and (kind, column.type.sql) not in _WIDER:
            yield f"{column.name} is {kind}, becomes {column.type.sql}"
        if not required and not column.nullable:
            yield f"{column.name} may not be null any more"


def _of_columns(contract: Contract, standing: StandingTable) -> Iterator[TableChange]:
    table = f"alter table {ident(contract.name)}"
    for column in contract.columns:
        told = standing.columns.get(column.name)
        if told is None:
            yield _added(contract, column)
            continue
        name = ident(column.name)
        kind, required = told
        if kind != column.type.sql:
            yield TableChange(
                contract.name,
                Kind.WIDEN,
                f"{column.name} {kind} to {column.type.sql}",
                (f"{table} alter column {name} type {column.type.sql}",),
            )
        if required and column.nullable:
            yield TableChange(contract.name, Kind.RELAX, column.name, (f"{table} alter column {name} drop not null",))
    for gone in standing.columns.keys() - set(contract.column_names):
        yield TableChange(
            contract.name, Kind.DROP, gone, (f"{table} drop column {ident(gone)}",), loses=_lost_with(contract, gone)
        )


def _added(contract: Contract, column: Column) -> TableChange:
    how = "" if column.nullable else f" not null default {column.default}"
    return TableChange(
        contract.name,
        Kind.ADD,
        f"{column.name} {column.type.sql}{how}",
        (f"alter table {ident(contract.name)} add column {column_definition(column)}",),
    )


def _lost_with(contract: Contract, column: str) -> str:
    if contract.is_asset and not isinstance(contract.source, Landed):
        return ""
    return f"the values of {contract.name}.{column}"


def _of_indexes(contract: Contract, standing: StandingTable) -> Iterator[TableChange]:
    declared = {index_name(contract, columns): columns for columns in contract.indexes}
    for name, columns in declared.items():
        if name not in standing.indexes:
            yield TableChange(contract.name, Kind.INDEX, f"create on ({', '.join(columns)})")
    ours = {name for name in standing.indexes if name.startswith(f"{contract.table}_") and name.endswith("_idx")}
    for name in sorted(ours - declared.keys() - {f"{contract.table}_slice_idx"}):
        yield TableChange(
            contract.name, Kind.INDEX, f"drop {name}", (f"drop index if exists {ident(f'{contract.layer}.{name}')}",)
        )
