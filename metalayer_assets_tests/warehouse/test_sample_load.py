"""Load sample landings, every kind of dirt and format in them, and hold the warehouse to the inventor's truth."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from metalayer_assets.sample import SampleOptions, SampleTruth, write_sample
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.inspect import rows
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets_tests.house import LENIENT, House
from metalayer_assets_tests.warehouse.conftest import empty

_TABLES = {
    "customers": ("bronze.crm_customers", "silver.customers"),
    "accounts": ("bronze.crm_accounts", "silver.accounts"),
    "orders": ("bronze.erp_orders", "silver.orders"),
    "sales": ("bronze.erp_sales", "silver.sales"),
    "products": ("bronze.erp_products", "silver.products"),
}
_OPTIONS = {
    "the demo": SampleOptions(),
    "mostly dirt": SampleOptions(days=12, customers=60, products=20, orders_per_day=40, dirt=0.4, late=0.4, seed=3),
}


@pytest.fixture(scope="module", params=_OPTIONS.values(), ids=_OPTIONS.keys())
def loaded(
    request: pytest.FixtureRequest,
    prepared_databases: tuple[Database, Database],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[House, SampleTruth]:
    landing: Path = tmp_path_factory.mktemp("sample")
    truth = write_sample(landing, request.param)
    empty(prepared_databases[0])
    house = House(prepared_databases[0], Settings(database_url=prepared_databases[0].url, landing=landing, **LENIENT))
    assert house.update() == []
    return house, truth


def _ask(house: House, statement: str) -> list[dict[str, Any]]:
    with house.database.transaction(readonly=True) as cursor:
        return rows(cursor, statement)


@pytest.mark.parametrize("dataset", _TABLES)
def test_every_line_of_a_dataset_is_where_the_inventor_put_it(loaded: tuple[House, SampleTruth], dataset: str) -> None:
    house, truth = loaded
    told = truth.datasets[dataset]
    bronze, silver = (
        _ask(
            house,
            "select sum(rows_read) as read, sum(rows_written) as written, sum(rows_collapsed) as collapsed,"
            f" sum(rows_quarantined) as kept_out from meta.slice_ledger where table_name = '{table}'",
        )[0]
        for table in _TABLES[dataset]
    )
    assert bronze == {
        "read": told.lines, "written": told.bronze_rows, "collapsed": 0, "kept_out": told.unreadable,
    }  # fmt: skip
    assert silver == {
        "read": told.bronze_rows, "written": told.silver_rows, "collapsed": told.collapsed, "kept_out": told.rejected,
    }  # fmt: skip
    kept = _ask(house, f"select count(*) as n from quarantine.{dataset} where state = 'open'")
    assert kept == [{"n": told.rejected}]


def test_the_facts_are_the_latest_tellings_to_the_last_digit(loaded: tuple[House, SampleTruth]) -> None:
    house, truth = loaded
    by_status = _ask(
        house, "select status, count(*) as n, sum(total_amount) as amount from gold.fact_orders group by 1"
    )
    assert {row["status"]: (row["n"], row["amount"]) for row in by_status} == {
        status: (told["rows"], Decimal(told["amount"])) for status, told in truth.fact_orders.by_status.items()
    }
    sales = _ask(house, "select count(*) as n, sum(sale_amount) as amount from gold.fact_sales")
    assert sales == [{"n": truth.fact_sales.rows, "amount": Decimal(truth.fact_sales.amount)}]
    months = _ask(
        house,
        "select to_char(date, 'YYYY-MM') as month, sum(total_revenue) as revenue from gold.agg_daily_sales"
        " group by 1 having sum(total_revenue) <> 0",
    )
    assert {row["month"]: row["revenue"] for row in months} == {
        month: Decimal(amount) for month, amount in truth.fact_orders.revenue_by_month.items() if Decimal(amount)
    }


def test_the_ledger_agrees_with_the_data_and_a_second_look_finds_nothing_to_do(
    loaded: tuple[House, SampleTruth],
) -> None:
    house, _ = loaded
    assert house.plan() == []
    assert house.problems() == []
