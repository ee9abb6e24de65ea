"""Count here what a stage holds, per slice: rows by outcome, checksums, score, and rows per broken rule."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from metalayer_assets.contracts import Contract, Judged
from metalayer_assets.warehouse.checksums import checksum, row_hash
from metalayer_assets.warehouse.judge import REJECTED, WRITTEN
from metalayer_assets.warehouse.kept_out import row_checksums
from metalayer_assets.warehouse.ledger import EMPTY_CHECKSUM, RuleCount, SliceCounts
from metalayer_assets.warehouse.staging import STAGE
from metalayer_assets.warehouse.statements import bind, ident

Cursor = Any
_Broken = dict[tuple[date, str], tuple[int, tuple[str, ...]]]


def measure(cursor: Cursor, contract: Contract, slices: Sequence[date]) -> dict[date, SliceCounts]:
    """The counts of every slice asked for, zeros where the stage has no row of it.

    Slices that were not asked for are present when the stage has rows of them, so that the audit can refuse those.
    """
    judged = isinstance(contract.source, Judged)
    score = f"round(avg(quality_score) filter (where _outcome = {WRITTEN}), 4)" if judged else "null::numeric"
    cursor.execute(
        f"""
        select
            _slice,
            coalesce(sum(_folded), 0)::bigint,
            count(*) filter (where _outcome = {WRITTEN}),
            coalesce(
                sum(case when _outcome = {WRITTEN} then _folded - 1 else _folded end)
                    filter (where _outcome <> {REJECTED}),
                0
            )::bigint,
            coalesce(sum(_folded) filter (where _outcome = {REJECTED}), 0)::bigint,
            {checksum(row_hash(contract), f"_outcome = {WRITTEN}")},
            {score}
        from {ident(STAGE)}
        group by _slice
        """
    )
    counted = {row[0]: row[1:] for row in cursor.fetchall()}
    broken = _broken(cursor, contract) if judged else {}
    kept_out = row_checksums(cursor, contract) if judged else {}
    return {
        day: _counts(contract, day, counted.get(day), kept_out.get(day, EMPTY_CHECKSUM), broken)
        for day in {*slices, *counted}
    }


def _broken(cursor: Cursor, contract: Contract) -> _Broken:
    """Rows per slice and broken rule, with the first and the last business key among them."""
    cursor.execute(
        bind(
            f"""
            select staged._slice, rule, count(*), min({ident(contract.key[0])}), max({ident(contract.key[0])})
            from {ident(STAGE)} as staged
            cross join unnest(staged._failed || staged.broken_rules) as rule
            group by 1, 2
            """
        )
    )
    return {
        (day, rule): (rows, tuple(sorted({key for key in (first, last) if key is not None})))
        for day, rule, rows, first, last in cursor.fetchall()
    }


def _counts(
    contract: Contract, day: date, counted: Sequence[Any] | None, kept_out: str, broken: _Broken
) -> SliceCounts:
    read, written, collapsed, rejected, digest, score = counted or (0, 0, 0, 0, EMPTY_CHECKSUM, None)
    rules = []
    for rule in contract.rules:
        rows, keys = broken.get((day, rule.id), (0, ()))
        rules.append(RuleCount(rule.id, rule.severity.value, read, rows, keys))
    return SliceCounts(read, written, collapsed, rejected, digest, kept_out, score, tuple(rules))
