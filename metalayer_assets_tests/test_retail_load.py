"""Take a year of a real retailer from landing files to facts with one command, and hold it to an independent reading.

The expected numbers come from `retail`, which shares no code with the warehouse.
"""

import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from metalayer_assets_tests import retail

# A year is loaded, which on a busy machine takes longer than a test may.
pytestmark = pytest.mark.timeout(1_200)

_METALAYER = str(Path(sys.executable).parent / "metalayer")
_CHANGED_DAY = "2011-02-09"


class Retailer:
    """A warehouse of its own, loaded from a copy of the retail landing by the command line."""

    def __init__(self, url: str, folder: Path) -> None:
        self.landing = folder / "landing"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("METALAYER_", "DAGSTER_"))},
            "METALAYER_DATABASE_URL": url,
            "METALAYER_LANDING": str(self.landing),
            "METALAYER_HOME": str(folder / "home"),
        }

    def metalayer(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [_METALAYER, *arguments], env=self.environment, capture_output=True, text=True, check=False
        )

    def rows(self, statement: str) -> list[dict[str, Any]]:
        done = self.metalayer("sql", "--json", statement)
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout, parse_float=Decimal)
        return found

    def row(self, statement: str) -> dict[str, Any]:
        return self.rows(statement)[0]

    def slices(self) -> dict[tuple[str, str], str]:
        """The checksum of every slice, by table and slice."""
        latest = "select distinct on (table_name, slice) table_name, slice, checksum from meta.slice_ledger"
        rows = self.rows(f"{latest} where status <> 'refused' order by table_name, slice, write_id desc")
        return {(row["table_name"], row["slice"]): row["checksum"] for row in rows}


@pytest.fixture(scope="module")
def truth() -> retail.RetailTruth:
    found = retail.expected()
    if found is None:
        pytest.skip("the retail data is absent: set METALAYER_RETAIL_DATA to its folder")
    return found


@pytest.fixture(scope="module")
def shop(
    truth: retail.RetailTruth,
    tmp_path_factory: pytest.TempPathFactory,
    create_database: Callable[[str], str],
    drop_database: Callable[[str], None],
) -> Iterator[Retailer]:
    source = retail.landing()
    assert source is not None
    url = create_database("")
    shop = Retailer(url, tmp_path_factory.mktemp("retail"))
    shutil.copytree(source, shop.landing)
    done = shop.metalayer("run", "--json")
    assert done.returncode == 0, done.stderr
    yield shop
    drop_database(url)


def test_every_row_of_the_year_is_where_it_belongs(shop: Retailer, truth: retail.RetailTruth) -> None:
    held = {row["table_name"]: row for row in _accounting(shop)}
    assert held["bronze.erp_orders"]["written"] == truth.bronze_orders == 541_909
    assert held["bronze.erp_sales"]["written"] == truth.bronze_sales
    assert held["bronze.crm_accounts"]["written"] == truth.bronze_accounts
    assert held["silver.orders"]["written"] == truth.silver_orders
    assert held["silver.orders"]["quarantined"] == truth.orders_quarantined.total() == 1_338
    assert held["silver.sales"]["quarantined"] == truth.sales_quarantined.total()
    assert held["silver.accounts"]["written"] == truth.silver_accounts
    assert held["gold.fact_orders"]["written"] == truth.fact_orders == 540_571
    assert held["gold.fact_sales"]["written"] == truth.fact_sales
    assert held["gold.agg_daily_sales"]["written"] == truth.business_days == 305


def _accounting(shop: Retailer) -> list[dict[str, Any]]:
    return shop.rows(
        "select table_name, sum(rows_written) as written, sum(rows_quarantined) as quarantined"
        " from meta.slice_ledger where status = 'published' group by table_name"
    )


def test_the_facts_are_exact(shop: Retailer, truth: retail.RetailTruth) -> None:
    by_status = shop.rows(
        "select status, count(*) as orders, sum(total_amount) as amount from gold.fact_orders group by status"
    )
    assert {row["status"]: row["orders"] for row in by_status} == truth.orders_by_status
    assert {row["status"]: row["amount"] for row in by_status} == truth.amount_by_status
    assert truth.amount_by_status["COMPLETED"] == Decimal("10666684.544")
    without = shop.row("select count(*) as n from gold.fact_orders where customer_id is null and customer_key = 0")
    assert without["n"] == truth.orders_without_customer == 133_742
    sales = shop.row("select count(*) as n, sum(sale_amount) as amount from gold.fact_sales")
    assert (sales["n"], sales["amount"]) == (truth.fact_sales, truth.sales_amount)
    days = shop.rows("select date, total_revenue, sales_amount from gold.agg_daily_sales")
    assert {date.fromisoformat(row["date"]): row["total_revenue"] for row in days} == truth.revenue_by_day
    assert {date.fromisoformat(row["date"]): row["sales_amount"] for row in days} == truth.sales_amount_by_day


