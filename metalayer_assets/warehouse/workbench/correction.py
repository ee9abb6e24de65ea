"""Take corrected exports in here: what they say is judged, landed beside what it corrects, and recorded.

A row that is corrected stays where it is, kept out of its slice: the correction is a row of a file of its own, with a
line of its own, and is judged like any other. The file is landed last, and before the record is committed. A crash
between the two leaves a correction that nobody has recorded yet; correcting once more finds it and records it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

from metalayer_assets.contracts import CATALOG, Judged, Landed
from metalayer_assets.contracts.quarantine import CORRECTED, WAIVED
from metalayer_assets.warehouse import locks, registry
from metalayer_assets.warehouse.landing import scan_days
from metalayer_assets.warehouse.loading.cells import cell
from metalayer_assets.warehouse.loading.stage import Table, copy_csv
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.statements import bind, ident, listed, literal
from metalayer_assets.warehouse.workbench import actions
from metalayer_assets.warehouse.workbench.correction_file import CORRECTIONS, written
from metalayer_assets.warehouse.workbench.desk import Desk, desk_of
from metalayer_assets.warehouse.workbench.export import FILE, IDENTITY, LINE, ROW_HASH, TABLE, leading_columns
from metalayer_assets.warehouse.workbench.sheet import CorrectionRefused, opened
from metalayer_assets.warehouse.writer import SliceWriter

Cursor = Any

_TOLD, _NAMED = "told_corrections", "named_rows"
_SHOWN = 3
# What is to be known of the row that a line names.
_KEPT = (
    *("arrival_day", "source_file_id", "source_line", "row_hash", "raw", "state", "closed_at"),
    *("resolution", "resolved_by", "resolved_at", "corrected_in"),
)


@dataclass(frozen=True)
class CellChange:
    """A value that a correction changes."""

    file: str
    source_line: int
    column: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Correction:
    """What a corrected export came to.

    Attributes:
        table: Table that the rows are kept out of.
        corrected: Rows that the export changes.
        unchanged: Rows that it leaves as they are; nothing is done with them.
        changes: The first of the values that it changes.
        files: Landed files that hold the corrections, by their paths below the landing folder.
        action_id: Number of the action; None where nothing was landed.
    """

    table: str
    corrected: int
    unchanged: int
    changes: tuple[CellChange, ...]
    files: tuple[str, ...] = field(default=())
    action_id: int | None = None


def correct(
    writer: SliceWriter,
    path: Path,
    *,
    by: str | None = None,
    note: str | None = None,
    dry_run: bool = False,
    shown: int = 20,
) -> Correction:
    """Land what a corrected export changes, and record which rows that corrects.

    Args:
        writer: Writer of the warehouse.
        path: The export, corrected, as CSV.
        by: Who corrects; see `actions.acting`.
        note: What they note.
        dry_run: Only say what the export changes.
        shown: How many of the changed values to tell.

    Raises:
        CorrectionRefused: A line names no row that is kept out, or one that is not open any more, or another table; or
            a file of the day has left the landing folder.
        LandingError: The file cannot be read, or nothing can be landed.
    """
    name = actions.acting(writer.settings, by)
    with writer.database.transaction() as cursor:
        desk = _load(cursor, path)
        locks.lock_slices(cursor, desk.table.name, _days_told(cursor, desk))
        _find_rows(cursor, desk)
        _refuse_unfit(cursor, desk, path)
        found = _result(cursor, desk, shown)
        if dry_run or not found.corrected:
            return found
        days = _gather(cursor, desk)
        _refuse_vanished(cursor, writer.settings, desk, days, path)
        source = desk.landed.source
        if not isinstance(source, Landed):
            raise TypeError(f"{desk.landed.name} is not made from landed files")
        folder = f"{source.system}/{source.dataset}"
        with written(cursor, writer.settings.landing, folder, days, _told_columns(cursor, desk)) as files:
            action = actions.begin(cursor, CORRECTED, desk.table.name, name, note=note, given=path.name)
            recorded = _record(cursor, desk, action, {file.day: file.name for file in files})
            if recorded != found.corrected:
                raise CorrectionRefused(f"{path}: rows of it were changed meanwhile. Nothing was corrected; try again.")
            for file in files:
                file.land()
        return Correction(
            found.table,
            found.corrected,
            found.unchanged,
            found.changes,
            tuple(file.name for file in files),
            action.number,
        )


def _load(cursor: Cursor, path: Path) -> Desk:
    """Read the export into a temporary table, every value as text; the table that it names on every line."""
    with opened(path, IDENTITY) as sheet:
        if TABLE not in sheet.names:
            raise CorrectionRefused(
                f"{path}: {TABLE} is not among its columns: give it the columns that were exported."
            )
        rows = sheet.rows()
        first = next(rows, None)
        if first is None:
            raise CorrectionRefused(f"{path}: there is no line in it to correct anything with.")
        place = sheet.names.index(TABLE)
        desk = _desk(path, first[1][place])
        _refuse_strange(path, sheet.names, desk)
        columns = [_leading(name) if name in leading_columns(desk) else name for name in sheet.names]
        definition = ", ".join(f"{ident(name)} text" for name in columns)
        cursor.execute(f"create temporary table {_TOLD} (_line bigint, {definition}) on commit drop")
        lines = (_csv(path, line, row, place, desk) for line, row in chain((first,), rows))
        copy_csv(cursor, Table(None, _TOLD, {}), ["_line", *columns], lines)
    return desk


def _csv(path: Path, line: int, row: Sequence[str], place: int, desk: Desk) -> bytes:
    if row[place] != desk.table.name:
        raise CorrectionRefused(
            f"{path} line {line}: {TABLE} is {row[place]!r}, and {desk.table.name} before: correct one table at a time."
            " Nothing was corrected."
        )
    return f"{line},{','.join(map(cell, row))}\n".encode()


def _desk(path: Path, table: str) -> Desk:
    known = CATALOG.get(table)
    if known is None or not isinstance(known.source, Judged | Landed):
        raise CorrectionRefused(
            f"{path}: {TABLE} is {table!r}, which is no table that rows are kept out of; leave the leading columns"
            " as they were exported."
        )
    return desk_of(known)


def _leading(name: str) -> str:
    """A leading column in the temporary tables, where everything but the source's columns begins with an underscore."""
    return f"_told{name}"


