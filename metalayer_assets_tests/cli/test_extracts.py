import json

import pytest

from metalayer_assets.warehouse.plan import Scope
from metalayer_assets_tests.cli.conftest import Invoke
from metalayer_assets_tests.dagster_scenario import (
    ORDERS,
    SALES,
    Site,
    day,
    materializations,
    orders,
    sales,
    told,
)


@pytest.fixture(scope="module")
def drifted(site: Site) -> Site:
    """The site after a day of sales that name their lines otherwise."""
    site.land(SALES, day(1), [{**row, "channel": "web|shop"} for row in sales(day(1))])
    assert site.runner().run(Scope()).problems == []
    return site


def test_profile_shows_the_last_extract_column_by_column(site: Site, invoke: Invoke) -> None:
    shown = invoke("profile", "erp_orders")
    assert (shown.code, shown.err) == (0, "")
    lines = shown.out.splitlines()
    assert lines[0].startswith(f"bronze.erp_orders {day(3)}, write ")
    assert lines[0].endswith("All 31 rows profiled.")
    (quantity,) = [line for line in lines if line.startswith("quantity")]
    assert "integer 96.8%" in quantity
    assert "text 3.2%" in quantity
    assert "2 (30), some (1)" in quantity
    found = json.loads(invoke("profile", "erp_orders", "--slice", str(day(0)), "--json").out)
    assert [column["column_name"] for column in found][:2] == ["order_id", "customer_id"]
    assert {column["rows"] for column in found} == {25}


def test_profile_and_drift_tell_when_there_is_nothing_and_which_tables_have_extracts(
    site: Site, invoke: Invoke
) -> None:
    assert invoke("profile", "erp_orders", "--slice", str(day(20))).out == (
        f"No extract of {day(20)} of bronze.erp_orders was profiled.\n"
    )
    assert invoke("drift", "crm_customers").out == "No extract differs.\n"
    for command in ("profile", "drift"):
        sentence = invoke(command, "silver.orders").sentence()
        assert sentence.startswith("silver.orders is not made from extracts; these are: bronze.")


def test_drift_lists_what_differs_and_what_became_of_the_file(drifted: Site, invoke: Invoke) -> None:
    shown = invoke("drift", "erp_sales")
    assert [line.split()[2:4] for line in shown.out.splitlines()[1:]] == [
        ["column_added", "channel"],
        ["extra_column", "channel"],
    ]
    found = json.loads(invoke("drift", "--json").out)
    assert {(row["kind"], row["action"], row["policy"], row["is_past"]) for row in found} == {
        ("column_added", "loaded", "evolve", False),
        ("extra_column", "loaded", "evolve", False),
    }
    assert {row["file"] for row in found} == {f"{SALES}/{day(1)}/part.csv"}


def test_profile_and_drift_stand_on_the_asset_of_each_slice(drifted: Site) -> None:
    for number in (5, 6):
        drifted.land(ORDERS, day(number), [{**row, "channel": "a|b"} for row in orders(day(number), 3, prefix="x")])
    table = "bronze.erp_orders"
    found = materializations(drifted.materialize([table], day(5), day(6)), table)
    for number in (5, 6):
        profile = str(told(found[str(day(number))], "profile"))
        assert profile.startswith("All 3 rows profiled.\n\n| column | missing |")
        assert "| quantity | 0% | 1 | integer 100% |" in profile
        assert f"x-{day(number)}-0" in profile.replace("\\", "")
        assert "| extra\\_column | channel |" in str(told(found[str(day(number))], "schema_changes"))
    (single,) = materializations(drifted.materialize([table], day(7)), table).values()
    assert "profile" not in single.metadata
