from datetime import date

import pytest

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse import outbox
from metalayer_assets_tests.house import QUALITY, House
from metalayer_assets_tests.scenario import DAY, customer, day, order, sale
from metalayer_assets_tests.warehouse.contents import changed, slices

BRONZE, SILVER, FACTS, DAILY = "bronze.erp_orders", "silver.orders", "gold.fact_orders", "gold.agg_daily_sales"
CUSTOMERS, PRODUCTS = "gold.dim_customer", "gold.dim_product"


def march(number: int) -> date:
    return date(2024, 3, number)


@pytest.fixture
def three_days(house: House) -> House:
    """A warehouse with one order on each of three business days, arrived together, and one that arrived later."""
    house.land("erp/orders", DAY, [order(f"O{number}", order_date=f"2024-03-0{number}") for number in (1, 2, 3)])
    house.land("erp/orders", day(1), [order("O5", order_date="2024-03-05")])
    assert house.update() == []
    return house


def touched_by(arrival: date, *business_days: date) -> dict[str, list[date]]:
    """What orders of an arrival day touch: the dimensions' slices of the day, for whom they name, and facts."""
    return {CUSTOMERS: [arrival], PRODUCTS: [arrival], FACTS: [*business_days]}


def land_and_load(house: House, arrival: date, *orders: object) -> dict[str, list[date]]:
    """Land orders of an arrival day, bring them to silver; the outbox then."""
    house.land("erp/orders", arrival, orders)
    house.load("erp/orders", arrival)
    return house.touched()


def test_a_late_order_touches_exactly_its_business_day(three_days: House):
    touched = land_and_load(three_days, day(5), order("late", order_date="2023-06-01"))
    assert touched == touched_by(day(5), date(2023, 6, 1))
    # It names nobody new, so that the dimensions stay as they are and no fact is joined to another version.
    for dimension in (CUSTOMERS, PRODUCTS):
        assert three_days.write(dimension, day(5)).touched == {}
    assert three_days.touched() == {FACTS: [date(2023, 6, 1)]}
    assert three_days.update() == []
    assert three_days.fetch("select order_date from gold.fact_orders where order_id = 'late'") == [(date(2023, 6, 1),)]


def test_an_order_whose_date_is_corrected_touches_the_day_it_leaves_and_the_day_it_comes_to(three_days: House):
    touched = land_and_load(three_days, day(5), order("O2", order_date="2024-03-04"))
    assert touched == touched_by(day(5), march(2), march(4))
    three_days.write(FACTS, march(2), march(4))
    # The day that is empty now has changed as well as the day that is not.
    assert three_days.touched() == {CUSTOMERS: [day(5)], PRODUCTS: [day(5)], DAILY: [march(2), march(4)]}
    assert three_days.update() == []
    assert three_days.fetch("select date, total_orders from gold.agg_daily_sales order by 1") == [
        (march(1), 1),
        (march(3), 1),
        (march(4), 1),
        (march(5), 1),
    ]
    assert three_days.problems() == []


def test_a_deleted_order_touches_its_day_and_leaves_it(three_days: House):
    touched = land_and_load(three_days, day(5), order("O2", order_date="2024-03-02", is_deleted="true"))
    assert touched == touched_by(day(5), march(2))
    assert three_days.update() == []
    assert three_days.fetch("select order_id from gold.fact_orders order by 1") == [("O1",), ("O3",), ("O5",)]
    # Told again later, it is back.
    touched = land_and_load(three_days, day(6), order("O2", order_date="2024-03-02"))
    assert touched == touched_by(day(6), march(2))
    assert three_days.update() == []
    assert three_days.value("select count(*) from gold.fact_orders") == 4
    assert three_days.problems() == []


def test_a_telling_that_is_taken_back_gives_its_place_to_the_one_before(three_days: House):
    land_and_load(three_days, day(5), order("other"), order("O2", order_date="2024-03-04", quantity="9"))
    assert three_days.update() == []
    # The extract comes again without the order: what was told first is the latest again, on its old day.
    assert land_and_load(three_days, day(5), order("other")) == touched_by(day(5), march(2), march(4))
    assert three_days.update() == []
    assert three_days.fetch("select order_date, quantity from gold.fact_orders where order_id = 'O2'") == [
        (march(2), 2)
    ]
    assert three_days.problems() == []