def _refuse_strange(path: Path, names: Sequence[str], desk: Desk) -> None:
    needed = (*IDENTITY, *desk.source_columns)
    missing = [name for name in needed if name not in names]
    strange = [name for name in names if name not in (*needed, *leading_columns(desk))]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    told = [
        f"{what} {', '.join(map(repr, found))}"
        for what, found in (("missing", missing), ("strange", strange), ("twice", twice))
        if found
    ]
    if told:
        raise CorrectionRefused(
            f"{path}: its columns are not those that were exported: {'; '.join(told)}. Nothing was corrected."
        )


def _days_told(cursor: Cursor, desk: Desk) -> list[date]:
    cursor.execute(
        bind(
            f"""
            select distinct arrival_day from meta.landed_files
            where table_name = :landed and path in (select {ident(_leading(FILE))} from {_TOLD})
            order by arrival_day
            """
        ),
        {"landed": desk.landed.name},
    )
    return [day for (day,) in cursor.fetchall()]


def _find_rows(cursor: Cursor, desk: Desk) -> None:
    """Give every line of the export the row that it names, and say whether it changes it."""
    before = "null" if desk.holds_lines else "kept.raw ->> {}"
    changes = " or ".join(
        f"coalesce(told.{ident(name)}, '') <> coalesce({before.format(literal(name))}, '')"
        for name in desk.source_columns
    )
    kept = ", ".join(f"kept.{ident(name)} as {ident(f'_{name}')}" for name in _KEPT)
    cursor.execute(
        bind(
            f"""
            create temporary table {_NAMED} on commit drop as
            select
                told.*, {kept},
                count(*) over (
                    partition by {", ".join(f"told.{ident(_leading(name))}" for name in (FILE, LINE, ROW_HASH))}
                ) as _times,
                {changes} as _changed
            from {_TOLD} as told
            left join (
                select distinct file_id, path, arrival_day from meta.landed_files where table_name = :landed
            ) as file on file.path = told.{ident(_leading(FILE))}
            left join {ident(desk.quarantine.name)} as kept
                on kept.arrival_day = file.arrival_day
                and kept.source_file_id = file.file_id
                and kept.source_line::text = btrim(told.{ident(_leading(LINE))})
                and kept.row_hash = btrim(told.{ident(_leading(ROW_HASH))})
                and {desk.scope}
            """
        ),
        {"landed": desk.landed.name},
    )


def _refuse_unfit(cursor: Cursor, desk: Desk, path: Path) -> None:
    cursor.execute(
        f"""
        select _line, {ident(_leading(FILE))}, {ident(_leading(LINE))}, _row_hash, _times, _state, _closed_at,
            _resolution, _resolved_by, _resolved_at, _corrected_in, count(*) over () as unfit
        from {_NAMED}
        where _row_hash is null or _times > 1 or (_changed and (_state <> 'open' or _resolution is not null))
        order by _line
        limit {_SHOWN}
        """
    )
    names = [column.name for column in cursor.description]
    unfit = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    if unfit:
        told = "; ".join(f"line {row['_line']} {_unfit(desk, row)}" for row in unfit)
        more = f"; and {unfit[0]['unfit'] - len(unfit)} more lines" if unfit[0]["unfit"] > len(unfit) else ""
        raise CorrectionRefused(f"{path}: {told}{more}. Nothing was corrected.")


def _unfit(desk: Desk, row: Mapping[str, Any]) -> str:
    place = f"{row[_leading(FILE)]} line {row[_leading(LINE)]}"
    if row["_row_hash"] is None:
        return f"names no row that was kept out of {desk.table.name}: {place} (export again, and leave that as it is)"
    if row["_times"] > 1:
        return f"names the same row as another line: {place}"
    if row["_state"] != "open":
        return f"names a row that is not kept out any more, since {row['_closed_at']:%Y-%m-%d %H:%M} UTC: {place}"
    moment = f"{row['_resolved_at']:%Y-%m-%d %H:%M} UTC"
    if row["_resolution"] == WAIVED:
        return (
            f"names a row that {row['_resolved_by']} has waived on {moment}: {place}"
            " (take that back first: metalayer quarantine reopen)"
        )
    return f"names a row that {row['_resolved_by']} has corrected on {moment}, in {row['_corrected_in']}: {place}"


