"""Try to break the join of facts to versions: as of which day, and which slices of facts a late change moves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pytest

from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DATASETS, DAY, Row, day, order, product, sale
from metalayer_assets_tests.warehouse.contents import changed, slices
from metalayer_assets_tests.warehouse.members import (
    ACCOUNTS,
    CUSTOMERS,
    ORDERS,
    PRODUCTS,
    SALES,
    at,
    company,
    march,
    person,
    update,
)


@pytest.mark.parametrize(
    ("changes", "joined"),
    [
        # A change counts from the first day that does not begin before it.
        (["2024-03-05T00:00:00Z"], {4: "before", 5: "C0", 6: "C0"}),
        (["2024-03-05T00:00:00.000001Z"], {4: "before", 5: "before", 6: "C0"}),
        (["2024-03-04T23:59:59.999999Z"], {4: "before", 5: "C0"}),
        (["2024-03-05T01:00:00+01:00"], {4: "before", 5: "C0"}),
        (["2024-03-05T00:30:00+01:00"], {4: "before", 5: "C0"}),
        # Of several changes in a day, the last.
        (["2024-03-05T08:00Z", "2024-03-05T09:00Z"], {5: "before", 6: "C1"}),
        (["2024-03-05T00:00Z", "2024-03-05T09:00Z"], {4: "before", 5: "C0", 6: "C1"}),
        # A gap belongs to the version before it, and a day that a version is not open at the beginning of, too.
        (["2024-03-05", "gone 2024-03-06", "2024-03-08"], {5: "C0", 6: "C0", 7: "C0", 8: "C2"}),
        (["gone 2024-03-05", "2024-03-05T08:00Z"], {4: "before", 5: "before", 6: "C1"}),
        (["2024-03-05T08:00Z", "gone 2024-03-05T09:00Z"], {5: "before", 6: "C0", 9: "C0"}),
    ],
)
def test_a_fact_joins_the_version_that_stands_when_its_day_begins(
    house: House, changes: Sequence[str], joined: Mapping[int, str]
):
    rows = [person(city="before", updated_at=at(3))]
    rows += [
        person(city=f"C{n}", updated_at=told.removeprefix("gone "), is_deleted="y" if told.startswith("gone") else "")
        for n, told in enumerate(changes)
    ]
    house.land(CUSTOMERS, DAY, rows)
    # Before anything was told, the first version counts.
    days = {1: "before"} | dict(joined)
    house.land(ORDERS, DAY, [order(f"O{n}", order_date=f"2024-03-{n:02} 12:00") for n in days])
    house.land(SALES, DAY, [sale(f"S{n}", sale_date=f"2024-03-{n:02}T23:59:59.999999Z") for n in days])
    update(house)
    for fact, business_day in (("gold.fact_orders", "order_date"), ("gold.fact_sales", "sale_date")):
        found = house.fetch(f"select {business_day}, city from {fact} join gold.dim_customer using (customer_key)")
        assert {told.day: city.replace("Before", "before") for told, city in found} == days
    assert house.problems() == []


@pytest.fixture
def trade(house: House) -> House:
    """A warehouse with customers, products and trade on most days of a week; C9 and P9 are known only by name."""
    house.land(
        CUSTOMERS,
        DAY,
        [person("C1", city=f"City {n}", updated_at=at(n)) for n in (1, 5, 8)]
        + [person("C2", updated_at=at(1)), person("C3", updated_at=at(1))],
    )
    house.land(ACCOUNTS, DAY, [company("C1", updated_at=at(1))])
    house.land(PRODUCTS, DAY, [product("P1", updated_at=str(at(1))), product("P2", updated_at=str(at(1)))])
    traded = [(n, who, "P1") for n in (2, 3, 4, 5, 6, 9) for who in ("C1", "C2")]
    traded += [(3, "C9", "P2"), (7, "C9", "P2"), (4, "C2", "P9")]
    house.land(
        ORDERS,
        DAY,
        [
            order(f"O{n}-{who}", customer_id=who, product_code=what, order_date=f"2024-03-0{n}")
            for n, who, what in traded
        ],
    )
    house.land(SALES, DAY, [sale(f"S{n}", customer_id="C1", sale_date=f"2024-03-0{n}") for n in (4, 7)])
    update(house)
    assert house.problems() == []
    return house


@dataclass(frozen=True)
class Late:
    """Something that comes late, and the slices of gold that have other content then.

    Attributes:
        dataset: The dataset told.
        rows: What it tells, a day after everything else.
        facts: Days of March whose orders change.
        sales: Days of March whose sales change.
        days: Days of March whose aggregate changes.
        customers: Arrival days whose versions of customers change, counted from the first.
        products: The same of products.
    """

    dataset: str
    rows: Sequence[Row]
    facts: Sequence[int] = ()
    sales: Sequence[int] = ()
    days: Sequence[int] = ()
    customers: Sequence[int] = ()
    products: Sequence[int] = ()

    def expected(self) -> dict[str, list[date]]:
        """The slices that change, by table."""
        bronze, silver, _ = DATASETS[self.dataset]
        found = {bronze: [day(1)], silver: [day(1)]}
        found["gold.fact_orders"] = [march(n) for n in self.facts]
        found["gold.fact_sales"] = [march(n) for n in self.sales]
        found["gold.agg_daily_sales"] = [march(n) for n in self.days]
        found["gold.dim_customer"] = [day(n) for n in self.customers]
        found["gold.dim_product"] = [day(n) for n in self.products]
        return {table: days for table, days in found.items() if days}


LATE = {
    "a late order": Late(ORDERS, [order("new", order_date="2024-03-03")], facts=[3], days=[3]),
    "a late order on a day without any": Late(ORDERS, [order("new", order_date="2024-03-01")], facts=[1], days=[1]),
    "a late order of an unknown customer": Late(
        ORDERS, [order("new", customer_id="C8", order_date="2024-03-03")], facts=[3], days=[3], customers=[1]
    ),
    "a late sale of an unknown product": Late(
        SALES, [sale("new", product_id="P8", sale_date="2024-03-03")], sales=[3], days=[3], products=[1]
    ),
    "a corrected order date": Late(ORDERS, [order("O3-C1", order_date="2024-03-08")], facts=[3, 8], days=[3, 8]),
    "a corrected customer": Late(ORDERS, [order("O3-C1", customer_id="C3", order_date="2024-03-03")], facts=[3]),
    "a deleted order": Late(ORDERS, [order("O3-C1", order_date="2024-03-03", is_deleted="1")], facts=[3], days=[3]),
    "an order that is told again": Late(ORDERS, [order("O3-C1", order_date="2024-03-03")], facts=[3]),
    "a late change of a customer": Late(
        CUSTOMERS, [person("C1", city="Oslo", updated_at=at(3, 12))], facts=[4], sales=[4], customers=[0, 1]
    ),
    "a late change that the next one takes back": Late(
        CUSTOMERS, [person("C1", city="City 5", updated_at=at(4))], facts=[4, 5, 6], sales=[4, 7], customers=[0, 1]
    ),
    "a late change between two days with facts": Late(
        CUSTOMERS, [person("C1", city="Oslo", updated_at=at(7, 12))], customers=[0, 1]
    ),
    "a late change before all": Late(
        CUSTOMERS, [person("C1", city="Oslo", updated_at="2024-02-01")], facts=[], customers=[0, 1]
    ),
    "a late account": Late(ACCOUNTS, [company("C2", updated_at=at(5))], facts=[5, 6, 9], customers=[0, 1]),
    "a late account that tells what is known": Late(ACCOUNTS, [company("C1", updated_at=at(6))]),
    "an untracked attribute": Late(
        CUSTOMERS, [person("C1", city="City 5", created_date="2023-01-01", updated_at=at(6))], customers=[0]
    ),
    "a deletion": Late(CUSTOMERS, [person("C2", updated_at=at(6), is_deleted="1")], customers=[0]),
    "a deletion and what follows": Late(
        CUSTOMERS,
        [person("C2", updated_at=at(4), is_deleted="1"), person("C2", updated_at=at(6))],
        facts=[6, 9],
        customers=[0, 1],
    ),
    "a customer after the orders": Late(CUSTOMERS, [person("C9", updated_at=at(5))], facts=[3, 7], customers=[0, 1]),
    "a product after the orders": Late(PRODUCTS, [product("P9", updated_at=str(at(5)))], facts=[4], products=[0, 1]),
    "a late change of a product": Late(
        PRODUCTS, [product("P1", list_price="12", updated_at=str(at(6)))], facts=[6, 9], sales=[7], products=[0, 1]
    ),
    "a price written otherwise": Late(PRODUCTS, [product("P1", list_price="9.990", updated_at=str(at(6)))]),
}


def _written_since(house: House, mark: int) -> dict[str, set[date]]:
    written: dict[str, set[date]] = {}
    for table, first in house.fetch(
        "select table_name, slice from meta.slice_ledger where write_id > %(mark)s", mark=mark
    ):
        written.setdefault(table, set()).add(first)
    return written


@pytest.mark.parametrize("dataset", [ORDERS, SALES, CUSTOMERS, ACCOUNTS, PRODUCTS])
def test_exactly_the_slices_change_whose_truth_does(trade: House, dataset: str):
    before = slices(trade)
    for name, late in LATE.items():
        if late.dataset != dataset:
            continue
        mark = trade.value("select max(write_id) from meta.slice_ledger")
        trade.land(dataset, day(1), late.rows)
        update(trade)
        assert changed(before, slices(trade)) == late.expected(), name
        # Nor is any other slice of facts written; that of an aggregate is, whose facts have got other keys.
        written = _written_since(trade, mark)
        orders, sales = {march(n) for n in late.facts}, {march(n) for n in late.sales}
        assert (written.get("gold.fact_orders", set()), written.get("gold.fact_sales", set())) == (orders, sales), name
        assert written.get("gold.agg_daily_sales", set()) == orders | sales, name
        assert trade.touched() == {}
        assert trade.problems() == [], name
        # What it has told is taken back, and everything with it.
        trade.land(dataset, day(1), [])
        update(trade)
        assert changed(before, slices(trade)) == {}, name
    assert trade.problems() == []


def test_versions_after_a_late_one_are_counted_on_and_nothing_else_becomes_of_them(trade: House):
    trade.land(CUSTOMERS, day(2), [person("C1", city="Oslo", updated_at=at(10))])
    update(trade)
    mark = trade.value("select max(write_id) from meta.slice_ledger")
    numbered = "select version, city from {} where customer_id = 'C1' order by valid_from"
    before = trade.fetch(numbered.format("gold.dim_customer"))
    assert before == [(1, "City 1"), (2, "City 5"), (3, "City 8"), (4, "Oslo")]
    trade.land(CUSTOMERS, day(1), [person("C1", city="Rome", updated_at=at(6))])
    update(trade)
    after = [(1, "City 1"), (2, "City 5"), (3, "Rome"), (4, "City 8"), (5, "Oslo")]
    assert trade.fetch(numbered.format("gold.dim_customer")) == after
    # Beside the late one there is only the version that it ends: no other row is kept or accounted for.
    assert trade.fetch(f"select _change, city from history.dim_customer where _write_id > {mark} order by 1") == [
        ("added", "City 5"),
        ("removed", "City 5"),
    ]
    assert _written_since(trade, mark)["gold.dim_customer"] == {day(0), day(1)}
    assert trade.fetch(numbered.format(f"history.dim_customer_at_write({mark})")) == before
    assert trade.fetch(numbered.format("history.dim_customer_as_of(now())")) == after
    assert trade.problems() == []
    trade.execute("update gold.dim_customer set version = 7 where city = 'Oslo'")
    assert [problem for problem in trade.problems() if "versions are not numbered in order (1 rows" in problem]
    assert trade.write("gold.dim_customer", day(2)).published == frozenset()
    assert trade.problems() == []


def test_a_row_that_a_later_full_dump_tells_again_moves_nothing(trade: House):
    dumps = {
        CUSTOMERS: [person("C1", city=f"City {n}", updated_at=at(n)) for n in (1, 5, 8)],
        ACCOUNTS: [company("C1", updated_at=at(1))],
        PRODUCTS: [product("P1", updated_at=str(at(1))), product("P2", updated_at=str(at(1)))],
    }
    tables = ("gold.dim_customer", "gold.dim_product", "gold.fact_orders", "gold.fact_sales", "gold.agg_daily_sales")
    before = {table: trade.physical(table) for table in tables}
    for number in (2, 1):
        for dataset, rows in dumps.items():
            trade.land(dataset, day(number), rows)
        update(trade)
        assert {table: trade.physical(table) for table in tables} == before
    counted = {
        first: counts
        for first, *counts in trade.fetch(
            "select distinct on (slice) slice, rows_read, rows_written, rows_collapsed from meta.slice_ledger"
            " where table_name = 'gold.dim_customer' order by slice, write_id desc"
        )
    }
    # C1 in three versions, C2, C3 and C9, who is inferred; the account told with the first row of C1 began none.
    assert counted == {day(0): [7, 6, 1], day(1): [4, 0, 4], day(2): [4, 0, 4]}
    assert trade.problems() == []
