"""What the models of the gold tables say of orders and sales, in numbers that can be checked by hand."""

from datetime import date
from decimal import Decimal

import pytest

from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, customer, day, order, product, sale

BUSINESS_DAY = date(2024, 3, 9)
# Where a customer lived, by the moment of the move.
MOVES = {"Albany": "2024-03-01T00:00:00Z", "Troy": "2024-03-02T12:00:00Z", "Utica": "2024-03-05T00:00:00Z"}


def test_a_day_of_orders_is_summed_by_status(house: House):
    house.land(
        "erp/orders",
        DAY,
        [
            order("O1", quantity="3", price_per_unit="10.00", status="paid", customer_id="C1"),
            order("O2", quantity="1", price_per_unit="0.05", status="shipped", customer_id="C2"),
            order("O3", quantity="2", price_per_unit="7.00", status="pending", customer_id="C1"),
            order("O4", quantity="-1", price_per_unit="4.00", status="cancelled", customer_id="C3"),
            order("O5", quantity="1", price_per_unit="6.00", status="cancelled", customer_id=""),
            order("O6", quantity="-2", price_per_unit="1.00", status="returned", customer_id=""),
        ],
    )
    assert house.update() == []
    assert house.fetch(
        "select total_orders, total_revenue, cancelled_amount, net_revenue, avg_order_value, unique_customers,"
        " total_quantity, sales_lines, sales_amount from gold.agg_daily_sales"
    ) == [
        (
            6,
            Decimal("30.05"),
            # Signed as told: -4 and 6 cancelled, -2 returned; of these, what is negative is taken back.
            Decimal("0.00"),
            Decimal("24.05"),
            Decimal("15.0250"),
            3,
            4,
            0,
            Decimal(0),
        )
    ]


def test_days_with_orders_only_sales_only_both_and_neither(house: House):
    house.land("erp/orders", DAY, [order("O1", order_date="2024-03-01"), order("O2", order_date="2024-03-03")])
    house.land(
        "erp/sales", DAY, [sale("S1", sale_date="2024-03-02"), *(sale(f"S{n}", sale_date="2024-03-03") for n in (2, 3))]
    )
    assert house.update() == []
    assert house.fetch(
        "select date, total_orders, total_revenue, avg_order_value, sales_lines, sales_amount from gold.agg_daily_sales"
        " order by date"
    ) == [
        (date(2024, 3, 1), 1, Decimal("21.00"), Decimal("21.0000"), 0, Decimal(0)),
        (date(2024, 3, 2), 0, Decimal(0), None, 1, Decimal("21.00")),
        (date(2024, 3, 3), 1, Decimal("21.00"), Decimal("21.0000"), 2, Decimal("42.00")),
    ]
    assert house.problems() == []


def test_a_day_without_revenue_has_no_mean_and_no_revenue(house: House):
    house.land("erp/orders", DAY, [order(status="pending")])
    assert house.update() == []
    assert house.fetch("select total_orders, total_revenue, avg_order_value from gold.agg_daily_sales") == [
        (1, 0, None)
    ]


@pytest.mark.parametrize(
    ("dataset", "table", "row"), [("erp/orders", "fact_orders", order), ("erp/sales", "fact_sales", sale)]
)
def test_keys_are_stable_and_the_unknown_customer_is_one(house: House, dataset: str, table: str, row: type):
    house.land(dataset, DAY, [row("X1", customer_id=""), row("X2", customer_id="C1"), row("X3", customer_id=" C1 ")])
    house.land(dataset, day(1), [row("X4", customer_id="C2")])
    assert house.update() == []
    keys = dict(house.fetch(f"select source_line, customer_key from gold.{table} where arrival_day = %(day)s", day=DAY))
    assert keys[2] == 0
    # Of a member that no source tells of, the version that is valid since ever: 1900, in microseconds from 1970.
    assert keys[3] == keys[4] == house.value("select hashtextextended('C1', -2208988800000000)")
    assert house.value(f"select count(distinct customer_key) from gold.{table}") == 3
    assert house.value(f"select count(distinct product_key) from gold.{table}") == 1
    assert house.fetch("select customer_id, customer_key, is_inferred, version from gold.dim_customer order by 1") == [
        ("C1", keys[3], True, 1),
        ("C2", house.value(f"select customer_key from gold.{table} where customer_id = 'C2'"), True, 1),
    ]
    assert house.fetch("select product_code, product_key from gold.dim_product") == [
        ("P1", house.value(f"select min(product_key) from gold.{table}"))
    ]


