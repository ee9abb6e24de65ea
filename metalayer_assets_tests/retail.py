"""Read the real retail landing with nothing but csv, gzip and Decimal; keep every line of the warehouse out.

This is the second opinion on the numbers that the warehouse must give for UCI "Online Retail": it shares no
code, no SQL and no contract with it, so that a mistake has to be made twice to go unseen.
"""

import csv
import gzip
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path

STATUSES = {
    **dict.fromkeys(("PENDING", "OPEN", "NEW", "PROCESSING"), "PENDING"),
    **dict.fromkeys(("COMPLETED", "COMPLETE", "PAID", "CLOSED", "DONE", "DELIVERED"), "COMPLETED"),
    **dict.fromkeys(("SHIPPED", "SENT", "IN TRANSIT"), "SHIPPED"),
    **dict.fromkeys(("CANCELLED", "CANCELED", "CANCEL", "VOID"), "CANCELLED"),
    **dict.fromkeys(("RETURNED", "RETURN", "REFUNDED"), "RETURNED"),
}
EARLIEST = date(2010, 1, 1)
Line = dict[str, str]


@dataclass
class RetailTruth:
    """What a correct warehouse holds after loading the whole retail landing; amounts are exact."""

    bronze_orders: int = 0
    bronze_sales: int = 0
    bronze_accounts: int = 0
    orders_quarantined: Counter[str] = field(default_factory=Counter)  # rule -> rows, a row counts once
    sales_quarantined: Counter[str] = field(default_factory=Counter)
    orders_collapsed: int = 0
    sales_collapsed: int = 0
    accounts_collapsed: int = 0
    silver_orders: int = 0
    silver_sales: int = 0
    silver_accounts: int = 0
    fact_orders: int = 0
    orders_by_status: Counter[str] = field(default_factory=Counter)
    amount_by_status: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    orders_without_customer: int = 0
    orders_late: int = 0
    business_days: int = 0
    revenue_by_day: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    fact_sales: int = 0
    sales_amount: Decimal = Decimal(0)
    sales_without_customer: int = 0
    sales_business_days: int = 0
    sales_amount_zero: int = 0
    sales_amount_by_day: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    customers: int = 0  # distinct in accounts
    buyers: set[str] = field(default_factory=set)  # distinct in orders, as told
    customers_with_orders_but_no_account: int = 0
    versions: dict[str, list["Version"]] = field(default_factory=dict)  # by customer, in their order
    products_named: dict[str, date] = field(default_factory=dict)  # the first arrival day that orders or sales name it
    orders_by_region: dict[str, "Sum"] = field(default_factory=lambda: defaultdict(Sum))  # region on the business day
    sales_by_region: dict[str, "Sum"] = field(default_factory=lambda: defaultdict(Sum))


@dataclass(frozen=True)
class Version:
    """What an account was like from the beginning of a day until that of another, in UTC; None: until now."""

    first_day: date
    next_day: date | None
    told: tuple[str, ...]  # customer_name, email, region


@dataclass
class Sum:
    """Facts of one region and their amount."""

    rows: int = 0
    amount: Decimal = Decimal(0)


def landing() -> Path | None:
    """The folder of the retail landing: METALAYER_RETAIL_DATA, else the shared one; None when absent."""
    stated = os.environ.get("METALAYER_RETAIL_DATA")
    folder = Path(stated) if stated else Path(__file__).parents[2] / "shared" / "data" / "online_retail"
    return folder if (folder / "erp" / "orders").is_dir() else None


@lru_cache(maxsize=1)
def expected() -> RetailTruth | None:
    """The expected numbers, read once per process from the files; None when the data is absent."""
    root = landing()
    if root is None:
        return None
    truth = RetailTruth()
    _read_accounts(root, truth)
    _read_orders(root, truth)
    _read_sales(root, truth)
    return truth


def lines(root: Path, dataset: str) -> Iterator[tuple[date, Line]]:
    """Every line of a dataset (`erp/orders`), by arrival day, file name and position."""
    for day_folder in sorted((root / dataset).iterdir()):
        for path in sorted(day_folder.glob("*.csv.gz")):
            with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
                for line in csv.DictReader(file, strict=True):
                    yield date.fromisoformat(day_folder.name), line


def why_order_is_refused(line: Line, arrival: date) -> str | None:
    """The first rule that an orders line breaks, or None."""
    quantity, price = _whole(line["quantity"]), _number(line["price_per_unit"])
    status = STATUSES.get(line["status"].strip().upper())
    negative = quantity is not None and quantity < 0
    broken = {
        "order_id blank": not line["order_id"].strip(),
        "product_code blank": not line["product_code"].strip(),
        "quantity unreadable": quantity is None,
        "quantity zero": quantity == 0,
        "quantity negative": negative and status not in ("CANCELLED", "RETURNED"),
        "price_per_unit unreadable": price is None,
        "price_per_unit negative": price is not None and price < 0,
        "order_date implausible": not _is_plausible(line["order_date"], arrival),
        "status unknown": status is None,
    }
    return next((rule for rule, is_broken in broken.items() if is_broken), None)


