"""Try to break the laws with two sessions at once. Nothing here waits for a time to pass, only for one another."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta
from typing import Any

import pytest

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse import audit, ledger, locks, outbox, publish, staging
from metalayer_assets.warehouse.months import partition_name
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DATASETS, DAY, day, order

SILVER, FACTS = "silver.orders", "gold.fact_orders"
LONG = 30.0


class Task(threading.Thread):
    """A write in a thread of its own; `result` waits for it and raises what it raised."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._found: Any = None
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._found = self._work()
        except BaseException as error:  # noqa: BLE001 -- raised again by `result`
            self._error = error

    def result(self) -> Any:
        """What the work gave."""
        self.join(LONG)
        assert not self.is_alive(), "the write never came to an end"
        if self._error is not None:
            raise self._error
        return self._found


class Held:
    """Work in a thread that stops at a step, before or after it, until it is released."""

    def __init__(
        self, patch: pytest.MonkeyPatch, module: Any, step: str, work: Callable[[], Any], *, after: bool = False
    ) -> None:
        self._real = getattr(module, step)
        self._after = after
        self._arrived, self._go_on = threading.Event(), threading.Event()
        self._thread = 0
        self._work = work
        patch.setattr(module, step, self._stop)
        self.task = Task(self._run)

    def _run(self) -> Any:
        self._thread = threading.get_ident()
        return self._work()

    def _stop(self, *arguments: Any, **named: Any) -> Any:
        mine = threading.get_ident() == self._thread and not self._arrived.is_set()
        if mine and not self._after:
            self._wait()
        found = self._real(*arguments, **named)
        if mine and self._after:
            self._wait()
        return found

    def _wait(self) -> None:
        self._arrived.set()
        assert self._go_on.wait(LONG)

    def arrived(self) -> "Held":
        """Wait until the work has come to the step."""
        assert self._arrived.wait(LONG), self.task.result()
        return self

    def release(self) -> Any:
        """Let the work go on; what it gave."""
        self.go_on()
        return self.task.result()

    def go_on(self) -> None:
        """Let the work go on, without waiting for it."""
        self._go_on.set()


@contextmanager
def held(
    monkeypatch: pytest.MonkeyPatch, module: Any, step: str, work: Callable[[], Any], *, after: bool = False
) -> Iterator[Task]:
    """Hold work at a step until the block ends."""
    with monkeypatch.context() as patch:
        work_held = Held(patch, module, step, work, after=after)
        try:
            yield work_held.arrived().task
        finally:
            work_held.release()


def wait_for_a_waiter(house: House) -> None:
    """Return when a session of the database waits for an advisory lock."""
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    while not house.value(waiting):
        pass


@pytest.fixture
def two_days(house: House) -> House:
    """A warehouse in which two days of one month stand, and come again with other content."""
    for number in range(2):
        house.land("erp/orders", day(number), [order(f"O{number}")])
    assert house.update() == []
    for number in range(2):
        house.land("erp/orders", day(number), [order(f"O{number}", quantity="5")])
    return house


@pytest.mark.parametrize("table", ["bronze.erp_orders", SILVER, FACTS, "gold.agg_daily_sales"])
def test_two_writers_of_one_slice_take_turns(two_days: House, table: str, monkeypatch: pytest.MonkeyPatch):
    written = DAY
    if table != "bronze.erp_orders":
        two_days.write("bronze.erp_orders", DAY)
    if table.startswith("gold"):
        two_days.write(SILVER, DAY)
        written = date(2024, 3, 9)
    if table == "gold.agg_daily_sales":
        two_days.write(FACTS, written)
    with held(monkeypatch, ledger, "record", lambda: two_days.write(table, written)) as first:
        second = Task(lambda: two_days.write(table, written))
        wait_for_a_waiter(two_days)
    assert first.result().published == {written}
    assert second.result().published == frozenset()
    assert second.result().write_id > first.result().write_id
    assert two_days.problems() == []


def test_writers_of_different_slices_do_not_wait(two_days: House, monkeypatch: pytest.MonkeyPatch):
    two_days.write("bronze.erp_orders", DAY)
    with held(monkeypatch, publish, "delete_slices", lambda: two_days.write(SILVER, DAY)) as first:
        assert Task(lambda: two_days.load("erp/orders", day(1))).result().published == {day(1)}
    assert first.result().published == {DAY}
    assert two_days.update() == []
    assert two_days.problems() == []


