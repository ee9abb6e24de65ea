from datetime import date

import pytest

from metalayer_assets.contracts import Grain
from metalayer_assets.warehouse import plan
from metalayer_assets.warehouse.landing import scan
from metalayer_assets.warehouse.plan import Scope, Work
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, START, account, day, order, sale

ORDERS = ("bronze.erp_orders", "silver.orders")
SALES = ("bronze.erp_sales", "silver.sales")
FACTS, DAILY, CALENDAR = "gold.fact_orders", "gold.agg_daily_sales", "gold.dim_date"
AUDIT, SUMMARY = "meta.data_quality_audit", "silver.data_quality_summary"
DIMENSIONS = ("gold.dim_customer", "gold.dim_product")
BUSINESS_DAY = date(2024, 3, 9)


def days(work: list[Work]) -> list[tuple[tuple[str, ...], date, date, int]]:
    """The works, each as tables, first and last slice, and slices that need it."""
    return [(item.tables, item.first, item.last, item.slices) for item in work]


@pytest.fixture
def loaded(house: House) -> House:
    """A warehouse with an order on each of five arrival days, the middle one without files."""
    for number in (0, 1, 3, 4):
        house.land("erp/orders", day(number), [order(f"O{number}", order_date=f"2024-03-{9 + number:02}")])
    assert house.update() == []
    return house


def test_an_empty_landing_folder_gives_nothing_to_do(house: House):
    assert house.plan() == []
    with house.database.transaction(readonly=True) as cursor:
        assert plan.waiting(cursor, house.settings, scan(house.settings)) == {}


def test_what_is_up_to_date_needs_nothing(loaded: House):
    assert loaded.plan() == []
    with loaded.database.transaction(readonly=True) as cursor:
        assert plan.waiting(cursor, loaded.settings, scan(loaded.settings)) == {}


def test_new_files_are_loaded_and_judged_as_one_range(house: House):
    for number in (0, 2):
        house.land("erp/orders", day(number), [order()])
        house.land("erp/sales", day(number), [sale()])
    house.land("crm/accounts", day(1), [account()])
    (work,) = house.plan()
    assert (work.first, work.last, work.grain) == (day(0), day(2), Grain.DAY)
    assert set(work.tables) == {*ORDERS, *SALES, "bronze.crm_accounts", "silver.accounts"}
    assert work.slices == 5
    position = {table: number for number, table in enumerate(work.tables)}
    assert all(position[bronze] < position[silver] for bronze, silver in (ORDERS, SALES))


def test_passes_follow_the_graph(house: House):
    house.land("erp/orders", DAY, [order()])
    seen = []
    while works := house.plan():
        seen.append({table for work in works for table in work.tables})
        house.update(passes=1)
    # An order names members, so that facts wait for the dimensions that they are joined to; what the audits of all of
    # them counted is added up last.
    assert seen == [set(ORDERS), {*DIMENSIONS, CALENDAR}, {FACTS}, {DAILY}, {AUDIT}, {SUMMARY}]


def test_a_changed_file_is_loaded_without_its_neighbours(loaded: House):
    loaded.land("erp/orders", day(1), [order("O1", quantity="9")])
    assert days(loaded.plan()) == [(ORDERS, day(1), day(1), 1)]
    loaded.land("erp/orders", day(3), [order("O3", quantity="9")])
    # The day between had no files, but stands: its slice was written with no rows.
    assert days(loaded.plan()) == [(ORDERS, day(1), day(1), 1), (ORDERS, day(3), day(3), 1)]
    loaded.land("erp/orders", day(4), [order("O4", quantity="9")])
    assert days(loaded.plan()) == [(ORDERS, day(1), day(1), 1), (ORDERS, day(3), day(4), 2)]


def test_a_file_that_is_new_on_a_day_that_stands_is_seen(loaded: House):
    loaded.land("erp/orders", day(1), [order("more")], name="part-1.csv")
    assert days(loaded.plan()) == [(ORDERS, day(1), day(1), 1)]
    assert loaded.update() == []
    assert loaded.value("select count(*) from gold.fact_orders") == 5


@pytest.mark.parametrize("name", ["a.csv", "b.csv"])
def test_a_file_that_has_vanished_changes_nothing(house: House, name: str):
    house.land("erp/orders", DAY, [order("O1")], name="a.csv")
    house.land("erp/orders", DAY, [order("O2")], name="b.csv")
    assert house.update() == []
    before = house.state(ledger=True)
    house.unland("erp/orders", DAY, name=name)
    assert house.plan() == []
    assert house.update() == []
    assert house.state(ledger=True) == before
    assert house.problems() == []


