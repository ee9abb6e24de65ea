"""Change contracts under a warehouse that stands: what the plan says, what is applied, and what a run then makes."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from metalayer_assets.contracts import CATALOG, Column, Contract, Rule, Type
from metalayer_assets.contracts.predicate import Col
from metalayer_assets.warehouse import applying, ddl
from metalayer_assets.warehouse.apply_plan import TablePlan, plan
from metalayer_assets.warehouse.applying import apply
from metalayer_assets.warehouse.as_of import PastUnknown, known_past
from metalayer_assets.warehouse.contract_versions import last_change
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.errors import ContractError
from metalayer_assets.warehouse.landing import scan
from metalayer_assets.warehouse.rollback import RollbackRefused, roll_back
from metalayer_assets.warehouse.settings import Settings, beside
from metalayer_assets.warehouse.table_changes import Kind
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, START, account, customer, day, order, product, sale
from metalayer_assets_tests.warehouse.changed_contracts import (
    Edits,
    changed_contracts,
    with_column,
    with_types,
    without_column,
)

BRONZE, SILVER, FACTS, DAILY = "bronze.erp_orders", "silver.orders", "gold.fact_orders", "gold.agg_daily_sales"
CHANNEL = Column("channel", Type.TEXT, "Channel of the order.")
CLEANED = ("meta.clean_text(told.is_deleted) as is_deleted", "meta.clean_text(told.is_deleted) as is_deleted")

Start = Callable[[], House]
Case = tuple[Callable[[], tuple[Contract, ...]], Edits]


@pytest.fixture(scope="module")
def template(
    tmp_path_factory: pytest.TempPathFactory,
    create_database: Callable[[str], str],
    drop_database: Callable[[str], None],
) -> Iterator[Settings]:
    """A warehouse of three days with corrections, rows kept out and a column that nobody declared."""
    landing = tmp_path_factory.mktemp("applying") / "landing"
    landing.mkdir()
    settings = Settings(database_url=create_database(""), landing=landing, start_date=START)
    database = Database(str(settings.database_url))
    with database.transaction() as cursor:
        ddl.ensure(cursor)
    with closing(House(database, settings)) as house:
        for number in range(3):
            told = {"channel": f"shop{number}", "order_date": str(day(number - 1))}
            rows = [order(f"O{number}{n}", quantity=str(n + 1), **told) for n in range(6)]
            house.land("erp/orders", day(number), [*rows, order(f"bad{number}", status="odd", **told)])
            house.land("erp/sales", day(number), [sale(f"S{number}"), sale("S", product_id=f"P{number}"), sale("S")])
        house.land("crm/customers", DAY, [customer(), customer("C2", state="XX")])
        house.land("crm/accounts", day(1), [account()])
        house.land("erp/products", DAY, [product()])
        assert house.update() == []
        rows = [order(f"O0{n}", quantity=str(n + 2), channel="shop9", order_date=str(day(-1))) for n in range(5)]
        house.land("erp/orders", DAY, [*rows, order("bad0", status="odd")])
        assert house.update(allow_shrink=True) == []
        assert house.problems() == []
    yield settings
    drop_database(database.url)


@pytest.fixture
def house(template: Settings, server_url: str, drop_database: Callable[[str], None]) -> Iterator[House]:
    """A copy of that warehouse, on the same landing folder."""
    name, copied = f"metalayer_test_{uuid.uuid4().hex[:12]}", make_url(str(template.database_url)).database
    with closing(Database(server_url).connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(f"create database {name} template {copied}")
    database = Database(beside(server_url, name))
    with closing(House(database, replace(template, database_url=database.url))) as house:
        yield house
    drop_database(database.url)


@pytest.fixture
def from_scratch(house: House, database: Database) -> Callable[[], dict[str, str]]:
    """Function that loads everything into an empty database, and tells what its tables then hold."""

    def load() -> dict[str, str]:
        with database.transaction() as cursor:
            ddl.ensure(cursor)
        with closing(House(database, replace(house.settings, database_url=database.url))) as other:
            assert other.update() == []
            assert other.problems() == []
            return other.checksums()

    return load


def planned(house: House) -> dict[str, TablePlan]:
    """What the plan says, by table."""
    with house.database.transaction(readonly=True) as cursor:
        return {found.table: found for found in plan(cursor, house.settings, scan(house.settings))}


def kinds(house: House) -> dict[str, set[str]]:
    """What the plan would do to tables."""
    return {
        table: {change.kind.value for change in found.changes}
        for table, found in planned(house).items()
        if found.changes
    }


def bring_in_line(house: House, *, allow_loss: bool = False) -> None:
    """Apply, and update."""
    apply(house.database, scan(house.settings), allow_loss=allow_loss)
    assert house.problems() == []
    assert kinds(house) == {}
    assert apply(house.database, scan(house.settings)) == []
    assert house.update() == []
    assert house.problems() == []
    assert planned(house) == {}


def _added() -> tuple[Contract, ...]:
    return (
        with_column(BRONZE, replace(CHANNEL, optional=True), before="is_deleted"),
        with_column(SILVER, CHANNEL, before="is_deleted"),
    )


def _widened() -> tuple[Contract, ...]:
    kept = (rule for rule in CATALOG[SILVER].rules if rule.id != "customer_id_given")
    few = Rule("few_units", "An order has few units.", Col("quantity") <= 5)
    return (
        replace(with_types(SILVER, quantity=Type.BIGINT), rules=(*kept, few)),
        replace(with_types(FACTS, quantity=Type.NUMERIC), indexes=(("customer_id",),)),
    )


def _dropped() -> tuple[Contract, ...]:
    return without_column(FACTS, "order_size"), without_column("gold.dim_customer", "zip")


def _rekeyed() -> tuple[Contract, ...]:
    sales = CATALOG["silver.sales"]
    products = with_types("silver.products", unit_cost=Type.INTEGER)
    products = replace(products, rules=tuple(r for r in products.rules if r.id != "price_covers_cost"))
    accounts = CATALOG["bronze.crm_accounts"]
    columns = (replace(c, nullable=c.nullable and c.name != "customer_id") for c in accounts.columns)
    return (
        replace(accounts, columns=tuple(columns)),
        replace(sales, key=("arrival_day", "sales_id")),
        replace(CATALOG["gold.agg_daily_sales"], by_month=True),
        products,
        with_types("gold.dim_product", unit_cost=Type.INTEGER),
    )


CASES: dict[str, Case] = {
    "columns added": (_added, {SILVER: (CLEANED[0], f"{CLEANED[1]}, meta.clean_text(told.channel) as channel")}),
    "types widened, rules and a model changed": (
        _widened,
        {
            FACTS: ("told.quantity,", "told.quantity::numeric as quantity,"),
            DAILY: (
                "coalesce(sum(f.quantity) filter (where f.status in ('COMPLETED', 'SHIPPED')), 0) as",
                "coalesce(sum(f.quantity) filter (where f.status = 'COMPLETED'), 0)::bigint as",
            ),
        },
    ),
    "columns dropped": (_dropped, {FACTS: ("told.order_size,", ""), "gold.dim_customer": ("customers.zip,", "")}),
    "keys, partitions and types that need a rebuild": (_rekeyed, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_after_apply_and_a_run_the_warehouse_is_what_the_changed_contracts_make_of_the_landing_folder(
    house: House, from_scratch: Callable[[], dict[str, str]], tmp_path: Path, case: str
) -> None:
    contracts, edits = CASES[case]
    with changed_contracts(tmp_path / "sql", *contracts(), edits=edits):
        bring_in_line(house, allow_loss=True)
        assert house.checksums() == from_scratch()
    # And back again.
    bring_in_line(house, allow_loss=True)


def test_the_plan_says_what_is_done_to_which_table_and_which_slices_are_made_again(house: House, tmp_path: Path):
    contracts, edits = CASES["columns added"]
    with changed_contracts(tmp_path / "sql", *contracts(), edits=edits):
        assert kinds(house) == {
            table: {Kind.ADD.value} for table in (BRONZE, SILVER, "history.erp_orders", "history.orders")
        }
        found = planned(house)
        assert [change.detail for change in found[BRONZE].changes] == ["channel text"]
        assert {table: (told.restated, told.out_of_reach) for table, told in found.items() if told.restated} == {
            BRONZE: (3, 0),
            SILVER: (3, 0),
        }
        house.settings.landing.joinpath("erp/orders", str(day(1)), "part-0.csv").rename(tmp_path / "away.csv")
        try:
            assert (planned(house)[BRONZE].restated, planned(house)[BRONZE].out_of_reach) == (2, 1)
            bring = apply(house.database, scan(house.settings))
            assert {change.table for change in bring} == {BRONZE, SILVER, "history.erp_orders", "history.orders"}
            assert house.update() == []
            assert house.problems() == []
            channels = "select _arrival_day, count(channel) from bronze.erp_orders group by 1 order by 1"
            assert [rows for _, rows in house.fetch(channels)] == [5, 0, 7]
        finally:
            (tmp_path / "away.csv").rename(house.settings.landing / "erp/orders" / str(day(1)) / "part-0.csv")


def test_changed_rules_are_told_and_need_no_apply(house: House, tmp_path: Path):
    rules = tuple(
        replace(rule, weight=3) if rule.id == "unit_price_not_negative" else rule
        for rule in CATALOG[SILVER].rules
        if rule.id != "customer_id_given"
    )
    few = Rule("few_units", "An order has few units.", Col("quantity") <= 5)
    with changed_contracts(tmp_path / "sql", replace(CATALOG[SILVER], rules=(*rules, few))):
        assert kinds(house) == {}
        told = planned(house)[SILVER]
        assert set(told.declared) == {
            "rule few_units added",
            "rule customer_id_given removed",
            "rule unit_price_not_negative changed",
        }
        assert told.restated == 3
        house.writer.prepare()
        assert house.update() == []
        assert house.problems() == []
        assert house.value("select count(*) from quarantine.orders where 'few_units' = any(failed_rules)") == 3
        versions = "select count(*) from meta.contract_versions where table_name = 'silver.orders'"
        assert house.value(versions) == 2


def test_a_warehouse_that_stands_otherwise_is_refused_with_the_commands_that_help(house: House, tmp_path: Path):
    contracts, edits = CASES["columns added"]
    with changed_contracts(tmp_path / "sql", *contracts(), edits=edits):
        with pytest.raises(ContractError, match=r"bronze.erp_orders \(channel text\).*`metalayer plan`.*`metalayer ap"):
            house.writer.prepare()
        bring_in_line(house)
        house.writer.prepare()


def test_a_table_without_a_contract_is_told_and_left_alone(house: House):
    house.execute("create table gold.notes (note text)")
    assert planned(house) == {
        "gold.notes": TablePlan("gold.notes", declared=("there is none; the table is left alone",))
    }
    assert apply(house.database, scan(house.settings)) == []
    assert house.fetch("select * from gold.notes") == []


def test_what_the_warehouse_keeps_about_itself_is_altered_and_never_dropped(house: House, tmp_path: Path):
    ledger = CATALOG["meta.slice_ledger"]
    host = Column("host", Type.TEXT, "Machine that wrote.", nullable=False, default="'unknown'")
    wider = replace(ledger, columns=(*ledger.columns, host))
    with changed_contracts(tmp_path / "sql", wider):
        bring_in_line(house)
        assert house.value("select count(*) from meta.slice_ledger where host = 'unknown'") > 0
        bring_in_line(house)
    match = r"meta.slice_ledger cannot be brought in line, since nothing makes its rows again: key"
    other = replace(wider, key=("write_id", "table_name", "slice"))
    with changed_contracts(tmp_path / "again", other), pytest.raises(ContractError, match=match):
        apply(house.database, scan(house.settings), allow_loss=True)
    bring_in_line(house, allow_loss=True)


def test_what_no_run_could_make_again_is_not_lost_unasked(house: House, tmp_path: Path):
    with changed_contracts(
        tmp_path / "sql",
        without_column("bronze.crm_customers", "zip"),
        edits={"silver.customers": ("meta.clean_text(told.zip) as zip,", "null::text as zip,")},
    ):
        before = house.state(ledger=True)
        with pytest.raises(ContractError, match=r"nothing was changed.*the values of bronze.crm_customers.zip.*-loss"):
            apply(house.database, scan(house.settings))
        monthly = replace(CATALOG["bronze.crm_accounts"], by_month=False)
        assert house.state(ledger=True) == before
    match = r"bronze.crm_accounts cannot be rebuilt: 1 of its files have left"
    with changed_contracts(tmp_path / "again", monthly), pytest.raises(ContractError, match=match):
        apply(house.database, None, allow_loss=True)
    assert house.problems() == []


def test_the_past_is_told_in_the_columns_of_today_or_said_to_be_unknown(house: House, tmp_path: Path):
    before = house.value("select max(write_id) from meta.slice_ledger")
    asked = "select order_id, quantity from history.fact_orders_at_write({}) order by 1"
    stood = house.fetch(asked.format(before))
    contracts, edits = CASES["columns dropped"]
    with changed_contracts(tmp_path / "sql", *contracts(), edits=edits):
        bring_in_line(house, allow_loss=True)
        assert house.fetch(asked.format(before)) == stood
        with house.database.transaction() as cursor:
            assert last_change(cursor, FACTS) > before
        with pytest.raises(RollbackRefused, match="has changed the table's columns since"):
            roll_back(house.writer, CATALOG[FACTS], day(-1), _first_write(house, FACTS))
    contracts, edits = CASES["keys, partitions and types that need a rebuild"]
    with changed_contracts(tmp_path / "again", *contracts(), edits=edits):
        bring_in_line(house, allow_loss=True)
        with pytest.raises(PastUnknown, match=r"silver\.sales"), house.database.transaction() as cursor, known_past():
            cursor.execute(f"select * from history.sales_at_write({before})")


def _first_write(house: House, table: str) -> int:
    return int(house.value(f"select min(write_id) from meta.slice_ledger where table_name = '{table}'"))


def test_rows_that_were_tampered_with_are_not_entered_as_right(house: House, tmp_path: Path):
    house.execute("update silver.orders set status = 'PENDING' where order_id = 'O11'")
    contracts, edits = CASES["columns added"]
    with changed_contracts(tmp_path / "sql", *contracts(), edits=edits):
        apply(house.database, scan(house.settings))
        assert [problem.split(" holds")[0] for problem in house.problems()] == [f"silver.orders: slice {day(1)}"]


def test_an_apply_that_is_broken_off_is_taken_up_again(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contracts, edits = CASES["columns added"]
    with changed_contracts(tmp_path / "sql", *contracts(), edits=edits):
        execute = applying._tell_ledger

        def fail(cursor: object, asset: Contract, *rest: object) -> None:
            execute(cursor, asset, *rest)  # type: ignore[arg-type]
            if asset.name == SILVER:
                raise KeyboardInterrupt

        monkeypatch.setattr(applying, "_tell_ledger", fail)
        with pytest.raises(KeyboardInterrupt):
            apply(house.database, scan(house.settings))
        assert set(kinds(house)) == {SILVER, "history.orders"}
        assert house.value("select count(*) from meta.slice_ledger where reason like 'contract applied%%'") == 3
        monkeypatch.setattr(applying, "_tell_ledger", execute)
        bring_in_line(house)