@pytest.mark.parametrize("dataset", ["erp/orders", "crm/customers"])
def test_two_writers_of_one_new_month_both_come_in(house: House, dataset: str, monkeypatch: pytest.MonkeyPatch):
    bronze, silver, row = DATASETS[dataset]
    for number in range(2):
        house.land(dataset, day(number), [row(f"X{number}")])
    for table in (bronze, silver):
        with held(monkeypatch, ledger, "record", lambda table=table: house.write(table, day(0))) as first:
            second = Task(lambda table=table: house.write(table, day(1)))
            wait_for_a_waiter(house)
        assert first.result().published == {day(0)}
        assert second.result().published == {day(1)}
        assert house.value(f"select count(*) from {table}") == 2
        months = house.value("select count(*) from pg_inherits where inhparent = %(table)s::regclass", table=table)
        assert months == 1
    assert house.update() == []
    assert house.problems() == []


def test_a_write_of_many_slices_waits_for_one_of_them_and_is_waited_for(
    two_days: House, monkeypatch: pytest.MonkeyPatch
):
    many = [DAY + timedelta(days=number) for number in range(-locks._MANY, 2)]
    two_days.write("bronze.erp_orders", DAY, day(1))
    with held(monkeypatch, ledger, "record", lambda: two_days.write(SILVER, DAY)) as one:
        all_of_them = Task(lambda: two_days.write(SILVER, *many))
        wait_for_a_waiter(two_days)
    assert one.result().published == {DAY}
    assert all_of_them.result().status(DAY) == "unchanged"
    with held(monkeypatch, ledger, "record", lambda: two_days.write(SILVER, *many)) as all_again:
        one_more = Task(lambda: two_days.write(SILVER, day(1)))
        wait_for_a_waiter(two_days)
    assert all_again.result().published == one_more.result().published == frozenset()


def test_readers_see_the_old_slices_until_the_commit_and_never_wait(two_days: House, monkeypatch: pytest.MonkeyPatch):
    new_month = date(2024, 4, 1)
    two_days.land("erp/orders", new_month, [order("N", order_date="2024-04-01")])
    tables = {"bronze.erp_orders": (DAY, new_month), SILVER: (DAY, new_month), FACTS: (date(2024, 3, 9), new_month)}
    for table, days in tables.items():
        before = two_days.state()
        rows = two_days.fetch(f"select t::text from {table} as t order by 1")
        with held(
            monkeypatch, ledger, "record", lambda table=table, days=days: two_days.write(table, *days), after=True
        ):
            with two_days.database.transaction(readonly=True) as cursor:
                cursor.execute("set local statement_timeout = '5s'; set local lock_timeout = '1ms'")
                cursor.execute(f"select t::text from {table} as t order by 1")
                assert cursor.fetchall() == rows
                cursor.execute("select count(*) from meta.slice_ledger")
            assert two_days.state() == before
        assert two_days.fetch(f"select t::text from {table} as t order by 1") != rows
    assert two_days.update() == []
    assert two_days.problems() == []


def test_a_reader_who_stays_keeps_no_writer_waiting(two_days: House):
    two_days.land("erp/orders", date(2024, 4, 1), [order("N", order_date="2024-04-01")])
    with closing(two_days.database.connect()) as reader, reader.cursor() as cursor:
        cursor.execute("set transaction isolation level repeatable read")
        for contract in CATALOG.assets():
            cursor.execute(f"select count(*) from {contract.name}")
        assert Task(two_days.update).result() == []
        cursor.execute("select order_id, quantity from gold.fact_orders order by 1")
        assert cursor.fetchall() == [("O0", 2), ("O1", 2)]
    assert two_days.fetch("select order_id, quantity from gold.fact_orders order by 1") == [
        ("N", 2),
        ("O0", 5),
        ("O1", 5),
    ]


