"""Define what a write tells about itself and how it is kept in `meta.slice_ledger` here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from psycopg2.extras import execute_values

from metalayer_assets.contracts import CATALOG, Contract
from metalayer_assets.warehouse.drift import Observed
from metalayer_assets.warehouse.statements import bind, listed

Cursor = Any

PUBLISHED, UNCHANGED, REFUSED = "published", "unchanged", "refused"
EMPTY_CHECKSUM = "0:0"
# The reason of an entry for a slice that was not asked for.
BESIDE = "brought in line with slices written beside it"


@dataclass(frozen=True)
class RuleCount:
    """What the audit of one slice counted for one rule.

    Attributes:
        rule_id: The rule.
        severity: `reject` or `warn`.
        rows_examined: Rows that the rule could be asked of: of a row without e-mail, nothing can be said of its form.
        rows_broken: Those of them that broke it.
        sample_keys: The first and the last business key among the latter.
        dimension: The rule's dimension of quality.
        weight: The rule's share in scores.
        version: The rule's version.
    """

    rule_id: str
    severity: str
    rows_examined: int
    rows_broken: int
    sample_keys: tuple[str, ...] = ()
    dimension: str = "validity"
    weight: int = 1
    version: int = 1


@dataclass(frozen=True)
class SliceCounts:
    """What one slice of a stage holds, or a published slice held. All counts are rows.

    A slice that stands carries the version of the code that made it, and keeps it when only rows of it are replaced.
    """

    rows_read: int = 0
    rows_written: int = 0
    rows_collapsed: int = 0
    rows_quarantined: int = 0
    checksum: str = EMPTY_CHECKSUM
    quarantine_checksum: str = EMPTY_CHECKSUM
    quality_score: Decimal | None = None
    rules: tuple[RuleCount, ...] = ()
    code_version: str | None = None

    def same_rows(self, other: "SliceCounts | None") -> bool:
        """Whether the rows of a slice with these counts are those of the other; one never written holds none."""
        return self.checksum == (other.checksum if other else EMPTY_CHECKSUM)

    def same_content(self, other: "SliceCounts | None") -> bool:
        """Whether a slice with these counts holds what the other holds."""
        return other is not None and (
            (self.checksum, self.quarantine_checksum, self.rows_read, self.rows_collapsed)
            == (other.checksum, other.quarantine_checksum, other.rows_read, other.rows_collapsed)
        )


@dataclass(frozen=True)
class WriteContext:
    """Who writes and what it may do: the run, the version of the code, and whether a slice may shrink."""

    code_version: str
    run_id: str | None = None
    allow_shrink: bool = False


@dataclass(frozen=True)
class WriteReport:
    """What a write did.

    Attributes:
        table: Table written.
        write_id: Number of the write in the ledger.
        slices: Counts of every slice asked for.
        published: The slices that changed; the others were left as they stood.
        touched: Slices downstream whose truth changed, by table.
        beside: Counts of slices that were not asked for and that the write has brought in line as well.
        observed: Of a landed table, what was seen of the extracts of the slices that changed.
    """

    table: str
    write_id: int
    slices: Mapping[date, SliceCounts]
    published: frozenset[date]
    touched: Mapping[str, Sequence[date]] = field(default_factory=dict)
    beside: Mapping[date, SliceCounts] = field(default_factory=dict)
    observed: Mapping[date, Observed] = field(default_factory=dict)

    def total(self, count: str) -> int:
        """Sum of one of the row counts over all slices."""
        return sum(getattr(counts, count) for counts in self.slices.values())

    def status(self, day: date) -> str:
        """`published` or `unchanged`."""
        return PUBLISHED if day in self.published else UNCHANGED


def next_write_id(cursor: Cursor) -> int:
    """A new number of a write."""
    cursor.execute("select nextval('meta.write_number')")
    return int(cursor.fetchone()[0])


def standing(cursor: Cursor, table: str, slices: Sequence[date] | None = None) -> dict[date, SliceCounts]:
    """What the ledger says that the slices of a table hold now; slices never written are absent."""
    cursor.execute(
        bind(
            """
            select distinct on (slice)
                slice, rows_read, rows_written, rows_collapsed, rows_quarantined, checksum, quarantine_checksum,
                quality_score, code_version
            from meta.slice_ledger
            where table_name = :table and status <> 'refused' and (:slices::date[] is null or slice = any(:slices))
            order by slice, write_id desc
            """
        ),
        {"table": table, "slices": None if slices is None else list(slices)},
    )
    return {row[0]: replace(SliceCounts(*row[1:-1]), code_version=row[-1]) for row in cursor.fetchall()}


def outdated(cursor: Cursor, table: str, code_version: str) -> list[date]:
    """Slices that another version of the code wrote last."""
    cursor.execute(
        bind(
            """
            select latest.slice
            from (
                select distinct on (slice) slice, code_version
                from meta.slice_ledger
                where table_name = :table and status <> 'refused'
                order by slice, write_id desc
            ) as latest
            where latest.code_version <> :code_version
            order by latest.slice
            """
        ),
        {"table": table, "code_version": code_version},
    )
    return [day for (day,) in cursor.fetchall()]


def _insert(cursor: Cursor, contract: Contract, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
    if rows:
        execute_values(cursor, f"insert into {contract.name} ({listed(columns)}) values %s", rows, page_size=1000)


def record(
    cursor: Cursor,
    report: WriteReport,
    context: WriteContext,
    *,
    started_at: datetime,
) -> None:
    """Enter a write's slices. What its audit counted for rules is kept by `rule_results`."""
    ledger = CATALOG["meta.slice_ledger"]
    columns = tuple(name for name in ledger.column_names if name != "finished_at")
    _insert(
        cursor,
        ledger,
        columns,
        [
            (
                *(
                    report.write_id,
                    report.table,
                    day,
                    counts.rows_read,
                    counts.rows_written,
                    counts.rows_collapsed,
                ),
                *(counts.rows_quarantined, counts.checksum, counts.quarantine_checksum, counts.quality_score),
                *(report.status(day), None if day in report.slices else BESIDE, context.run_id),
                *(counts.code_version or context.code_version, started_at),
            )
            for day, counts in sorted({**report.beside, **report.slices}.items())
        ],
    )


def note(cursor: Cursor, table: str, write_id: int, reason: str) -> None:
    """Say why a write was made that no source asked for."""
    cursor.execute(
        bind("update meta.slice_ledger set reason = :reason where table_name = :table and write_id = :write_id"),
        {"reason": reason, "table": table, "write_id": write_id},
    )


def record_refusal(
    cursor: Cursor,
    table: str,
    reasons: Mapping[date, str],
    counts: Mapping[date, SliceCounts],
    context: WriteContext,
    *,
    started_at: datetime,
) -> int:
    """Enter the slices that were refused, with the reason; the number of the entry."""
    ledger = CATALOG["meta.slice_ledger"]
    columns = tuple(name for name in ledger.column_names if name != "finished_at")
    write_id = next_write_id(cursor)
    rows = []
    for day, reason in sorted(reasons.items()):
        found = counts.get(day, SliceCounts())
        rows.append(
            (
                *(write_id, table, day, found.rows_read, found.rows_written, found.rows_collapsed),
                *(found.rows_quarantined, found.checksum, found.quarantine_checksum, found.quality_score),
                *(REFUSED, reason, context.run_id, context.code_version, started_at),
            )
        )
    _insert(cursor, ledger, columns, rows)
    return write_id
