"""Keep the versions of contracts that a warehouse was brought to here (`meta.contract_versions`)."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from enum import Enum
from typing import Any

from psycopg2.extras import execute_values

from metalayer_assets.contracts import Contract
from metalayer_assets.warehouse.statements import bind

Cursor = Any
Declared = dict[str, Any]


def declared(contract: Contract) -> Declared:
    """Everything that a contract says, as JSON; clauses that say nothing are left out."""
    told: Declared = _plain(contract)
    return told


def _plain(value: object) -> Any:  # noqa: ANN401 -- any JSON value
    if isinstance(value, Enum):
        return value.name.lower()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        told = {found.name: _plain(getattr(value, found.name)) for found in dataclasses.fields(value)}
        told = {name: one for name, one in told.items() if one not in (None, [], "")}
        return {"is": type(value).__name__.lower(), **told} if not hasattr(value, "description") else told
    if isinstance(value, tuple | list | frozenset):
        return [_plain(one) for one in value]
    if isinstance(value, date):
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def record(cursor: Cursor, contracts: Iterable[Contract], write_id: int | None = None) -> None:
    """Enter the versions that the warehouse now has; one that it had before is entered again as the latest.

    Args:
        cursor: Cursor.
        contracts: The contracts.
        write_id: The write that changed their tables to fit, if one had to.
    """
    latest = {table: fingerprint for table, (fingerprint, _) in latest_versions(cursor).items()}
    rows = [
        (contract.name, contract.fingerprint(), json.dumps(declared(contract)), write_id)
        for contract in contracts
        if write_id is not None or latest.get(contract.name) != contract.fingerprint()
    ]
    if rows:
        execute_values(
            cursor,
            "insert into meta.contract_versions as known (table_name, fingerprint, declared, write_id, applied_at)"
            " values %s on conflict (table_name, fingerprint) do update set applied_at = excluded.applied_at,"
            " write_id = greatest(known.write_id, excluded.write_id)",
            rows,
            template="(%s, %s, %s::jsonb, %s, clock_timestamp())",
            page_size=500,
        )


def latest_versions(cursor: Cursor) -> dict[str, tuple[str, Declared]]:
    """Fingerprint and declaration of every table's contract as the warehouse was last brought to."""
    cursor.execute("select to_regclass('meta.contract_versions') is null")
    if cursor.fetchone()[0]:
        return {}
    cursor.execute(
        "select distinct on (table_name) table_name, fingerprint, declared from meta.contract_versions"
        " order by table_name, applied_at desc"
    )
    return {table: (fingerprint, told) for table, fingerprint, told in cursor.fetchall()}


def last_change(cursor: Cursor, table: str) -> int | None:
    """The last write that changed the columns of a table: what was before it, rows cannot be held against."""
    cursor.execute(bind("select max(write_id) from meta.contract_versions where table_name = :table"), {"table": table})
    (found,) = cursor.fetchone()
    return found if found is None else int(found)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What two declarations of a table differ in, as phrases; that columns come, go or change type is not told."""
    return list(_differences(old, new))


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    was, now = ({rule["id"]: rule for rule in told.get("rules", ())} for told in (old, new))
    yield from (f"rule {rule} added" for rule in now if rule not in was)
    yield from (f"rule {rule} removed" for rule in was if rule not in now)
    yield from (f"rule {rule} changed" for rule in now if rule in was and was[rule] != now[rule])
    was, now = ({column["name"]: column for column in told.get("columns", ())} for told in (old, new))
    for column in now:
        clauses = sorted(
            clause
            for clause in {**was.get(column, {}), **now[column]}
            if column in was
            if clause != "type" and was[column].get(clause) != now[column].get(clause)
        )
        if clauses:
            yield f"column {column}: {', '.join(clauses)} changed"
    parts = sorted({*old, *new} - {"columns", "rules", "name", "is"})
    yield from (f"{part} changed" for part in parts if old.get(part) != new.get(part))
