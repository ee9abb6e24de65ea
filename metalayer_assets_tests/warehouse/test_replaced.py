from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg2.errors import RaiseException

from metalayer_assets.contracts import CATALOG
from metalayer_assets.contracts.replaced import pasts_of
from metalayer_assets.warehouse import ddl, outbox, replaced
from metalayer_assets.warehouse.as_of import PastUnknown, Point
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.differences import between
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, customer, day, order, orders
from metalayer_assets_tests.warehouse.recorded import RecordedHouse

SILVER, FACTS, DAILY = "silver.orders", "gold.fact_orders", "gold.agg_daily_sales"
BUSINESS_DAY = date(2024, 3, 9)
HISTORIES = [name for name in CATALOG if name.startswith("history.")]


def kept(house: House) -> dict[str, int]:
    """Rows in each history table that has any."""
    counted = " union all ".join(f"select '{name}', count(*) from {name}" for name in HISTORIES)
    return {name: rows for name, rows in house.fetch(counted) if rows}


def told(house: House, history: str, columns: str) -> list[tuple[Any, ...]]:
    """Changes that a history table holds, in order."""
    return house.fetch(f"select _change, {columns} from {history} order by _write_id, 2, 1 desc")


def test_first_rows_and_unchanged_slices_leave_nothing_behind(house: House):
    house.land("erp/orders", DAY, [*orders(3), order("O9", quantity="two")])
    house.land("erp/orders", day(1), orders(2))
    assert house.update() == []
    for table, days in (("bronze.erp_orders", [DAY, day(1)]), (SILVER, [DAY, day(1)]), (FACTS, [BUSINESS_DAY])):
        assert house.write(table, *days).published == frozenset()
    assert kept(house) == {}


def test_of_a_changed_slice_exactly_the_rows_that_differ_are_kept(house: House):
    house.land("erp/orders", DAY, [order("O1"), order("O2"), order("O3")])
    house.land("erp/orders", day(1), [order("O5")])
    assert house.update() == []
    house.land("erp/orders", DAY, [order("O1"), order("O2", quantity="7"), order("O4")])
    assert house.update() == []
    for history in ("history.orders", "history.fact_orders"):
        assert told(house, history, "order_id, quantity, source_line") == [
            ("removed", "O2", 2, 3),
            ("added", "O2", 7, 3),
            ("removed", "O3", 2, 4),
            ("added", "O4", 2, 4),
        ]
    assert told(house, "history.agg_daily_sales", "date, total_quantity") == [
        ("removed", BUSINESS_DAY, 8),
        ("added", BUSINESS_DAY, 13),
    ]
    assert house.fetch("select distinct _slice from history.orders") == [(DAY,)]
    assert house.problems() == []


def test_a_slice_that_stood_empty_begins_with_its_first_rows(house: House):
    house.land("erp/orders", DAY, [])
    house.load("erp/orders", DAY, day(1))
    house.write(FACTS, BUSINESS_DAY)
    house.land("erp/orders", DAY, [order()])
    assert house.update() == []
    assert kept(house) == {}


def test_rows_that_were_all_kept_out_at_first_are_where_they_were_at_any_time(house: RecordedHouse):
    house.land("erp/orders", DAY, [order("O1", quantity="two")])
    assert house.update() == []
    house.land("erp/orders", DAY, [order("O1"), order("O2", quantity="two")])
    assert house.update() == []
    assert "history.orders" not in kept(house)
    assert told(house, "history.quarantine_orders", "order_id, source_line") == [
        ("removed", "O1", 2),
        ("added", "O2", 3),
    ]
    first, second = (copy.write_id for copy in house.copies[SILVER])
    table, quarantine = pasts_of(CATALOG[SILVER], CATALOG)
    assert house.rows(table, f"history.orders_at_write({first})") == {}
    assert len(house.rows(table, f"history.orders_at_write({second})")) == 1
    for copy in house.copies[quarantine.table.name]:
        assert house.rows(quarantine, f"history.quarantine_orders_at_write({copy.write_id})") == copy.rows


def test_a_row_that_another_of_its_key_now_stands_for_is_removed(house: House):
    house.land("erp/orders", DAY, [order("O1")])
    assert house.update() == []
    house.land("erp/orders", DAY, [order("O1"), order("O1", quantity="3")])
    assert house.update() == []
    assert told(house, "history.orders", "order_id, quantity") == [("removed", "O1", 2), ("added", "O1", 3)]


def test_a_version_that_a_later_day_ends_is_kept_as_it_was(house: RecordedHouse):
    for number, city in enumerate(("Albany", "Troy")):
        house.land("crm/customers", day(number), [customer(city=city)])
        assert house.update() == []
    # The version that the second day opened is the first row of that day's slice.
    assert told(house, "history.dim_customer", "valid_from, valid_to, city") == [
        ("removed", datetime(2024, 3, 10, tzinfo=UTC), None, "Albany"),
        ("added", datetime(2024, 3, 10, tzinfo=UTC), datetime(2024, 3, 11, tzinfo=UTC), "Albany"),
    ]
    (past,) = pasts_of(CATALOG["gold.dim_customer"], CATALOG)
    for copy in house.copies["gold.dim_customer"]:
        assert house.rows(past, f"history.dim_customer_at_write({copy.write_id})") == copy.rows
    assert house.problems() == []


