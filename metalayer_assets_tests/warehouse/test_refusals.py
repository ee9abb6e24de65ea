"""Try to break the fourth law: make a write publish what it must refuse."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse import models
from metalayer_assets.warehouse.audit import Refusal
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.errors import ContractError
from metalayer_assets.warehouse.plan import Scope
from metalayer_assets.warehouse.shipped import sql_folder
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, customer, day, order, orders, sale
from metalayer_assets_tests.warehouse.conftest import new_house

BRONZE, SILVER, FACTS, DAILY = "bronze.erp_orders", "silver.orders", "gold.fact_orders", "gold.agg_daily_sales"
BUSINESS_DAY = date(2024, 3, 9)
# How the model of orders finds the version of a customer, and what it makes of it.
AS_OF = """and told.order_date >= customer.facts_from
        and told.order_date < customer.facts_until"""
CARRIED = "coalesce(customer.customer_key, meta.inferred_key(told.customer_id), 0) as customer_key"
# What is told of rows that are joined to another version than that of their day.
STRAY = (
    r"name a customer_id without carrying the key of the version that gold\.dim_customer holds for their day: mend the"
    r" join in sql/gold/fact_orders\.sql, or write gold\.dim_customer again\."
)
Model = Callable[[str, Callable[[str], str]], None]


@pytest.fixture
def change_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """Function that changes the text of a table's model, for this test."""
    folder = tmp_path / "sql"
    shutil.copytree(sql_folder(), folder)
    monkeypatch.setattr(models, "sql_folder", lambda: folder)

    def change(table: str, edit: Callable[[str], str]) -> None:
        path = folder / f"{table.replace('.', '/')}.sql"
        before = path.read_text(encoding="utf-8")
        path.write_text(edit(before), encoding="utf-8")
        assert path.read_text(encoding="utf-8") != before
        models._parsed.cache_clear()

    return change