def _result(cursor: Cursor, desk: Desk, shown: int) -> Correction:
    cursor.execute(f"select count(*) filter (where _changed), count(*) filter (where not _changed) from {_NAMED}")
    corrected, unchanged = cursor.fetchone()
    cells = ", ".join(
        f"({place}, {literal(name)}, {'null' if desk.holds_lines else f'_raw ->> {literal(name)}'}, {ident(name)})"
        for place, name in enumerate(desk.source_columns)
    )
    cursor.execute(
        bind(
            f"""
            select {ident(_leading(FILE))}, _source_line, cell.name, cell.old, cell.new
            from {_NAMED}
            cross join lateral (values {cells}) as cell (place, name, old, new)
            where _changed and coalesce(cell.old, '') <> coalesce(cell.new, '')
            order by _line, cell.place
            limit :shown
            """
        ),
        {"shown": shown},
    )
    changes = tuple(CellChange(*row) for row in cursor.fetchall())
    return Correction(desk.table.name, corrected, unchanged, changes)


def _gather(cursor: Cursor, desk: Desk) -> list[date]:
    """Put the rows to land into `corrections`; their arrival days.

    A value that was left as it is lands as it was, also where a spreadsheet no longer tells nothing from an empty text.
    """
    values = [
        f"nullif({ident(name)}, '')"
        if desk.holds_lines
        else f"case when coalesce({ident(name)}, '') = coalesce(_raw ->> {literal(name)}, '')"
        f" then _raw ->> {literal(name)} else {ident(name)} end"
        for name in desk.source_columns
    ]
    columns = ", ".join(f"{value} as {ident(name)}" for value, name in zip(values, desk.source_columns, strict=True))
    cursor.execute(
        bind(
            f"""
            create temporary table {CORRECTIONS} on commit drop as
            select
                _arrival_day, _source_file_id, _source_line, _row_hash, {ident(_leading(FILE))} as _file,
                row_number() over (
                    partition by _arrival_day order by {ident(_leading(FILE))}, _source_line, _row_hash
                ) as _corrected_line,
                {columns}
            from {_NAMED}
            where _changed
            """
        )
    )
    cursor.execute(f"select distinct _arrival_day from {CORRECTIONS} order by 1")
    return [day for (day,) in cursor.fetchall()]


def _told_columns(cursor: Cursor, desk: Desk) -> list[str]:
    """The columns to tell: those that every extract has, and others where a correction has a value for them."""
    optional = [name for name in desk.source_columns if desk.landed.column(name).optional]
    told: tuple[bool, ...] = ()
    if optional:
        given = ", ".join(f"coalesce(bool_or({ident(name)} is not null), false)" for name in optional)
        cursor.execute(f"select {given} from {CORRECTIONS}")
        told = cursor.fetchone()
    untold = {name for name, given in zip(optional, told, strict=True) if not given}
    return [name for name in desk.source_columns if name not in untold]


def _refuse_vanished(cursor: Cursor, settings: Settings, desk: Desk, days: Sequence[date], path: Path) -> None:
    """A day is loaded whole: without the files that it stands on, a correction would take their rows away."""
    landed = scan_days(settings, desk.landed, days)
    vanished = [
        file_id
        for day, known in registry.known_files(cursor, desk.landed.name, days).items()
        for file_id in known.keys() - {file.file_id for file in landed.get(day, ())}
    ]
    if vanished:
        names = sorted(registry.file_names(cursor, vanished).values())
        raise CorrectionRefused(
            f"{path}: {len(names)} files of the days to correct have left the landing folder (the first: {names[0]}):"
            " a day is loaded whole, so that its other rows would be lost. Put them back, then correct. Nothing was"
            " corrected."
        )


def _record(cursor: Cursor, desk: Desk, action: actions.Action, files: Mapping[date, str]) -> int:
    named = listed([f"_{name}" for name in desk.quarantine.key], "correction")
    cursor.execute(f"alter table {CORRECTIONS} add column _corrected_in text")
    for day, name in files.items():
        cursor.execute(
            bind(f"update {CORRECTIONS} set _corrected_in = :name where _arrival_day = :day"),
            {"name": name, "day": day},
        )
    return actions.enter(
        cursor,
        action,
        f"""
        update {ident(desk.quarantine.name)} as kept
        set resolution = {literal(CORRECTED)}, resolved_by = :acted_by, resolved_at = now(), note = :note,
            corrected_in = correction._corrected_in, corrected_line = correction._corrected_line
        from {CORRECTIONS} as correction
        where ({listed(desk.quarantine.key, "kept")}) = ({named})
            and {desk.scope} and kept.state = 'open' and kept.resolution is null
        returning kept.arrival_day, kept.source_file_id, kept.source_line, kept.corrected_in
        """,
        {},
    )
