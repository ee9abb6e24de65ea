"""Try to break the first law: die at every statement of every kind of write, and look at what is left."""

from datetime import date

import psycopg2
import pytest

from metalayer_assets.warehouse import ledger
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, day, order, sale

BUSINESS_DAY = date(2024, 3, 9)
NEXT_MONTH = date(2024, 4, 1)
# A write that makes a month, one that replaces a slice, one that empties one, one of two months at once.
WRITES = {
    "bronze.erp_orders": [DAY, NEXT_MONTH],
    "silver.orders": [DAY, NEXT_MONTH],
    "gold.fact_orders": [BUSINESS_DAY, date(2024, 3, 8), NEXT_MONTH],
    "gold.agg_daily_sales": [BUSINESS_DAY, date(2024, 3, 8)],
}


@pytest.fixture
def changing(house: House) -> House:
    """A warehouse in which every hop of the orders has a slice to replace, to make and to empty."""
    house.land("erp/orders", DAY, [order("O1"), order("O2", order_date="2024-03-08"), order("O3", quantity="0")])
    house.land("erp/sales", DAY, [sale()])
    assert house.update() == []
    house.land("erp/orders", DAY, [order("O1", quantity="7"), order("O2"), order("O4", quantity="none"), order("O5")])
    house.land("erp/orders", NEXT_MONTH, [order("O6", order_date="2024-04-01"), order("", quantity="")])
    return house


def test_a_process_that_dies_at_any_statement_leaves_everything_as_it_was(changing: House):
    for table, days in WRITES.items():
        before = changing.state(ledger=True)
        at = 0
        while changing.crash(table, *days, at=(at := at + 1)):
            assert changing.state(ledger=True) == before, f"{table} died at statement {at}"
        assert at > 10
        # The last one lived: it did what the others left undone, and no table has a trace of those.
        assert changing.state() != before
        assert changing.problems() == []
    assert changing.update() == []
    assert changing.fetch("select order_id, quantity, order_date from gold.fact_orders order by 1") == [
        ("O1", 7, BUSINESS_DAY),
        ("O2", 2, BUSINESS_DAY),
        ("O5", 2, BUSINESS_DAY),
        ("O6", 2, NEXT_MONTH),
    ]
    assert changing.touched() == {}
    assert changing.problems() == []


@pytest.mark.parametrize("table", WRITES)
def test_a_session_that_the_server_ends_leaves_everything_as_it_was(
    changing: House, table: str, monkeypatch: pytest.MonkeyPatch
):
    if table.startswith("gold"):
        changing.load("erp/orders", DAY, NEXT_MONTH)
    if table == "gold.agg_daily_sales":
        changing.write("gold.fact_orders", *WRITES["gold.fact_orders"])
    before = changing.state(ledger=True)
    record = ledger.record

    def end_session(cursor, *arguments, **named):
        record(cursor, *arguments, **named)
        changing.execute("select pg_terminate_backend(%(pid)s)", pid=cursor.connection.info.backend_pid)

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "record", end_session)
        with pytest.raises((psycopg2.OperationalError, psycopg2.InterfaceError)):
            changing.write(table, *WRITES[table])
    assert changing.state(ledger=True) == before
    # Nothing is locked, and trying again is enough.
    assert changing.write(table, *WRITES[table]).published
    assert changing.update() == []
    assert changing.problems() == []


def test_a_run_that_dies_between_two_tables_goes_on_where_it_was(house: House):
    house.land("erp/orders", DAY, [order("O1"), order("O2", order_date="2024-03-08")])
    house.land("erp/orders", day(1), [order("O1", order_date="2024-03-10")])
    for table, days in (
        ("bronze.erp_orders", (DAY,)),
        ("silver.orders", (DAY,)),
        ("gold.fact_orders", (BUSINESS_DAY,)),
        ("bronze.erp_orders", (day(1),)),
    ):
        house.write(table, *days)
        assert house.touched() != {}
    assert house.update() == []
    assert house.fetch("select order_id, order_date from gold.fact_orders order by 1") == [
        ("O1", date(2024, 3, 10)),
        ("O2", date(2024, 3, 8)),
    ]
    assert house.touched() == {}
    assert house.problems() == []
