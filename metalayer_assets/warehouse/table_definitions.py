"""Write the DDL of a table from its contract here; keep when it is executed out (`ddl`, `applying`)."""

from metalayer_assets.contracts import Column, Contract
from metalayer_assets.warehouse.statements import ident, listed, literal


def column_definition(column: Column) -> str:
    """One column as it stands in CREATE TABLE."""
    parts = [ident(column.name), column.type.sql]
    if column.default is not None:
        parts.append(f"default {column.default}")
    if not column.nullable:
        parts.append("not null")
    return " ".join(parts)


def table_definition(contract: Contract) -> list[str]:
    """The statements that create a table with its key, indexes and comments."""
    name = ident(contract.name)
    lines = [column_definition(column) for column in contract.columns]
    lines.append(f"primary key ({listed(contract.key)})") if not is_unkeyed(contract) else None
    if contract.name == "meta.slice_ledger":
        # The second law, kept by the database itself.
        lines.append(
            "constraint every_row_accounted check"
            " (status = 'refused' or rows_read = rows_written + rows_collapsed + rows_quarantined)"
        )
    partition = f" partition by range ({ident(contract.sliced_by)})" if contract.by_month else ""
    statements = [f"create table if not exists {name} (\n    " + ",\n    ".join(lines) + f"\n){partition}"]
    for columns in contract.indexes:
        index = index_name(contract, columns)
        statements.append(f"create index if not exists {ident(index)} on {name} ({listed(columns)})")
    if is_unkeyed(contract):
        index = f"{contract.table}_slice_idx"
        statements.append(
            f"create index if not exists {ident(index)} on {name} using brin ({ident(contract.sliced_by)})"
            " with (pages_per_range = 32, autosummarize = on)"
        )
    statements.append(f"comment on table {name} is {literal(contract.description)}")
    statements += [
        f"comment on column {name}.{ident(column.name)} is {literal(column.description)}" for column in contract.columns
    ]
    return statements


def index_name(contract: Contract, columns: tuple[str, ...]) -> str:
    """The name of a declared index."""
    return f"{contract.table}_{'_'.join(columns)}_idx"[:63]


def is_unkeyed(contract: Contract) -> bool:
    """Whether the table stands without the primary key that its contract declares."""
    # Bronze rows come in by COPY, a day at a time and already unique by file and line: a block-range index on the
    # day costs next to nothing on load, where a B-tree key would cost as much as a third of the COPY.
    return contract.layer == "bronze"