def tell(house: House, arrival: date, **told: str) -> dict[str, list[date]]:
    """Land what is told of the customer of all orders, bring it to the dimension; what that write touches."""
    house.land("crm/customers", arrival, [customer(**told)])
    house.load("crm/customers", arrival)
    assert house.touched() == {CUSTOMERS: [arrival]}
    touched = house.write(CUSTOMERS, arrival).touched
    assert house.touched() == touched
    return {table: list(days) for table, days in touched.items()}


def test_a_customer_who_comes_after_their_orders_touches_the_days_of_the_orders(three_days: House):
    three_days.land("erp/sales", DAY, [sale(sale_date="2024-03-04"), sale("S2", customer_id="C2")])
    assert three_days.update() == []
    before = slices(three_days)
    touched = tell(three_days, day(5), updated_at="2024-03-03")
    # Before anything was known of the customer counts as well: it is the first version that they join.
    assert touched == {FACTS: [march(1), march(2), march(3), march(5)], "gold.fact_sales": [march(4)]}
    assert three_days.update() == []
    assert changed(before, slices(three_days)) == {
        "bronze.crm_customers": [day(5)],
        "silver.customers": [day(5)],
        # Its inferred member leaves the day that named the customer first.
        CUSTOMERS: [DAY, day(5)],
        **touched,
    }
    assert three_days.problems() == []


def test_a_late_change_of_a_customer_touches_exactly_the_days_whose_facts_join_another_version(three_days: House):
    assert three_days.update() == []
    tell(three_days, day(5), updated_at="2024-02-01")
    assert three_days.update() == []
    # From the moment that a change is of, the days that begin after it.
    assert tell(three_days, day(6), city="Troy", updated_at="2024-03-02T10:00:00Z") == {FACTS: [march(3), march(5)]}
    assert three_days.update() == []
    before = slices(three_days)
    # Told last, and of the time between: what came after it stays.
    assert tell(three_days, day(7), city="Rome", updated_at="2024-03-02T00:00:00Z") == {FACTS: [march(2)]}
    assert three_days.update() == []
    assert changed(before, slices(three_days)) == {
        "bronze.crm_customers": [day(7)],
        "silver.customers": [day(7)],
        # What stood before it ends earlier; what stands after it is numbered anew, and says what it said.
        CUSTOMERS: [day(5), day(7)],
        FACTS: [march(2)],
    }
    # What is told again changes nobody, and what is told of days without facts touches none.
    assert tell(three_days, day(8), city="Troy", updated_at="2024-03-04") == {}
    assert tell(three_days, day(9), city="Oslo", updated_at="2024-03-06") == {}
    assert three_days.fetch(
        "select order_id, city from gold.fact_orders join gold.dim_customer using (customer_key) order by 1"
    ) == [("O1", "Albany"), ("O2", "Rome"), ("O3", "Troy"), ("O5", "Troy")]
    assert three_days.problems() == []


def test_a_day_that_lands_again_touches_only_the_days_of_the_rows_that_differ(house: House):
    many = [order(f"O{number:02}", order_date=f"2024-02-{1 + number % 28:02}") for number in range(56)]
    house.land("erp/orders", DAY, many)
    assert house.update() == []
    changed = list(many)
    changed[3] = order("O03", order_date="2024-02-04", quantity="7")
    changed[10] = order("O10", order_date="2024-02-20")
    changed[55] = order("O55", order_date="2024-02-28", quantity="x")
    house.land("erp/orders", DAY, changed)
    house.load("erp/orders", DAY)
    february = [date(2024, 2, number) for number in (4, 11, 20, 28)]
    assert house.touched() == touched_by(DAY, *february)
    before = {row[0]: row[1:] for row in house.fetch("select order_id, ctid, xmin, order_date from gold.fact_orders")}
    assert house.update() == []
    after = {row[0]: row[1:] for row in house.fetch("select order_id, ctid, xmin, order_date from gold.fact_orders")}
    moved = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert {before[key][2] for key in moved} == set(february)
    assert house.problems() == []


