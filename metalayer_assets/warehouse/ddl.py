"""Build schemas, functions and tables from contracts here; keep the months of big tables out (`months`).

`ensure` is idempotent and cheap when nothing is to do: one look at a fingerprint of the whole catalog.
"""

import hashlib
from typing import Any

from metalayer_assets.contracts import CATALOG
from metalayer_assets.contracts.replaced import HISTORY
from metalayer_assets.contracts.validation import LAYERS, problems
from metalayer_assets.warehouse import as_of, contract_versions, replaced, table_changes
from metalayer_assets.warehouse.errors import ContractError
from metalayer_assets.warehouse.locks import lock_catalog
from metalayer_assets.warehouse.shipped import sql_folder
from metalayer_assets.warehouse.statements import bind, ident, literal
from metalayer_assets.warehouse.table_definitions import table_definition

_DAGSTER = "dagster"
_WRITE_NUMBERS = "meta.write_number"
_SHOWN = 3

Cursor = Any


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
        ContractError: The contracts contradict themselves, or tables stand there otherwise than their contracts
            declare them.
    """
    fingerprint = catalog_fingerprint()
    if _standing_fingerprint(cursor) == fingerprint:
        return False
    check_contracts()
    lock_catalog(cursor)
    if _standing_fingerprint(cursor) == fingerprint:
        return False
    create_missing(cursor)
    _refuse_differing(cursor)
    for contract in CATALOG.values():
        for statement in table_definition(contract)[1:]:
            cursor.execute(bind(statement))
    as_of.install(cursor)
    contract_versions.record(cursor, CATALOG.values())
    cursor.execute(f"comment on schema meta is {literal(_comment(fingerprint))}")
    return True


def create_missing(cursor: Cursor) -> None:
    """Create the schemas, functions and tables that are missing, and leave tables that stand as they are."""
    for schema in LAYERS:
        cursor.execute(f"create schema if not exists {ident(schema)}")
    cursor.execute(f"create sequence if not exists {ident(_WRITE_NUMBERS)}")
    for path in sorted((sql_folder() / "init").glob("*.sql")):
        cursor.execute(bind(path.read_text(encoding="utf-8")))
    unborn = replaced.unborn(cursor)
    for contract in CATALOG.values():
        cursor.execute(bind(table_definition(contract)[0]))
    replaced.begin(cursor, unborn)


def _refuse_differing(cursor: Cursor) -> None:
    found = table_changes.unmet(cursor)
    if not found:
        return
    # Tables of history follow the tables whose history they are.
    named = [(table, changes) for table, changes in found.items() if not table.startswith(f"{HISTORY}.")] or [
        *found.items()
    ]
    told = "; ".join(f"{table} ({', '.join(c.detail for c in changes)})" for table, changes in named[:_SHOWN])
    more = f" and {len(named) - _SHOWN} more tables" if len(named) > _SHOWN else ""
    raise ContractError(
        f"the database stands otherwise than the contracts declare: {told}{more}. Look at what would change with"
        " `metalayer plan`, then bring the tables in line with `metalayer apply`, or change the contracts back."
    )


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