def why_sale_is_refused(line: Line, arrival: date) -> str | None:
    """The first rule that a sales line breaks, or None. An amount of zero has no sign and is allowed."""
    quantity, amount = _whole(line["quantity"]), _number(line["sale_amount"])
    broken = {
        "sales_id blank": not line["sales_id"].strip(),
        "product_id blank": not line["product_id"].strip(),
        "quantity unreadable": quantity is None,
        "quantity zero": quantity == 0,
        "sale_amount unreadable": amount is None,
        "sale_amount sign": quantity is not None and amount is not None and quantity * amount < 0,
        "sale_date implausible": not _is_plausible(line["sale_date"], arrival),
    }
    return next((rule for rule, is_broken in broken.items() if is_broken), None)


def _read_orders(root: Path, truth: RetailTruth) -> None:
    # order_id -> arrival day, business day, status, amount, customer
    tellings: dict[str, tuple[date, date, str, Decimal, str]] = {}
    by_slice: set[tuple[date, str]] = set()
    for arrival, line in lines(root, "erp/orders"):
        truth.bronze_orders += 1
        if line["customer_id"].strip():
            truth.buyers.add(line["customer_id"].strip())
        reason = why_order_is_refused(line, arrival)
        if reason is not None:
            truth.orders_quarantined[reason] += 1
            continue
        key = line["order_id"].strip()
        by_slice.add((arrival, key))
        _name_product(truth, line["product_code"], arrival)
        status = STATUSES[line["status"].strip().upper()]
        amount = Decimal(line["quantity"]) * Decimal(line["price_per_unit"])
        tellings[key] = arrival, _day(line["order_date"]), status, amount, line["customer_id"].strip()
    truth.silver_orders = len(by_slice)
    truth.orders_collapsed = truth.bronze_orders - truth.orders_quarantined.total() - len(by_slice)
    truth.fact_orders = len(tellings)
    for arrival, day, status, amount, customer in tellings.values():
        truth.orders_by_status[status] += 1
        truth.amount_by_status[status] += amount
        truth.orders_without_customer += not customer
        _count_in_region(truth.orders_by_region, truth, customer, day, amount)
        truth.orders_late += day < arrival
        if status in ("COMPLETED", "SHIPPED"):
            truth.revenue_by_day[day] += amount
    truth.business_days = len({telling[1] for telling in tellings.values()})
    truth.customers_with_orders_but_no_account = len(truth.buyers - truth.versions.keys())


def _read_sales(root: Path, truth: RetailTruth) -> None:
    tellings: dict[str, tuple[date, Decimal, str]] = {}  # sales_id -> business day, amount, customer
    by_slice: set[tuple[date, str]] = set()
    for arrival, line in lines(root, "erp/sales"):
        truth.bronze_sales += 1
        reason = why_sale_is_refused(line, arrival)
        if reason is not None:
            truth.sales_quarantined[reason] += 1
            continue
        key = line["sales_id"].strip()
        by_slice.add((arrival, key))
        _name_product(truth, line["product_id"], arrival)
        tellings[key] = _day(line["sale_date"]), Decimal(line["sale_amount"]), line["customer_id"].strip()
    truth.silver_sales = len(by_slice)
    truth.sales_collapsed = truth.bronze_sales - truth.sales_quarantined.total() - len(by_slice)
    truth.fact_sales = len(tellings)
    for day, amount, customer in tellings.values():
        truth.sales_amount += amount
        truth.sales_amount_zero += amount == 0
        truth.sales_without_customer += not customer
        _count_in_region(truth.sales_by_region, truth, customer, day, amount)
        truth.sales_amount_by_day[day] += amount
    truth.sales_business_days = len(truth.sales_amount_by_day)


def _name_product(truth: RetailTruth, told: str, arrival: date) -> None:
    product = told.strip()
    truth.products_named[product] = min(arrival, truth.products_named.get(product, arrival))


def _count_in_region(regions: dict[str, Sum], truth: RetailTruth, customer: str, day: date, amount: Decimal) -> None:
    """Count a fact where its customer lived on the business day; before the first telling, where that says."""
    if not customer:
        return
    versions = truth.versions[customer]
    known = [version for version in versions if version.first_day <= day] or versions[:1]
    found = regions[known[-1].told[2]]
    found.rows += 1
    found.amount += amount


def _read_accounts(root: Path, truth: RetailTruth) -> None:
    by_slice: set[tuple[date, str]] = set()
    for arrival, line in lines(root, "crm/accounts"):
        truth.bronze_accounts += 1
        key = line["customer_id"].strip()
        if not key:
            raise AssertionError("an accounts line without customer_id: the retail data is not what it was")
        by_slice.add((arrival, key))
        told = tuple(line[name].strip() for name in ("customer_name", "email", "region"))
        versions = truth.versions.setdefault(key, [])
        if versions and versions[-1].told == told:
            continue
        if versions:
            versions[-1] = replace(versions[-1], next_day=arrival)
        versions.append(Version(arrival, None, told))
    truth.silver_accounts = len(by_slice)
    truth.accounts_collapsed = truth.bronze_accounts - len(by_slice)
    truth.customers = len(truth.versions)


def _is_plausible(text: str, arrival: date) -> bool:
    try:
        return EARLIEST <= _day(text) <= arrival + timedelta(days=1)
    except ValueError:
        return False


@lru_cache(maxsize=100_000)
def _day(text: str) -> date:
    return datetime.fromisoformat(text.strip()).date()


def _whole(text: str) -> int | None:
    number = _number(text)
    return int(number) if number is not None and number == number.to_integral_value() else None


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
