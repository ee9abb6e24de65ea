"""Declare the daily metrics that are watched here; their values come from `sql/checks/daily_metrics.sql`."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum


class Scale(Enum):
    """How a metric varies, which decides on what scale it is compared."""

    SIZE = "size"  # counts and amounts vary by a factor: compared as logarithms
    SHARE = "share"  # 0 to 1: compared as arcsine of the root, where its chance variation does not depend on it


class DayKind(Enum):
    """Which day of a row a metric goes by."""

    BUSINESS = "business day"
    ARRIVAL = "arrival day"


@dataclass(frozen=True)
class Metric:
    """A number that each day has.

    Attributes:
        name: As in `meta.anomalies`.
        counted: What it counts, as words in a sentence.
        day_kind: The day that it goes by.
        scale: How it varies.
        present: Whether a day without it is worth a word; one metric of each kind of row says so.
    """

    name: str
    counted: str
    day_kind: DayKind
    scale: Scale = Scale.SIZE
    present: bool = False


@dataclass(frozen=True)
class Reading:
    """The value of a metric on a day, and the number of rows that it rests on."""

    day: date
    value: Decimal
    size: int


_BUSINESS = DayKind.BUSINESS
_ARRIVAL = DayKind.ARRIVAL

METRICS = (
    Metric("orders", "orders", _BUSINESS, present=True),
    Metric("revenue", "revenue of orders", _BUSINESS),
    Metric("cancelled_amount", "amount of cancelled and returned orders", _BUSINESS),
    Metric("avg_order_value", "mean amount of an order", _BUSINESS),
    Metric("customers", "distinct customers with an order", _BUSINESS),
    Metric("products", "distinct products ordered", _BUSINESS),
    Metric("orders_per_product", "orders per distinct product", _BUSINESS),
    Metric("sales", "sales lines", _BUSINESS, present=True),
    Metric("sales_amount", "amount of sales lines", _BUSINESS),
    Metric("orders_arrived", "orders in the extracts", _ARRIVAL, present=True),
    Metric("sales_arrived", "sales lines in the extracts", _ARRIVAL, present=True),
    Metric("accounts_told", "accounts in the extracts", _ARRIVAL, present=True),
    Metric("customers_told", "customers in the extracts", _ARRIVAL, present=True),
    Metric("orders_rejected", "share of orders rejected", _ARRIVAL, Scale.SHARE),
    Metric("sales_rejected", "share of sales lines rejected", _ARRIVAL, Scale.SHARE),
    Metric("orders_without_customer", "share of orders without customer", _ARRIVAL, Scale.SHARE),
    Metric("accounts_without_email", "share of accounts without e-mail", _ARRIVAL, Scale.SHARE),
    Metric("customers_without_email", "share of customers without e-mail", _ARRIVAL, Scale.SHARE),
)
