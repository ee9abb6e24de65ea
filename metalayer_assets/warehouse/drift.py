"""Tell here how an extract differs from its contract and from the extract of the arrival day before it.

What is told depends on what was known when the extract was loaded, and decides nothing: whether a file is loaded is
for the contract alone to say (`drift_policy`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg2.extras import execute_values

from metalayer_assets.contracts import CATALOG, Contract
from metalayer_assets.warehouse.drift_policy import KEPT_OUT, policy_of, source_columns
from metalayer_assets.warehouse.extract_differences import code_of, compare_headers, compare_profiles
from metalayer_assets.warehouse.landing import LandedFile
from metalayer_assets.warehouse.loading import Drift, HeaderRefused, LoadReport
from metalayer_assets.warehouse.loading.header import spellings
from metalayer_assets.warehouse.profiles import Profile
from metalayer_assets.warehouse.silver_readings import Reading, readings_of
from metalayer_assets.warehouse.statements import bind, ident, listed

Cursor = Any
Loads = Mapping[date, Sequence[tuple[LandedFile, LoadReport]]]

LOADED, REFUSED = "loaded", "refused"
# Against the contract; what an extract may lack is told when it first lacks it.
_TOLD_OF_FILES = frozenset({"extra_column", "duplicate_header", "missing_required", "renamed_guess"})

_SHOWN_CODES = 10
_OF_COLUMN = {"table": "table_name", "column": "column_name", "day": "slice"}


@dataclass(frozen=True)
class Change:
    """One way in which an extract differs.

    Attributes:
        file: Path below the landing folder; empty where the day as a whole is meant.
        kind: See `meta.schema_changes`.
        column: The column.
        detail: One sentence.
        action: What became of the file.
    """

    file: str
    kind: str
    column: str
    detail: str
    action: str = LOADED


@dataclass(frozen=True)
class Observed:
    """What was seen of the extract of one arrival day: its profile, column by column, and how it differs."""

    profile: Sequence[Profile] = ()
    changes: Sequence[Change] = ()


def observe(
    cursor: Cursor,
    contract: Contract,
    loads: Loads,
    profiled: Mapping[date, list[Profile]],
    write_id: int,
) -> dict[date, Observed]:
    """Compare the extracts of a write and keep what differs; to be called once files and profiles are registered.

    Args:
        cursor: Cursor in the write's transaction.
        contract: The landed table.
        loads: The files of every day that was loaded.
        profiled: The profiles of the days whose rows changed.
        write_id: The write.
    """
    days = sorted(loads)
    found: dict[date, list[Change]] = {day: _of_files(loads.get(day, ())) for day in days}
    for day, changes in _of_headers(cursor, contract, loads, days).items():
        found[day] += changes
    for day, changes in _of_values(cursor, contract, days, profiled).items():
        gone = {change.column for change in found[day] if change.kind == "column_removed"}
        found[day] += [change for change in changes if change.column not in gone]
    _record(cursor, contract, found, write_id)
    return {day: Observed(profiled.get(day, ()), tuple(found[day])) for day in days}


def record_refused(
    cursor: Cursor, contract: Contract, refused: Mapping[date, tuple[LandedFile, HeaderRefused]], write_id: int
) -> None:
    """Keep why the columns of files were refused, in the transaction that tells of the refusal."""
    found = {
        day: [Change(file.name, drift.kind, drift.column, drift.detail, REFUSED) for drift in _telling(error.drift)]
        for day, (file, error) in refused.items()
    }
    _record(cursor, contract, found, write_id)


def _telling(drift: Iterable[Drift]) -> list[Drift]:
    return [found for found in drift if found.kind in _TOLD_OF_FILES]


def _of_files(loaded: Sequence[tuple[LandedFile, LoadReport]]) -> list[Change]:
    return [
        Change(file.name, drift.kind, drift.column, drift.detail, _action(report.path))
        for file, report in loaded
        for drift in _telling(report.drift)
    ]


def _action(path: str | None) -> str:
    return KEPT_OUT if path == KEPT_OUT else LOADED


def _of_headers(cursor: Cursor, contract: Contract, loads: Loads, days: Sequence[date]) -> dict[date, list[Change]]:
    """How the columns of files differ from those of the last file of the arrival day before."""
    if not days:
        return {}
    known = spellings(source_columns(contract))
    before = _headers(cursor, contract, min(days), max(days))
    found: dict[date, list[Change]] = {}
    for day in days:
        earlier = max((other for other in before if other < day), default=None)
        if earlier is None:
            continue
        old_form, old = before[earlier]
        for file, report in loads.get(day, ()):
            if report.header:
                compared = compare_headers(old, report.header, known, ordered=old_form == report.format != "jsonl")
                found.setdefault(day, []).extend(
                    Change(file.name, kind, column, f"{detail} (compared with {earlier})", _action(report.path))
                    for kind, column, detail in compared
                )
    return found


def _headers(cursor: Cursor, contract: Contract, first: date, last: date) -> dict[date, tuple[str, list[str]]]:
    """Format and header of the last file of each day, from the day before the first to the last."""
    cursor.execute(
        bind(
            """
            select distinct on (arrival_day) arrival_day, format, header
            from meta.landed_files
            where table_name = :table and state = 'loaded' and cardinality(header) > 0 and arrival_day <= :last
                and arrival_day >= coalesce(
                    (
                        select max(arrival_day) from meta.landed_files
                        where table_name = :table and state = 'loaded' and cardinality(header) > 0
                            and arrival_day < :first
                    ),
                    :first
                )
            order by arrival_day, file_no desc
            """
        ),
        {"table": contract.name, "first": first, "last": last},
    )
    return {day: (form, header) for day, form, header in cursor.fetchall()}


def _of_values(
    cursor: Cursor, contract: Contract, days: Sequence[date], profiled: Mapping[date, list[Profile]]
) -> dict[date, list[Change]]:
    if not profiled:
        return {}
    readings = readings_of(contract)
    before = _profiles_before(cursor, contract, min(profiled), max(profiled))
    found: dict[date, list[Change]] = {}
    for day in days:
        earlier = max((other for other in before if other < day), default=None)
        if earlier is None or day not in profiled:
            continue
        old = {profile["column_name"]: profile for profile in before[earlier]}
        for profile in profiled[day]:
            column = profile["column_name"]
            if column in old:
                reading = readings.get(column)
                changes = compare_profiles(old[column], profile, reading)
                if reading and reading.is_code:
                    changes += _new_codes(cursor, old[column], profile, reading)
                found.setdefault(day, []).extend(
                    Change("", kind, column, f"{detail} (compared with {earlier})") for kind, detail in changes
                )
    return found


def _new_codes(cursor: Cursor, old: Profile, new: Profile, reading: Reading) -> list[tuple[str, str]]:
    """Values of a code column that no extract of an earlier arrival day had, as far as profiles tell."""
    if new["top_values"] is None or not old["top_values"]:
        return []
    known = {code_of(value) for value, _ in old["top_values"]}
    candidates = {code_of(value): value for value, _ in new["top_values"] if code_of(value) not in known}
    if not candidates:
        return []
    cursor.execute(
        bind(
            """
            select distinct upper(btrim(told.value ->> 0))
            from meta.source_profiles as profile
            cross join lateral jsonb_array_elements(profile.top_values) as told (value)
            where profile.table_name = :table and profile.column_name = :column and profile.slice < :day
                and upper(btrim(told.value ->> 0)) = any(:candidates)
            """
        ),
        {**{bind_name: new[name] for bind_name, name in _OF_COLUMN.items()}, "candidates": list(candidates)},
    )
    seen = {value for (value,) in cursor.fetchall()}
    grown = [value for code, value in candidates.items() if code not in seen]
    if not grown:
        return []
    more = f" and {len(grown) - _SHOWN_CODES} more" if len(grown) > _SHOWN_CODES else ""
    shown = ", ".join(f"'{value}'" for value in grown[:_SHOWN_CODES])
    return [("codes_grown", f"{shown}{more} were not told before; {reading.column} is judged by a code list")]


def _profiles_before(cursor: Cursor, contract: Contract, first: date, last: date) -> dict[date, list[Profile]]:
    """The latest profiles of the days from the one before the first to the last."""
    names = CATALOG["meta.source_profiles"].column_names
    cursor.execute(
        bind(
            f"""
            select distinct on (slice, position) {listed(names)}
            from meta.source_profiles
            where table_name = :table and slice <= :last
                and slice >= coalesce(
                    (select max(slice) from meta.source_profiles where table_name = :table and slice < :first),
                    :first
                )
            order by slice, position, write_id desc
            """
        ),
        {"table": contract.name, "first": first, "last": last},
    )
    found: dict[date, list[Profile]] = {}
    for row in cursor.fetchall():
        profile = dict(zip(names, row, strict=True))
        found.setdefault(profile["slice"], []).append(profile)
    return found


def _record(cursor: Cursor, contract: Contract, found: Mapping[date, Sequence[Change]], write_id: int) -> None:
    target = CATALOG["meta.schema_changes"]
    columns = tuple(name for name in target.column_names if name != "first_seen_at")
    policy = policy_of(contract).value
    rows = {
        (contract.name, day, change.file, change.kind, change.column): (change.detail, policy, change.action, write_id)
        for day, changes in found.items()
        for change in changes
    }
    if rows:
        updates = ", ".join(f"{ident(name)} = excluded.{ident(name)}" for name in columns if name not in target.key)
        execute_values(
            cursor,
            f"insert into {ident(target.name)} ({listed(columns)}) values %s"
            f" on conflict ({listed(target.key)}) do update set {updates}",
            [(*key, *told) for key, told in rows.items()],
            page_size=500,
        )


def changes(cursor: Cursor, table: str | None = None, *, every: bool = False, limit: int = 50) -> list[dict[str, Any]]:
    """How extracts differ, latest first.

    Args:
        cursor: Cursor.
        table: Only of this landed table.
        every: Also of extracts that were loaded again since, without the difference.
        limit: Most changes.
    """
    cursor.execute(
        bind(
            """
            select
                change.table_name as "table", change.slice, change.kind, change.column_name as "column", change.detail,
                change.file, change.policy, change.action, change.write_id, change.first_seen_at,
                coalesce(latest.write_id > change.write_id, false) as is_past
            from meta.schema_changes as change
            left join lateral (
                select max(entry.write_id) as write_id
                from meta.slice_ledger as entry
                where entry.table_name = change.table_name and entry.slice = change.slice
                    and entry.status = 'published'
            ) as latest on true
            where (:table::text is null or change.table_name = :table)
                and (:every or coalesce(latest.write_id <= change.write_id, true))
            order by change.write_id desc, change.slice desc, change.file, change.kind, change.column_name
            limit :limit
            """
        ),
        {"table": table, "every": every, "limit": limit},
    )
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