@pytest.mark.parametrize("written_before", [True, False])
def test_two_arrivals_that_tell_one_order_at_once_leave_it_on_one_day(
    house: House, written_before: bool, monkeypatch: pytest.MonkeyPatch
):
    house.land("erp/orders", day(0), [order("X", order_date="2024-03-01")])
    house.land("erp/orders", day(1), [order("X", order_date="2024-03-02")])
    house.write("bronze.erp_orders", day(0), day(1))
    if written_before:
        house.land("erp/orders", day(2), [order("Y", order_date="2024-03-03")])
        house.load("erp/orders", day(2))
    # Neither has committed when the other begins to look for further tellings of its orders.
    first = Held(monkeypatch, outbox, "touch", lambda: house.write(SILVER, day(0)), after=True).arrived()
    second = Held(monkeypatch, ledger, "record", lambda: house.write(SILVER, day(1)))
    wait_for_a_waiter(house)
    first.release()
    # Between the two commits somebody writes the first business day.
    second.arrived()
    assert house.touched()[FACTS][0] == date(2024, 3, 1)
    house.write(FACTS, date(2024, 3, 1))
    second.release()
    assert house.update() == []
    assert house.fetch("select order_id, order_date from gold.fact_orders where order_id = 'X'") == [
        ("X", date(2024, 3, 2))
    ]
    assert house.problems() == []


def test_writers_that_all_take_themselves_for_the_first_do_not_hold_each_other_up(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    months = date(2024, 3, 10), date(2024, 4, 10), date(2024, 5, 10)
    for first in months:
        house.land("erp/orders", first, [order(f"O{first}", order_date=str(first))])
    house.write("bronze.erp_orders", *months)
    # One has seen no rows before its own; meanwhile a second commits, and a third holds the lock of the months.
    one = Held(monkeypatch, outbox, "lock_first", lambda: house.write(SILVER, months[0])).arrived()
    house.write(SILVER, months[2])
    other = Held(monkeypatch, outbox, "touch", lambda: house.write(SILVER, months[1])).arrived()
    one.go_on()
    wait_for_a_waiter(house)
    assert other.release().published == {months[1]}
    assert one.task.result().published == {months[0]}
    assert house.update() == []
    assert house.problems() == []


def test_a_change_that_commits_while_a_slice_is_made_of_it_is_taken_in_once_more(
    two_days: House, monkeypatch: pytest.MonkeyPatch
):
    business_day = date(2024, 3, 9)
    with held(monkeypatch, staging, "stage_select", lambda: two_days.write(FACTS, business_day), after=True) as facts:
        # The stage holds the old truth; the rows are as many as before.
        two_days.load("erp/orders", DAY)
    facts.result()
    assert two_days.touched()[FACTS] == [business_day]
    assert two_days.update() == []
    assert two_days.fetch("select order_id, quantity from gold.fact_orders where order_id = 'O0'") == [("O0", 5)]
    assert two_days.problems() == []


def test_rows_that_come_between_stage_and_count_are_no_reason_to_refuse(
    two_days: House, monkeypatch: pytest.MonkeyPatch
):
    two_days.land("erp/orders", DAY, [order("O0"), order("late"), order("later")])
    business_day = date(2024, 3, 9)
    with held(monkeypatch, audit, "read_from_sources", lambda: two_days.write(FACTS, business_day)) as facts:
        two_days.load("erp/orders", DAY)
    assert facts.result().slices[business_day].rows_read == 4
    assert two_days.update() == []
    assert two_days.problems() == []


def test_two_complete_updates_at_once_end_like_one(two_days: House):
    two_days.land("erp/orders", date(2024, 4, 2), [order("O0", order_date="2024-04-01"), order("N", quantity="0")])
    tasks = [Task(House(two_days.database, two_days.settings).update) for _ in range(3)]
    assert [task.result() for task in tasks] == [[], [], []]
    assert two_days.update() == []
    assert two_days.fetch("select order_id, order_date from gold.fact_orders order by 1") == [
        ("O0", date(2024, 4, 1)),
        ("O1", date(2024, 3, 9)),
    ]
    assert two_days.touched() == {}
    assert two_days.problems() == []


def test_a_month_is_named_by_its_table():
    assert partition_name(CATALOG[FACTS], date(2024, 3, 1)) == "gold.fact_orders_y2024m03"
