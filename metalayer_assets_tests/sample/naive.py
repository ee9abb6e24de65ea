"""Read a landing the plain way and judge it by the rules in words; share no code with the sample or the warehouse.

Everything sits in memory and every rule is one readable line: slow, and easy to check by eye.
"""

import csv
import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq

STATUSES = {
    "PENDING": "PENDING OPEN NEW PROCESSING",
    "COMPLETED": "COMPLETED COMPLETE PAID CLOSED DONE DELIVERED",
    "SHIPPED": "SHIPPED SENT IN_TRANSIT",
    "CANCELLED": "CANCELLED CANCELED CANCEL VOID",
    "RETURNED": "RETURNED RETURN REFUNDED",
}
STATUS_OF = {word.replace("_", " "): status for status, words in STATUSES.items() for word in words.split()}
DATE_FORMS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y/%m/%d",
    "%Y%m%d",
    "%Y-%m-%dT%H:%M:%SZ",
)
KEYS = {
    "customers": "customer_id",
    "accounts": "customer_id",
    "products": "product_code",
    "orders": "order_id",
    "sales": "sales_id",
}
Record = dict[str, str]


@dataclass
class Counts:
    lines: int = 0
    unreadable: int = 0
    bronze_rows: int = 0
    collapsed: int = 0
    silver_rows: int = 0
    files: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