def test_only_tables_below_and_only_rows_that_mattered_are_touched(house: House):
    house.land("erp/orders", DAY, [order("O1"), order("O1", quantity="3"), order("bad", quantity="0")])
    house.land("crm/customers", DAY, [customer()])
    house.write(BRONZE, DAY)
    house.write("bronze.crm_customers", DAY)
    assert house.touched() == {SILVER: [DAY], "silver.customers": [DAY]}
    house.write("silver.customers", DAY)
    assert house.touched() == {SILVER: [DAY], CUSTOMERS: [DAY]}
    house.write(SILVER, DAY)
    # Neither the collapsed nor the rejected row is anywhere below.
    assert house.touched() == touched_by(DAY, march(9))
    # A rejected row that changes is a change of the quarantine, not of gold.
    house.update()
    house.land("erp/orders", DAY, [order("O1"), order("O1", quantity="3"), order("bad", quantity="none")])
    assert house.load("erp/orders", DAY).published == {DAY}
    assert house.touched() == {}


def test_a_day_that_two_tables_touch_is_written_once_for_both(house: House):
    house.land("erp/orders", DAY, [order()])
    house.land("erp/sales", DAY, [sale()])
    house.load("erp/orders", DAY)
    house.load("erp/sales", DAY)
    house.write(FACTS, march(9))
    house.write("gold.fact_sales", march(9))
    assert house.value("select count(*) from meta.touched_slices where table_name = 'gold.agg_daily_sales'") == 2
    assert house.touched() == {CUSTOMERS: [DAY], PRODUCTS: [DAY], DAILY: [march(9)]}
    house.write(DAILY, march(9))
    # Both name members of an arrival day, and the dimensions' slice is written once for both as well.
    members = "select count(*) from meta.touched_slices where table_name like 'gold.dim%%'"
    assert house.value(members) == 4
    house.write(CUSTOMERS, DAY)
    house.write(PRODUCTS, DAY)
    assert house.touched() == {}


def test_entries_go_with_the_write_that_takes_them_in_and_stay_when_it_fails(three_days: House):
    land_and_load(three_days, day(5), order("O2", order_date="2024-03-04"))
    pending = touched_by(day(5), march(2), march(4))
    with three_days.database.transaction() as cursor:
        outbox.consume(cursor, FACTS, [march(2), march(4)])
        pending_still = outbox.pending(cursor)
        assert {table: pending_still[table] for table in pending_still.keys() - QUALITY} == {
            CUSTOMERS: [day(5)],
            PRODUCTS: [day(5)],
        }
        # Nobody else sees it before the commit.
        assert three_days.touched() == pending
        cursor.connection.rollback()
    assert three_days.touched() == pending
    three_days.write(FACTS, march(2))
    assert three_days.touched() == {**touched_by(day(5), march(4)), DAILY: [march(2)]}


def test_an_unchanged_slice_takes_its_entries_in_and_touches_nothing(three_days: House):
    three_days.execute("insert into meta.touched_slices values ('gold.fact_orders', '2024-03-02', 999)")
    assert three_days.write(FACTS, march(2)).published == frozenset()
    assert three_days.touched() == {}


def test_the_outbox_tells_what_is_pending_and_the_latest_cause(three_days: House):
    three_days.execute(
        "insert into meta.touched_slices"
        " values ('gold.fact_orders', '2024-03-02', 7), ('silver.sales', '2024-03-10', 3),"
        " ('gold.fact_orders', '2024-03-01', 8), ('gold.fact_orders', '2024-03-02', 9)"
    )
    with three_days.database.transaction(readonly=True) as cursor:
        assert outbox.pending(cursor) == {FACTS: [march(1), march(2)], "silver.sales": [DAY]}
        assert outbox.latest_causes(cursor) == {FACTS: 9, "silver.sales": 3}


def test_rows_matter_where_a_reader_is_sliced_by_another_column():
    needing = {contract.name for contract in CATALOG.assets() if outbox.needs_rows(contract, replacing=False)}
    assert needing == {"silver.orders", "silver.sales"}


def test_rows_that_go_matter_to_a_dimension_whose_history_they_told():
    needing = {contract.name for contract in CATALOG.assets() if outbox.needs_rows(contract, replacing=True)}
    assert needing == {"silver.orders", "silver.sales", "silver.customers", "silver.accounts", "silver.products"}
