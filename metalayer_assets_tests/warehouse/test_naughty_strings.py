"""Follow strings that break software from file to export, and compare them byte by byte at every hop."""

import csv
import io
import json
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse.csv_export import export_table
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.loading import SourceColumn
from metalayer_assets.warehouse.workbench.correction import correct
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DATASETS, DAY, Row, customer, order, product
from metalayer_assets_tests.warehouse.conftest import new_house
from metalayer_assets_tests.warehouse.loading.bench import Bench
from metalayer_assets_tests.warehouse.naughty import STRINGS
from metalayer_assets_tests.warehouse.workbench.people import export


def _csv(rows: Sequence[Row], **how: object) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), **how)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _parquet(rows: Sequence[Row]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), sink)
    return sink.getvalue()


FORMATS: dict[str, Callable[[Sequence[Row]], bytes]] = {
    "a.csv": lambda rows: _csv(rows, lineterminator="\r\n"),
    "b.csv": lambda rows: _csv(rows, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\n"),
    "c.jsonl": lambda rows: "".join(f"{json.dumps(row)}\n" for row in rows).encode(),
    "d.jsonl": lambda rows: "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode(),
    "e.parquet": _parquet,
}


def cleaned(text: str) -> str | None:
    """What the contracts make of any text: NFC, no white space at its ends, blank to nothing."""
    return unicodedata.normalize("NFC", text).strip(" \t\r\n\f\u00a0\u200b\ufeff") or None


def rows_of(dataset: str, file: str) -> list[Row]:
    """One row for each string; which one it is stands in a column that no string goes into."""
    rows: list[Row] = []
    for number, text in enumerate(STRINGS):
        mark = f"{file}-{number:04}"
        if dataset == "crm/customers":
            told = dict.fromkeys(
                ("first_name", "last_name", "email", "phone", "address", "city", "state", "zip", "dob"), text
            )
            rows.append(customer(mark, **told))
        elif dataset == "erp/products":
            rows.append(product(mark, product_name=text, category=text))
        else:
            # Ids and codes as they are, and what is judged: each of these is kept out with its values, or read.
            rows.append(order(text, customer_id=text, product_code=mark, price_per_unit="1.00"))
            rows.append(order(mark, quantity=text, price_per_unit=text, order_date=text, status=text))
    return rows


# What the standard library writes: quotes, delimiters and ends of records.
DIALECTS = [
    {"quoting": quoting, "delimiter": delimiter, "lineterminator": end}
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)
    for delimiter in ",;\t|"
    for end in ("\n", "\r\n")
]
PLACES = {
    "crm/customers": (("first_name",), ("address",), ("first_name", "address")),
    "crm/accounts": (("customer_name",), ("customer_name", "email", "region")),
    "erp/products": (("product_name",), ("product_name", "category", "unit_cost", "list_price")),
    "erp/orders": (("status",), ("quantity", "price_per_unit", "order_date", "status")),
}


@pytest.mark.parametrize("dataset", PLACES)
def test_no_dialect_of_a_file_makes_a_string_doubtful(
    prepared_databases: tuple[Database, Database], tmp_path: Path, dataset: str
):
    columns = [*DATASETS[dataset][2]()]
    expected = [SourceColumn(name, (name,), required=True) for name in columns]
    with closing(prepared_databases[1].connect()) as connection, connection.cursor() as cursor:
        bench = Bench(cursor, tmp_path)
        for dialect in DIALECTS:
            # A carriage return alone is left unquoted by releases of the library where it ends no record.
            unquoted = dialect["quoting"] == csv.QUOTE_MINIMAL and dialect["lineterminator"] == "\n"
            strings = [text for text in STRINGS if not (unquoted and "\r" in text)]
            for places in PLACES[dataset]:
                rows = [DATASETS[dataset][2](f"X{at}", **dict.fromkeys(places, s)) for at, s in enumerate(strings)]
                found = bench.load(bench.file("a.csv", _csv(rows, **dialect)), expected)
                assert found.rejects == []
                assert [[value or "" for value in row[1:]] for row in found.rows] == [[*row.values()] for row in rows]