@dataclass
class Naive:
    """What the naive reader finds; facts by key, each as (day, status, amount, has customer, is deleted)."""

    counts: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    facts: dict[str, dict[str, tuple[date, str, Decimal, bool, bool]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    late_orders: int = 0
    headers: dict[str, set[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(set))


def read_landing(root: Path) -> Naive:
    """Judge every file below the root."""
    found = Naive()
    for dataset_folder in sorted(root.glob("[!.]*/*")):
        dataset = dataset_folder.name
        for day_folder in sorted(dataset_folder.iterdir()):
            _read_day(found, dataset, date.fromisoformat(day_folder.name), sorted(day_folder.iterdir()))
    return found


def _read_day(found: Naive, dataset: str, arrival: date, paths: list[Path]) -> None:
    counts = found.counts[dataset]
    silver: dict[tuple[object, ...], Record] = {}
    accepted = 0
    for path in paths:
        counts.files += 1
        for record in records(path):
            counts.lines += 1
            if record is None:
                counts.unreadable += 1
                continue
            found.headers[dataset].add(tuple(record))
            counts.bronze_rows += 1
            broken = broken_rules(dataset, record, arrival)
            assert len(broken) <= 1, (path, record, broken)
            if broken:
                counts.rejected[broken[0]] += 1
                continue
            accepted += 1
            grain = (record[KEYS[dataset]].strip(),)
            if dataset in ("customers", "accounts", "products"):
                told = moment(record.get("updated_at", "").strip())
                grain = (*grain, told or datetime.fromisoformat(str(arrival)))
            silver.pop(grain, None)
            silver[grain] = record
    counts.silver_rows += len(silver)
    counts.collapsed += accepted - len(silver)
    if dataset in ("orders", "sales"):
        for (key,), record in silver.items():
            found.facts[dataset][key] = _fact(dataset, record)
            if dataset == "orders":
                found.late_orders += found.facts[dataset][key][0] < arrival


def _fact(dataset: str, record: Record) -> tuple[date, str, Decimal, bool, bool]:
    deleted = record.get("is_deleted", "").strip().lower() == "true"
    has_customer = bool(record["customer_id"].strip())
    if dataset == "sales":
        return moment(record["sale_date"]).date(), "", amount(record["sale_amount"]), has_customer, deleted
    total = whole(record["quantity"]) * amount(record["price_per_unit"])
    return moment(record["order_date"]).date(), status(record["status"]), total, has_customer, deleted


def broken_rules(dataset: str, record: Record, arrival: date) -> list[str]:
    """Every rule that a readable record breaks."""
    if dataset == "orders":
        return _broken_of_order(record, arrival)
    if dataset == "sales":
        return _broken_of_sale(record, arrival)
    broken = [f"{KEYS[dataset]} blank"] * (not record[KEYS[dataset]].strip())
    told = record.get("updated_at", "").strip()
    if told and moment(told) is None:
        broken.append("updated_at unreadable")
    if dataset == "products":
        for column in ("unit_cost", "list_price"):
            value = amount(record[column])
            if value is None:
                broken.append(f"{column} unreadable")
            elif value < 0:
                broken.append(f"{column} negative")
    return broken


def _broken_of_order(record: Record, arrival: date) -> list[str]:
    broken = [f"{column} blank" for column in ("order_id", "product_code", "status") if not record[column].strip()]
    told = status(record["status"])
    if record["status"].strip() and told is None:
        broken.append("status unknown")
    broken += _broken_quantity(record)
    quantity = whole(record["quantity"])
    if quantity is not None and quantity < 0 and told not in ("CANCELLED", "RETURNED"):
        broken.append("quantity negative")
    price = amount(record["price_per_unit"])
    if price is None:
        broken.append(f"price_per_unit {'unreadable' if record['price_per_unit'].strip() else 'blank'}")
    elif price < 0:
        broken.append("price_per_unit negative")
    return broken + _broken_date(record, "order_date", arrival)


def _broken_of_sale(record: Record, arrival: date) -> list[str]:
    broken = [f"{column} blank" for column in ("sales_id", "product_id") if not record[column].strip()]
    broken += _broken_quantity(record)
    quantity, told = whole(record["quantity"]), amount(record["sale_amount"])
    if told is None:
        broken.append(f"sale_amount {'unreadable' if record['sale_amount'].strip() else 'blank'}")
    elif quantity is not None and quantity * told < 0:
        broken.append("sale_amount sign")
    return broken + _broken_date(record, "sale_date", arrival)


def _broken_quantity(record: Record) -> list[str]:
    quantity = whole(record["quantity"])
    if not record["quantity"].strip():
        return ["quantity blank"]
    if quantity is None:
        return ["quantity unreadable"]
    return ["quantity zero"] if quantity == 0 else []


def _broken_date(record: Record, column: str, arrival: date) -> list[str]:
    if not record[column].strip():
        return [f"{column} blank"]
    told = moment(record[column])
    if told is None:
        return [f"{column} unreadable"]
    plausible = date(2010, 1, 1) <= told.date() <= arrival + timedelta(days=1)
    return [] if plausible else [f"{column} implausible"]


def status(text: str) -> str | None:
    return STATUS_OF.get(text.strip().upper())


def whole(text: str) -> int | None:
    return int(Decimal(text.strip())) if re.fullmatch(r"-?\d+(\.0*)?", text.strip()) else None


def amount(text: str) -> Decimal | None:
    match = re.fullmatch(r"(-|\()?\$?(\d+|\d{1,3}(?:,\d{3})+)(\.\d+)?\)?", text.strip())
    if match is None or (match[1] == "(") != text.strip().endswith(")"):
        return None
    value = Decimal(match[2].replace(",", "") + (match[3] or ""))
    return -value if match[1] else value


def moment(text: str) -> datetime | None:
    for form in DATE_FORMS:
        # strptime takes one-digit months and days; the round trip does not.
        try:
            told = datetime.strptime(text.strip(), form)  # noqa: DTZ007 - UTC throughout
        except ValueError:
            continue
        if told.strftime(form) == text.strip():
            return told
    return None


def records(path: Path) -> Iterator[Record | None]:
    """The records of a file; None for a line that cannot be read."""
    if path.name.endswith(".parquet"):
        for row in pq.read_table(path).to_pylist():
            yield {column: value or "" for column, value in row.items()}
        return
    data = gzip.decompress(path.read_bytes()) if path.name.endswith(".gz") else path.read_bytes()
    if path.name.endswith(".jsonl"):
        yield from _json_records(data)
    else:
        yield from _csv_records(data)


def _json_records(data: bytes) -> Iterator[Record | None]:
    for line in data.split(b"\n")[:-1]:
        try:
            loaded = json.loads(line.decode(), parse_float=str, parse_int=str)
        except ValueError:
            yield None
            continue
        yield {column: "" if value is None else str(value) for column, value in loaded.items()}


def _csv_records(data: bytes) -> Iterator[Record | None]:
    data = data.removeprefix(b"\xef\xbb\xbf")
    line_end = b"\r\n" if b"\r\n" in data else b"\n"
    encoding = encoding_of(data)
    lines = data.removesuffix(line_end).split(line_end)
    delimiter = ";" if b";" in lines[0] else ","
    header = lines[0].decode().split(delimiter)
    place = 1
    while place < len(lines):
        size = _size_of_record(lines, place)
        values = _values(b"\n".join(lines[place : place + size]), encoding, delimiter)
        readable = len(values) == len(header)
        yield dict(zip(header, values, strict=True)) if readable else None
        # A quote that nobody closes breaks its own line, not those that it swallows.
        place += size if readable else 1


def _values(raw: bytes, encoding: str, delimiter: str) -> list[str]:
    """The fields of a record; none when it cannot be read."""
    if b"\0" in raw:
        return []
    try:
        lines = raw.decode(encoding).splitlines(keepends=True)
        return next(csv.reader(lines, delimiter=delimiter, strict=True))
    except (UnicodeDecodeError, csv.Error):
        return []


def _size_of_record(lines: list[bytes], place: int) -> int:
    """How many lines until the quotes are even; 1 when they never are."""
    quotes = 0
    for size, line in enumerate(lines[place:], start=1):
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            return size
    return 1


def encoding_of(data: bytes) -> str:
    """UTF-8 when the file is, or when some of its lines beyond ASCII are; else Latin-1."""
    beyond = [line for line in data.split(b"\n") if not line.isascii()]
    valid = 0
    for line in beyond:
        try:
            line.decode()
            valid += 1
        except UnicodeDecodeError:
            pass
    return "utf-8" if valid or not beyond else "latin-1"