@pytest.fixture(scope="module")
def standing(
    prepared_databases: tuple[Database, Database], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A warehouse with 30 orders of one business day, for tests of what must leave it as it stands."""
    with new_house(prepared_databases[1], tmp_path_factory.mktemp("standing")) as house:
        house.land("erp/orders", DAY, orders(30))
        assert house.update() == []
        yield house


def test_a_slice_that_would_lose_too_many_rows_is_refused_with_evidence(house: House):
    house.land("erp/orders", DAY, orders(30))
    assert house.update() == []
    before = house.state()
    house.land("erp/orders", DAY, orders(14))
    with pytest.raises(
        Refusal,
        match=r"bronze\.erp_orders was not written, the old slices stay\. 2024-03-10: the slice"
        r" would shrink from 30 to 14 rows, more than 50%; .*--allow-shrink",
    ):
        house.write(BRONZE, DAY)
    assert house.state() == before
    assert house.ledger(BRONZE)[-1][:6] == (DAY, "refused", 14, 14, 0, 0)
    assert "from 30 to 14 rows" in house.ledger(BRONZE)[-1][6]
    assert house.problems() == []
    # What a person allows is done, and silver follows without asking again.
    house.write(BRONZE, DAY, allow_shrink=True)
    assert house.update() == []
    assert house.value("select count(*) from gold.fact_orders") == 14
    assert house.problems() == []


@pytest.mark.parametrize(("left", "refused"), [(15, False), (14, True), (0, True)])
def test_the_share_that_may_go_is_a_half_and_never_all(house: House, left: int, refused: bool):
    house.land("erp/orders", DAY, orders(30))
    house.write(BRONZE, DAY)
    house.land("erp/orders", DAY, orders(left))
    scope = Scope(tables=frozenset({BRONZE}))
    assert bool(house.update(scope)) is refused
    assert house.value(f"select count(*) from {BRONZE}") == (30 if refused else left)


def test_a_small_slice_may_shrink_but_not_become_empty(house: House):
    house.land("erp/orders", DAY, orders(19))
    assert house.update() == []
    house.land("erp/orders", DAY, orders(1))
    assert house.update() == []
    house.land("erp/orders", DAY, [])
    (refusal,) = house.update()
    assert "the slice holds 1 rows and would become empty" in refusal
    assert house.value("select count(*) from gold.fact_orders") == 1


def test_the_limit_is_a_setting(house: House):
    house.land("erp/orders", DAY, orders(30))
    assert house.update() == []
    house.land("erp/orders", DAY, orders(20))
    strict = house.with_settings(shrink_limit=0.1)
    (refusal,) = strict.update()
    assert "from 30 to 20 rows, more than 10%" in refusal
    generous = house.with_settings(allow_shrink=True)
    assert generous.update() == []
    assert generous.value("select count(*) from gold.fact_orders") == 20


def test_rules_that_suddenly_reject_half_a_day_are_refused(house: House, change_model: Model):
    house.land("erp/orders", DAY, orders(30))
    assert house.update() == []
    before = house.state()
    change_model(SILVER, lambda text: text.replace("meta.clean_text(told.quantity) as", "null::text as"))
    (refusal,) = house.update()
    assert "the slice holds 30 rows and would become empty" in refusal
    assert house.state() == before
    # The same refusal does not keep the sources of other tables from coming in.
    house.land("erp/sales", DAY, [sale()])
    assert len(house.update()) == 1
    assert house.value("select count(*) from gold.fact_sales") == 1


@pytest.mark.parametrize(
    ("table", "edit", "problem"),
    [
        (
            SILVER,
            lambda text: f"{text}\nand told.order_id <> 'O007'",
            r"2024-03-10: the sources hold 30 rows but the model accounts for 29: .* sql/silver/orders\.sql drops or",
        ),
        (
            SILVER,
            lambda text: text.replace("('OPEN', 'PENDING')", "('PAID', 'PENDING')"),
            r"the sources hold 30 rows but the model accounts for 60",
        ),
        (
            FACTS,
            lambda text: f"{text}\nand told.quantity > 2",
            r"2024-03-09: the sources hold 30 rows but the model accounts for 0: .* sql/gold/fact_orders\.sql",
        ),
        (
            DAILY,
            lambda text: text.replace("count(*) as total_orders", "count(distinct f.customer_id) as total_orders"),
            r"2024-03-09: the sources hold 30 rows but the model accounts for 1",
        ),
    ],
)
def test_a_model_that_drops_or_multiplies_rows_is_refused(
    standing: House, change_model: Model, table: str, edit: Callable[[str], str], problem: str
):
    before = standing.state()
    change_model(table, edit)
    with pytest.raises(Refusal, match=problem):
        standing.write(table, BUSINESS_DAY if table.startswith("gold") else DAY)
    assert standing.state() == before
    assert standing.problems() == []
    # Nor does the plan try it for ever.
    assert len(standing.update()) == 1


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        # Every version of the customer, the one that is open now, one of nobody, and none.
        (lambda text: text.replace(AS_OF, ""), r"the sources hold 2 rows but the model accounts for 3"),
        (lambda text: text.replace(AS_OF, "and customer.is_current"), rf"1 rows {STRAY}"),
        (lambda text: text.replace(CARRIED, "7::bigint as customer_key"), rf"2 rows {STRAY}"),
        (
            lambda text: text.replace("= customer.customer_id", "= lower(customer.customer_id)"),
            rf"2 rows {STRAY}",
        ),
    ],
    ids=["all", "current", "nobody's", "none"],
)
def test_a_model_that_joins_another_version_than_the_one_of_the_day_is_refused(
    house: House, change_model: Model, edit: Callable[[str], str], problem: str
):
    moved = [
        customer("C1", city=city, updated_at=told) for city, told in (("Troy", "2024-03-01"), ("Rome", "2024-03-10"))
    ]
    house.land("crm/customers", DAY, [*moved, customer("C2")])
    house.land("erp/orders", DAY, [order("O1"), order("O2", customer_id="C2")])
    assert house.update() == []
    before = house.state()
    change_model(FACTS, edit)
    with pytest.raises(
        Refusal, match=rf"gold\.fact_orders was not written, the old slices stay\. 2024-03-09: {problem}"
    ):
        house.write(FACTS, BUSINESS_DAY)
    assert house.state() == before
    assert house.problems() == []


def test_rows_of_a_slice_that_was_not_asked_for_are_refused(house: House, change_model: Model):
    for number in range(3):
        house.land("erp/orders", day(number), [order(f"O{number}")])
    assert house.update() == []
    before = house.state()
    change_model(
        SILVER, lambda text: text.replace("where told._arrival_day = any(:slices)", "where :slices is not null")
    )
    with pytest.raises(
        Refusal, match=r"2024-03-10: 2 rows lie outside the slices asked for \(2024-03-11, 2024-03-12\)"
    ):
        house.write(SILVER, DAY)
    assert house.state() == before
    # The slice that was asked for is the one that is refused: no plan asks for it again in the same run.
    assert [entry[:2] for entry in house.ledger(SILVER) if entry[1] == "refused"] == [(DAY, "refused")]


def test_two_rows_of_one_key_are_refused_in_words(
    standing: House, change_model: Model, monkeypatch: pytest.MonkeyPatch
):
    before = standing.state()
    # Its rules would notice that the counts are told twice.
    monkeypatch.setitem(CATALOG._by_name, DAILY, replace(CATALOG[DAILY], set_rules=()))
    # Every telling is kept, so the order stands twice; the counts still add up.
    change_model(
        DAILY, lambda text: text.replace("_folded\nfrom", "_folded\nfrom (values (1), (0)) as v (n) cross join")
    )
    change_model(
        DAILY,
        lambda text: text.replace(
            "coalesce(orders.total_orders, 0) + coalesce(sales.sales_lines, 0) as _folded",
            "n * (coalesce(orders.total_orders, 0) + coalesce(sales.sales_lines, 0)) as _folded",
        ),
    )
    with pytest.raises(
        Refusal, match=r"two rows have the same key \(date\): Key \(date\)=\(2024-03-09\) already exists"
    ):
        standing.write(DAILY, BUSINESS_DAY)
    assert standing.state() == before
    assert standing.ledger(DAILY)[-1][1] == "refused"


def test_a_missing_value_of_a_required_column_is_refused_in_words(standing: House, change_model: Model):
    change_model(FACTS, lambda text: text.replace("    told.order_size,", "    null::text as order_size,"))
    with pytest.raises(Refusal, match="column order_size is empty in a row, and its contract says that it never is"):
        standing.write(FACTS, BUSINESS_DAY)
    assert standing.value("select count(*) from gold.fact_orders") == 30


def test_a_statement_that_postgresql_refuses_is_told_without_a_traceback_of_its_own(
    standing: House, change_model: Model
):
    before = standing.state()
    change_model(FACTS, lambda text: text.replace("told.quantity,", "told.quantity / 0 as quantity,"))
    with pytest.raises(
        ContractError, match=r"gold\.fact_orders was not written, the old slices stay: .*division by zero"
    ):
        standing.write(FACTS, BUSINESS_DAY)
    assert standing.state() == before


@pytest.mark.parametrize(
    ("changes", "error", "problem"),
    [
        (
            {"order_date": pd.Timestamp("2024-03-10")},
            Refusal,
            r"30 rows lie outside the slices asked for \(2024-03-10\)",
        ),
        ({"order_date": pd.NaT}, Refusal, r"30 rows lie outside the slices asked for \(no day\)"),
        ({"order_id": "O1"}, Refusal, r"two rows have the same key \(order_id, order_date\)"),
        ({"product_code": None}, Refusal, "column product_code is empty in a row"),
        ({"quantity": "many"}, ContractError, 'invalid input syntax for type integer: "many"'),
        ({"product_code": "a\0b"}, ContractError, "invalid byte sequence"),
        ({"colour": "red"}, ContractError, r"unknown \['colour'\]"),
    ],
)
def test_a_frame_that_does_not_fit_is_refused_in_words(
    standing: House, changes: dict[str, Any], error: type[Exception], problem: str
):
    before = standing.state()
    contract = CATALOG[FACTS]
    frame = standing.frame(FACTS, BUSINESS_DAY).astype(object).assign(**changes)
    with pytest.raises(error, match=problem):
        standing.writer.write(contract, [BUSINESS_DAY], standing.writer.context(contract), frame=frame)
    assert standing.state() == before
    assert standing.problems() == []
