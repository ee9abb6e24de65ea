"""Give tests of dimensions rows of customers with a time of change here, and looks at the versions they result in."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse.plan import Scope
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import Row, account, customer

CUSTOMERS, ACCOUNTS, ORDERS, SALES, PRODUCTS = (
    "crm/customers",
    "crm/accounts",
    "erp/orders",
    "erp/sales",
    "erp/products",
)


def update(house: House, scope: Scope | None = None) -> None:
    """Bring the warehouse up to date; nothing is refused."""
    assert house.update(scope, allow_shrink=True) == []


def at(number: int, hour: int = 0) -> datetime:
    """A moment of the days before the scenario's first arrival, counted from the 1st of March."""
    return datetime(2024, 3, 1, hour, tzinfo=UTC) + timedelta(days=number - 1)


def march(number: int) -> date:
    """A day of March."""
    return date(2024, 3, number)


def lived(house: House, member: str = "C1") -> list[tuple[Any, ...]]:
    """A customer's versions: interval, city, region, name."""
    return house.fetch(
        "select valid_from, valid_to, city, region, customer_name from gold.dim_customer"
        " where customer_id = %(member)s order by valid_from",
        member=member,
    )


def origins(house: House, member: str = "C1") -> list[tuple[Any, ...]]:
    """Where each of a customer's versions was told first: day, line, and the dataset of the file."""
    return house.fetch(
        "select made.arrival_day, made.source_line, split_part(file.path, '/', 2) from gold.dim_customer as made"
        " join meta.landed_files as file on file.file_id = made.source_file_id and file.state = 'loaded'"
        " where customer_id = %(member)s order by valid_from",
        member=member,
    )


def inferred(house: House, table: str = "gold.dim_customer") -> dict[str, tuple[date, int]]:
    """Inferred members with the day and line that named them first."""
    key = CATALOG[table].key[0]
    found = house.fetch(f"select {key}, arrival_day, source_line from {table} where is_inferred")
    return {member: (arrival, line) for member, arrival, line in found}


def person(member: str = "C1", **told: object) -> Row:
    """A customer as the master data tells it."""
    return customer(member, **{name: str(value) for name, value in told.items()})


def company(member: str = "C1", **told: object) -> Row:
    """A customer as the accounts tell it, under a name of its own."""
    return account(member, **{"customer_name": "Lady Ada"} | {name: str(value) for name, value in told.items()})
