"""Differences of each kind, put into a warehouse behind its back, are reported, and nothing else is."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.reconciliation import (
    RECONCILIATIONS,
    SAMPLE,
    Comparison,
    compare,
    differences_kept,
    keep,
    named_checks,
    span,
)
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, account, day, order, product, sale

BEFORE = day(-1)
Difference = tuple[str, str, date, Decimal, list[str]]


def orders_and_sales(house: House) -> None:
    """Two business days of orders, each with its sales line, of customers and products that are known."""
    house.land("crm/accounts", BEFORE, [account(f"C{number}") for number in range(3)])
    house.land("erp/products", BEFORE, [product(f"P{number}") for number in range(3)])
    for business in (BEFORE, DAY):
        told = {"quantity": "2", "price_per_unit": "10.50", "order_date": str(business)}
        lines = {"sale_date": str(business)}
        who = [{"customer_id": f"C{number}"} for number in range(3)]
        house.land(
            "erp/orders",
            business,
            [order(f"{business}-{n}", product_code=f"P{n}", **told, **who[n]) for n in range(3)],
        )
        house.land(
            "erp/sales", business, [sale(f"{business}-{n}", product_id=f"P{n}", **lines, **who[n]) for n in range(3)]
        )


@pytest.fixture
def shop(house: House) -> House:
    orders_and_sales(house)
    assert house.update() == []
    return house


def compared(house: House, first: date = BEFORE, last: date = DAY, *ids: str) -> list[Comparison]:
    with house.database.transaction(readonly=True) as cursor:
        return compare(cursor, named_checks(ids), first, last)


def differences(house: House, *ids: str) -> list[Difference]:
    return [
        (found.check_id, found.measure, found.day, found.difference, found.sample_keys)
        for found in compared(house, BEFORE, DAY, *ids)
        if not found.agrees
    ]


def test_a_warehouse_that_was_let_alone_agrees_in_every_check(shop: House) -> None:
    found = compared(shop)
    assert {comparison.check_id for comparison in found} == {check.id for check in RECONCILIATIONS}
    assert differences(shop) == []
    of_day = {(each.check_id, each.measure): (each.left_value, each.right_value) for each in found if each.day == DAY}
    assert of_day["orders_to_sales", "rows"] == (3, 3)
    assert of_day["orders_to_sales", "amount"] == (Decimal(63), Decimal(63))
    assert of_day["facts_to_daily", "revenue"] == (Decimal(63), Decimal(63))
    assert of_day["hop_rows", "facts_of_day"] == (6, 6)
    assert of_day["customers_erp_to_crm", "named_by_erp"] == (3, 3)


KEY = f"{DAY}-1"
DAMAGES: dict[str, tuple[str, list[Difference]]] = {
    "a row gone from silver": (
        f"delete from silver.orders where order_id = '{KEY}'",
        [
            ("bronze_to_silver_orders", "amount", DAY, Decimal(21), []),
            ("bronze_to_silver_orders", "rows", DAY, Decimal(1), [KEY]),
            ("silver_to_gold_orders", "amount", DAY, Decimal(-21), []),
            ("silver_to_gold_orders", "rows", DAY, Decimal(-1), [KEY]),
        ],
    ),
    "an amount changed in silver": (
        f"update silver.orders set total_amount = 22 where order_id = '{KEY}'",
        [
            ("bronze_to_silver_orders", "amount", DAY, Decimal(-1), [KEY]),
            ("silver_to_gold_orders", "amount", DAY, Decimal(1), [KEY]),
        ],
    ),
    "a sales line gone from silver": (
        f"delete from silver.sales where sales_id = '{KEY}'",
        [
            ("bronze_to_silver_sales", "amount", DAY, Decimal(21), []),
            ("bronze_to_silver_sales", "rows", DAY, Decimal(1), [KEY]),
            ("silver_to_gold_sales", "amount", DAY, Decimal(-21), []),
            ("silver_to_gold_sales", "rows", DAY, Decimal(-1), [KEY]),
        ],
    ),
    "an amount changed in a sales line": (
        f"update silver.sales set sale_amount = 20.99 where sales_id = '{KEY}'",
        [
            ("bronze_to_silver_sales", "amount", DAY, Decimal("0.01"), [KEY]),
            ("silver_to_gold_sales", "amount", DAY, Decimal("-0.01"), [KEY]),
        ],
    ),
    "a fact gone": (
        f"delete from gold.fact_orders where order_id = '{KEY}'",
        [
            ("silver_to_gold_orders", "amount", DAY, Decimal(21), []),
            ("silver_to_gold_orders", "rows", DAY, Decimal(1), [KEY]),
            ("facts_to_daily", "orders", DAY, Decimal(-1), []),
            ("facts_to_daily", "revenue", DAY, Decimal(-21), []),
            ("orders_to_sales", "amount", DAY, Decimal(-21), []),
            ("orders_to_sales", "rows", DAY, Decimal(-1), [f"sale {KEY}"]),
        ],
    ),
    "the amount of a sales fact changed": (
        f"update gold.fact_sales set sale_amount = 20 where sales_id = '{KEY}'",
        [
            ("silver_to_gold_sales", "amount", DAY, Decimal(1), [KEY]),
            ("facts_to_daily", "sales_amount", DAY, Decimal(-1), []),
            ("orders_to_sales", "amount", DAY, Decimal(1), [f"order {KEY}"]),
        ],
    ),
    "an aggregate changed": (
        f"update gold.agg_daily_sales set total_revenue = total_revenue + 0.5, sales_lines = 4 where date = '{DAY}'",
        [
            ("facts_to_daily", "revenue", DAY, Decimal("-0.5"), []),
            ("facts_to_daily", "sales_lines", DAY, Decimal(-1), []),
        ],
    ),
    "an aggregate gone": (
        f"delete from gold.agg_daily_sales where date = '{DAY}'",
        [
            ("facts_to_daily", "orders", DAY, Decimal(3), []),
            ("facts_to_daily", "revenue", DAY, Decimal(63), []),
            ("facts_to_daily", "sales_amount", DAY, Decimal(63), []),
            ("facts_to_daily", "sales_lines", DAY, Decimal(3), []),
        ],
    ),
    "a ledger that tells of a row more in bronze": (
        (
            "update meta.slice_ledger set rows_read = rows_read + 1, rows_written = rows_written + 1"
            f" where table_name = 'bronze.erp_orders' and slice = '{DAY}'"
        ),
        [("hop_rows", "erp_orders", DAY, Decimal(1), [])],
    ),
    "a ledger that tells of a fact less": (
        (
            "update meta.slice_ledger set rows_read = rows_read - 1, rows_written = rows_written - 1"
            f" where table_name = 'gold.fact_sales' and slice = '{DAY}'"
        ),
        [("hop_rows", "facts_of_day", DAY, Decimal(-1), [])],
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_difference_is_reported_where_it_is_and_nowhere_else(shop: House, damage: str) -> None:
    statement, expected = DAMAGES[damage]
    shop.execute(statement)
    assert differences(shop) == expected


def _order_without_sale(house: House) -> None:
    house.land("erp/orders", day(1), [order("lone", order_date=str(DAY), customer_id="C0", product_code="P0")])


def _sale_without_order(house: House) -> None:
    house.land("erp/sales", day(1), [sale("lone", sale_date=str(DAY), customer_id="", product_id="P0")])


def _another_amount(house: House) -> None:
    house.land("erp/sales", day(1), [sale(KEY, sale_date=str(DAY), customer_id="C1", product_id="P1", sale_amount="9")])


def _another_day(house: House) -> None:
    house.land("erp/orders", day(1), [order(KEY, order_date=str(BEFORE), customer_id="C1", product_code="P1")])


@pytest.mark.parametrize(
    ("landed", "expected"),
    [
        (
            _order_without_sale,
            [("amount", DAY, Decimal(21), []), ("rows", DAY, Decimal(1), ["order lone"])],
        ),
        (_sale_without_order, [("amount", DAY, Decimal(-21), []), ("rows", DAY, Decimal(-1), ["sale lone"])]),
        (_another_amount, [("amount", DAY, Decimal(12), [f"order {KEY}"])]),
        (
            _another_day,
            [
                ("amount", BEFORE, Decimal(21), []),
                ("amount", DAY, Decimal(-21), []),
                ("rows", BEFORE, Decimal(1), [f"order {KEY}"]),
                ("rows", DAY, Decimal(-1), [f"sale {KEY}"]),
            ],
        ),
    ],
    ids=["order without sale", "sale without order", "another amount", "another day"],
)
def test_orders_and_sales_that_differ_are_named_and_the_layers_agree(
    shop: House, landed: Callable[[House], None], expected: list[Difference]
) -> None:
    landed(shop)
    assert shop.update() == []
    assert differences(shop) == [("orders_to_sales", *told) for told in expected]


def test_one_missing_on_each_side_is_no_agreement(shop: House) -> None:
    _order_without_sale(shop)
    _sale_without_order(shop)
    assert shop.update() == []
    (rows,) = [found for found in compared(shop) if not found.agrees]
    assert (rows.difference, rows.differing_keys, rows.sample_keys) == (0, 2, ["order lone", "sale lone"])


def test_what_quarantine_keeps_is_explained_and_stays_so(shop: House) -> None:
    shop.land(
        "erp/orders",
        day(1),
        [
            order("odd", order_date=str(DAY), customer_id="C0", product_code="P0", status="LOST"),
            order("bad", quantity="x"),
        ],
    )
    shop.land("erp/sales", day(1), [sale("odd", sale_date=str(DAY), customer_id="C0", product_id="P0")])
    assert shop.update() == []
    assert [found for found in compared(shop, BEFORE, day(1)) if not found.agrees] == []
    told = {(each.check_id, each.measure, each.day): each.explained for each in compared(shop, BEFORE, day(1))}
    assert told["orders_to_sales", "rows", DAY] == -1
    assert told["orders_to_sales", "amount", DAY] == -21
    assert told["hop_rows", "erp_orders", day(1)] == told["bronze_to_silver_orders", "rows", day(1)] == 2
    assert told["bronze_to_silver_orders", "amount", day(1)] == 21
    # One that quarantine no longer holds is lost.
    shop.execute("update quarantine.orders set state = 'closed' where order_id = 'odd'")
    assert ("bronze_to_silver_orders", "rows", day(1), 0, ["odd"]) in [
        (each.check_id, each.measure, each.day, each.difference, each.sample_keys)
        for each in compared(shop, BEFORE, day(1))
        if not each.agrees
    ]


def test_a_last_day_that_silver_refused_is_compared_and_lost(shop: House) -> None:
    good = [order(f"G{n}", customer_id="C0", product_code="P0") for n in range(4)]
    shop.land("erp/orders", day(1), [*good, *(order(f"B{n}", quantity="x") for n in range(6))])
    (refusal,) = shop.with_settings(reject_limit=0.05).update()
    assert refusal.startswith("silver.orders")
    with shop.database.transaction(readonly=True) as cursor:
        days = span(cursor)
    assert days == (BEFORE, day(1))
    found = {(each.check_id, each.measure): each for each in compared(shop, day(1), day(1)) if not each.agrees}
    assert {check: each.difference for check, each in found.items() if each.must_agree} == {
        ("hop_rows", "erp_orders"): 10,
        ("bronze_to_silver_orders", "rows"): 10,
        ("bronze_to_silver_orders", "amount"): 84,
    }


def test_collapsed_corrected_and_deleted_rows_are_no_difference(shop: House) -> None:
    again = {"order_date": str(DAY), "customer_id": "C1", "product_code": "P1"}
    shop.land("erp/orders", day(1), [order(KEY, quantity="9", **again), order(KEY, **again)])
    shop.land("erp/orders", day(2), [order(f"{DAY}-2", order_date=str(DAY), is_deleted="true")])
    shop.land("erp/sales", day(2), [sale(f"{DAY}-2", sale_date=str(DAY), is_deleted="true")])
    assert shop.update() == []
    assert [found for found in compared(shop, BEFORE, day(2)) if not found.agrees] == []


def test_members_that_one_side_does_not_know_are_named(shop: House) -> None:
    shop.land("crm/accounts", DAY, [account("C8"), account("C9")])
    shop.land("erp/orders", day(1), [order("new", order_date=str(DAY), customer_id="C7", product_code="P7")])
    shop.land("erp/sales", day(1), [sale("new", sale_date=str(DAY), customer_id="C7", product_id="P7")])
    assert shop.update() == []
    assert differences(shop) == [
        ("customers_erp_to_crm", "named_by_erp", DAY, Decimal(1), ["C7"]),
        ("customers_erp_to_crm", "never_ordered", DAY, Decimal(2), ["C8", "C9"]),
        ("products_erp_to_master", "named_by_erp", DAY, Decimal(1), ["P7"]),
    ]


def test_keys_are_a_sample_and_their_number_is_exact(shop: House) -> None:
    shop.land("erp/orders", day(1), [order(f"N{n}", order_date=str(DAY), product_code="P0") for n in range(9)])
    assert shop.update() == []
    (rows,) = [found for found in compared(shop, DAY, DAY, "orders_to_sales") if found.measure == "rows"]
    assert (rows.differing_keys, rows.sample_keys) == (9, [f"order N{number}" for number in range(SAMPLE)])


def test_what_was_found_is_kept_until_it_is_found_otherwise(shop: House) -> None:
    shop.execute(DAMAGES["an aggregate changed"][0])
    checks = named_checks(())
    _keep(shop, compared(shop))
    stamp = "select check_id, measure, day, compared_at from meta.reconciliations order by 1, 2, 3"
    before = shop.fetch(stamp)
    with shop.database.transaction() as cursor:
        assert {(each.check_id, each.day) for each in differences_kept(cursor, [DAY])} == {("facts_to_daily", DAY)}
        assert differences_kept(cursor, [BEFORE]) == []
    shop.execute(f"update gold.agg_daily_sales set total_revenue = 63, sales_lines = 3 where date = '{DAY}'")
    _keep(shop, compared(shop))
    assert shop.value("select count(*) from meta.reconciliations where difference <> 0") == 0
    moved = {row[:3] for row in set(shop.fetch(stamp)) - set(before)}
    assert moved == {("facts_to_daily", "revenue", DAY), ("facts_to_daily", "sales_lines", DAY)}
    assert len(checks) == len(RECONCILIATIONS)


def _keep(house: House, found: list[Comparison]) -> None:
    with house.database.transaction() as cursor:
        keep(cursor, found, RECONCILIATIONS, BEFORE, DAY)


def test_a_check_that_is_not_known_is_named() -> None:
    with pytest.raises(SettingError, match=r"no reconciliation 'sums'\. Known are: hop_rows, "):
        named_checks(["sums"])