@pytest.fixture(scope="module")
def loaded(prepared_databases: tuple[Database, Database], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A warehouse with every string in every place, from every kind of file."""
    with new_house(prepared_databases[1], tmp_path_factory.mktemp("naughty")) as house:
        for dataset in ("crm/customers", "erp/products", "erp/orders"):
            for name, written in FORMATS.items():
                house.land(dataset, DAY, written(rows_of(dataset, name)), name=name)
        for dataset in ("crm/customers", "erp/products", "erp/orders"):
            house.load(dataset, DAY)
        yield house


def exported(house: House, table: str, to: Path) -> list[dict[str, str]]:
    with house.database.transaction(readonly=True) as cursor, to.open("wb") as stream:
        count = export_table(cursor, CATALOG[table], stream, day=DAY, marked=False)
    csv.field_size_limit(10_000_000)
    rows = list(csv.DictReader(io.StringIO(to.read_bytes().decode(), newline="")))
    assert len(rows) == count
    return rows


def test_no_string_is_lost_on_the_way_into_bronze_and_out_again(loaded: House, tmp_path: Path):
    assert loaded.problems() == []
    assert loaded.fetch("select raw, reason from quarantine.bronze_lines") == []
    for dataset in ("crm/customers", "erp/products", "erp/orders"):
        bronze = DATASETS[dataset][0]
        columns = list(DATASETS[dataset][2]())
        told = [{name: row[name] for name in columns} for file in FORMATS for row in rows_of(dataset, file)]
        # A field of a CSV file in which nothing stands is nothing; the others tell it from an empty text.
        stood = [
            dict(zip(columns, values, strict=True))
            for values in loaded.fetch(
                f"select {', '.join(f'told.{name}' for name in columns)} from {bronze} as told"
                " inner join meta.landed_files as file on file.file_id = told._file_id order by file.path, told._line"
            )
        ]
        assert [{name: value or "" for name, value in row.items()} for row in stood] == told
        out = exported(loaded, bronze, tmp_path / f"{bronze}.csv")
        assert sorted(tuple(row[name] for name in columns) for row in out) == sorted(
            tuple(row[name] for name in columns) for row in told
        )


def test_silver_changes_nothing_but_what_its_contract_says(loaded: House, tmp_path: Path):
    products = {row["product_code"]: row for row in exported(loaded, "silver.products", tmp_path / "p.csv")}
    customers = {row["customer_id"]: row for row in exported(loaded, "silver.customers", tmp_path / "c.csv")}
    # An address is brought to its form, and a postal code to capitals: nothing else becomes of them.
    formed = loaded.fetch(
        "select coalesce(meta.street_form(told), ''), coalesce(meta.zip_form(told, '', false), '')"
        " from unnest(%(told)s::text[]) with ordinality as t (told, n) order by n",
        told=[cleaned(text) for text in STRINGS],
    )
    assert sum(formed[number] != (cleaned(text) or "",) * 2 for number, text in enumerate(STRINGS)) < len(STRINGS) / 2
    for file in FORMATS:
        for number, text in enumerate(STRINGS):
            mark = f"{file}-{number:04}"
            expected = cleaned(text) or ""
            assert (products[mark]["product_name"], products[mark]["category"]) == (expected, expected)
            assert (customers[mark]["address"], customers[mark]["zip"]) == formed[number]
    orders = {
        (row["product_code"], row["order_id"], row["customer_id"])
        for row in exported(loaded, "silver.orders", tmp_path / "o.csv")
    }
    fits = [(number, cleaned(text)) for number, text in enumerate(STRINGS) if len(cleaned(text) or "") <= 200]
    # Of orders with the same id once cleaned, the last telling stands; it is one of the last file.
    last = {told: f"e.parquet-{number:04}" for number, told in fits if told}
    assert {(mark, told, told) for told, mark in last.items()} <= orders


def test_what_is_kept_out_is_exported_as_it_landed_and_taken_back(loaded: House, tmp_path: Path):
    sheet = export(loaded, "silver.orders", tmp_path / "q.csv")
    found = {row["order_id"]: row for row in sheet.rows if row["product_code"] == "P1"}
    kept = {mark for (mark,) in loaded.fetch("select order_id from quarantine.orders")}
    told = {row["order_id"]: row for file in FORMATS for row in rows_of("erp/orders", file) if row["quantity"] != "2"}
    assert len(found) > len(FORMATS) * 200
    for mark, row in found.items():
        assert {name: row[name] for name in told[mark]} == dict(told[mark])
    assert set(found) <= kept
    # A spreadsheet saves it: nothing in it has changed.
    assert correct(loaded.writer, sheet.save(), by="ada", dry_run=True).corrected == 0
    by_rules = {row["_rules"] for row in found.values()}
    assert any("quantity_given" in rules for rules in by_rules)


def test_a_naughty_value_that_somebody_writes_lands_as_it_was_written(house: House, tmp_path: Path):
    house.land("erp/orders", DAY, [order(f"O{number:04}", quantity="") for number, _ in enumerate(STRINGS)])
    house.load("erp/orders", DAY)
    sheet = export(house, "silver.orders", tmp_path / "q.csv")
    for row, text in zip(sheet.rows, STRINGS, strict=True):
        row.update(customer_id=text, quantity="1")
    assert correct(house.writer, sheet.save(), by="ada").corrected == len(STRINGS)
    house.load("erp/orders", DAY)
    landed = house.fetch("select customer_id from bronze.erp_orders where quantity = '1' order by order_id")
    assert [text for (text,) in landed] == list(STRINGS)
    assert house.problems() == []
