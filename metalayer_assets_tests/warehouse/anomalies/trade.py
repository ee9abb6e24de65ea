"""A shop's days for tests here: closed on Saturdays, slow on Sundays, growing, with noise of a known size."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from metalayer_assets.warehouse.anomalies import DayKind, Known, Metric, Reading, Scale, Verdict, judge

FIRST = date(2023, 1, 2)
SATURDAY, SUNDAY = 5, 6
ORDERS = Metric("orders", "orders", DayKind.BUSINESS, present=True)
SHARE = Metric("orders_rejected", "share of orders rejected", DayKind.ARRIVAL, Scale.SHARE)


def days(count: int = 120) -> list[date]:
    """Open days from the first one on."""
    found = (FIRST + timedelta(days=number) for number in range(count))
    return [day for day in found if day.weekday() != SATURDAY]


def trade(count: int = 120, *, noise: float = 0.1, growth: float = 0.004, seed: int = 1) -> dict[date, int]:
    """Orders of each open day."""
    rng = np.random.default_rng(seed)
    return {
        day: round(
            1000
            * (1 + growth) ** (day - FIRST).days
            * (0.4 if day.weekday() == SUNDAY else 1.0)
            * float(np.exp(rng.normal(0, noise)))
        )
        for day in days(count)
    }


def verdicts_on(
    values: Mapping[date, float],
    *,
    metric: Metric = ORDERS,
    size: int | None = None,
    complete: date | None = None,
    holidays: Iterable[date] = (),
) -> dict[date, Verdict]:
    """What is said of each day; every day is complete unless told otherwise."""
    last = max(values)
    known = Known({metric.day_kind: complete or last}, {metric.day_kind: last}, frozenset(holidays))
    readings = [Reading(day, Decimal(str(value)), size or int(value)) for day, value in sorted(values.items())]
    return {verdict.day: verdict for verdict in judge({metric.name: readings}, known, metrics=[metric])}


def findings(verdicts: Mapping[date, Verdict]) -> Sequence[date]:
    """Days that somebody should look at."""
    return [day for day, verdict in verdicts.items() if verdict.is_finding]
