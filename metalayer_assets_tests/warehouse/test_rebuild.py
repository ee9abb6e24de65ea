"""Hold a warehouse against a rebuild of it, and make it again from its sources after somebody has tampered with it."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from metalayer_assets.contracts import CATALOG, Landed
from metalayer_assets.warehouse import ddl, outbox, scratch
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.errors import DatabaseError
from metalayer_assets.warehouse.plan import Work
from metalayer_assets.warehouse.rebuild import Comparison, NotComparable, check
from metalayer_assets.warehouse.settings import Settings, beside
from metalayer_assets_tests.house import LENIENT, QUALITY, House
from metalayer_assets_tests.scenario import AWKWARD, DAY, START, account, customer, day, order, orders, product, sale

FACTS, DAILY, SILVER, BRONZE = "gold.fact_orders", "gold.agg_daily_sales", "silver.orders", "bronze.erp_orders"
DERIVED = [contract.name for contract in CATALOG.assets() if not isinstance(contract.source, Landed)]


@pytest.fixture(scope="module")
def template(
    tmp_path_factory: pytest.TempPathFactory,
    create_database: Callable[[str], str],
    drop_database: Callable[[str], None],
) -> Iterator[Settings]:
    """A warehouse that was loaded out of order, corrected, shrunk and told late; tests are given copies of it."""
    landing = tmp_path_factory.mktemp("rebuild") / "landing"
    landing.mkdir()
    settings = Settings(database_url=create_database(""), landing=landing, start_date=START, **LENIENT)
    database = Database(str(settings.database_url))
    with database.transaction() as cursor:
        ddl.ensure(cursor)
    with closing(House(database, settings)) as house:
        _live_in(house)
    yield settings
    drop_database(database.url)


def _live_in(house: House) -> None:
    house.land("erp/orders", DAY, [order("fine"), *AWKWARD["erp/orders"].values()])
    house.land("crm/customers", day(2), [customer(city="Troy"), *AWKWARD["crm/customers"].values()])
    house.land("erp/products", day(3), [product(), product("P2")])
    assert house.update() == []
    # From here on everything is late, comes again with other content, or is taken back.
    house.land("erp/orders", day(-3), [order("early", customer_id="C9", order_date="2024-03-07"), order("moves")])
    house.land("erp/orders", day(1), orders(60))
    house.land("erp/sales", DAY, [sale(), sale("S2", customer_id="C7")])
    assert house.update() == []
    house.land("crm/customers", DAY, [customer(), customer("C9", city="Ely")])
    house.land("crm/accounts", day(1), [account(region="APAC")])
    house.land("erp/orders", day(1), orders(3))
    house.land("erp/orders", day(2), [order("moves", order_date="2024-03-08"), order("fine", is_deleted="true")])
    house.land("erp/orders", day(4), "order_id,customer_id\nO1,C1\n", name="narrow.csv")
    assert house.update(allow_shrink=True) != []
    house.unland("erp/orders", day(4), name="narrow.csv")
    assert house.update() == []
    assert house.problems() == []


@pytest.fixture
def lived_in(
    template: Settings, tmp_path: Path, server_url: str, drop_database: Callable[[str], None]
) -> Iterator[House]:
    """A copy of that warehouse, with a landing folder of its own."""
    name, copied = f"metalayer_test_{uuid.uuid4().hex[:12]}", make_url(str(template.database_url)).database
    _execute(Database(server_url), f"create database {name} template {copied}")
    database = Database(beside(server_url, name))
    shutil.copytree(template.landing, tmp_path / "landing")
    settings = replace(template, database_url=database.url, landing=tmp_path / "landing")
    with closing(House(database, settings)) as house:
        yield house
    drop_database(database.url)


def _execute(database: Database, statement: str) -> None:
    """Run a statement outside of a transaction."""
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement)


def _make_again(house: House, *tables: str) -> set[str]:
    """Ask for every slice of these tables to be made again, and do it; the tables that changed."""
    last = house.value("select max(write_id) from meta.slice_ledger")
    with house.database.transaction() as cursor:
        assert outbox.touch_again(cursor, tables) > 0
    assert house.update() == []
    return _changed_since(house, last)


def _changed_since(house: House, write_id: int) -> set[str]:
    # A range may bridge days that were never written, which then stand without rows: nothing has changed there.
    changed = (
        "select distinct table_name from meta.slice_ledger as now where write_id > %(last)s and status = 'published'"
        " and exists (select from meta.slice_ledger as before where before.write_id <= %(last)s"
        " and before.table_name = now.table_name and before.slice = now.slice)"
    )
    return {table for (table,) in house.fetch(changed, last=write_id)}


def databases(house: House) -> list[str]:
    """The scratch databases that stand on the server."""
    return [name for (name,) in house.fetch("select datname from pg_database") if name.startswith(scratch.PREFIX)]


def differing(comparison: Comparison) -> dict[str, list[date]]:
    """The slices that differ, by table."""
    return {
        table.table: [found.slice for found in table.differences] for table in comparison.tables if table.differences
    }


def test_a_warehouse_with_a_messy_history_is_what_a_rebuild_makes_of_its_landing_folder(lived_in: House) -> None:
    before = lived_in.state(ledger=True)
    built: list[Work] = []
    comparison = check(lived_in.writer, progress=built.append)
    assert comparison.equal
    assert comparison.refused == {}
    # Ranges of landed days, then what follows from them: silver alone is what audits counted of all.
    assert {work.tables[0].split(".")[0] for work in built if not QUALITY & {*work.tables}} == {"bronze", "gold"}
    assert {name for work in built for name in work.tables} >= QUALITY
    tables = {table.table: table for table in comparison.tables}
    assert tables.keys() == {
        n for n, contract in CATALOG.items() if contract.is_asset or contract.layer == "quarantine"
    }
    assert {name: table.rows for name, table in tables.items()} == {
        name: verdict.rows for name, verdict in lived_in.verdicts().items()
    }
    assert all(table.rows == table.rebuilt_rows for table in tables.values())
    assert tables[FACTS].rows > 3
    assert tables["quarantine.orders"].rows > 5
    assert lived_in.state(ledger=True) == before
    assert databases(lived_in) == []


@pytest.mark.parametrize(
    ("statement", "table", "days"),
    [
        ("update bronze.erp_orders set status = 'OPEN' where order_id = 'moves' and _arrival_day = %(day)s", BRONZE, 2),
        ("delete from silver.orders where order_id = 'moves' and arrival_day = %(day)s", SILVER, 2),
        ("update gold.dim_customer set city = 'Rome' where arrival_day = %(day)s", "gold.dim_customer", 2),
        ("update silver.sales set arrival_day = %(day)s where sales_id = 'S2'", "silver.sales", 1),
        ("update quarantine.orders set failed_rules = '{}' where order_id = 'O04'", "quarantine.orders", 0),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_a_row_that_was_tampered_with_is_found_by_table_and_slice(
    lived_in: House, statement: str, table: str, days: int
) -> None:
    lived_in.execute(statement, day=day(days))
    found = differing(check(lived_in.writer))
    assert list(found) == [table]
    assert day(days) in found[table]
    assert len(found[table]) <= 2


def test_what_waits_to_be_written_must_be_written_first(lived_in: House) -> None:
    lived_in.land("erp/orders", day(9), [order("new")])
    with pytest.raises(
        NotComparable, match=r"slices wait .*first of them bronze.erp_orders 2024-03-19.* `metalayer run`"
    ):
        check(lived_in.writer)
    lived_in.load("erp/orders", day(9))
    with pytest.raises(NotComparable, match="slices wait to be written"):
        check(lived_in.writer)
    lived_in.update()
    assert check(lived_in.writer).equal


def test_files_that_have_left_the_landing_folder_are_named(lived_in: House) -> None:
    lived_in.unland("erp/orders", day(-3))
    lived_in.unland("crm/accounts", day(1))
    with pytest.raises(NotComparable, match=r"2 loaded files have left .*crm/accounts/2024-03-11/part-0.csv, erp/ord"):
        check(lived_in.writer)


def test_a_file_that_lands_in_the_meantime_is_told(lived_in: House) -> None:
    def land(_: Work) -> None:
        lived_in.land("erp/orders", day(9), [order("new")])

    with pytest.raises(NotComparable, match="changed while"):
        check(lived_in.writer, progress=land)
    assert databases(lived_in) == []


def test_a_slice_that_is_refused_differs_for_a_reason_that_is_told(lived_in: House) -> None:
    lived_in.land("erp/sales", DAY, "nothing of\nwhat is expected\n")
    assert lived_in.update() != []
    comparison = check(lived_in.writer)
    assert list(comparison.refused) == [("bronze.erp_sales", DAY)]
    (table,) = [table for table in comparison.tables if table.table == "bronze.erp_sales"]
    (difference,) = table.differences
    assert "refused in the rebuild: " in difference.note
    assert (difference.standing.rows, difference.rebuilt.rows) == (2, 0)
    assert f"slice {DAY} holds 2 rows" in str(difference)


def test_a_slice_that_was_rolled_back_differs_for_that_reason(lived_in: House) -> None:
    lived_in.execute("update gold.fact_orders set quantity = 9 where order_date = %(day)s", day=day(-2))
    lived_in.execute(
        "insert into meta.slice_ledger (write_id, table_name, slice, rows_read, rows_written, rows_collapsed,"
        " rows_quarantined, checksum, quarantine_checksum, status, reason, code_version, started_at)"
        " select 999999, table_name, slice, rows_read, rows_written, rows_collapsed, rows_quarantined, checksum,"
        " quarantine_checksum, 'published', 'rolled back to write 7', code_version, started_at from meta.slice_ledger"
        " where table_name = 'gold.fact_orders' and slice = %(day)s order by write_id desc limit 1",
        day=day(-2),
    )
    comparison = check(lived_in.writer)
    assert differing(comparison) == {FACTS: [day(-2)]}
    (table,) = [table for table in comparison.tables if table.differences]
    assert table.differences[0].note == "rolled back to write 7"


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, DatabaseError])
def test_the_scratch_database_is_gone_when_the_rebuild_fails(lived_in: House, error: type[BaseException]) -> None:
    stood: list[str] = []

    def fail(_: Work) -> None:
        stood.extend(databases(lived_in))
        raise error

    with pytest.raises(error):
        check(lived_in.writer, progress=fail)
    assert len(stood) == 1
    assert databases(lived_in) == []


def test_the_scratch_database_can_be_kept(lived_in: House) -> None:
    opened: list[Database] = []
    check(lived_in.writer, keep=True, opened=opened.append)
    (kept,) = opened
    try:
        assert databases(lived_in) == [make_url(kept.url).database]
        with kept.transaction(readonly=True) as cursor:
            cursor.execute("select count(*) from gold.fact_orders")
            assert cursor.fetchall() == lived_in.fetch("select count(*) from gold.fact_orders")
    finally:
        _execute(lived_in.database, f'drop database "{make_url(kept.url).database}"')


@pytest.fixture
def limited(
    lived_in: House, create_database: Callable[[str], str], drop_database: Callable[[str], None]
) -> Iterator[tuple[House, str]]:
    """The warehouse as a role sees it that may not create databases, and the URL of an empty one that it owns."""
    role = f"metalayer_limited_{uuid.uuid4().hex[:12]}"
    url = create_database("")
    _execute(lived_in.database, f"create role {role} login nocreatedb password '{role}' in role current_user")
    try:
        _execute(lived_in.database, f"alter database {make_url(url).database} owner to {role}")
        as_limited = [
            make_url(given).set(username=role, password=role).render_as_string(hide_password=False)
            for given in (lived_in.database.url, url)
        ]
        house = House(Database(as_limited[0]), replace(lived_in.settings, database_url=as_limited[0]))
        with closing(house):
            yield house, as_limited[1]
    finally:
        drop_database(url)
        _execute(lived_in.database, f"drop role {role}")


def test_a_role_that_may_not_create_databases_is_told_what_to_grant_or_to_set(limited: tuple[House, str]) -> None:
    house, url = limited
    with pytest.raises(DatabaseError) as caught:
        check(house.writer)
    role = make_url(house.database.url).username
    assert f"the role {role} may not create databases" in str(caught.value)
    assert f'alter role "{role}" createdb, or set METALAYER_SCRATCH_URL to' in str(caught.value)
    assert f":{role}@" not in str(caught.value)
    named = house.with_settings(scratch_url=url)
    # Twice: it is as empty afterwards as it was.
    for _ in range(2):
        assert check(named.writer).equal
        with Database(url).transaction(readonly=True) as cursor:
            cursor.execute("select nspname from pg_namespace where nspname !~ '^pg_' order by 1")
            assert cursor.fetchall() == [("information_schema",), ("public",)]


def test_a_scratch_database_that_is_named_is_cleared_when_the_rebuild_fails(limited: tuple[House, str]) -> None:
    house, url = limited

    def fail(_: Work) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        check(house.with_settings(scratch_url=url).writer, progress=fail)
    assert check(house.with_settings(scratch_url=url).writer).equal


def test_a_database_that_holds_a_warehouse_is_no_scratch_database(lived_in: House) -> None:
    before = lived_in.state(ledger=True)
    with pytest.raises(DatabaseError, match=r"holds a warehouse already \(schema bronze .*: name an empty one"):
        check(lived_in.with_settings(scratch_url=lived_in.database.url).writer)
    assert lived_in.state(ledger=True) == before


TAMPERINGS = {
    # What is done, and the tables that it is done to.
    "silver": (
        (
            "update silver.orders set total_amount = 0 where order_id = 'moves';"
            "delete from silver.customers where customer_id = 'C9';"
            "update silver.products set quality_score = 0"
        ),
        {SILVER, "silver.customers", "silver.products"},
    ),
    "quarantine": (
        (
            "update quarantine.orders set raw = '{}' where order_id = 'O04';"
            "update quarantine.customers set state = 'closed' where customer_id = 'C02'"
        ),
        {SILVER, "silver.customers"},
    ),
    "dimensions": (
        (
            "update gold.dim_customer set city = 'Rome' where customer_id = 'C1';"
            "update gold.dim_customer set facts_until = facts_from where customer_id = 'C9';"
            "update gold.dim_product set product_code = 'P0', product_key = 1 where product_code = 'P2'"
        ),
        {"gold.dim_customer", "gold.dim_product"},
    ),
    "members gone": ("delete from gold.dim_customer", {"gold.dim_customer"}),
    "facts": (
        (
            "update gold.fact_orders set quantity = 7, customer_key = 1 where order_id = 'early';"
            "delete from gold.fact_sales; update gold.agg_daily_sales set total_orders = 0"
        ),
        {FACTS, "gold.fact_sales", DAILY},
    ),
    "a holiday": ("update gold.dim_date set is_holiday = true where date = '2024-03-09'", {"gold.dim_date"}),
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_a_derived_slice_that_was_tampered_with_is_made_again(lived_in: House, tampering: str) -> None:
    statement, tables = TAMPERINGS[tampering]
    before = lived_in.checksums()
    untouched = {name: lived_in.physical(name) for name in DERIVED if name not in tables}
    lived_in.execute(statement)
    assert lived_in.problems() != []
    assert _make_again(lived_in, *DERIVED) == tables
    assert lived_in.checksums() == before
    assert lived_in.problems() == []
    assert {name: lived_in.physical(name) for name in untouched} == untouched


def test_slices_that_hold_what_their_sources_say_are_left_as_they_are(lived_in: House) -> None:
    before = {name: lived_in.physical(name) for name in DERIVED}
    assert _make_again(lived_in, *DERIVED) == set()
    assert {name: lived_in.physical(name) for name in DERIVED} == before
    assert lived_in.problems() == []


def test_a_request_to_make_slices_again_outlives_whoever_made_it(lived_in: House) -> None:
    before = lived_in.checksums()
    lived_in.execute("update gold.fact_orders set quantity = 7 where order_id = 'early'")
    with lived_in.database.transaction() as cursor:
        outbox.touch_again(cursor, DERIVED)
    assert not lived_in.crash(SILVER, DAY, at=1000)
    assert lived_in.crash(FACTS, day(-3), at=12)
    # Whatever is run next goes on with it.
    assert lived_in.update() == []
    assert lived_in.checksums() == before
    assert lived_in.problems() == []


def test_an_ordinary_write_trusts_the_ledger(lived_in: House) -> None:
    lived_in.execute("update gold.fact_orders set quantity = 7 where order_id = 'early'")
    assert lived_in.write(FACTS, day(-3)).published == frozenset()
    assert lived_in.problems() != []
    assert _make_again(lived_in, FACTS) == {FACTS}
    assert lived_in.problems() == []


def test_a_slice_of_a_dimension_made_again_brings_what_it_moves_beside_it_in_line(lived_in: House) -> None:
    before = lived_in.checksums()
    slices = lived_in.fetch("select distinct arrival_day from gold.dim_customer where customer_id = 'C1' order by 1")
    (first,), *others = slices
    assert others
    # Other slices hold other versions of the member; they are not asked for, and their sums must come out right too.
    lived_in.execute("update gold.dim_customer set city = 'Rome' where customer_id = 'C1'")
    lived_in.execute("insert into meta.touched_slices values ('gold.dim_customer', %(first)s, -1)", first=first)
    assert lived_in.write("gold.dim_customer", first).published == {day for (day,) in slices}
    assert lived_in.problems() == []
    assert lived_in.checksums() == before
