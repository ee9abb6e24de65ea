"""Rows of landed files for tests here, clean ones and awkward ones with the reason beside each, and how they land."""

import csv
import io
import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

Row = Mapping[str, str]

DAY = date(2024, 3, 10)
START = date(2023, 1, 1)
_EPOCH_NS = 1_700_000_000_000_000_000
_TICK = itertools.count(1)


def day(number: int) -> date:
    """A day of the scenario, counted from `DAY`."""
    return DAY + timedelta(days=number)


def order(order_id: str = "O1", **told: str) -> Row:
    """An order that breaks no rule, with what is told otherwise."""
    return {
        "order_id": order_id,
        "customer_id": "C1",
        "product_code": "P1",
        "quantity": "2",
        "price_per_unit": "10.50",
        "order_date": "2024-03-09",
        "status": "PAID",
    } | told


def orders(count: int) -> list[Row]:
    """Orders that break no rule, each with an id of its own."""
    return [order(f"O{number:03}") for number in range(count)]


def sale(sales_id: str = "S1", **told: str) -> Row:
    """A sales line that breaks no rule, with what is told otherwise."""
    return {
        "sales_id": sales_id,
        "product_id": "P1",
        "customer_id": "C1",
        "quantity": "2",
        "sale_date": "2024-03-09",
        "sale_amount": "21.00",
    } | told


def customer(customer_id: str = "C1", **told: str) -> Row:
    """A customer that breaks no rule, with what is told otherwise."""
    return {
        "customer_id": customer_id,
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": "ada@example.org",
        "phone": "+442071234567",
        "address": "1 Main Street",
        "city": "Albany",
        "state": "NY",
        "zip": "12201",
        "dob": "1980-12-10",
        "created_date": "2024-03-01",
    } | told


def account(customer_id: str = "C1", **told: str) -> Row:
    """An account that breaks no rule, with what is told otherwise."""
    return {
        "customer_id": customer_id,
        "customer_name": "Ada Lovelace",
        "email": "ada@example.org",
        "region": "EMEA",
    } | told


def product(product_code: str = "P1", **told: str) -> Row:
    """A product that breaks no rule, with what is told otherwise."""
    return {
        "product_code": product_code,
        "product_name": "Kettle",
        "category": "Kitchen",
        "unit_cost": "4.00",
        "list_price": "9.99",
    } | told


# Of a landed dataset: its bronze table, the silver table that judges it, and a row that breaks no rule.
DATASETS = {
    "crm/customers": ("bronze.crm_customers", "silver.customers", customer),
    "crm/accounts": ("bronze.crm_accounts", "silver.accounts", account),
    "erp/orders": ("bronze.erp_orders", "silver.orders", order),
    "erp/sales": ("bronze.erp_sales", "silver.sales", sale),
    "erp/products": ("bronze.erp_products", "silver.products", product),
}
DATASET_OF = {table: dataset for dataset, tables in DATASETS.items() for table in tables[:2]}