def test_a_day_whose_files_have_vanished_is_not_emptied_because_its_neighbours_change(loaded: House):
    loaded.unland("erp/orders", day(1))
    for number in (0, 3):
        loaded.land("erp/orders", day(number), [order(f"O{number}", order_date="2024-03-09", quantity="9")])
    assert [(work.first, work.last) for work in loaded.plan()] == [(day(0), day(0)), (day(3), day(3))]
    assert loaded.update(allow_shrink=True) == []
    assert loaded.fetch("select order_id, quantity from gold.fact_orders order by 1") == [
        ("O0", 9),
        ("O1", 2),
        ("O3", 9),
        ("O4", 2),
    ]
    assert loaded.problems() == []


def test_a_landing_folder_that_is_emptied_in_due_time_changes_nothing(loaded: House):
    before = loaded.state(ledger=True)
    for number in (0, 1, 3, 4):
        loaded.unland("erp/orders", day(number))
    assert loaded.update() == []
    assert loaded.state(ledger=True) == before
    loaded.land("erp/orders", day(9), [order("O9")])
    assert loaded.update() == []
    assert loaded.value("select count(*) from gold.fact_orders") == 5


def test_short_gaps_are_written_along_and_long_ones_are_not(house: House):
    house.land("erp/orders", START, [order(order_date="2023-01-01")])
    house.land("erp/orders", day(0), [order("O2")])
    house.land("erp/orders", day(20), [order("O3", order_date="2024-03-30")])
    assert [(work.first, work.last, work.slices) for work in house.plan()] == [(START, START, 1), (day(0), day(20), 2)]
    assert house.update() == []
    written = house.value("select count(*) from meta.slice_ledger where table_name = 'silver.orders'")
    assert written == 1 + 21
    assert house.value("select count(*) from meta.slice_ledger where table_name = 'gold.fact_orders'") == 1 + 22
    assert house.problems() == []


def test_a_refused_slice_is_not_tried_again_and_keeps_no_other_back(house: House):
    house.land("erp/orders", day(0), [order("O0", order_date="2024-03-01")])
    house.land("erp/orders", day(1), "no header that anyone knows\n1\n")
    house.land("erp/orders", day(2), [order("O2", order_date="2024-03-02")])
    scope = Scope()
    (refusal,) = house.update(scope)
    assert "2024-03-11" in refusal
    assert scope.refused == {("bronze.erp_orders", day(1))}
    assert house.plan(scope) == []
    assert house.value("select count(*) from gold.agg_daily_sales") == 2
    # A later run tries it once more, and says so once more.
    assert [(work.first, work.last) for work in house.plan()] == [(day(1), day(1))]
    assert len(house.update()) == 1


def test_a_refused_slice_that_never_stood_is_not_written_as_a_gap(house: House):
    scope = Scope(refused={(FACTS, date(2024, 3, 5))})
    house.land("erp/orders", DAY, [order(f"O{n}", order_date=f"2024-03-0{n}") for n in (4, 5, 6)])
    assert house.update(scope) == []
    # Told again with each pass, the range over the refused slice would never come to an end.
    assert house.fetch("select order_id from gold.fact_orders order by 1") == [("O4",), ("O6",)]
    assert house.touched() == {FACTS: [date(2024, 3, 5)]}
    assert house.update() == []
    assert house.value("select count(*) from gold.fact_orders") == 3


def test_a_scope_of_tables_leaves_the_others_to_wait(house: House):
    house.land("erp/orders", DAY, [order()])
    house.land("erp/sales", DAY, [sale()])
    assert days(house.plan(Scope(tables=frozenset({"bronze.erp_orders"})))) == [(("bronze.erp_orders",), DAY, DAY, 1)]
    assert house.update(Scope(tables=frozenset({"bronze.erp_orders"}))) == []
    assert house.touched() == {"silver.orders": [DAY]}
    assert house.update(Scope(tables=frozenset({"gold.fact_orders", "silver.sales"}))) == []
    assert house.touched() == {"silver.orders": [DAY]}
    assert house.update() == []
    assert house.problems() == []
    assert house.value("select count(*) from gold.fact_sales") == 1


