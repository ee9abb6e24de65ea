"""Tamper with a sound warehouse behind the writer's back; `verify` must find every kind of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse import ledger
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.verify import verify
from metalayer_assets_tests.house import QUALITY, House
from metalayer_assets_tests.scenario import AWKWARD, DATASETS, DAY, day
from metalayer_assets_tests.warehouse.conftest import new_house

FIRST_OF_TWO = "customer_id = 'fine' and version = 1"
TAMPERINGS = {
    # What is done, and the words of what verify must say of which table.
    "an amount in gold": (
        "update gold.fact_orders set total_amount = total_amount + 0.001 where order_id = 'fine'",
        {"gold.fact_orders": "slice 2024-03-09 holds 3 rows, checksum"},
    ),
    "two amounts exchanged": (
        (
            "update gold.fact_orders set quantity = case order_id when 'E3' then 2 when 'fine' then -1 end"
            " where order_id in ('E3', 'fine')"
        ),
        {"gold.fact_orders": "the ledger says"},
    ),
    "an aggregate": (
        "update gold.agg_daily_sales set total_orders = total_orders + 1",
        {"gold.agg_daily_sales": "slice 2024-03-09 holds 1 rows, checksum"},
    ),
    "a holiday": (
        "update gold.dim_date set is_holiday = true where date = '2024-03-09'",
        {"gold.dim_date": "slice 2024-01-01 holds 366 rows, checksum"},
    ),
    "a silver row gone": (
        "delete from silver.orders where order_id = 'fine'",
        {
            "silver.orders": "slice 2024-03-10 holds",
            "gold.fact_orders": "has no source row in silver.orders",
            # It was the first to name its customer and its product.
            "gold.dim_customer": "row ('C1', datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)) has no",
            "gold.dim_product": "has no source row in silver.products or silver.orders or silver.sales",
        },
    ),
    "a silver score": (
        "update silver.customers set quality_score = 1 where customer_id = 'C04'",
        {"silver.customers": "slice 2024-03-10 holds"},
    ),
    "a bronze row more": (
        "insert into bronze.erp_orders (order_id, _file_id, _line, _arrival_day) values ('O', 1, 2, '2024-03-10')",
        {
            "bronze.erp_orders": "file 1: 1 rows stand in bronze.erp_orders, 0 were loaded",
            "silver.orders": "but its sources hold",
        },
    ),
    "a bronze row in a slice that nobody wrote": (
        "insert into bronze.erp_sales (sales_id, _file_id, _line, _arrival_day) values ('S', 1, 2, '2024-03-20')",
        {"bronze.erp_sales": "slice 2024-03-20 holds 1 rows that no write accounts for"},
    ),
    "a bronze value": (
        "update bronze.erp_orders set quantity = '3' where order_id = 'fine'",
        {"bronze.erp_orders": "slice 2024-03-10 holds"},
    ),
    "a quarantined row gone": (
        "delete from quarantine.orders where failed_rules = '{status_known}'",
        {"silver.orders": "rows in quarantine.orders"},
    ),
    "a quarantined row closed": (
        "update quarantine.sales set state = 'closed' where sales_id = 'S02'",
        {"silver.sales": "rows in quarantine.sales"},
    ),
    "a quarantined value": (
        """update quarantine.orders set raw = raw || '{"quantity": "3"}' where order_id = 'O04'""",
        {"silver.orders": "rows in quarantine.orders, checksum"},
    ),
    "the reason why a row was kept out": (
        "update quarantine.orders set failed_rules = '{status_given}' where order_id = 'O04'",
        {"silver.orders": "rows in quarantine.orders, checksum"},
    ),
    "an unreadable line gone": (
        "delete from quarantine.bronze_lines",
        {"bronze.erp_orders": "slice 2024-03-11 kept 0 rows in quarantine.bronze_lines"},
    ),
    "an unreadable line of another day": (
        (
            "insert into quarantine.bronze_lines"
            " (arrival_day, source_file_id, source_line, row_hash, table_name, raw, reason)"
            " values ('2024-03-12', 1, 1, '', 'bronze.erp_orders', '', '')"
        ),
        {"bronze.erp_orders": "slice 2024-03-12 kept 1 rows in quarantine.bronze_lines"},
    ),
    "a checksum of the ledger": (
        "update meta.slice_ledger set checksum = '0:0' where table_name = 'silver.products' and slice = '2024-03-10'",
        {"silver.products": "the ledger says 0:0"},
    ),
    "an entry of the ledger gone": (
        "delete from meta.slice_ledger where table_name = 'gold.fact_sales' and slice = '2024-03-09'",
        {"gold.fact_sales": "rows that no write accounts for"},
    ),
    "rows that a slice read": (
        (
            "update meta.slice_ledger set rows_read = rows_read + 1, rows_collapsed = rows_collapsed + 1"
            " where table_name = 'gold.fact_orders' and slice = '2024-03-09'"
        ),
        {"gold.fact_orders": "slice 2024-03-09 read 4 rows but its sources hold 3"},
    ),
    "a fact without a source": (
        "update gold.fact_orders set source_line = 999 where order_id = 'fine'",
        {"gold.fact_orders": "row ('fine', datetime.date(2024, 3, 9)) has no source row in silver.orders"},
    ),
    "a fact of another order": (
        "update gold.fact_sales set sales_id = 'somebody' where sales_id = 'fine'",
        {"gold.fact_sales": "has no source row in silver.sales"},
    ),
    "a file's rows": (
        "update meta.landed_files set rows_loaded = rows_loaded + 1 where path = 'crm/accounts/2024-03-10/part-0.csv'",
        {"bronze.crm_accounts": "2024-03-10/part-0.csv: 11 rows stand in bronze.crm_accounts, 12 were loaded"},
    ),
    "a file forgotten": (
        "delete from meta.landed_files where path = 'crm/accounts/2024-03-10/part-0.csv'",
        {"bronze.crm_accounts": "rows stand in bronze.crm_accounts, 0 were loaded"},
    ),
    "a partition emptied": (
        "truncate silver.customers_y2024m03",
        {
            "silver.customers": "slice 2024-03-10 holds 0 rows",
            "gold.dim_customer": "slice 2024-03-10 read 18 rows but its sources hold 7",
        },
    ),
    "what a version says of its member": (
        "update gold.dim_customer set city = 'Utica' where customer_id = 'C08'",
        {"gold.dim_customer": "slice 2024-03-10 holds 12 rows, checksum"},
    ),
    "a version that ends after the next began": (
        f"update gold.dim_customer set valid_to = valid_to + interval '1 second' where {FIRST_OF_TWO}",
        {"gold.dim_customer": "two versions overlap (1 rows, such as fine)"},
    ),
    "a version that ends before it began": (
        f"update gold.dim_customer set valid_to = valid_from where {FIRST_OF_TWO}",
        {"gold.dim_customer": "a version is valid for no time (1 rows, such as fine)"},
    ),
    "a version left open": (
        f"update gold.dim_customer set valid_to = null, is_current = true where {FIRST_OF_TWO}",
        {"gold.dim_customer": "an open version stands before another (1 rows, such as fine)"},
    ),
    "two current versions": (
        f"update gold.dim_customer set is_current = true where {FIRST_OF_TWO}",
        {"gold.dim_customer": "is_current and valid_to disagree (1 rows, such as fine)"},
    ),
    "a change that changed nothing": (
        "update gold.dim_customer set change_hash = 7 where customer_id = 'fine'",
        {"gold.dim_customer": "two versions in a row are equal (1 rows, such as fine)"},
    ),
    "a known member said to be inferred": (
        f"update gold.dim_customer set is_inferred = true where {FIRST_OF_TWO}",
        {"gold.dim_customer": "an inferred member has another version (1 rows, such as fine)"},
    ),
    "a business day between two versions": (
        f"update gold.dim_customer set facts_until = facts_until - 1 where {FIRST_OF_TWO}",
        {"gold.dim_customer": "a business day joins no version or two (1 rows, such as fine)"},
    ),
    "a version gone": (
        f"delete from gold.dim_customer where {FIRST_OF_TWO}",
        {
            "gold.dim_customer": "versions are not numbered in order (1 rows, such as fine)",
            "gold.fact_orders": "1 rows do not carry the key of the version of gold.dim_customer that is valid on",
        },
    ),
    "a version of nobody": (
        "update gold.dim_customer set customer_id = 'nobody' where customer_id = 'C08'",
        {
            "gold.dim_customer": "row ('nobody', datetime.datetime(2024, 3, 10, 0, 0, tzinfo=datetime.timezone.utc))"
            " has no source row in silver.customers or silver.accounts or silver.orders or silver.sales"
        },
    ),
    "an inferred member of another name": (
        "update gold.dim_product set product_code = 'P2' where is_inferred",
        {
            "gold.dim_product": "row ('P2', datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)) has no",
            "gold.fact_orders": "4 rows do not carry the key of the version of gold.dim_product",
            "gold.fact_sales": "2 rows do not carry the key of the version of gold.dim_product",
        },
    ),
    "an inferred member gone": (
        "delete from gold.dim_product where is_inferred",
        {
            "gold.dim_product": "slice 2024-03-10 read 4 rows but its sources hold 3",
            "gold.fact_orders": "4 rows do not carry the key of the version of gold.dim_product",
            "gold.fact_sales": "2 rows do not carry the key of the version of gold.dim_product",
        },
    ),
    "a fact with the key of the next version": (
        (
            "update gold.fact_orders set customer_key = (select customer_key from gold.dim_customer"
            " where customer_id = 'fine' and version = 2) where order_id = 'E3'"
        ),
        {"gold.fact_orders": "1 rows do not carry the key of the version of gold.dim_customer that is valid on their"},
    ),
    "a fact with the key of nothing": (
        "update gold.fact_sales set product_key = 0 where sales_id = 'fine'",
        {"gold.fact_sales": "1 rows do not carry the key of the version of gold.dim_product that is valid on their"},
    ),
}


@pytest.fixture(scope="module")
def sound(prepared_databases: tuple[Database, Database], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A sound warehouse with rows of every fate in every table; each test rolls back what it does."""
    with new_house(prepared_databases[1], tmp_path_factory.mktemp("sound")) as house:
        for dataset, (_, _, clean) in DATASETS.items():
            house.land(dataset, DAY, [clean("fine"), clean("fine"), *AWKWARD[dataset].values()])
        edge = DATASETS["erp/orders"][2]("E3", quantity="-1", status="RETURNED", customer_id="fine")
        moved = DATASETS["erp/orders"][2]("E4", order_date="2024-03-11", customer_id="fine")
        house.land("erp/orders", day(1), [edge, edge, moved])
        house.land("crm/customers", day(1), [DATASETS["crm/customers"][2]("fine", city="Troy")])
        house.land("erp/orders", day(1), "order_id,customer_id\nO1,C1\n", name="broken.txt")
        house.land(
            "erp/orders",
            day(1),
            "order_id,customer_id,product_code,quantity,price_per_unit,order_date,status\nO1,C1\n",
            name="part-1.csv",
        )
        assert house.update() == []
        yield house


