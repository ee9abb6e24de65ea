"""Decide here what is missing, changed or touched, and in which pieces to write it; keep the writing out.

Work is found in passes. A pass holds only tables whose sources have no work left, so the passes follow the
graph; after each the plan is made anew, since a write may touch slices that nobody knew of before.
"""

import hashlib
from collections.abc import Container, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from metalayer_assets.contracts import CATALOG, Contract, Grain, Judged, Landed
from metalayer_assets.warehouse import ledger, outbox, registry
from metalayer_assets.warehouse.landing import Landing
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.slices import between
from metalayer_assets.warehouse.versions import code_version

Cursor = Any
Refused = frozenset[tuple[str, date]]

# How far a range may run over slices that hold nothing before two ranges are cheaper than one.
_BRIDGE = 31


@dataclass(frozen=True)
class Work:
    """Tables to write over one range of slices, in one run.

    Attributes:
        tables: Names of the tables, sources first.
        grain: Length of the slices.
        first: First slice.
        last: Last slice.
        slices: How many slices of the range need it.
    """

    tables: tuple[str, ...]
    grain: Grain
    first: date
    last: date
    slices: int


@dataclass
class Scope:
    """What a plan may look at: the days asked for and the tables selected; None is everything.

    Attributes:
        first: First day.
        last: Last day.
        tables: Names of the tables.
        refused: Slices that are not tried again.
        only: Of these tables, nothing but these slices.
        outdated: Whether slices that other code wrote are to be restated, and not only those that were touched.
    """

    first: date | None = None
    last: date | None = None
    tables: frozenset[str] | None = None
    refused: set[tuple[str, date]] = field(default_factory=set)
    only: Mapping[str, frozenset[date]] = field(default_factory=dict)
    outdated: bool = True

    def admits(self, table: str, day: date) -> bool:
        """Whether a slice of a table is in scope and was not refused before."""
        return (
            (self.tables is None or table in self.tables)
            and (self.first is None or day >= CATALOG[table].grain.first_day(self.first))
            and (self.last is None or day <= self.last)
            and (table, day) not in self.refused
            and (table not in self.only or day in self.only[table])
        )


def next_pass(cursor: Cursor, settings: Settings, landing: Landing, scope: Scope) -> list[Work]:
    """The work that can be done now; empty when everything in scope is up to date."""
    return landed_work(cursor, landing, scope)[0] or derived_work(cursor, settings, scope)[0]


def landed_work(cursor: Cursor, landing: Landing, scope: Scope) -> tuple[list[Work], str]:
    """Landed days to load, and a digest of the files that are the cause."""
    changed = registry.new_or_changed(cursor, landing)
    days_of = {table: [day for day in days if scope.admits(table, day)] for table, days in changed.items()}
    days_of = {table: days for table, days in days_of.items() if days}
    if not days_of:
        return [], ""
    cause = _digest(
        (file.file_id, file.size_bytes, file.modified_ns)
        for table, days in days_of.items()
        for day in days
        for file in landing.of(table, day)
    )
    landed_or_standing = {table: {*landing.files[table], *ledger.standing(cursor, table)} for table in days_of}
    work: list[Work] = []
    every_day = sorted({day for days in days_of.values() for day in days})
    for first, last in ranges(every_day, frozenset()):
        together: list[str] = []
        count = 0
        for table, days in days_of.items():
            inside = [day for day in days if first <= day <= last]
            if not inside:
                continue
            idle = {day for day in landed_or_standing[table] if first <= day <= last} - set(inside)
            if idle:
                # A day that stands already is not loaded again only because its neighbours are, least of all when its
                # files have left the landing folder since.
                work += [_work(table, a, b, inside, scope) for a, b in ranges(inside, idle)]
            else:
                together.append(table)
                count += len(inside)
        if together:
            tables = tuple(name for table in together for name in _with_judged(table, scope))
            work.append(Work(_ordered(tables), Grain.DAY, first, last, count))
    return sorted(work, key=lambda item: (item.first, item.tables)), cause


def _digest(causes: Iterable[tuple[Hashable, ...]]) -> str:
    return hashlib.sha256(repr(sorted(causes)).encode()).hexdigest()[:16]


def _work(table: str, first: date, last: date, days: Sequence[date], scope: Scope) -> Work:
    count = sum(first <= day <= last for day in days)
    return Work(_ordered(_with_judged(table, scope)), Grain.DAY, first, last, count)


