"""Put faults into days of the real retail data, and count which of them the anomaly detection finds.

    python scripts/anomaly_scores.py RETAIL_FOLDER                  # the table of docs/anomalies.md
    python scripts/anomaly_scores.py RETAIL_FOLDER --half first     # the days that the tuning was chosen on

A fault is put into the rows of a day, and the day's metrics are counted anew from them. The days before are the real
ones, with whatever is odd in them. The days are judged by the code that judges the warehouse's. For comparison the same
days are judged by mean and three standard deviations over all days.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd

from metalayer_assets.warehouse.anomalies import METRICS, DayKind, Known, Metric, Reading, Thresholds, judge
from metalayer_assets.warehouse.anomalies.expectation import Forecaster, Tuning
from metalayer_assets.warehouse.anomalies.verdicts import verdict_on, verdict_on_nothing
from metalayer_assets_tests import retail

# The retail data tells of accounts only whom it sells to, and of products nothing.
WATCHED = tuple(metric for metric in METRICS if not metric.name.startswith(("accounts", "customers_")))
FIRST_JUDGED = date(2011, 1, 24)
FAULTY_SHARE = 0.05
Rng = np.random.Generator
Values = dict[str, tuple[float, int]]


@dataclass(frozen=True)
class Day:
    """The rows of one day: orders and, line by line the same, sales."""

    day: date
    rows: pd.DataFrame


def read_days(root: Path) -> list[Day]:
    """The days of the retail landing; its sales repeat its orders line by line."""
    found = [
        (
            arrival,
            line["status"],
            float(line["quantity"]) * float(line["price_per_unit"]),
            line["customer_id"].strip(),
            line["product_code"].strip(),
            retail.why_order_is_refused(line, arrival) is not None,
        )
        for arrival, line in retail.lines(root, "erp/orders")
    ]
    rows = pd.DataFrame(found, columns=["day", "status", "amount", "customer", "product", "refused"])
    rows["customer"] = pd.factorize(rows["customer"].mask(rows["customer"] == ""))[0]
    rows["product"] = pd.factorize(rows["product"])[0]
    rows["revenue"] = rows.pop("status") == "COMPLETED"
    return [Day(day, part.drop(columns="day").reset_index(drop=True)) for day, part in rows.groupby("day")]


def values_of(rows: pd.DataFrame) -> Values:
    """The metrics of a day with these rows, as `sql/checks/daily_metrics.sql` counts them; none of no rows."""
    if rows.empty:
        return {}
    refused, revenue = rows["refused"].to_numpy(), rows["revenue"].to_numpy()
    amount, customer = rows["amount"].to_numpy(), rows["customer"].to_numpy()
    kept, arrived = ~refused, len(rows)
    orders, sold = int(kept.sum()), int((kept & revenue).sum())
    products = len(np.unique(rows["product"].to_numpy()[kept]))
    return {
        "orders": (orders, orders),
        "revenue": (amount[kept & revenue].sum(), orders),
        "cancelled_amount": (amount[kept & ~revenue].sum(), orders),
        "avg_order_value": (amount[kept & revenue].sum() / max(sold, 1), orders),
        "customers": (len(np.unique(customer[kept & (customer >= 0)])), orders),
        "products": (products, orders),
        "orders_per_product": (orders / max(products, 1), orders),
        "sales": (arrived, arrived),
        "sales_amount": (amount.sum(), arrived),
        "orders_arrived": (arrived, arrived),
        "sales_arrived": (arrived, arrived),
        "orders_rejected": (refused.mean(), arrived),
        "sales_rejected": (0.0, arrived),
        "orders_without_customer": ((customer < 0).mean(), arrived),
    }


def _some(rows: pd.DataFrame, share: float, rng: Rng) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    return rng.random(len(rows)) < share


def _without(share: float) -> Callable[[pd.DataFrame, Rng, list[Day]], pd.DataFrame]:
    return lambda rows, rng, _: rows[~_some(rows, share, rng)]


def _dearer(share: float, factor: int) -> Callable[[pd.DataFrame, Rng, list[Day]], pd.DataFrame]:
    return lambda rows, rng, _: rows.assign(
        amount=rows["amount"].where(~_some(rows, share, rng), rows["amount"] * factor)
    )


def _anonymous(share: float) -> Callable[[pd.DataFrame, Rng, list[Day]], pd.DataFrame]:
    return lambda rows, rng, _: rows.assign(customer=rows["customer"].where(~_some(rows, share, rng), -1))


FAULTS: Mapping[str, Callable[[pd.DataFrame, Rng, list[Day]], pd.DataFrame]] = {
    "day empty": lambda rows, _, __: rows.iloc[:0],
    "day twice, under other ids": lambda rows, _, __: pd.concat([rows, rows], ignore_index=True),
    "90 % of the rows missing": _without(0.9),
    "half of the rows missing": _without(0.5),
    "second half of the file missing": lambda rows, _, __: rows.iloc[: len(rows) // 2],
    "30 % of the rows missing": _without(0.3),
    "20 % of the rows missing": _without(0.2),
    "all amounts x 10": _dearer(1.0, 10),
    "amounts x 10 in 10 % of the rows": _dearer(0.1, 10),
    "amounts x 100 in 10 % of the rows": _dearer(0.1, 100),
    "amounts x 100 in 1 % of the rows": _dearer(0.01, 100),
    "no customer in any row": _anonymous(1.0),
    "no customer in half of the rows": _anonymous(0.5),
    "10 % of the rows rejected": lambda rows, rng, _: rows.assign(refused=rows["refused"] | _some(rows, 0.1, rng)),
    "rows of another day": lambda _, rng, near: near[int(rng.integers(len(near)))].rows,
}


def near(days: list[Day], number: int) -> list[Day]:
    """Days within a month of one, without it."""
    return [
        other
        for other in days[max(0, number - 30) : number + 30]
        if other.day != days[number].day and abs(other.day - days[number].day) <= timedelta(days=30)
    ]


def naive_alarm(series: Mapping[str, list[float]], number: int, values: Values) -> bool:
    """Whether any metric is beyond three standard deviations of all days, this one among them."""
    for name, seen in series.items():
        value = values.get(name, (0.0, 0))[0]
        changed = np.array([*seen[:number], value, *seen[number + 1 :]])
        if abs(value - changed.mean()) > 3 * changed.std():
            return True
    return False


class Ours:
    """The detection under test, day by day over the days as they are."""

    def __init__(self, days: list[Day], tuning: Tuning, thresholds: Thresholds) -> None:
        self._days = [day.day for day in days]
        self._thresholds = thresholds
        self._forecasters = {metric.name: Forecaster(metric.scale, tuning) for metric in WATCHED}

    def alarms(self, number: int, values: Values) -> set[str]:
        """Metrics that raise an alarm if the day has these values."""
        return {metric.name for metric in WATCHED if self._raises(metric, number, values)}

    def tell(self, number: int, values: Values, flagged: set[str]) -> None:
        """Go on to the next day; this one had these values."""
        day = self._days[number]
        for name, forecaster in self._forecasters.items():
            value, size = values[name]
            forecast = forecaster.forecast(day, size)
            score = None if forecast is None else forecast.score(value)
            forecaster.tell(day, value, score=score, flagged=name in flagged)

    def _raises(self, metric: Metric, number: int, values: Values) -> bool:
        day = self._days[number]
        if metric.name not in values:
            return metric.present and verdict_on_nothing(metric, day, self._days[:number]) is not None
        value, size = values[metric.name]
        forecast = self._forecasters[metric.name].forecast(day, size)
        return verdict_on(
            metric, Reading(day, Decimal(repr(float(value))), size), forecast, self._thresholds
        ).is_finding


def single_faults(
    days: list[Day], judged: list[int], seeds: int, tuning: Tuning, thresholds: Thresholds
) -> pd.DataFrame:
    """For each fault alone on each judged day: which of both detections raised an alarm for that day."""
    clean = [values_of(day.rows) for day in days]
    series = {metric.name: [values[metric.name][0] for values in clean] for metric in WATCHED}
    ours = Ours(days, tuning, thresholds)
    found = []
    for number, day in enumerate(days):
        raised = ours.alarms(number, clean[number])
        trials = [("none", clean[number])] if number in judged else []
        trials += [
            (fault, values_of(change(day.rows, np.random.default_rng([seed, place, number]), near(days, number))))
            for place, (fault, change) in enumerate(FAULTS.items())
            for seed in range(seeds)
            if number in judged
        ]
        found += [
            (fault, day.day, bool(ours.alarms(number, values)), naive_alarm(series, number, values))
            for fault, values in trials
        ]
        ours.tell(number, clean[number], raised)
    return pd.DataFrame(found, columns=["fault", "day", "ours", "naive"])


def streams(
    days: list[Day], judged: list[int], count: int, tuning: Tuning, thresholds: Thresholds
) -> dict[str, tuple[int, int, int]]:
    """Alarms on faulty days, alarms in all and faulty days, over streams in which one day in twenty has a fault."""
    clean = [values_of(day.rows) for day in days]
    totals = {"ours": [0, 0, 0], "naive": [0, 0, 0]}
    ends = dict.fromkeys(DayKind, days[judged[-1]].day)
    for seed in range(count):
        rng = np.random.default_rng([seed, 1000])
        values = list(clean)
        faulty = {number for number in judged if rng.random() < FAULTY_SHARE}
        for number in sorted(faulty):
            change = list(FAULTS.values())[int(rng.integers(len(FAULTS)))]
            values[number] = values_of(change(days[number].rows, rng, near(days, number)))
        readings = {
            metric.name: [
                Reading(day.day, Decimal(repr(float(value[metric.name][0]))), value[metric.name][1])
                for day, value in zip(days, values, strict=True)
                if metric.name in value
            ]
            for metric in WATCHED
        }
        verdicts = judge(readings, Known(ends, ends), thresholds=thresholds, tuning=tuning, metrics=WATCHED)
        # A holiday is a day without rows in the data as they are, and no fault of ours.
        odd = {verdict.day for verdict in verdicts if verdict.is_finding}
        ours = {number for number in judged if days[number].day in odd}
        series = {metric.name: [value.get(metric.name, (0.0, 0))[0] for value in values] for metric in WATCHED}
        naive = {number for number in judged if naive_alarm(series, number, values[number])}
        for name, alarms in (("ours", ours), ("naive", naive)):
            for place, more in enumerate((len(alarms & faulty), len(alarms), len(faulty))):
                totals[name][place] += more
    return {name: (found[0], found[1], found[2]) for name, found in totals.items()}


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="the retail landing; else METALAYER_RETAIL_DATA")
    parser.add_argument("--half", choices=["first", "second"], default="second", help="the days to judge")
    parser.add_argument("--seeds", type=int, default=3, help="trials of each fault on each day")
    parser.add_argument("--streams", type=int, default=100, help="streams with several faults")
    parser.add_argument("--tuning", default="", help="such as level_days=15,spread_days=60")
    parser.add_argument("--scores", default="", help="such as 3,3.5,6")
    options = parser.parse_args()
    root = options.folder or (Path(stated) if (stated := os.environ.get("METALAYER_RETAIL_DATA")) else None)
    if root is None or not (root / "erp" / "orders").is_dir():
        sys.exit("the retail data is absent: name its folder, or set METALAYER_RETAIL_DATA to it")
    tuning = replace(
        Tuning(), **{k: int(v) for k, v in (part.split("=") for part in options.tuning.split(",") if part)}
    )
    scores = [float(part) for part in options.scores.split(",") if part]
    thresholds = Thresholds(*scores) if scores else Thresholds()
    days = read_days(root)
    middle = len(days) // 2
    halves = {"first": range(middle), "second": range(middle, len(days) - 1)}
    judged = [number for number in halves[options.half] if days[number].day >= FIRST_JUDGED]
    print(f"{len(judged)} days with data, {days[judged[0]].day} to {days[judged[-1]].day}; {tuning}; {thresholds}\n")
    found = single_faults(days, judged, options.seeds, tuning, thresholds)
    print("| fault on one day | trials | found | found by mean ± 3 sd |\n|---|---|---|---|")
    shares = found.groupby("fault", sort=False)[["ours", "naive"]].mean()
    counts = found.groupby("fault", sort=False).size()
    for fault in FAULTS:
        print(f"| {fault} | {counts[fault]} | {shares.ours[fault]:.0%} | {shares.naive[fault]:.0%} |")
    alarms = found[found["fault"] == "none"][["ours", "naive"]].sum()
    print(f"\nUntouched: {len(judged)} days with data, alarms on {alarms.ours} days; by mean ± 3 sd on {alarms.naive}.")
    mean = shares.drop("none").mean()
    print(f"Mean of the faults: {mean.ours:.1%}; by mean ± 3 sd {mean.naive:.1%}.\n")
    if options.streams:
        print(f"| {options.streams} streams, one day in twenty faulty | precision | recall |\n|---|---|---|")
        for name, (right, raised, faulty) in streams(days, judged, options.streams, tuning, thresholds).items():
            print(f"| {'this' if name == 'ours' else 'mean ± 3 sd'} | {right / raised:.0%} | {right / faulty:.0%} |")


if __name__ == "__main__":
    main()
