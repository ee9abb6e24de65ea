"""Decide here whether a stage may be published; what it holds is counted elsewhere (`staging`, `bronze_stage`).

Every test names the slice, what was found and what to do. A slice that fails is refused, and with it the whole
write, so that the old slices stay in place.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from metalayer_assets.contracts import Contract
from metalayer_assets.warehouse import invariants, ledger, outbox
from metalayer_assets.warehouse.errors import SliceRefused
from metalayer_assets.warehouse.landing import LandedFile
from metalayer_assets.warehouse.ledger import SliceCounts
from metalayer_assets.warehouse.loading import HeaderRefused
from metalayer_assets.warehouse.slices import sliced
from metalayer_assets.warehouse.statements import bind, ident
from metalayer_assets.warehouse.tables import analyze

Cursor = Any


class Refusal(SliceRefused):
    """An audit refused slices.

    Attributes:
        table: The table.
        reasons: Why, by slice.
        counts: What the stage held, by slice.
        drift: Files whose columns are the cause, by slice.
    """

    def __init__(
        self,
        table: str,
        reasons: Mapping[date, str],
        counts: Mapping[date, SliceCounts],
        *,
        drift: Mapping[date, tuple[LandedFile, HeaderRefused]] | None = None,
    ) -> None:
        self.drift = dict(drift or {})
        self.table = table
        self.reasons = dict(reasons)
        self.counts = dict(counts)
        shown = "; ".join(f"{day}: {reason}" for day, reason in sorted(reasons.items())[:3])
        more = f" (and {len(reasons) - 3} more slices)" if len(reasons) > 3 else ""
        super().__init__(f"{table} was not written, the old slices stay. {shown}{more}")


def outside(slices: Sequence[date], counts: Mapping[date, SliceCounts]) -> dict[date, str]:
    """All slices asked for, where the stage has rows of others or of none: nobody can tell which of them is wrong."""
    strays = counts.keys() - set(slices)
    if not strays:
        return {}
    rows = sum(counts[day].rows_read for day in strays)
    named = ", ".join(sorted(str(day or "no day") for day in strays)[:3])
    return dict.fromkeys(
        slices,
        f"{rows} rows lie outside the slices asked for ({named}); hold them to the slices, in a model by :slices"
        " in its WHERE clause.",
    )


def read_from_sources(cursor: Cursor, contract: Contract, slices: Sequence[date]) -> dict[date, int] | None:
    """Rows that the sources of a table hold for each slice, counted at the sources; None when it has no sources."""
    if not contract.reads:
        return None
    parts = [
        f"select {sliced(ident(reads.slice_by), contract.grain)} as day, count(*) as n"
        f" from {ident(reads.table)} where {sliced(ident(reads.slice_by), contract.grain)} = any(:slices)"
        f"{f' and {ident(reads.only)}' if reads.only else ''} group by 1"
        for reads in contract.reads
    ]
    cursor.execute(
        bind(f"select day, sum(n)::bigint from ({' union all '.join(parts)}) as counted group by day"),
        {"slices": list(slices)},
    )
    return dict(cursor.fetchall())


def unjoined(cursor: Cursor, contract: Contract, stage: str) -> str:
    """Why rows of a stage may not be published that are not joined to the version of their day; '' where all are.

    A member that the dimension does not know yet is no fault: the row carries the key that its inferred version will
    have. Once the dimension has taken in the day that the row arrived, it must know the member.
    """
    if contract.joins:
        # Without statistics the planner expects next to nothing of a stage, and would look up every row by itself.
        analyze(cursor, stage)
    for joins in contract.joins:
        settled = set(ledger.standing(cursor, joins.table)) - set(outbox.pending(cursor).get(joins.table, ()))
        rows = invariants.unjoined(cursor, contract, joins, stage, only="fact._outcome = 0", settled=sorted(settled))
        if rows:
            return (
                f"{rows} rows name a {', '.join(joins.key)} without carrying the key of the version that"
                f" {joins.table} holds for their day: mend the join in"
                f" sql/{contract.layer}/{contract.table}.sql, or write {joins.table} again."
            )
    return ""


def unaccounted(
    contract: Contract,
    slices: Sequence[date],
    counts: Mapping[date, SliceCounts],
    at_source: Mapping[date, int] | None,
) -> dict[date, str]:
    """Slices whose stage does not account for exactly the rows that the sources hold."""
    if at_source is None:
        return {}
    return {
        day: f"the sources hold {at_source.get(day, 0)} rows but the model accounts for {counts[day].rows_read}: "
        f"a join or filter in sql/{contract.layer}/{contract.table}.sql drops or multiplies rows."
        for day in slices
        if counts[day].rows_read != at_source.get(day, 0)
    }


def shrunken(
    contract: Contract,
    counts: Mapping[date, SliceCounts],
    standing: Mapping[date, SliceCounts],
    *,
    limit: float,
) -> dict[date, str]:
    """Slices that would lose more rows than the guard allows.

    Where a slice is made from other tables, rows that its sources no longer hold are no loss of this write.
    """
    guard = contract.guard
    share = limit if guard.max_loss is None else guard.max_loss
    reasons = {}
    for day, found in counts.items():
        old = standing.get(day)
        if old is None or old.rows_written == 0:
            continue
        expected = float(old.rows_written)
        if contract.reads and found.rows_read < old.rows_read:
            expected *= found.rows_read / old.rows_read
        if found.rows_written == 0 and expected > 0 and not guard.may_empty:
            reasons[day] = f"the slice holds {old.rows_written} rows and would become empty; {_ALLOW}"
        elif old.rows_written >= guard.min_rows and expected - found.rows_written > share * old.rows_written:
            reasons[day] = (
                f"the slice would shrink from {old.rows_written} to {found.rows_written} rows, "
                f"more than {share:.0%}; {_ALLOW}"
            )
    return reasons


_ALLOW = "if that is right, run again with --allow-shrink (METALAYER_ALLOW_SHRINK=true)."