def test_a_slice_that_was_emptied_and_filled_again_keeps_both(house: House):
    for rows in ([order("O1")], [], [order("O1")]):
        house.land("erp/orders", DAY, rows)
        assert house.update(allow_shrink=True) == []
    for history in ("history.erp_orders", "history.orders", "history.fact_orders", "history.agg_daily_sales"):
        assert [change for change, _ in told(house, history, "_slice")] == ["removed", "added"]


def test_a_refused_write_leaves_nothing_behind(house: House):
    house.land("erp/orders", DAY, orders(30))
    assert house.update() == []
    house.land("erp/orders", DAY, orders(2))
    assert len(house.update()) == 1
    assert kept(house) == {}


def test_where_no_history_is_kept_the_past_is_unknown_and_not_wrong(house: RecordedHouse):
    house.land("erp/orders", DAY, [order("O1")])
    house.land("erp/orders", day(1), [order("O2")])
    assert house.update() == []
    unkept = house.with_settings(history_days=0)
    unkept.land("erp/orders", day(2), [order("O3")])
    assert unkept.update() == []
    # What only came to be has replaced nothing.
    assert house.fetch("select * from meta.forgotten_writes where table_name = 'silver.orders'") == []
    unkept.land("erp/orders", DAY, [order("O1", quantity="7")])
    assert unkept.update() == []
    assert kept(house) == {}
    house.land("erp/orders", DAY, [order("O1", quantity="8")])
    assert house.update() == []
    *before, unkept_write, last = house.copies[SILVER]
    past = pasts_of(CATALOG[SILVER], CATALOG)[0]
    for copy in (unkept_write, last):
        assert house.rows(past, f"history.orders_at_write({copy.write_id})") == copy.rows
        assert house.rows(past, "history.orders_as_of(%(moment)s)", moment=copy.moment) == copy.rows
    sentence = f"what silver.orders held before write {unkept_write.write_id} "
    just_before = unkept_write.moment - timedelta(microseconds=1)
    for start in (Point(before[-1].write_id), Point(moment=just_before)):
        with pytest.raises(PastUnknown, match=sentence), house.database.transaction(readonly=True) as cursor:
            between(cursor, CATALOG[SILVER], start, Point(last.write_id), limit=1)


def test_since_when_the_past_is_known_is_told_of_writes_that_kept_nothing_too(house: RecordedHouse):
    unkept = house.with_settings(history_days=0)
    for quantity in "12":
        unkept.land("erp/orders", DAY, [order("O1", quantity=quantity)])
        assert unkept.update() == []
    with house.database.transaction(readonly=True) as cursor:
        (told,) = (row for row in replaced.kept_rows(cursor) if row["table"] == SILVER)
    last = house.copies[SILVER][-1]
    assert (told["rows"], told["since_write"], told["since"]) == (0, last.write_id, last.moment)


@pytest.fixture
def changed_three_times(house: RecordedHouse) -> RecordedHouse:
    """An order that was corrected three times."""
    for quantity in "1234":
        house.land("erp/orders", DAY, [order("O1", quantity=quantity), order("O2")])
        assert house.update() == []
    return house


def test_what_is_forgotten_is_unknown_and_what_came_later_is_still_known(changed_three_times: RecordedHouse):
    house = changed_three_times
    copies = house.copies[SILVER]
    past = pasts_of(CATALOG[SILVER], CATALOG)[0]
    with house.database.transaction() as cursor:
        deleted = replaced.forget(cursor, copies[2].moment)
    assert {table: rows for table, rows in deleted.items() if table.endswith("orders")} == {
        "bronze.erp_orders": 4,
        SILVER: 2,
        FACTS: 2,
    }
    for copy in copies[1:]:
        assert house.rows(past, f"history.orders_at_write({copy.write_id})") == copy.rows
        assert house.rows(past, "history.orders_as_of(%(moment)s)", moment=copy.moment) == copy.rows
    for asked in (f"at_write({copies[0].write_id})", f"as_of('{copies[0].moment.isoformat()}')"):
        with pytest.raises(RaiseException, match=r"silver\.orders held before write .* is not known"):
            house.fetch(f"select count(*) from history.orders_{asked}")
    assert house.problems() == []
    with house.database.transaction() as cursor:
        assert replaced.forget(cursor, copies[2].moment) == {}