def test_every_customer_has_the_versions_that_the_accounts_tell(shop: Retailer, truth: retail.RetailTruth) -> None:
    rows = shop.rows(
        "select customer_id, version, to_char(valid_from at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as valid_from,"
        " to_char(valid_to at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as valid_to, is_current, is_inferred,"
        " customer_name, email, region, facts_from, facts_until, arrival_day, customer_key ="
        " hashtextextended(customer_id, (extract(epoch from valid_from) * 1000000)::bigint) as is_its_key"
        " from gold.dim_customer order by customer_id, valid_from"
    )
    expected = [
        {
            "customer_id": customer,
            "version": number,
            "valid_from": f"{version.first_day} 00:00:00",
            "valid_to": version.next_day and f"{version.next_day} 00:00:00",
            "is_current": version.next_day is None,
            "is_inferred": False,
            **dict(zip(("customer_name", "email", "region"), (told or None for told in version.told), strict=True)),
            # Facts of before anything was told join the first version.
            "facts_from": "0001-01-01" if number == 1 else str(version.first_day),
            "facts_until": str(version.next_day or "9999-12-31"),
            "arrival_day": str(version.first_day),
            "is_its_key": True,
        }
        for customer, versions in sorted(truth.versions.items())
        for number, version in enumerate(versions, start=1)
    ]
    assert len(rows) == 4_388
    assert len({row["customer_id"] for row in rows}) == 4_372
    assert rows == expected


def test_every_product_is_inferred_from_the_first_day_that_names_it(shop: Retailer, truth: retail.RetailTruth) -> None:
    rows = shop.rows("select product_code, version, is_inferred, is_current, arrival_day from gold.dim_product")
    assert {row["product_code"]: date.fromisoformat(row["arrival_day"]) for row in rows} == truth.products_named
    assert len(rows) == 4_070
    assert {(row["version"], row["is_inferred"], row["is_current"]) for row in rows} == {(1, True, True)}


@pytest.mark.parametrize(
    ("table", "day", "amount"), [("orders", "order_date", "total_amount"), ("sales", "sale_date", "sale_amount")]
)
def test_every_fact_joins_the_one_version_of_its_business_day(
    shop: Retailer, truth: retail.RetailTruth, table: str, day: str, amount: str
) -> None:
    counts = shop.row(
        f"""
        with by_key as (
            select customer.customer_id from gold.fact_{table} as fact
            inner join gold.dim_customer as customer on fact.customer_key = customer.customer_key
            where fact.customer_id = customer.customer_id
        ), by_day as (
            select fact.customer_key = customer.customer_key as is_same from gold.fact_{table} as fact
            inner join gold.dim_customer as customer
                on fact.customer_id = customer.customer_id
                and fact.{day} >= customer.facts_from and fact.{day} < customer.facts_until
        ), by_product as (
            select fact.product_key from gold.fact_{table} as fact
            inner join gold.dim_product as product on fact.product_key = product.product_key
            where fact.product_code = product.product_code
        )
        select
            count(customer_id) as facts,
            (select count(*) from by_key) as joined_by_key,
            (select count(*) from by_day) as joined_by_day,
            (select count(*) from by_day where is_same) as joined_by_both,
            count(*) as lines,
            (select count(*) from by_product) as joined_by_product
        from gold.fact_{table}
        """
    )
    expected = truth.orders_by_region if table == "orders" else truth.sales_by_region
    facts = sum(found.rows for found in expected.values())
    assert [counts[name] for name in ("facts", "joined_by_key", "joined_by_day", "joined_by_both")] == [facts] * 4
    assert counts["joined_by_product"] == counts["lines"] > facts
    by_region = shop.rows(
        f"select region, count(*) as n, sum({amount}) as amount"
        f" from gold.fact_{table} inner join gold.dim_customer using (customer_key) group by region"
    )
    assert {row["region"]: retail.Sum(row["n"], row["amount"]) for row in by_region} == expected


def test_the_rules_name_why_orders_are_kept_out(shop: Retailer, truth: retail.RetailTruth) -> None:
    found = shop.rows(
        "select rule, count(*) as n from quarantine.orders, unnest(failed_rules) as rule"
        " where state = 'open' group by rule"
    )
    assert {row["rule"]: row["n"] for row in found} == {
        "negative_quantity_reversal": truth.orders_quarantined["quantity negative"],
        "unit_price_not_negative": truth.orders_quarantined["price_per_unit negative"],
    }


