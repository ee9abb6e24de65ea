"""Say here, one member and one moment at a time, what a dimension must hold; keep the product that is judged by it out.

The rules are those of the design, for any number of sources: what a source told last is carried until it deletes the
member, any source's deletion closes, a later telling opens again, an unchanged value opens nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from itertools import groupby

Value = tuple[str | None, ...]
# Where a row stands: the day of its arrival, and its place in that day.
Place = tuple[date, int]


@dataclass(frozen=True)
class Telling:
    """What one source tells of one member as of a moment.

    Attributes:
        member: Its natural key.
        at: The sequence of the change.
        place: Where the row stands; later is later arrival.
        tracked: Values of which another opens a version.
        untracked: Values that a version carries the last of.
        deleted: Whether the member is no more; its values are then of no account.
        source: The source's number in the contract, from 0.
    """

    member: str
    at: datetime
    place: Place
    tracked: Value = ()
    untracked: Value = ()
    deleted: bool = False
    source: int = 0


@dataclass(frozen=True)
class Held:
    """A version that must stand: its interval, the values of each source (None: not told), and its origin."""

    member: str
    version: int
    valid_from: datetime
    valid_to: datetime | None
    tracked: tuple[Value | None, ...]
    untracked: tuple[Value | None, ...]
    origin: Place


def midnight(day: date) -> datetime:
    """The moment that a day begins, in UTC."""
    return datetime.combine(day, time(), UTC)


def versions_of(tellings: Iterable[Telling], sources: int = 1) -> list[Held]:
    """The versions that tellings in any order result in, by member and time."""
    held: list[Held] = []
    for _, told in groupby(sorted(tellings, key=lambda told: (told.member, told.at)), key=lambda told: told.member):
        held += _versions_of_member(list(told), sources)
    return held


def _versions_of_member(told: list[Telling], sources: int) -> list[Held]:
    known: list[Telling | None] = [None] * sources
    versions: list[Held] = []
    for at, of_moment in groupby(told, key=lambda telling: telling.at):
        rows = sorted(of_moment, key=lambda telling: telling.place)
        for source in range(sources):
            of_source = [row for row in rows if row.source == source]
            if of_source:
                known[source] = None if any(row.deleted for row in of_source) else of_source[-1]
        is_open = bool(versions) and versions[-1].valid_to is None
        tracked = tuple(row.tracked if row else None for row in known)
        untracked = tuple(row.untracked if row else None for row in known)
        closes = any(row.deleted for row in rows)
        if is_open and not closes and versions[-1].tracked == tracked:
            versions[-1] = replace(versions[-1], untracked=untracked)
            continue
        if is_open:
            versions[-1] = replace(versions[-1], valid_to=at)
        if not closes:
            first = min(row.source for row in rows)
            origin = _first_to_tell([row for row in rows if row.source == first])
            versions.append(Held(rows[0].member, len(versions) + 1, at, None, tracked, untracked, origin))
    return versions


def _first_to_tell(rows: Sequence[Telling]) -> Place:
    """Of the rows of one source and moment: the first in the last run of rows that tell the same.

    Of the rows that came on one day, only the last is known.
    """
    last_of_days = list({row.place[0]: row for row in rows}.values())
    found = last_of_days[-1]
    for row in reversed(last_of_days):
        if (row.tracked, row.untracked) != (found.tracked, found.untracked):
            break
        found = row
    return found.place


@dataclass(frozen=True)
class Shot:
    """A row of a full snapshot; one that is kept out tells nothing but that its member is there."""

    member: str
    tracked: Value = ()
    untracked: Value = ()
    changed_at: datetime | None = None
    kept_out: bool = False
    deleted: bool = False


def tellings_of_snapshots(snapshots: Mapping[date, Sequence[Shot]]) -> list[Telling]:
    """Full snapshots as changes: whoever is missing from the first later one is deleted then; an empty one is none."""
    days = sorted(day for day, shots in snapshots.items() if shots)
    told: list[Telling] = []
    for number, day in enumerate(days):
        following = days[number + 1] if number + 1 < len(days) else None
        last: dict[str, tuple[datetime, bool, int]] = {}
        for place, shot in enumerate(snapshots[day]):
            rank = (shot.changed_at or midnight(day), shot.deleted, place)
            if not shot.kept_out and rank >= last.get(shot.member, rank):
                last[shot.member] = rank
        for *_, place in last.values():
            shot = snapshots[day][place]
            told.append(Telling(shot.member, midnight(day), (day, place), shot.tracked, shot.untracked, shot.deleted))
        if following is not None:
            there = {shot.member for shot in snapshots[following]}
            told += [
                Telling(missing, midnight(following), (following, -1), deleted=True)
                for missing in {shot.member for shot in snapshots[day]} - there
            ]
    return told