def test_a_sound_warehouse_has_no_problem_and_every_table_is_looked_at(sound: House):
    verdicts = sound.verdicts()
    assert sound.problems() == []
    stored = {name for name in CATALOG if name.startswith(("meta.", "history.")) and not CATALOG[name].is_asset}
    assert set(verdicts) == set(CATALOG) - stored
    assert {name for name, verdict in verdicts.items() if not verdict.rows} == set()
    for name, verdict in verdicts.items():
        assert verdict.rows == sound.value(
            f"select count(*) from {name}" + (" where state = 'open'" if name.startswith("quarantine.") else "")
        )
        assert verdict.checksum.startswith(f"{verdict.rows}:")
        assert verdict.pending == 0


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_tampering_is_found_and_named(sound: House, tampering: str):
    statement, expected = TAMPERINGS[tampering]
    with sound.database.transaction() as cursor:
        cursor.execute(statement)
        assert cursor.rowcount != 0
        found = {verdict.table: verdict.problems for verdict in verify(cursor) if verdict.problems}
        cursor.connection.rollback()
    # Only what was tampered with, and what was made of it, is accused.
    assert found.keys() == expected.keys(), found
    for table, words in expected.items():
        assert any(words in problem for problem in found[table]), found


def test_a_write_that_commits_while_verify_looks_is_no_problem(house: House, monkeypatch: pytest.MonkeyPatch):
    row = DATASETS["erp/orders"][2]
    house.land("erp/orders", DAY, [row()])
    assert house.update() == []
    house.land("erp/orders", DAY, [row(quantity="5"), row("O2"), row("O3", quantity="0")])
    real, seen = ledger.standing, []

    def look_and_be_overtaken(cursor: Any, table: str, *slices: Any) -> Any:
        found = real(cursor, table, *slices)
        if table == "silver.orders" and not seen:
            seen.append(table)
            assert house.update() == []
        return found

    monkeypatch.setattr(ledger, "standing", look_and_be_overtaken)
    with house.database.transaction(readonly=True) as cursor:
        assert [verdict.problems for verdict in verify(cursor) if verdict.problems] == []
    assert seen
    assert house.value("select count(*) from gold.fact_orders") == 2