@pytest.mark.parametrize(
    ("dataset", "table", "row", "told_at"),
    [("erp/orders", "fact_orders", order, "order_date"), ("erp/sales", "fact_sales", sale, "sale_date")],
)
def test_a_fact_carries_the_key_of_the_version_that_was_valid_on_its_business_day(
    house: House, dataset: str, table: str, row: type, told_at: str
):
    house.land("crm/customers", DAY, [customer(city=city, updated_at=moment) for city, moment in MOVES.items()])
    house.land("erp/products", DAY, [product(unit_cost="4"), product(unit_cost="5", updated_at="2024-03-06")])
    business_days = ["2023-01-01", "2024-03-01", "2024-03-02", "2024-03-04", "2024-03-05", "2024-03-06", "2024-03-10"]
    house.land(dataset, DAY, [row(f"X{number}", **{told_at: told}) for number, told in enumerate(business_days)])
    assert house.update() == []
    joined = house.fetch(
        f"select fact.{told_at}::text, customer.city, product.unit_cost from gold.{table} as fact"
        " join gold.dim_customer as customer using (customer_key) join gold.dim_product as product using (product_key)"
        " order by 1"
    )
    assert joined == [
        # Before anything was known of a member, its first version.
        ("2023-01-01", "Albany", Decimal(5)),
        ("2024-03-01", "Albany", Decimal(5)),
        # A move within a day counts from the next day on.
        ("2024-03-02", "Albany", Decimal(5)),
        ("2024-03-04", "Troy", Decimal(5)),
        ("2024-03-05", "Utica", Decimal(5)),
        ("2024-03-06", "Utica", Decimal(5)),
        ("2024-03-10", "Utica", Decimal(4)),
    ]
    # The key of a version is made of whose it is and of when it began, in microseconds from 1970.
    assert house.fetch("select customer_key from gold.dim_customer order by version") == house.fetch(
        "select hashtextextended('C1', (extract(epoch from moment) * 1000000)::bigint)"
        " from unnest(%(moments)s::timestamptz[]) as moment order by moment",
        moments=list(MOVES.values()),
    )


def test_the_telling_that_arrived_last_stands_whatever_its_content(house: House):
    house.land("erp/orders", day(2), [order("O1", quantity="5", order_date="2024-03-11")])
    house.land("erp/orders", DAY, [order("O1", quantity="9")])
    house.land("erp/orders", day(1), [order("O1", quantity="7", is_deleted="true"), order("O2")])
    house.land("erp/sales", day(1), [sale(quantity="7", sale_amount="1")])
    house.land("erp/sales", day(2), [sale(is_deleted="1")])
    assert house.update() == []
    assert house.fetch("select order_id, quantity, order_date from gold.fact_orders order by 1") == [
        ("O1", 5, date(2024, 3, 11)),
        ("O2", 2, BUSINESS_DAY),
    ]
    assert house.fetch("select * from gold.fact_sales") == []
    assert house.fetch(
        "select rows_read, rows_written, rows_collapsed from meta.slice_ledger"
        " where table_name = 'gold.fact_orders' and slice = '2024-03-09'"
    ) == [(3, 1, 2)]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        # An ISO week of the year before, a leap day, the last of a year that belongs to the first week of the next.
        ("2023-01-01", (20230101, 7, "Sunday", 1, 1, 52, 2022, 1, "January", 1, 2023, True, False, True)),
        ("2024-02-29", (20240229, 4, "Thursday", 29, 60, 9, 2024, 2, "February", 1, 2024, False, True, False)),
        ("2024-12-31", (20241231, 2, "Tuesday", 31, 366, 1, 2025, 12, "December", 4, 2024, False, True, False)),
        ("2024-12-25", (20241225, 3, "Wednesday", 25, 360, 52, 2024, 12, "December", 4, 2024, False, False, True)),
    ],
)
def test_the_calendar_knows_its_days(house: House, told: str, expected: tuple[object, ...]):
    house.write("gold.dim_date", date.fromisoformat(told[:4] + "-01-01"))
    assert house.fetch(
        "select date_key, day_of_week, day_name, day_of_month, day_of_year, iso_week, iso_year, month, month_name,"
        " quarter, year, is_weekend, is_month_end, is_holiday from gold.dim_date where date = %(day)s",
        day=told,
    ) == [expected]


def test_a_year_has_every_day_once(house: House):
    house.write("gold.dim_date", *(date(year, 1, 1) for year in (1900, 2000, 2023, 2024)))
    assert house.fetch(
        "select year, count(*), count(distinct date), min(date), max(date) from gold.dim_date group by 1 order by 1"
    ) == [
        (year, days, days, date(year, 1, 1), date(year, 12, 31))
        for year, days in ((1900, 365), (2000, 366), (2023, 365), (2024, 366))
    ]
