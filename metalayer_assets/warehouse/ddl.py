"""Build schemas, functions and tables from contracts here; keep the months of big tables out (`months`).

`ensure` is idempotent and cheap when nothing is to do: one look at a fingerprint of the whole catalog.
"""

import hashlib
from typing import Any

from metalayer_assets.contracts import CATALOG, Column, Contract
from metalayer_assets.contracts.validation import LAYERS, problems
from metalayer_assets.warehouse import as_of, replaced
from metalayer_assets.warehouse.errors import ContractError
from metalayer_assets.warehouse.locks import lock_catalog
from metalayer_assets.warehouse.shipped import sql_folder
from metalayer_assets.warehouse.statements import bind, ident, listed, literal

_DAGSTER = "dagster"
_WRITE_NUMBERS = "meta.write_number"

Cursor = Any


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
    lines.append(f"primary key ({listed(contract.key)})") if not _landed_by_month(contract) else None
    if contract.name == "meta.slice_ledger":
        # The second law, kept by the database itself.
        lines.append(
            "constraint every_row_accounted check"
            " (status = 'refused' or rows_read = rows_written + rows_collapsed + rows_quarantined)"
        )
    partition = f" partition by range ({ident(contract.sliced_by)})" if contract.by_month else ""
    statements = [f"create table if not exists {name} (\n    " + ",\n    ".join(lines) + f"\n){partition}"]
    for columns in contract.indexes:
        index = f"{contract.table}_{'_'.join(columns)}_idx"[:63]
        statements.append(f"create index if not exists {ident(index)} on {name} ({listed(columns)})")
    if _landed_by_month(contract):
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


def _landed_by_month(contract: Contract) -> bool:
    # Bronze rows come in by COPY, a day at a time and already unique by file and line: a block-range index on the
    # day costs next to nothing on load, where a B-tree key would cost as much as a third of the COPY.
    return contract.layer == "bronze"


def catalog_fingerprint() -> str:
    """Hash of every contract and every function file: what `ensure` brings the database to."""
    parts = [contract.fingerprint() for contract in CATALOG.values()]
    parts += [path.read_text(encoding="utf-8") for path in sorted((sql_folder() / "init").glob("*.sql"))]
    parts += as_of.definitions()
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def check_contracts() -> None:
    """Verify that the contracts of the catalog contradict neither themselves nor one another.

    Raises:
        ContractError: They do; the message names the table, the rule and the column.
    """
    found = problems(CATALOG)
    if found:
        more = f" (and {len(found) - 1} more problems)" if len(found) > 1 else ""
        raise ContractError(f"the contracts cannot be used: {found[0]}{more}")


def ensure(cursor: Cursor) -> bool:
    """Create whatever is missing of schemas, functions and tables; False when nothing was to do.

    Raises:
        ContractError: The contracts contradict themselves, or a table stands there otherwise than its contract
            declares it.
    """
    fingerprint = catalog_fingerprint()
    if _standing_fingerprint(cursor) == fingerprint:
        return False
    check_contracts()
    lock_catalog(cursor)
    if _standing_fingerprint(cursor) == fingerprint:
        return False
    for schema in LAYERS:
        cursor.execute(f"create schema if not exists {ident(schema)}")
    cursor.execute(f"create sequence if not exists {ident(_WRITE_NUMBERS)}")
    for path in sorted((sql_folder() / "init").glob("*.sql")):
        cursor.execute(bind(path.read_text(encoding="utf-8")))
    unborn = replaced.unborn(cursor)
    for contract in CATALOG.values():
        create, *additions = table_definition(contract)
        cursor.execute(bind(create))
        _check_standing(cursor, contract)
        for statement in additions:
            cursor.execute(bind(statement))
    replaced.begin(cursor, unborn)
    as_of.install(cursor)
    cursor.execute(f"comment on schema meta is {literal(_comment(fingerprint))}")
    return True


def ensure_dagster_schema(cursor: Cursor) -> None:
    """Create the schema that Dagster keeps its own tables in."""
    cursor.execute(bind("select to_regnamespace(:name) is null"), {"name": _DAGSTER})
    if cursor.fetchone()[0]:
        lock_catalog(cursor)
        cursor.execute(f"create schema if not exists {ident(_DAGSTER)}")


def _comment(fingerprint: str) -> str:
    return f"What the warehouse knows about itself. Catalog {fingerprint}."


def _standing_fingerprint(cursor: Cursor) -> str | None:
    cursor.execute("select obj_description(to_regnamespace('meta'), 'pg_namespace')")
    comment = cursor.fetchone()[0]
    return comment.rsplit(" ", 1)[1].rstrip(".") if comment and "Catalog" in comment else None


def _check_standing(cursor: Cursor, contract: Contract) -> None:
    standing = _told(cursor, contract.name)
    declared = [(column.name, column.type.sql, not column.nullable) for column in contract.columns]
    differing = sorted({name for name, *_ in set(standing) ^ set(declared)})
    if standing != declared and not differing:
        differing = ["the order of columns"]
    if not differing and not _landed_by_month(contract) and _key(cursor, contract.name) != contract.key:
        differing = [f"the key ({', '.join(contract.key)})"]
    if differing:
        raise ContractError(
            f"{contract.name} stands in the database otherwise than its contract declares it: "
            f"{', '.join(differing)}. Rebuild the table, or change the contract back."
        )


def _told(cursor: Cursor, relation: str) -> list[tuple[str, str, bool]]:
    cursor.execute(
        bind("select attname, attnotnull from pg_attribute where attrelid = to_regclass(:relation) and attnum > 0"),
        {"relation": relation},
    )
    required = dict(cursor.fetchall())
    return [(name, kind, required[name]) for name, kind in relation_columns(cursor, relation)]


def _key(cursor: Cursor, relation: str) -> tuple[str, ...]:
    cursor.execute(
        bind(
            """
            select a.attname
            from pg_constraint as c
            cross join unnest(c.conkey) with ordinality as k (attnum, position)
            inner join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.attnum
            where c.conrelid = to_regclass(:relation) and c.contype = 'p'
            order by k.position
            """
        ),
        {"relation": relation},
    )
    return tuple(name for (name,) in cursor.fetchall())


def relation_columns(cursor: Cursor, relation: str) -> list[tuple[str, str]]:
    """Names and types of a relation's columns in physical order."""
    cursor.execute(
        bind(
            """
            select a.attname, format_type(a.atttypid, a.atttypmod)
            from pg_attribute as a
            where a.attrelid = to_regclass(:relation) and a.attnum > 0 and not a.attisdropped
            order by a.attnum
            """
        ),
        {"relation": relation},
    )
    return [(name, kind) for name, kind in cursor.fetchall()]