def test_forgetting_leaves_the_past_of_tables_known_that_lost_nothing(house: RecordedHouse):
    house.land("erp/orders", DAY, [order("O1")])
    assert house.update() == []
    house.land("erp/orders", day(1), [order("O2")])
    assert house.update() == []
    with house.database.transaction() as cursor:
        assert SILVER not in replaced.forget(cursor, datetime.now(tz=UTC) + timedelta(days=1))
    first, second = house.copies[SILVER]
    past = pasts_of(CATALOG[SILVER], CATALOG)[0]
    assert house.rows(past, f"history.orders_at_write({first.write_id})") == first.rows
    assert house.rows(past, f"history.orders_at_write({second.write_id})") == second.rows


def test_how_much_is_kept_is_told_for_every_table(changed_three_times: RecordedHouse):
    with changed_three_times.database.transaction() as cursor:
        before = {row["table"]: row for row in replaced.kept_rows(cursor)}
        replaced.forget(cursor, changed_three_times.copies[SILVER][1].moment + timedelta(microseconds=1))
        after = {row["table"]: row for row in replaced.kept_rows(cursor)}
    assert before.keys() == {past.table.name for asset in CATALOG.assets() for past in pasts_of(asset, CATALOG)}
    told = {name: value for name, value in before[SILVER].items() if name != "size_bytes"}
    assert told == {"table": SILVER, "rows": 6, "writes": 3, "since_write": None, "since": None}
    second = changed_three_times.copies[SILVER][1]
    told = {name: value for name, value in after[SILVER].items() if name != "size_bytes"}
    assert told == {"table": SILVER, "rows": 4, "writes": 2, "since_write": second.write_id, "since": second.moment}


def test_of_a_warehouse_from_before_there_was_a_history_the_past_is_unknown(database: Database):
    with database.transaction() as cursor:
        ddl.ensure(cursor)
        cursor.execute(
            "insert into meta.slice_ledger (write_id, table_name, slice, rows_read, rows_written, rows_collapsed,"
            " rows_quarantined, checksum, quarantine_checksum, status, code_version, started_at)"
            " values (7, 'gold.fact_orders', '2024-03-09', 0, 0, 0, 0, '0:0', '0:0', 'published', 'x', now())"
        )
        cursor.execute("drop table history.fact_orders")
        cursor.execute("comment on schema meta is null")
    with database.transaction() as cursor:
        assert ddl.ensure(cursor)
        cursor.execute("select table_name, write_id from meta.forgotten_writes")
        assert cursor.fetchall() == [("gold.fact_orders", 7)]
        cursor.execute("select count(*) from history.fact_orders_at_write(7)")
    unknown = r"gold\.fact_orders held before write 7 \(2\d\d\d-.* UTC\) is not known"
    with pytest.raises(RaiseException, match=unknown), database.transaction() as cursor:
        cursor.execute("select count(*) from history.fact_orders_at_write(6)")


def test_a_repaired_slice_leaves_its_past_as_it_was(changed_three_times: RecordedHouse):
    house = changed_three_times
    before = kept(house)
    house.execute("update silver.orders set quantity = 99 where order_id = 'O2'")
    with house.database.transaction() as cursor:
        outbox.touch_again(cursor, [SILVER])
    assert house.write(SILVER, DAY).published == {DAY}
    assert house.update() == []
    assert kept(house) == before
    past = pasts_of(CATALOG[SILVER], CATALOG)[0]
    for copy in house.copies[SILVER]:
        assert house.rows(past, f"history.orders_at_write({copy.write_id})") == copy.rows
    assert house.problems() == []


def test_of_a_slice_that_was_changed_and_tampered_with_the_past_is_unknown(changed_three_times: RecordedHouse):
    house = changed_three_times
    house.execute("update silver.orders set quantity = 99 where order_id = 'O2'")
    house.land("erp/orders", DAY, [order("O1", quantity="5"), order("O2")])
    house.write("bronze.erp_orders", DAY)
    with house.database.transaction() as cursor:
        outbox.touch_again(cursor, [SILVER])
    write_id = house.write(SILVER, DAY).write_id
    assert house.update() == []
    assert house.problems() == []
    with pytest.raises(RaiseException, match=rf"silver\.orders held before write {write_id} "):
        house.fetch(f"select * from history.orders_at_write({write_id - 1})")
    assert len(house.fetch(f"select * from history.orders_at_write({write_id})")) == 2


def test_a_change_to_rows_that_nobody_wrote_is_found_in_the_past(changed_three_times: RecordedHouse):
    house = changed_three_times
    house.execute("update silver.orders set quantity = 99 where order_id = 'O2'")
    house.land("erp/orders", DAY, [order("O1", quantity="5"), order("O2")])
    write_id = house.load("erp/orders", DAY).write_id
    (problem,) = (problem for problem in house.problems() if problem.startswith(SILVER))
    assert problem.startswith(
        f"silver.orders: slice {DAY}: write {write_id} changed it by +0 rows, history.orders keeps +0 or others"
    )


@pytest.fixture
def house(house: House) -> Iterator[RecordedHouse]:
    """A warehouse that copies its tables after each write."""
    recorded = RecordedHouse(house.database, house.settings)
    yield recorded
    recorded.close()