def test_what_waits_is_pending_and_no_problem(house: House):
    house.land("erp/orders", DAY, [DATASETS["erp/orders"][2]()])
    assert house.update() == []
    house.land("erp/orders", day(1), [DATASETS["erp/orders"][2](quantity="5"), DATASETS["erp/orders"][2]("O2")])
    house.load("erp/orders", day(1))
    assert house.problems() == []
    assert house.verdicts()["gold.fact_orders"].pending == 1


def test_a_fact_that_waits_for_its_version_is_pending_and_no_problem(house: House):
    row, told = DATASETS["erp/orders"][2], DATASETS["crm/customers"][2]
    house.land("erp/orders", DAY, [row("O1", order_date="2024-03-08"), row("O2", order_date="2024-03-09")])
    house.land("crm/customers", DAY, [told(updated_at="2024-03-01")])
    assert house.update() == []
    house.land("crm/customers", day(1), [told(city="Troy", updated_at="2024-03-09")])
    house.load("crm/customers", day(1))
    # The dimension does not know of the move yet, and facts are held to what it knows once it does.
    assert house.problems() == []
    assert house.verdicts()["gold.dim_customer"].pending == 1
    house.write("gold.dim_customer", day(1))
    assert house.problems() == []
    verdicts = house.verdicts()
    assert (verdicts["gold.dim_customer"].pending, verdicts["gold.fact_orders"].pending) == (0, 1)
    # What does not wait is held to it at once.
    with house.database.transaction() as cursor:
        cursor.execute("update gold.fact_orders set customer_key = 0 where order_id = 'O1'")
        (problem,) = (p for v in verify(cursor) for p in v.problems if "key" in p)
        cursor.connection.rollback()
    assert problem.startswith("1 rows do not carry the key of the version of gold.dim_customer")
    assert house.update() == []
    assert house.problems() == []


def test_a_checksum_is_of_the_business_content_and_not_of_the_history(house: House):
    row = DATASETS["erp/orders"][2]
    house.land("erp/orders", DAY, [row("O1"), row("O2", quantity="0")])
    assert house.update() == []
    first = house.checksums()
    house.land("erp/orders", DAY, [row("O1", quantity="5"), row("O2", quantity="none")])
    assert house.update() == []
    second = house.checksums()
    changed = {name for name in first if first[name] != second[name]} - QUALITY
    assert changed == {
        "bronze.erp_orders",
        "silver.orders",
        "gold.fact_orders",
        "gold.agg_daily_sales",
        "quarantine.orders",
    }
    house.land("erp/orders", DAY, [row("O1"), row("O2", quantity="0")])
    assert house.update() == []
    assert house.checksums() == first
