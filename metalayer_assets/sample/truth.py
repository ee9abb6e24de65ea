"""Count here what a correct warehouse makes of a sample landing; keep inventing and writing out.

The rules are applied to what the inventor knows of each row, never to its text, so that neither the readers nor the
casts of the warehouse are repeated here.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from metalayer_assets.sample.options import EARLIEST_DAY
from metalayer_assets.sample.rows import Row, money_text
from metalayer_assets.warehouse.errors import LandingError

TRUTH_FILE = ".metalayer-sample-truth.json"
REVENUE_STATUSES = ("COMPLETED", "SHIPPED")


@dataclass
class DatasetTruth:
    """What one dataset gives: lines = unreadable + bronze_rows; bronze_rows = rejected + collapsed + silver_rows.

    `rejected_by_rule` names each rule as `column reason`; every planted row breaks one rule only. `planted` counts
    the written lines with each kind of blemish, the harmless ones included. A line is one record: a quoted line
    break starts none.
    """

    lines: int = 0
    unreadable: int = 0
    bronze_rows: int = 0
    rejected: int = 0
    rejected_by_rule: dict[str, int] = field(default_factory=dict)
    collapsed: int = 0
    silver_rows: int = 0
    files: int = 0
    planted: dict[str, int] = field(default_factory=dict)


@dataclass
class FactTruth:
    """What one fact holds; amounts are exact texts, `by_status` is empty for sales."""

    rows: int = 0
    amount: str = "0.00"
    without_customer: int = 0
    business_days: int = 0
    by_status: dict[str, dict[str, Any]] = field(default_factory=dict)
    revenue_by_month: dict[str, str] = field(default_factory=dict)


@dataclass
class SampleTruth:
    """What a correct warehouse contains after loading the whole sample landing."""

    options: dict[str, Any]
    datasets: dict[str, DatasetTruth]
    fact_orders: FactTruth
    fact_sales: FactTruth

    def to_json(self) -> str:
        """The truth as indented JSON, the same text for the same truth."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, root: Path) -> "SampleTruth":
        """The truth that was written beside the landing in this folder.

        Raises:
            LandingError: The folder holds no (readable) truth of a sample.
        """
        try:
            stored = json.loads((root / TRUTH_FILE).read_text(encoding="utf-8"))
            return cls(
                options=stored["options"],
                datasets={name: DatasetTruth(**counts) for name, counts in stored["datasets"].items()},
                fact_orders=FactTruth(**stored["fact_orders"]),
                fact_sales=FactTruth(**stored["fact_sales"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LandingError(
                f"{root / TRUTH_FILE} cannot be read ({error}): write the sample again with `metalayer sample`."
            ) from error


class Fact(NamedTuple):
    """An accepted telling of an order or a sale; the amount in 1/10,000."""

    day: date
    status: str
    amount: int
    has_customer: bool
    deleted: bool


class FactTally:
    """Add up the latest telling of each order or sale; remembers only those that will be told again."""

    def __init__(self) -> None:
        self._held: dict[str, Fact] = {}
        self._rows: Counter[str] = Counter()
        self._amounts: Counter[str] = Counter()
        self._months: Counter[str] = Counter()
        self._days: set[date] = set()
        self._without_customer = 0

    def tell(self, key: str, fact: Fact, *, is_last: bool) -> None:
        """Take the telling of one arrival day, which beats those of earlier days."""
        if is_last:
            self._held.pop(key, None)
            self._count(fact)
        else:
            self._held[key] = fact

    def settle(self, keys: Iterable[str]) -> None:
        """Count the held tellings of keys of which nothing more comes."""
        for key in keys:
            if key in self._held:
                self._count(self._held.pop(key))

    def finish(self, *, by_status: bool) -> FactTruth:
        """The totals, after the last day."""
        while self._held:
            self._count(self._held.popitem()[1])
        truth = FactTruth(
            rows=self._rows.total(),
            amount=money_text(self._amounts.total()),
            without_customer=self._without_customer,
            business_days=len(self._days),
        )
        if by_status:
            truth.by_status = {
                status: {"rows": rows, "amount": money_text(self._amounts[status])}
                for status, rows in sorted(self._rows.items())
            }
            truth.revenue_by_month = {m: money_text(amount) for m, amount in sorted(self._months.items())}
        return truth

    def _count(self, fact: Fact) -> None:
        if fact.deleted:
            return
        self._rows[fact.status] += 1
        self._amounts[fact.status] += fact.amount
        self._days.add(fact.day)
        self._without_customer += not fact.has_customer
        if fact.status in REVENUE_STATUSES:
            self._months[fact.day.isoformat()[:7]] += fact.amount


class DatasetTally:
    """Count one dataset's rows as they are written, an arrival day at a time."""

    def __init__(self, fact: FactTally | None = None, date_rule: str = "") -> None:
        self._truth = DatasetTruth()
        self._rejected: Counter[str] = Counter()
        self._planted: Counter[str] = Counter()
        self._fact = fact
        self._date_rule = date_rule
        self._arrival = date.min
        self._start = datetime.min  # noqa: DTZ901 - replaced by the first day
        self._seen: set[tuple[str, datetime]] = set()
        self._told: dict[str, Fact] = {}

    def open_day(self, arrival: date) -> None:
        """Begin an arrival day."""
        self._arrival = arrival
        self._start = datetime(arrival.year, arrival.month, arrival.day)  # noqa: DTZ001 - UTC throughout
        self._latest = arrival + timedelta(days=1)

    def add_file(self) -> None:
        """Count a file."""
        self._truth.files += 1

    def add(self, row: Row, *, has_sequence: bool = True) -> None:
        """Count a written row; `has_sequence` tells whether its file carries the updated_at column."""
        truth = self._truth
        truth.lines += 1
        if row.blemish is not None:
            self._planted[row.blemish] += 1
        if row.broken is not None:
            truth.unreadable += 1
            return
        truth.bronze_rows += 1
        rule = row.rule
        if rule is None and row.day is not None and not EARLIEST_DAY <= row.day <= self._latest:
            rule = self._date_rule
        if rule is not None:
            self._rejected[rule] += 1
        elif self._fact is not None and row.day is not None:
            truth.collapsed += row.key in self._told
            self._told[row.key] = Fact(row.day, row.status, row.quantity * row.unit, row.has_customer, row.deleted)
        else:
            sequence = row.sequence if has_sequence and row.sequence is not None else self._start
            place = (row.key, sequence)
            truth.collapsed += place in self._seen
            self._seen.add(place)

    def forget(self) -> None:
        """End a day, or a block of one whose keys cannot come again on that day: its grain is complete."""
        self._truth.silver_rows += len(self._seen)
        self._seen.clear()

    def close_day(self, told_again: Callable[[str], bool] = lambda _: False) -> None:
        """End an arrival day; `told_again` tells whether a key will come on a later day."""
        self.forget()
        self._truth.silver_rows += len(self._told)
        if self._fact is not None:
            for key, fact in self._told.items():
                self._fact.tell(key, fact, is_last=not told_again(key))
        self._told.clear()

    def finish(self) -> DatasetTruth:
        """The totals, after the last day."""
        self._truth.rejected = self._rejected.total()
        self._truth.rejected_by_rule = dict(sorted(self._rejected.items()))
        self._truth.planted = dict(sorted(self._planted.items()))
        return self._truth
