"""Count here what a stage holds, per slice: rows by outcome, checksums, score, and rows per broken rule."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from metalayer_assets.contracts import Contract, Judged, Type
from metalayer_assets.contracts.predicate import Compare, OfColumn, Present
from metalayer_assets.warehouse import set_rules
from metalayer_assets.warehouse.checksums import checksum, row_hash
from metalayer_assets.warehouse.judge import CALENDAR_START, REJECTED, WRITTEN
from metalayer_assets.warehouse.kept_out import row_checksums
from metalayer_assets.warehouse.ledger import EMPTY_CHECKSUM, RuleCount, SliceCounts
from metalayer_assets.warehouse.scores import score
from metalayer_assets.warehouse.staging import STAGE
from metalayer_assets.warehouse.statements import bind, ident

Cursor = Any
_Broken = dict[tuple[date, str], tuple[int, tuple[str, ...]]]


def measure(
    cursor: Cursor, contract: Contract, slices: Sequence[date], *, calendar_start: date
) -> dict[date, SliceCounts]:
    """The counts of every slice asked for, zeros where the stage has no row of it.

    Slices that were not asked for are present when the stage has rows of them, so that the audit can refuse those.
    """
    judged = isinstance(contract.source, Judged)
    examined = "".join(f",\n            {count}" for count in _examined(contract))
    cursor.execute(
        bind(
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
            {checksum(row_hash(contract), f"_outcome = {WRITTEN}")}{examined}
        from {ident(STAGE)}
        group by _slice
        """
        ),
        {"calendar_start": calendar_start},
    )
    counted = {row[0]: row[1:] for row in cursor.fetchall()}
    broken = _broken(cursor, contract) if judged else {}
    kept_out = row_checksums(cursor, contract) if judged else {}
    together = set_rules.count(cursor, contract, STAGE, slices)
    return {
        day: _counts(
            contract, day, counted.get(day), kept_out.get(day, EMPTY_CHECKSUM), broken, together=together.get(day, ())
        )
        for day in {*slices, *counted}
    }


def _examined(contract: Contract) -> list[str]:
    """SQL aggregates: for each rule about a row, of how many rows it is true or false, and not unknown.

    Of a rule about readability, how many rows hold a value: where nothing was read, the broken ones come on top.
    """
    aliases = {column.name: ident(column.name) for column in contract.columns}
    aliases[CALENDAR_START] = f"cast(:{CALENDAR_START} as date)"
    found = []
    for rule in contract.rules:
        if rule.holds is None:
            found.append(f"count({ident(str(rule.readable))})")
            continue
        named = sorted(rule.holds.columns() - {CALENDAR_START})
        if isinstance(rule.holds, Present):
            found.append("count(*)")
        elif isinstance(rule.holds, OfColumn | Compare) and len(named) == 1:
            found.append(f"count({ident(named[0])})")
        elif isinstance(rule.holds, Compare):
            found.append(f"count(*) filter (where {' and '.join(f'{ident(name)} is not null' for name in named)})")
        else:
            found.append(f"count(*) filter (where {rule.holds.sql(aliases)} is not null)")
    return found


def _broken(cursor: Cursor, contract: Contract) -> _Broken:
    """Rows per slice and broken rule, with the first and the last business key among them."""
    cursor.execute(
        bind(
            f"""
            select staged._slice, rule, count(*), min({ident(contract.key[0])}), max({ident(contract.key[0])})
            from {ident(STAGE)} as staged
            cross join unnest(staged._failed || staged.broken_rules) as rule
            where cardinality(staged._failed) > 0 or cardinality(staged.broken_rules) > 0
            group by 1, 2
            """
        )
    )
    return {
        (day, rule): (rows, tuple(sorted({key for key in (first, last) if key is not None})))
        for day, rule, rows, first, last in cursor.fetchall()
    }


def _counts(
    contract: Contract,
    day: date,
    counted: Sequence[Any] | None,
    kept_out: str,
    broken: _Broken,
    *,
    together: Sequence[RuleCount],
) -> SliceCounts:
    nothing: Sequence[Any] = (0, 0, 0, 0, EMPTY_CHECKSUM, *(0 for _ in contract.rules))
    read, written, collapsed, rejected, digest, *examined = counted or nothing
    rules = []
    for rule, asked in zip(contract.rules, examined, strict=True):
        rows, keys = broken.get((day, rule.id), (0, ()))
        if rule.readable is not None and contract.column(rule.readable).type is not Type.TEXT:
            asked += rows  # noqa: PLW2901 -- text without its form is kept as told, but of what could not be read nothing is left
        rules.append(
            RuleCount(
                rule.id,
                rule.severity.value,
                asked,
                rows,
                keys,
                dimension=rule.dimension,
                weight=rule.weight,
                version=rule.version,
            )
        )
    rules += together
    return SliceCounts(read, written, collapsed, rejected, digest, kept_out, score(rules), tuple(rules))
