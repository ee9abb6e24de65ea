"""Keep the rows that writes replace here, and forget them in due time; keep how they are asked for out (`as_of`).

Of every write that changes a slice that has begun, exactly the rows that differ are kept: those that go, and those
that come. The first rows of a slice are not: the ledger says when they came. So nothing is copied when nothing changed,
nor when a table is loaded for the first time.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from metalayer_assets.contracts import CATALOG, Contract, Landed
from metalayer_assets.contracts.replaced import ADDED, CHANGE, REMOVED, SLICE, WRITE_ID, Past, pasts_of
from metalayer_assets.warehouse.kept_out import REJECTED_ROWS
from metalayer_assets.warehouse.ledger import SliceCounts
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.slices import slice_of
from metalayer_assets.warehouse.statements import bind, ident, listed

Cursor = Any


def keep_differences(
    cursor: Cursor, contract: Contract, write_id: int, slices: Sequence[date], stage: str, *, kept: bool
) -> None:
    """Before slices are replaced by their staged rows: keep the rows that differ.

    Of a judged table, what will be kept out, and no longer kept out, is compared as well.

    Args:
        cursor: Cursor in the write's transaction.
        contract: The table.
        write_id: The write; its number was taken under the slices' lock.
        slices: The slices that change.
        stage: Relation with the contract's columns and, unless the table is landed, `_outcome`.
        kept: Whether history is kept at all; where not, the past before this write becomes unknown.
    """
    for past in pasts_of(contract, CATALOG):
        begun = _begun(cursor, past, slices)
        if begun and not kept:
            _forget_write(cursor, contract, write_id)
            return
        if begun:
            _keep_differences(cursor, past, write_id, begun, stage)


def _keep_differences(cursor: Cursor, past: Past, write_id: int, begun: Sequence[date], stage: str) -> None:
    kept_out = past.table is not past.asset
    new = ident(REJECTED_ROWS if kept_out else stage)
    comes = "true" if kept_out or isinstance(past.asset.source, Landed) else "new._outcome = 0"
    first_key, columns = ident(past.table.key[0]), past.column_names
    # One pass over both sides; a row that stays is dropped before it becomes two. Two staged rows with one key are for
    # the table itself to refuse, in its own words.
    cursor.execute(
        bind(
            f"""
            insert into {_target(past)}
            select :write_id, kept.{SLICE}, kept.{CHANGE}, {listed(columns, "kept")}
            from (
                select * from {ident(past.table.name)} as old
                where {standing_rows(past, "old")} and {slice_of(past.table, "old")} = any(:slices)
            ) as old
            full join (
                select * from {new} as new where {comes} and {slice_of(past.table, "new")} = any(:slices)
            ) as new on {same_key(past.table.key, "old", "new")}
            cross join lateral (
                select {slice_of(past.table, "old")} as {SLICE}, '{REMOVED}' as {CHANGE}, {listed(columns, "old")}
                where old.{first_key} is not null
                union all
                select {slice_of(past.table, "new")}, '{ADDED}', {listed(columns, "new")}
                where new.{first_key} is not null
            ) as kept
            where row({listed(columns, "old")}) is distinct from row({listed(columns, "new")})
            on conflict do nothing
            """
        ),
        {"write_id": write_id, "slices": list(begun)},
    )


def keep(
    cursor: Cursor,
    contract: Contract,
    write_id: int,
    *,
    removed: str,
    added: str,
    standing: Sequence[date],
    kept: bool,
) -> None:
    """Keep the rows that a write takes out of a table and puts in; for writers that know the difference themselves.

    Args:
        cursor: Cursor in the write's transaction.
        contract: The table.
        write_id: The write; its number was taken under a lock of every slice that changes.
        removed: Name of a relation with the contract's columns: rows that go.
        added: Likewise, rows that come; a row that changes or moves is in both.
        standing: Slices that stand; rows of others, and the first rows of a slice, are not kept.
        kept: Whether history is kept at all; where not, the past before this write becomes unknown.
    """
    past = next((past for past in pasts_of(contract, CATALOG) if past.table is past.asset), None)
    begun = _begun(cursor, past, standing) if past else []
    if past is None or not begun:
        return
    day, columns = slice_of(contract), listed(past.column_names)
    gone, come = (f"{ident(relation)} where {day} = any(:slices)" for relation in (removed, added))
    if kept:
        statement = f"""
            insert into {_target(past)}
            select :write_id, {day}, '{REMOVED}', {columns} from {gone}
            union all
            select :write_id, {day}, '{ADDED}', {columns} from {come}
            """
        cursor.execute(bind(statement), {"write_id": write_id, "slices": begun})
        return
    cursor.execute(bind(f"select exists (select from {gone}) or exists (select from {come})"), {"slices": begun})
    if cursor.fetchone()[0]:
        _forget_write(cursor, contract, write_id)


def _target(past: Past) -> str:
    return f"{ident(past.history.name)} ({listed((WRITE_ID, SLICE, CHANGE, *past.column_names))})"


def _forget_write(cursor: Cursor, contract: Contract, write_id: int) -> None:
    cursor.execute(
        bind(
            "insert into meta.forgotten_writes (table_name, write_id) values (:table, :write_id) on conflict do nothing"
        ),
        {"table": contract.name, "write_id": write_id},
    )


def sound_slices(
    cursor: Cursor,
    contract: Contract,
    write_id: int,
    *,
    told: Mapping[date, SliceCounts],
    standing: Mapping[date, SliceCounts],
    counts: Mapping[date, SliceCounts],
) -> list[date]:
    """The slices that hold what the ledger says: of the others, whose rows nobody wrote, no row is worth keeping.

    A write that brings such a slice back to what the ledger says takes nothing from the past; after one that brings it
    to anything else, it is unknown what the slice held before.

    Args:
        cursor: Cursor in the write's transaction.
        contract: The table.
        write_id: The write.
        told: What the ledger says that slices hold.
        standing: What they hold.
        counts: What they will hold after the write.
    """
    unsound = {day for day, held in standing.items() if not held.same_content(told.get(day))}
    if any(day in counts and not counts[day].same_content(told.get(day)) for day in unsound):
        _forget_write(cursor, contract, write_id)
    return [day for day in standing if day not in unsound]


def standing_rows(past: Past, prefix: str) -> str:
    """SQL condition on the rows of the table that count: of kept-out rows, those that are kept out now."""
    return "true" if past.table is past.asset else f"{prefix}.state = 'open'"


def same_key(key: Sequence[str], left: str, right: str) -> str:
    """SQL condition that two rows have the same key."""
    return " and ".join(f"{left}.{ident(name)} = {right}.{ident(name)}" for name in key)


def _begun(cursor: Cursor, past: Past, slices: Sequence[date]) -> list[date]:
    """Those of the slices that a write before this one brought rows to."""
    if not slices:
        return []
    cursor.execute(
        bind(
            f"""
            select distinct slice
            from meta.slice_ledger
            where table_name = :table and slice = any(:slices) and status <> 'refused' and {past.counted} > 0
            """
        ),
        {"table": past.asset.name, "slices": list(slices)},
    )
    return [day for (day,) in cursor.fetchall()]


def retained_since(settings: Settings) -> datetime:
    """The moment before which replaced rows need not be kept any longer."""
    return datetime.now(tz=UTC) - timedelta(days=settings.history_days)


def forget(cursor: Cursor, before: datetime) -> dict[str, int]:
    """Delete what writes replaced that were finished before a moment; what was so is unknown from then on.

    Returns:
        Rows deleted, by table; tables of which there was nothing to delete are absent.
    """
    deleted: dict[str, int] = {}
    for contract in CATALOG.assets():
        for past in pasts_of(contract, CATALOG):
            rows = _forget_rows(cursor, past, before)
            if rows:
                deleted[past.table.name] = rows
    return deleted


def _forget_rows(cursor: Cursor, past: Past, before: datetime) -> int:
    cursor.execute(
        bind(
            f"""
            with finished as (
                select write_id, min(finished_at) as finished_at
                from meta.slice_ledger
                where table_name = :table and status <> 'refused'
                group by write_id
                having min(finished_at) < :before
            ),
            gone as (
                delete from {ident(past.history.name)} as kept
                using finished
                where kept.{WRITE_ID} = finished.write_id
                returning finished.write_id, finished.finished_at
            ),
            noted as (
                insert into meta.forgotten_writes as known (table_name, write_id, moment)
                select :table, max(write_id), max(finished_at) from gone having count(*) > 0
                on conflict (table_name, write_id) do update set moment = greatest(known.moment, excluded.moment)
            )
            select count(*) from gone
            """
        ),
        {"table": past.asset.name, "before": before},
    )
    return int(cursor.fetchone()[0])


def kept_rows(cursor: Cursor) -> list[dict[str, Any]]:
    """For every table with a history: rows and writes kept, their size, and since when its past is known."""
    pasts = [past for contract in CATALOG.assets() for past in pasts_of(contract, CATALOG)]
    parts = [
        f"select '{past.table.name}', '{past.asset.name}', count(*), count(distinct {WRITE_ID}),"
        f" pg_total_relation_size('{past.history.name}') from {ident(past.history.name)}"
        for past in pasts
    ]
    cursor.execute(" union all ".join(parts))
    found = cursor.fetchall()
    cursor.execute(
        """
        select forgotten.table_name, max(forgotten.write_id), max(coalesce(forgotten.moment, write.finished_at))
        from meta.forgotten_writes as forgotten
        left join meta.slice_ledger as write
            on write.table_name = forgotten.table_name and write.write_id = forgotten.write_id
        group by forgotten.table_name
        """
    )
    since = {table: (write_id, moment) for table, write_id, moment in cursor.fetchall()}
    return [
        {
            "table": table,
            "rows": rows,
            "writes": writes,
            "size_bytes": size,
            "since_write": since.get(asset, (None, None))[0],
            "since": since.get(asset, (None, None))[1],
        }
        for table, asset, rows, writes, size in found
    ]


def unborn(cursor: Cursor) -> list[str]:
    """Assets that the database lacks the table or the history of; to be asked before tables are made."""
    pasts = [past for contract in CATALOG.assets() for past in pasts_of(contract, CATALOG)]
    names = {name: past.asset.name for past in pasts for name in (past.table.name, past.history.name)}
    cursor.execute(
        bind(
            "select distinct wanted from unnest(:names::text[]) as wanted"
            " where not exists (select from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace"
            " where n.nspname || '.' || c.relname = wanted)"
        ),
        {"names": list(names)},
    )
    return sorted({names[name] for (name,) in cursor.fetchall()})


def begin(cursor: Cursor, tables: Sequence[str]) -> None:
    """After tables were made: note that the past of those that were written before is unknown."""
    cursor.execute(
        bind(
            """
            insert into meta.forgotten_writes (table_name, write_id, moment)
            select table_name, max(write_id), clock_timestamp()
            from meta.slice_ledger
            where table_name = any(:tables::text[]) and status <> 'refused'
            group by table_name
            on conflict (table_name, write_id) do update set moment = excluded.moment
            """
        ),
        {"tables": list(tables)},
    )
