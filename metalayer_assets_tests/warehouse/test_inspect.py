import json
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from metalayer_assets.warehouse import inspect
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, order
from metalayer_assets_tests.warehouse.conftest import new_house


@pytest.fixture(scope="module")
def loaded(prepared_databases: tuple[Database, Database], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A warehouse that no test of this module changes."""
    with new_house(prepared_databases[1], tmp_path_factory.mktemp("loaded")) as house:
        rows = [order("O1", price_per_unit="12345678901234567890.10"), order("O2", customer_id="")]
        house.land("erp/orders", DAY, rows)
        assert house.update() == []
        yield house


def as_json(house: House, statement: str) -> Any:
    with house.database.transaction(readonly=True) as cursor:
        return inspect.rows_as_json(cursor, statement)


def as_rows(house: House, statement: str) -> list[dict[str, Any]]:
    with house.database.transaction(readonly=True) as cursor:
        return inspect.rows(cursor, statement)


def test_rows_come_as_objects_with_every_digit(loaded: House):
    text = as_json(loaded, "select order_id, unit_price, customer_id, order_date from gold.fact_orders order by 1")
    assert '"unit_price":12345678901234567890.10' in text.replace(" ", "")
    assert [row["order_id"] for row in json.loads(text)] == ["O1", "O2"]
    assert json.loads(text)[1] == {
        "order_id": "O2",
        "unit_price": 10.50,
        "customer_id": None,
        "order_date": "2024-03-09",
    }
    assert as_json(loaded, "select 1 as n where false") == "[]"


@pytest.mark.parametrize("answer", [as_rows, as_json])
def test_no_column_hides_another_of_its_name(loaded: House, answer: Any):
    with pytest.raises(SettingError, match="two columns of the statement are named 'min': tell them apart"):
        answer(loaded, "select min(order_id), min(unit_price) from gold.fact_orders")


@pytest.mark.parametrize(
    "statement",
    [
        "select 7 % 4 as n, '%s' as t",
        "  select 3 as n, '%s' as t ; ",
        "select 3 as n, '%s' as t -- a note",
        "select 3 as n, '%s' as t /* ; */",
        "select 3 as n, '%s' as t where ';' = $$;$$",
        "with a as (select 3 as n) select n, '%s' as t from a",
        "values (3, '%s')",
    ],
)
def test_a_statement_is_taken_as_people_write_it(loaded: House, statement: str):
    assert [list(row.values()) for row in json.loads(as_json(loaded, statement))] == [[3, "%s"]]
    assert [list(row.values()) for row in as_rows(loaded, statement)] == [[3, "%s"]]


@pytest.mark.parametrize(
    "statement",
    [
        "commit; delete from silver.orders",
        "select 1; commit; delete from silver.orders",
        "select 1) as asked; commit; delete from silver.orders; select * from (select 1",
        "rollback; begin; delete from silver.orders; commit",
        "set transaction read write; delete from silver.orders",
        "select ';' /* ' */; delete from silver.orders",
        "select '\\'; delete from silver.orders; --'",
    ],
)
@pytest.mark.parametrize("ask", [as_json, as_rows])
def test_a_second_statement_never_runs(loaded: House, ask: Any, statement: str):
    with pytest.raises((SettingError, psycopg2.Error)):
        ask(loaded, statement)
    assert loaded.value("select count(*) from silver.orders") == 2


@pytest.mark.parametrize("ask", [as_json, as_rows])
@pytest.mark.parametrize(
    "statement",
    [
        "delete from silver.orders",
        "with gone as (delete from silver.orders returning 1) select 1",
        "truncate silver.orders",
        "create table gold.mine (a integer)",
        "select nextval('meta.write_number')",
        "commit",
    ],
)
def test_a_statement_that_writes_is_refused(loaded: House, ask: Any, statement: str):
    before = loaded.state(ledger=True)
    with pytest.raises((SettingError, psycopg2.Error)):
        ask(loaded, statement)
    assert loaded.state(ledger=True) == before


@pytest.mark.parametrize("statement", ["", "  ;; ", "-- nothing", "select 'open", "select /* open"])
def test_what_is_no_statement_is_told(loaded: House, statement: str):
    with pytest.raises(SettingError, match=r"no statement|not closed"):
        as_rows(loaded, statement)


@pytest.mark.parametrize(
    "statement", ["copy (select 1) to program 'true'", "do $$ begin end $$", "lock gold.fact_orders"]
)
def test_what_is_no_question_is_refused_even_where_it_writes_no_table(loaded: House, statement: str):
    with pytest.raises(SettingError, match="is no question"):
        as_rows(loaded, statement)