def test_orders_and_sales_reconcile_with_the_known_differences(shop: Retailer, truth: retail.RetailTruth) -> None:
    done = shop.metalayer("reconcile", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    found = {(each["check"], each["measure"]): each for each in told["checks"]}
    assert told["slices_waiting"] == 0

    def sides(check: str, measure: str) -> list[Decimal]:
        return [Decimal(found[check, measure][name]) for name in ("left", "right", "explained", "difference")]

    assert sides("hop_rows", "erp_orders") == sides("bronze_to_silver_orders", "rows") == [541_909, 540_571, 1_338, 0]
    assert sides("hop_rows", "erp_sales") == sides("bronze_to_silver_sales", "rows") == [541_909, 541_907, 2, 0]
    assert sides("silver_to_gold_orders", "rows") == [truth.fact_orders, truth.fact_orders, 0, 0]
    # Of the 1,338 orders in quarantine two are in that of sales too; the others have a sales line of no amount.
    assert sides("orders_to_sales", "rows") == [540_571, 541_907, -1_336, 0]
    orders_amount = sum(truth.amount_by_status.values())
    assert sides("orders_to_sales", "amount") == [orders_amount, truth.sales_amount, 0, Decimal("0.004")]
    assert sides("customers_erp_to_crm", "named_by_erp") == [4_372, 4_372, 0, 0]
    assert sides("customers_erp_to_crm", "never_ordered") == [4_372, 4_372, 0, 0]
    assert sides("products_erp_to_master", "named_by_erp") == [4_070, 0, 0, 4_070]
    # Four prices have three decimals, which the sales lines round.
    rounded = [each["sample_keys"] for each in told["differences"] if each["check_id"] == "orders_to_sales"]
    assert rounded == [["order 550193-90"], ["order 561226-12"], ["order 568200-14"], ["order 568375-2"]]
    assert {each["check_id"] for each in told["differences"]} == {"orders_to_sales", "products_erp_to_master"}


def test_odd_days_of_the_year_are_told_and_the_closed_saturdays_are_not(shop: Retailer) -> None:
    done = shop.metalayer("anomalies", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    missing = {each["day"] for each in told["anomalies"] if each["metric"] == "orders" and each["value"] is None}
    # The days after Christmas, Easter, a royal wedding and the bank holidays.
    assert missing == {
        *("2010-12-29", "2010-12-30", "2010-12-31", "2011-01-02", "2011-01-03"),
        *("2011-04-22", "2011-04-24", "2011-04-25", "2011-04-29", "2011-05-02", "2011-05-30", "2011-08-29"),
    }
    slow = {(each["metric"], each["day"]) for each in told["anomalies"] if each["value"] is not None}
    assert {("orders", "2011-02-06"), ("orders_without_customer", "2011-08-30")} <= slow
    assert not [each for each in told["anomalies"] if date.fromisoformat(each["day"]).weekday() == 5]


def test_a_second_run_does_nothing_and_the_warehouse_verifies(shop: Retailer) -> None:
    again = shop.metalayer("run")
    assert (again.returncode, again.stdout.strip()) == (0, "Everything is up to date; nothing was written.")
    assert shop.metalayer("verify").returncode == 0


def test_a_day_landed_again_with_three_rows_changed_restates_only_what_it_touches(shop: Retailer) -> None:
    before = shop.slices()
    path = shop.landing / "erp" / "orders" / _CHANGED_DAY / "orders.csv.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines(keepends=True)
    for number in (5, 50, 500):
        fields = lines[number].split(",")
        fields[3] = str(int(fields[3]) + 1)
        lines[number] = ",".join(fields)
    path.write_bytes(gzip.compress("".join(lines).encode(), mtime=0))

    done = shop.metalayer("run", "--json")

    assert done.returncode == 0, done.stderr
    after = shop.slices()
    changed = {slice_ for slice_ in after if after[slice_] != before.get(slice_)}
    assert changed == {
        (table, _CHANGED_DAY)
        for table in ("bronze.erp_orders", "silver.orders", "gold.fact_orders", "gold.agg_daily_sales")
    }
    written = {(row["table"], row["published"], row["unchanged"]) for row in json.loads(done.stdout)["rows"]}
    # The orders might have named somebody else; they have not.
    looked_at = {("gold.dim_customer", 0, 1), ("gold.dim_product", 0, 1)}
    assert written == {(table, 1, 0) for table, _ in changed} | looked_at
    assert shop.metalayer("verify").returncode == 0