def _with_judged(table: str, scope: Scope) -> tuple[str, ...]:
    readers = (
        reader.name
        for reader, _ in CATALOG.readers_of(table)
        if isinstance(reader.source, Judged) and (scope.tables is None or reader.name in scope.tables)
    )
    return (table, *readers)


def _ordered(tables: Iterable[str]) -> tuple[str, ...]:
    wanted = set(tables)
    return tuple(name for name in CATALOG if name in wanted)


def derived_work(cursor: Cursor, settings: Settings, scope: Scope) -> tuple[list[Work], str]:
    """Slices that a write upstream has touched or other code wrote, and a digest of the causes."""
    touched = outbox.pending(cursor)
    waiting: dict[str, list[date]] = {}
    for contract in CATALOG.assets():
        if isinstance(contract.source, Landed):
            continue
        days = {
            *touched.get(contract.name, ()),
            *(ledger.outdated(cursor, contract.name, code_version(contract, settings)) if scope.outdated else ()),
        }
        if not contract.reads:
            days |= _missing_calendar(cursor, contract, settings)
        # A slice from before a calendar that was made to begin later has no place in the graph any more.
        first = contract.grain.first_day(settings.start_date)
        admitted = sorted(day for day in days if day >= first and scope.admits(contract.name, day))
        if admitted:
            waiting[contract.name] = admitted
    ready = [name for name in waiting if not (_upstream(name) & waiting.keys())]
    grouped: dict[tuple[Grain, date, date], list[tuple[str, int]]] = {}
    for name in ready:
        contract = CATALOG[name]
        apart = {*ledger.standing(cursor, name), *(day for table, day in scope.refused if table == name)}
        for first, last in ranges(waiting[name], apart, contract.grain):
            count = sum(first <= day <= last for day in waiting[name])
            grouped.setdefault((contract.grain, first, last), []).append((name, count))
    work = [
        Work(_ordered(name for name, _ in members), grain, first, last, sum(count for _, count in members))
        for (grain, first, last), members in sorted(grouped.items(), key=lambda item: (item[0][1], item[0][2]))
    ]
    versions = ((name, code_version(CATALOG[name], settings)) for name in ready)
    return work, _digest([*versions, *((name, str(last)) for name, last in outbox.latest_causes(cursor).items())])


def _upstream(table: str) -> set[str]:
    found: set[str] = set()
    for source in CATALOG[table].upstream:
        found |= {source} | _upstream(source)
    return found


def _missing_calendar(cursor: Cursor, contract: Contract, settings: Settings) -> set[date]:
    """Slices of the calendar that are not written yet, from the first day to the last that a landed row may be of.

    The days that facts hold at the moment are no measure: which days they ever held depends on the order of loads.
    """
    cursor.execute("select max(arrival_day) from meta.landed_files where state = 'loaded'")
    (last,) = cursor.fetchone()
    if last is None:
        return set()
    needed = between(contract.grain, settings.start_date, max(settings.start_date, last + timedelta(days=1)))
    return set(needed) - set(ledger.standing(cursor, contract.name))


def ranges(days: Sequence[date], apart: Container[date], grain: Grain = Grain.DAY) -> list[tuple[date, date]]:
    """Slices as ranges; a gap is bridged when it is short and no slice in it is to be left alone (`apart`)."""
    found: list[tuple[date, date]] = []
    for day in sorted(set(days)):
        if found:
            gap = between(grain, found[-1][1], day)[1:-1]
            if len(gap) <= _BRIDGE and not any(between_day in apart for between_day in gap):
                found[-1] = (found[-1][0], day)
                continue
        found.append((day, day))
    return found


def waiting(cursor: Cursor, settings: Settings, landing: Landing) -> Mapping[str, int]:
    """How many slices of each table have work waiting, for `metalayer status`."""
    counts = {table: len(days) for table, days in registry.new_or_changed(cursor, landing).items()}
    for table, days in outbox.pending(cursor).items():
        counts[table] = counts.get(table, 0) + len(days)
    for contract in CATALOG.assets():
        if not isinstance(contract.source, Landed):
            first = contract.grain.first_day(settings.start_date)
            outdated = ledger.outdated(cursor, contract.name, code_version(contract, settings))
            old = sum(day >= first for day in outdated)
            if old:
                counts[contract.name] = counts.get(contract.name, 0) + old
    return counts
