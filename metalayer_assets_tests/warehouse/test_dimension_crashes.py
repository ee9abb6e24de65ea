"""Try to break the first law on dimensions: die at every statement of a write that moves versions of many slices."""

from datetime import date

import psycopg2
import pytest

from metalayer_assets.warehouse import ledger
from metalayer_assets.warehouse.database import Database
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, account, customer, day, order
from metalayer_assets_tests.warehouse.conftest import new_house
from metalayer_assets_tests.warehouse.contents import slices

DIMENSION, FACTS = "gold.dim_customer", "gold.fact_orders"
BUSINESS_DAYS = [date(2024, 3, number) for number in (3, 6)]


@pytest.fixture
def moving(house: House) -> House:
    """A warehouse in which a write of the dimension has versions to split, to take back, to make and to infer."""
    house.land("crm/customers", DAY, [customer(city="Oslo", updated_at="2024-03-01"), customer("C2"), customer("C5")])
    house.land("crm/accounts", DAY, [account(updated_at="2024-03-05")])
    house.land(
        "erp/orders",
        DAY,
        [order("O1", order_date="2024-03-03"), order("O2", order_date="2024-03-06"), order("O3", customer_id="C3")],
    )
    assert house.update() == []
    house.land("crm/customers", DAY, [customer(city="Oslo", updated_at="2024-03-01"), customer("C5", is_deleted="y")])
    house.land("crm/customers", day(1), [customer(city="Rome", updated_at="2024-03-02"), customer("C3")])
    house.land("erp/orders", day(1), [order("O4", customer_id="C4", order_date="2024-03-03")])
    for dataset in ("crm/customers", "erp/orders"):
        house.load(dataset, day(1))
    house.write("bronze.crm_customers", DAY, allow_shrink=True)
    house.write("silver.customers", DAY, allow_shrink=True)
    return house


def test_a_process_that_dies_at_any_statement_leaves_every_version_and_every_fact_as_it_was(
    moving: House, prepared_databases: tuple[Database, Database]
):
    # The slice that was restated is not asked for: it is derived with the one that is.
    for table, days in ((DIMENSION, [day(1)]), (FACTS, BUSINESS_DAYS)):
        before = moving.state(ledger=True)
        at = 0
        while moving.crash(table, *days, at=(at := at + 1)):
            assert moving.state(ledger=True) == before, f"{table} died at statement {at}"
        assert at > 20
        assert moving.state() != before
    assert moving.update() == []
    assert moving.touched() == {}
    assert moving.problems() == []
    with new_house(prepared_databases[1], moving.settings.landing) as rebuilt:
        assert rebuilt.update() == []
        assert slices(moving) == slices(rebuilt)


def test_a_session_that_the_server_ends_leaves_every_version_as_it_was(moving: House, monkeypatch: pytest.MonkeyPatch):
    before = moving.state(ledger=True)
    record = ledger.record

    def end_session(cursor, *arguments, **named):
        record(cursor, *arguments, **named)
        moving.execute("select pg_terminate_backend(%(pid)s)", pid=cursor.connection.info.backend_pid)

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "record", end_session)
        with pytest.raises((psycopg2.OperationalError, psycopg2.InterfaceError)):
            moving.write(DIMENSION, day(1))
    assert moving.state(ledger=True) == before
    assert moving.write(DIMENSION, day(1)).published == {DAY, day(1)}
    assert moving.update() == []
    assert moving.problems() == []


def test_a_refused_write_leaves_every_version_as_it_was(moving: House, monkeypatch: pytest.MonkeyPatch):
    before = moving.state()
    broken = "two versions overlap (1 rows, such as C1)"
    with monkeypatch.context() as patch:
        patch.setattr("metalayer_assets.warehouse.invariants.broken_history", lambda *_: [broken])
        assert [refusal for refusal in moving.update() if broken in refusal] != []
    assert {name: held for name, held in moving.state().items() if name.startswith("gold.dim_customer")} == {
        name: held for name, held in before.items() if name.startswith("gold.dim_customer")
    }
    assert moving.ledger(DIMENSION)[-1][1] == "refused"
    assert moving.update() == []
    assert moving.problems() == []