def csv_text(rows: Sequence[Row], columns: Iterable[str]) -> str:
    """Rows as CSV, every field quoted where it must be; what a row lacks is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def land(
    landing: Path, dataset: str, arrival: date, rows: Sequence[Row] | str | bytes, *, name: str = "part-0.csv"
) -> Path:
    """Write one landed file, whole; rows become CSV, text and bytes are written as they are.

    Every call gives its file a modification time of its own, since two writes may fall into one tick of the clock.
    """
    columns = (
        dict.fromkeys([*DATASETS[dataset][2](), *(name for row in rows for name in row)]) if _are_rows(rows) else ()
    )
    content = csv_text(rows, columns).encode() if _are_rows(rows) else rows
    folder = landing / dataset / arrival.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    stamp = _EPOCH_NS + next(_TICK) * 1_000_000
    os.utime(path, ns=(stamp, stamp))
    return path


def _are_rows(rows: object) -> bool:
    return not isinstance(rows, str | bytes)


# Of each dataset: the rule that a row breaks, and no other, with the row. The arrival day is `DAY`, the calendar begins
# on `START`. Every row has a key of its own, so that none replaces another.
AWKWARD: dict[str, dict[str, Row]] = {
    "erp/orders": {
        "order_id_given": order("  \t "),  # blank is missing, whatever the blanks are
        "order_id_short": order("O" * 201),  # as when a quote stays open to the end of the file
        "product_code_given": order("O02", product_code=""),
        "quantity_given": order("O03", quantity="two"),
        "quantity_not_zero": order("O04", quantity="0.0"),  # a spreadsheet's zero is a zero
        "negative_quantity_reversal": order("O05", quantity="-1"),  # a completed order takes nothing back
        "unit_price_given": order("O06", price_per_unit="1e3"),  # a spreadsheet has lost digits
        "unit_price_not_negative": order("O07", price_per_unit="(0.01)"),  # brackets are a minus
        "ordered_at_given": order("O08", order_date="03/10/2024"),  # March or October?
        "order_date_after_start": order("O09", order_date="2023-01-01T00:59:59+01:00"),  # in UTC the day before
        "order_date_not_future": order("O10", order_date="2024-03-12"),  # two days after its arrival
        "status_known": order("O11", status="LOST"),
        "status_given": order("O12", status=""),
        "is_deleted_readable": order("O13", is_deleted="perhaps"),  # neither kept nor deleted
        "customer_id_given": order("O14", customer_id=""),  # a shop may not know who buys
        "customer_id_short": order("O15", customer_id="C" * 201),  # the key of a customer, who may not have come yet
        "product_code_short": order("O16", product_code="P" * 201),
    },
    "erp/sales": {
        "sales_id_given": sale(""),
        "sales_id_short": sale("S" * 201),
        "product_code_given": sale("S02", product_id="\u200b"),  # a blank that is not seen
        "quantity_given": sale("S03", quantity="1.5"),  # half a unit is none
        "quantity_not_zero": sale("S04", quantity="0", sale_amount="-1"),  # then no sign is wrong
        "sale_amount_given": sale("S05", sale_amount="1,2,3.4"),  # neither thousands nor decimals
        "amount_sign_follows_quantity": sale("S06", quantity="-1", sale_amount="0.01"),
        "sold_at_given": sale("S07", sale_date="2024-02-30"),  # no such day
        "sale_date_after_start": sale("S08", sale_date="2022-12-31 23:59:59.999999"),
        "sale_date_not_future": sale("S09", sale_date="2024-03-11 23:00-05"),  # in UTC the day after
        "is_deleted_readable": sale("S10", is_deleted="2"),
        "customer_id_given": sale("S11", customer_id=" "),
        "customer_id_short": sale("S12", customer_id="C" * 201),
        "product_code_short": sale("S13", product_id="P" * 201),
    },
    "crm/customers": {
        "customer_id_given": customer(""),
        "customer_id_short": customer("C" * 201),
        "updated_at_readable": customer("C02", updated_at="yesterday"),  # its place in the sequence is not known
        "is_deleted_readable": customer("C03", is_deleted="?"),
        "email_given": customer("C04", email=""),
        "email_valid": customer("C05", email="ada@example"),  # no domain of the internet
        "phone_valid": customer("C06", phone="ext. 12"),
        "last_name_given": customer("C07", last_name=""),
        "state_known": customer("C08", state="ZZ"),
        "zip_plausible": customer("C13", zip="1220"),  # a zero lost, but New York has codes without one
        "dob_readable": customer("C09", dob="10.12.80"),
        "dob_plausible": customer("C10", dob="2024-03-11"),  # born tomorrow
        "created_date_readable": customer("C11", created_date="2024"),
        "created_not_future": customer("C12", created_date="2024-03-12"),
    },
    "crm/accounts": {
        "customer_id_given": account(""),
        "customer_id_short": account("C" * 201),
        "updated_at_readable": account("C02", updated_at="2024010112"),  # not the year 202401
        "is_deleted_readable": account("C03", is_deleted="deleted"),
        "name_given": account("C04", customer_name=" "),
        "email_given": account("C05", email=""),
        "email_valid": account("C06", email="ada.@example.org"),  # a point before the @
        "region_given": account("C07", region=""),
        "region_known": account("C08", region="Atlantis"),
    },
    "erp/products": {
        "product_code_given": product(""),
        "product_code_short": product("P" * 201),
        "updated_at_readable": product("P02", updated_at="2024-03-10 25:00"),
        "is_deleted_readable": product("P03", is_deleted="-"),
        "unit_cost_readable": product("P04", unit_cost="NaN"),  # PostgreSQL would take it for a number
        "list_price_readable": product("P05", list_price="free"),
        "unit_cost_not_negative": product("P06", unit_cost="-0.01"),
        "list_price_not_negative": product("P07", list_price="-1", unit_cost=""),  # nothing to compare with
        "product_name_given": product("P08", product_name=""),
        "price_covers_cost": product("P09", unit_cost="10", list_price="9.99"),
    },
}

# Rows on the edge of a rule, which break none.
EDGES: dict[str, list[Row]] = {
    "erp/orders": [
        order("E1", order_date="2023-01-01"),  # the first day of the calendar
        order("E2", order_date="2024-03-11 23:59:59"),  # tomorrow has begun elsewhere
        order("E3", quantity="-1", status="refunded"),
        order("E4", price_per_unit="0"),
        order("O" * 200),
        order("E6", is_deleted="Y"),
        order("E7", price_per_unit="$1,000.005", quantity="+3.0"),
        order("E8", customer_id="C" * 200, product_code="P" * 200),
    ],
    "erp/sales": [
        sale("E1", quantity="-1", sale_amount="-0.01"),
        sale("E2", quantity="-1", sale_amount="0"),
        sale("E3", sale_date="2023-01-01T01:00:00+01:00"),
        sale("E4", customer_id="C" * 200, product_id="P" * 200),
    ],
    "crm/customers": [
        customer("E1", dob="2024-03-10", created_date="2024-03-11"),
        customer("E2", phone="(212) 555-0100", state="ny"),
        customer("E3", email="ADA+1@EXAMPLE.ORG"),
        customer("E4", dob="", created_date="", updated_at="2024-03-10T00:00:00Z"),
    ],
    "crm/accounts": [account("E1", region="UK")],
    "erp/products": [
        product("E1", unit_cost="9.99"),
        product("E2", unit_cost="", list_price=""),
        product("E3", unit_cost="0"),
    ],
}
