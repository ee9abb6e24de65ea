"""Read the daily metrics, judge them and keep the verdicts (`meta.anomalies`) here; keep judging out (`verdicts`)."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse.anomalies.metrics import METRICS, DayKind, Reading
from metalayer_assets.warehouse.anomalies.verdicts import Known, Thresholds, Verdict, judge
from metalayer_assets.warehouse.kept_findings import replace_days
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.shipped import checks_statement
from metalayer_assets.warehouse.statements import bind

Cursor = Any

TABLE = "meta.anomalies"
# The tables whose extracts bring what business days are made of.
_ARRIVING = ("silver.orders", "silver.sales")


def thresholds_of(settings: Settings) -> Thresholds:
    """The thresholds that the settings state."""
    return Thresholds(*settings.anomaly_scores)


def verdicts(cursor: Cursor, settings: Settings, first: date, last: date) -> list[Verdict]:
    """Verdicts on the days from the first to the last; they follow from what the warehouse holds, and nothing else.

    The past that counts begins on the first of January two years before a day, so that the cost is that of three
    years at most and the verdict the same in whatever range the day is asked for.
    """
    found: list[Verdict] = []
    for year in range(first.year, last.year + 1):
        beginning, end = max(first, date(year, 1, 1)), min(last, date(year, 12, 31))
        readings = _readings(cursor, date(year - 2, 1, 1), end)
        known = _known(cursor, settings, end)
        found += [
            verdict
            for verdict in judge(readings, known, thresholds=thresholds_of(settings))
            if beginning <= verdict.day <= end
        ]
    order = {metric.name: number for number, metric in enumerate(METRICS)}
    return sorted(found, key=lambda verdict: (verdict.day, order[verdict.metric]))


def _readings(cursor: Cursor, first: date, last: date) -> dict[str, list[Reading]]:
    cursor.execute(bind(checks_statement("daily_metrics")), {"first": first, "last": last})
    found: dict[str, list[Reading]] = {}
    for metric, day, value, size in cursor.fetchall():
        found.setdefault(metric, []).append(Reading(day, value, size))
    return found


def _known(cursor: Cursor, settings: Settings, last: date) -> Known:
    arrived = last_arrival(cursor)
    if arrived is None:
        return Known({}, {})
    cursor.execute(
        bind("select date from gold.dim_date where is_holiday and date between :first and :last"),
        {"first": date(last.year - 2, 1, 1), "last": last},
    )
    holidays = frozenset(day for (day,) in cursor.fetchall())
    settled = arrived - timedelta(days=settings.anomaly_settle_days)
    complete = {DayKind.BUSINESS: min(settled, last), DayKind.ARRIVAL: min(arrived, last)}
    begun = {DayKind.BUSINESS: min(arrived, last), DayKind.ARRIVAL: min(arrived, last)}
    return Known(complete, begun, holidays)


def last_arrival(cursor: Cursor, before: date | None = None) -> date | None:
    """The last day (before another) that orders or sales arrived for."""
    found = []
    for table in _ARRIVING:
        cursor.execute(
            bind(
                """
                select standing.slice
                from (
                    select distinct on (slice) slice, rows_read
                    from meta.slice_ledger
                    where table_name = :table and status <> 'refused' and (:before::date is null or slice < :before)
                    order by slice desc, write_id desc
                ) as standing
                where standing.rows_read > 0
                order by standing.slice desc
                limit 1
                """
            ),
            {"table": table, "before": before},
        )
        found += [day for (day,) in cursor.fetchall()]
    return max(found, default=None)


def span(cursor: Cursor) -> tuple[date, date] | None:
    """The first and the last day that any metric can have; None in an empty warehouse."""
    cursor.execute(
        bind(
            """
            select min(slice), max(slice)
            from meta.slice_ledger
            where table_name = any(:tables) and status <> 'refused' and rows_read > 0
            """
        ),
        {"tables": ["gold.agg_daily_sales", "silver.orders", "silver.sales", "silver.accounts", "silver.customers"]},
    )
    first, last = cursor.fetchone()
    return None if first is None else (first, last)


def keep(cursor: Cursor, found: Sequence[Verdict], first: date, last: date) -> None:
    """Make these the verdicts on the days; one that is what it was keeps its time."""
    names = [metric.name for metric in METRICS]
    replace_days(cursor, CATALOG[TABLE], found, first, last, of=("metric", names))
