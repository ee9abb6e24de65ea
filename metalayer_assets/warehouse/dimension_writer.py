"""Write slices of a dimension here: derive the members that they move, audit, replace what differs.

A slice of a dimension holds the versions that rows of its arrival day opened. What a day tells may end, split or take
back versions of other days, so a write may change slices beside those asked for; each is entered in the ledger.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from metalayer_assets.contracts import Contract
from metalayer_assets.warehouse import dimension_stage, holdings, invariants, ledger, locks, outbox, rekey, replaced
from metalayer_assets.warehouse.audit import Refusal
from metalayer_assets.warehouse.checksums import checksum
from metalayer_assets.warehouse.dimension_stage import KNOWN, ROW_HASH, VERSIONS, Difference
from metalayer_assets.warehouse.ledger import SliceCounts, WriteReport
from metalayer_assets.warehouse.statements import bind, ident, listed
from metalayer_assets.warehouse.tables import analyze

Cursor = Any


@dataclass(frozen=True)
class _Held:
    """Rows of a slice in some relation, the inferred among them, and the sum of their hashes."""

    rows: int = 0
    inferred: int = 0
    hashes: int = 0


def write(cursor: Cursor, contract: Contract, asked: Sequence[date], *, kept: bool) -> WriteReport:
    """Bring slices of a dimension in line with everything that its sources hold for them and the slices that stand.

    Slices that stand and were touched since are derived as well, so that no member is told by half of a restatement.

    Args:
        cursor: Cursor in the write's transaction, under the table's lock.
        contract: The dimension.
        asked: The slices.
        kept: Whether the rows that are replaced are kept.

    Raises:
        Refusal: An invariant of history does not hold.
    """
    for table in dimension_stage.source_tables(contract):
        locks.lock_reading(cursor, table)
    told = standing = ledger.standing(cursor, contract.name)
    restated = set(outbox.pending(cursor).get(contract.name, ())) & standing.keys()
    span = dimension_stage.span_of(cursor, contract, sorted({*asked, *restated}), sorted(standing))
    moved = dimension_stage.find_moved(cursor, contract, span)
    if outbox.consume(cursor, contract.name, span.days):
        # Of every slice: the difference is taken from the sums of slices beside those derived as well.
        standing = holdings.as_held(cursor, contract, standing)
    write_id = ledger.next_write_id(cursor)
    dimension_stage.derive(cursor, contract, span, moved=moved)
    stands = any(counts.rows_written for counts in standing.values())
    difference = dimension_stage.compare(cursor, contract, span, stands=stands)
    derived = _derived_counts(cursor, contract, span.days)
    _audit(cursor, contract, span.days, derived)
    beside = {} if span.whole else _moved_beside(cursor, contract, difference, standing, set(span.days))
    changed = {day for day in span.days if not derived[day].same_content(standing.get(day))}
    sound = replaced.sound_slices(
        cursor, contract, write_id, told=told, standing=standing, counts={**derived, **beside}
    )
    gone, come = difference.removed, difference.added
    replaced.keep(cursor, contract, write_id, removed=gone, added=come, standing=sound, kept=kept)
    _replace(cursor, contract, difference)
    touched: dict[str, list[date]] = {}
    if difference.rows_removed or difference.rows_added:
        locks.lock_touching(cursor, contract.name)
        touched = rekey.touch(cursor, contract, difference, write_id)
    return WriteReport(
        contract.name,
        write_id,
        {day: derived[day] for day in asked},
        frozenset({*changed, *beside}),
        touched,
        beside={**{day: derived[day] for day in restated - set(asked)}, **beside},
    )


def _derived_counts(cursor: Cursor, contract: Contract, days: Sequence[date]) -> dict[date, SliceCounts]:
    told = dimension_stage.told_rows(cursor, contract, days)
    held = _held(cursor, contract, VERSIONS, days)
    return {day: _counts(told.get(day, 0), held.get(day, _Held())) for day in days}


def _counts(told: int, held: _Held) -> SliceCounts:
    # An inferred member stands for the one row that named it first; other rows that name members are not its own.
    read = told + held.inferred
    return SliceCounts(read, held.rows, read - held.rows, 0, f"{held.rows}:{held.hashes}")


def _held(cursor: Cursor, contract: Contract, relation: str, days: Sequence[date] | None) -> dict[date, _Held]:
    day = ident(contract.sliced_by)
    condition = "" if days is None else f" where {day} = any(:days)"
    cursor.execute(
        bind(
            f"select {day}, count(*), count(*) filter (where is_inferred), {checksum(ROW_HASH)}"
            f" from {ident(relation)}{condition} group by 1"
        ),
        {"days": None if days is None else list(days)},
    )
    return {row[0]: _Held(row[1], row[2], int(row[3].split(":")[1])) for row in cursor.fetchall()}


def _audit(cursor: Cursor, contract: Contract, days: Sequence[date], counts: Mapping[date, SliceCounts]) -> None:
    problems = invariants.broken_history(cursor, contract, VERSIONS)
    reasons = {
        day: f"{found.rows_written} versions are said to begin with rows of the slice, but only {found.rows_read}"
        " rows can have begun one."
        for day, found in counts.items()
        if found.rows_collapsed < 0
    }
    if problems:
        reasons = dict.fromkeys(days, f"{'; '.join(problems)}.")
    if reasons:
        raise Refusal(contract.name, reasons, {day: counts[day] for day in reasons})


def _moved_beside(
    cursor: Cursor,
    contract: Contract,
    difference: Difference,
    standing: Mapping[date, SliceCounts],
    derived: set[date],
) -> dict[date, SliceCounts]:
    """What the slices hold after the write that were not asked for and lose or gain rows.

    A checksum is a sum, so that what goes can be taken from it and what comes be added, whatever the slice's size.
    """
    gone = _held(cursor, contract, difference.removed, None)
    come = _held(cursor, contract, difference.added, None)
    found = {}
    for day in sorted((gone.keys() | come.keys()) - derived):
        old, less, more = standing[day], gone.get(day, _Held()), come.get(day, _Held())
        hashes = int(old.checksum.split(":")[1]) - less.hashes + more.hashes
        told = old.rows_read - less.inferred + more.inferred
        rows = old.rows_written - less.rows + more.rows
        found[day] = SliceCounts(told, rows, told - rows, 0, f"{rows}:{hashes}", code_version=old.code_version)
    return found


def _renumber(cursor: Cursor, contract: Contract) -> None:
    """Move the place of the versions that say what they said, where others have come before them or gone."""
    same = " and ".join(f"known.{ident(key)} = now.{ident(key)}" for key in contract.key)
    cursor.execute(
        f"update {ident(contract.name)} as known set version = now.version from {VERSIONS} as now"
        f" inner join {KNOWN} as was on {same.replace('known.', 'was.')} and was.{ROW_HASH} = now.{ROW_HASH}"
        f" where was.version <> now.version and {same}"
    )


def _replace(cursor: Cursor, contract: Contract, difference: Difference) -> None:
    columns = listed(contract.column_names)
    if difference.rows_removed:
        same = " and ".join(f"known.{ident(key)} = gone.{ident(key)}" for key in contract.key)
        cursor.execute(f"delete from {ident(contract.name)} as known using {difference.removed} as gone where {same}")
    if difference.stands:
        _renumber(cursor, contract)
    if difference.rows_added:
        # In the order of the key, so that its index grows at its end and not all over.
        cursor.execute(
            f"insert into {ident(contract.name)} ({columns}) select {columns} from {difference.added}"
            f" order by {listed(contract.key)}"
        )
        # What stands on the other side of a join must be known to the planner before autovacuum would look.
        if difference.added == VERSIONS:
            analyze(cursor, contract.name)
