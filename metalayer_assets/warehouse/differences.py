"""Compare what a table held at two points of its past here: rows added, removed and changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from metalayer_assets.contracts import CATALOG, Contract
from metalayer_assets.contracts.replaced import Past, pasts_of
from metalayer_assets.warehouse.as_of import Point, known_past
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.replaced import same_key
from metalayer_assets.warehouse.slices import slice_of
from metalayer_assets.warehouse.statements import bind, ident, listed

Cursor = Any

# Where a row came from: a file that lands again with a line less moves every line below it.
_ORIGIN = frozenset({"arrival_day", "source_file_id", "source_line", "_arrival_day", "_file_id", "_line"})


@dataclass(frozen=True)
class RowChange:
    """A row that differs.

    Attributes:
        change: `added`, `removed` or `changed`.
        slice: First day of the slice that it lies in; of a row that moved, the one that it moved to.
        key: Its key, by column.
        old: What it held: of a changed row the columns that differ, of a removed one every column but the key.
        new: What it holds, likewise; of an added row every column but the key.
    """

    change: str
    slice: date
    key: dict[str, Any]
    old: dict[str, Any] | None
    new: dict[str, Any] | None


@dataclass(frozen=True)
class Difference:
    """What became of a table between two points.

    Attributes:
        table: The table.
        start: The earlier point.
        end: The later point.
        added: Rows that came, those of slices that began in between included.
        removed: Rows that went.
        changed: Rows that stand with other values.
        moved: Those of the changed rows that only come from another line, file or day, and tell what they told.
        begun_slices: Slices that began in between: before, no write had brought rows to them.
        begun_rows: Those of the added rows that lie in them; they are not listed.
        rows: The others, by slice and key and the moved ones last, as many as were asked for.
    """

    table: str
    start: Point
    end: Point
    added: int
    removed: int
    changed: int
    moved: int
    begun_slices: tuple[date, ...]
    begun_rows: int
    rows: tuple[RowChange, ...]


def of_write(cursor: Cursor, contract: Contract, write_id: int, *, day: date | None = None, limit: int) -> Difference:
    """What one write changed; see `between`.

    Raises:
        SettingError: The table has no such write, or it was refused.
    """
    _past(contract)
    cursor.execute(
        bind(
            "select status, reason from meta.slice_ledger where table_name = :table and write_id = :write_id"
            " order by status desc limit 1"
        ),
        {"table": contract.name, "write_id": write_id},
    )
    found = cursor.fetchone()
    if found is None:
        raise SettingError(
            f"write {write_id} wrote no slice of {contract.name}; see which did: metalayer ledger {contract.name}"
        )
    if found[0] == "refused":
        raise SettingError(f"write {write_id} of {contract.name} was refused and changed nothing: {found[1]}")
    return between(cursor, contract, Point(write_id - 1), Point(write_id), day=day, limit=limit)


def between(
    cursor: Cursor, contract: Contract, start: Point, end: Point, *, day: date | None = None, limit: int
) -> Difference:
    """What became of a table between two points.

    Args:
        cursor: Cursor.
        contract: The table.
        start: The point to compare.
        end: The point to compare with it.
        day: Only this slice.
        limit: Most rows to list.

    Raises:
        SettingError: The table is no asset, so that it has no past.
        PastUnknown: What the table held then is not kept.
    """
    past = _past(contract)
    touched, begun = _touched(cursor, contract, start, end, day)
    binds = {"start": start.value, "end": end.value, "touched": touched, "begun": begun, "limit": limit}
    old, new = (
        f"(select * from {point.rows_of(past.history, name)} as stood where {slice_of(contract, 'stood')}"
        " = any(:touched::date[]))"
        for point, name in ((start, "start"), (end, "end"))
    )
    columns = contract.content_names
    differing = f"""{old} as old
        full join {new} as new on {same_key(contract.key, "old", "new")}
        where row({listed(columns, "old")}) is distinct from row({listed(columns, "new")})"""
    told = [name for name in columns if name not in {*_ORIGIN, *contract.key}]
    first_key = ident(contract.key[0])
    moved = (
        f"(old.{first_key} is not null and new.{first_key} is not null"
        f" and row({listed(told, 'old')}) is not distinct from row({listed(told, 'new')}))"
    )
    added = f"old.{first_key} is null"
    with known_past():
        cursor.execute(
            bind(
                f"""
                select
                    count(*) filter (where {added}),
                    count(*) filter (where new.{first_key} is null),
                    count(*) filter (where old.{first_key} is not null and new.{first_key} is not null),
                    count(*) filter (where {moved}),
                    count(*) filter (where {added} and {slice_of(contract, "new")} = any(:begun::date[]))
                from {differing}
                """
            ),
            binds,
        )
    count_added, count_removed, count_changed, count_moved, begun_rows = cursor.fetchone()
    day_of = f"coalesce({slice_of(contract, 'new')}, {slice_of(contract, 'old')})"
    keys = ", ".join(f"coalesce(new.{ident(name)}, old.{ident(name)})" for name in contract.key)
    cursor.execute(
        bind(
            f"""
            select {day_of}, {added}, new.{first_key} is null, {listed(columns, "old")}, {listed(columns, "new")}
            from {differing} and not ({added} and {slice_of(contract, "new")} = any(:begun::date[]))
            order by {moved}, {day_of}, {keys}
            limit :limit
            """
        ),
        binds,
    )
    return Difference(
        contract.name,
        start,
        end,
        added=count_added,
        removed=count_removed,
        changed=count_changed,
        moved=count_moved,
        begun_slices=tuple(begun),
        begun_rows=begun_rows,
        rows=tuple(_row_change(contract, row) for row in cursor.fetchall()),
    )


def _past(contract: Contract) -> Past:
    if not contract.is_asset:
        raise SettingError(f"{contract.name} has no past that is kept: name a bronze, silver or gold table.")
    return pasts_of(contract, CATALOG)[0]


def _touched(
    cursor: Cursor, contract: Contract, start: Point, end: Point, day: date | None
) -> tuple[list[date], list[date]]:
    """Slices that writes between the points changed, and those of them that began there."""
    cursor.execute(
        bind(
            f"""
            select
                entry.slice,
                not coalesce(bool_or(write.at_start) filter (where entry.rows_written > 0), false)
                    and coalesce(bool_or(write.at_end) filter (where entry.rows_written > 0), false)
            from meta.slice_ledger as entry
            inner join (
                select write_id, {start.done("start")} as at_start, {end.done("end")} as at_end
                from meta.slice_ledger
                where table_name = :table and status <> 'refused'
                group by write_id
            ) as write on write.write_id = entry.write_id
            where entry.table_name = :table and entry.status <> 'refused'
                and (:day::date is null or entry.slice = :day)
            group by entry.slice
            having bool_or(entry.status = 'published' and write.at_start <> write.at_end)
            order by entry.slice
            """
        ),
        {"table": contract.name, "day": day, "start": start.value, "end": end.value},
    )
    found = cursor.fetchall()
    return [slice_ for slice_, _ in found], [slice_ for slice_, began in found if began]


def _row_change(contract: Contract, row: Sequence[Any]) -> RowChange:
    day, added, removed, *values = row
    columns = contract.content_names
    old = dict(zip(columns, values[: len(columns)], strict=True))
    new = dict(zip(columns, values[len(columns) :], strict=True))
    key = {name: (old if removed else new)[name] for name in contract.key}
    shown = [name for name in columns if name not in key and (added or removed or old[name] != new[name])]
    return RowChange(
        "added" if added else "removed" if removed else "changed",
        day,
        key,
        None if added else {name: old[name] for name in shown},
        None if removed else {name: new[name] for name in shown},
    )
