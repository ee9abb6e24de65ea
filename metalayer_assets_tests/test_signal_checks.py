"""What the checks of the daily aggregates tell of the days that a run wrote, and of those that it completed."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta

import dagster as dg
import pytest

from metalayer_assets.metadata import asset_key
from metalayer_assets.signal_checks import ANOMALIES, RECONCILIATION
from metalayer_assets.warehouse.reconciliation import RECONCILIATIONS, compare, keep
from metalayer_assets_tests.dagster_scenario import ORDERS, Site, day, open_site, orders
from metalayer_assets_tests.house import House
from metalayer_assets_tests.test_checks import evaluations

AGGREGATE = "gold.agg_daily_sales"
WEEKS = 6
# Complete days enough for a verdict on the next.
PAST = WEEKS * 7


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory,
    create_database: Callable[[str], str],
    drop_database: Callable[[str], None],
) -> Iterator[Site]:
    """Six weeks of orders, some thirty a day."""
    with open_site(tmp_path_factory.mktemp("shop"), create_database, drop_database) as site:
        for number in range(PAST):
            site.land(ORDERS, day(number), orders(day(number), 30 + number * 7 % 5))
        # The past needs no Dagster, whose runs would take most of the time.
        with closing(House(site.warehouse.database, site.settings)) as house:
            assert house.update() == []
        yield site


def test_a_day_is_judged_by_the_run_of_the_day_that_completes_it(shop: Site) -> None:
    odd, after = day(PAST), day(PAST + 2)
    shop.land(ORDERS, odd, orders(odd, 3))
    shop.land(ORDERS, after, orders(after, 31))
    tables = ("bronze.erp_orders", "silver.orders", "gold.fact_orders", AGGREGATE)

    told = evaluations(shop.materialize(tables, odd), AGGREGATE, ANOMALIES)[str(odd)]
    assert (told.passed, told.severity) == (False, dg.AssetCheckSeverity.WARN)
    names = {name for name in told.metadata if name.endswith(str(odd))}
    # An extract is complete when it has come; the business day is not.
    assert names == {f"severe orders_arrived {odd}"}
    assert "not complete" in str(told.metadata["why not judged"].value)

    told = evaluations(shop.materialize(tables, after), AGGREGATE, ANOMALIES)[str(after)]
    assert not told.passed
    assert f"severe orders {odd}" in told.metadata
    # Between the two days lies one that never had an extract, though each such weekday had one.
    assert f"warn orders_arrived {day(PAST + 1)}" in told.metadata
    assert told.metadata["see"].value == f"metalayer anomalies --from {odd} --to {after} --all"
    kept = shop.fetch(
        "select day, severity from meta.anomalies where metric = 'orders' and day >= %(odd)s order by day", odd=odd
    )
    assert kept == [(odd, "severe"), (day(PAST + 1), "warn"), (after, "unjudged")]


def test_a_range_tells_each_slice_of_itself_and_leaves_no_check_open(shop: Site) -> None:
    first, last = day(PAST - 3), day(PAST - 1)
    result = shop.materialize((AGGREGATE,), first, last)
    days = {str(first + timedelta(days=number)) for number in range(3)}
    for check in (ANOMALIES, RECONCILIATION):
        told = evaluations(result, AGGREGATE, check)
        assert told.keys() == {*days, None}
        assert all(evaluation.passed for evaluation in told.values())
        history = shop.instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(asset_key(AGGREGATE), check), limit=1000
        )
        states = {record.partition: record.status.value for record in history if record.run_id == result.run_id}
        assert states == dict.fromkeys([*days, None], "SUCCEEDED")


def test_a_sum_that_differs_from_its_facts_is_told_with_both(shop: Site) -> None:
    damaged = day(5)
    with shop.warehouse.database.transaction() as cursor:
        cursor.execute(
            "update gold.agg_daily_sales set total_revenue = total_revenue + 1 where date = %(day)s", {"day": damaged}
        )
    # The write finds its sources unchanged and leaves the slice alone, wrong as it is.
    told = evaluations(shop.materialize((AGGREGATE,), damaged), AGGREGATE, RECONCILIATION)[str(damaged)]
    assert not told.passed
    assert told.metadata["differing"].value == 1
    assert str(told.metadata["facts_to_daily revenue"].value).endswith("0 explained: -1.00 too many")
    of_range = evaluations(shop.materialize((AGGREGATE,), damaged, day(6)), AGGREGATE, RECONCILIATION)
    assert {partition: found.passed for partition, found in of_range.items()} == {
        str(damaged): False,
        str(day(6)): True,
        None: False,
    }
    assert of_range[None].metadata["to look at"].value == f"1: {damaged}"


def test_a_difference_between_the_sources_is_told_and_fails_nothing(shop: Site) -> None:
    told_day = day(7)
    with shop.warehouse.database.transaction() as cursor:
        keep(cursor, compare(cursor, RECONCILIATIONS, told_day, told_day), RECONCILIATIONS, told_day, told_day)
    told = evaluations(shop.materialize((AGGREGATE,), told_day), AGGREGATE, RECONCILIATION)[str(told_day)]
    assert told.passed
    assert "keys such as order o-" in str(told.metadata["orders_to_sales rows"].value)