def test_a_scope_of_days_leaves_the_others_to_wait(house: House):
    for number in range(3):
        house.land("erp/orders", day(number), [order(f"O{number}", order_date="2024-03-10")])
    scope = Scope(first=day(1), last=day(1))
    assert [(work.first, work.last) for work in house.plan(scope)] == [(day(1), day(1))]
    assert house.update(scope) == []
    # The business day lies outside, so it waits too.
    assert house.touched() == {FACTS: [date(2024, 3, 10)]}
    assert house.update(Scope(last=day(0))) == []
    assert house.fetch("select order_id from gold.fact_orders order by 1") == [("O0",), ("O1",)]
    assert house.update() == []
    assert house.value("select count(*) from gold.fact_orders") == 3


def test_a_year_is_in_scope_when_a_day_of_it_is(house: House):
    house.land("erp/orders", DAY, [order()])
    house.write("bronze.erp_orders", DAY)
    scope = Scope(first=DAY, last=day(3), tables=frozenset({CALENDAR}))
    assert days(house.plan(scope)) == [((CALENDAR,), date(2024, 1, 1), date(2024, 1, 1), 1)]


def test_the_calendar_runs_from_the_first_day_to_the_last_that_a_landed_row_may_be_of(house: House):
    house.land("erp/orders", date(2024, 12, 30), [order(order_date="2024-12-30")])
    assert house.update() == []
    assert house.fetch("select year, count(*) from gold.dim_date group by 1 order by 1") == [(2023, 365), (2024, 366)]
    # An order of the next day may come with the last day of the year.
    house.land("erp/orders", date(2024, 12, 31), [order(order_date="2024-12-30")])
    assert house.update() == []
    assert house.value("select max(date) from gold.dim_date") == date(2025, 12, 31)
    assert house.plan() == []


def test_the_calendar_does_not_depend_on_what_was_once_told(house: House):
    house.land("erp/orders", DAY, [order(order_date="2023-05-05")])
    assert house.update() == []
    house.land("erp/orders", DAY, [order()])
    assert house.update() == []
    assert house.fetch("select distinct year from gold.dim_date order by 1") == [(2023,), (2024,)]


def test_slices_that_other_code_wrote_are_restated_in_the_order_of_the_graph(loaded: House):
    loaded.execute(
        "update meta.slice_ledger set code_version = 'old' where table_name in ('silver.orders', %(t)s)", t=FACTS
    )
    first = loaded.plan()
    assert {table for work in first for table in work.tables} == {"silver.orders"}
    assert sum(work.slices for work in first) == loaded.value(
        "select count(distinct slice) from meta.slice_ledger where table_name = 'silver.orders'"
    )
    with loaded.database.transaction(readonly=True) as cursor:
        assert plan.waiting(cursor, loaded.settings, scan(loaded.settings)) == {"silver.orders": 5, FACTS: 5}
    assert loaded.update() == []
    # The rows are the same, so nothing below had to follow.
    assert loaded.fetch(
        "select distinct status from meta.slice_ledger where code_version <> 'old' and table_name = %(t)s", t=FACTS
    ) == [("unchanged",)]
    assert loaded.plan() == []


def test_slices_from_before_a_calendar_that_begins_later_are_left_alone(loaded: House):
    later = loaded.with_settings(start_date=day(2))
    # Each slice of silver is outdated, since its rules depend on the first day.
    assert [(work.first, work.last) for work in later.plan()] == [(day(2), day(4))]
    assert later.update() == []
    assert later.plan() == []
    with later.database.transaction(readonly=True) as cursor:
        assert plan.waiting(cursor, later.settings, scan(later.settings)) == {}
    assert later.value("select count(*) from silver.orders where arrival_day < %(first)s", first=day(2)) == 2


def test_a_digest_of_the_causes_changes_with_the_causes(loaded: House):
    def causes() -> tuple[str, str]:
        with loaded.database.transaction(readonly=True) as cursor:
            return (
                plan.landed_work(cursor, scan(loaded.settings), Scope())[1],
                plan.derived_work(cursor, loaded.settings, Scope())[1],
            )

    quiet = causes()
    assert quiet == causes()
    loaded.land("erp/orders", day(0), [order("O0", quantity="8")])
    landed = causes()
    assert landed[0] != quiet[0]
    loaded.load("erp/orders", day(0))
    touched = causes()
    assert touched[0] == quiet[0]
    assert touched[1] not in {quiet[1], landed[1]}
    loaded.land("erp/orders", day(0), [order("O0", quantity="7")])
    assert causes()[0] not in {quiet[0], landed[0]}
