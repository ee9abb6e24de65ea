import dagster as dg
import pytest

from metalayer_assets.io_manager import ALLOW_SHRINK_TAG, REPORTS
from metalayer_assets.metadata import asset_key
from metalayer_assets_tests.dagster_scenario import (
    BRONZE_TO_GOLD,
    BRONZE_TO_SILVER,
    ORDERS,
    SALES,
    Site,
    day,
    failures,
    materializations,
    orders,
    sales,
    told,
)


def test_a_single_key_writes_its_slice_through_all_layers_and_tells_the_counts(site: Site) -> None:
    site.land(ORDERS, day(0), [*orders(day(0), 3), *orders(day(0), 1)])
    site.land(ORDERS, day(1), orders(day(1)))
    result = site.materialize(BRONZE_TO_GOLD, day(0))
    assert result.success
    assert {table: site.slice_rows(table) for table in BRONZE_TO_GOLD} == {
        "bronze.erp_orders": {day(0): 4},
        "silver.orders": {day(0): 3},
        "gold.fact_orders": {day(0): 3},
        "gold.agg_daily_sales": {day(0): 1},
    }
    (silver,) = materializations(result, "silver.orders").values()
    assert {
        name: told(silver, name) for name in silver.metadata if name.startswith(("rows_", "slices_", "dagster/"))
    } == {
        "dagster/row_count": 3,
        "dagster/partition_row_count": 3,
        "rows_read": 4,
        "rows_written": 3,
        "rows_collapsed": 1,
        "rows_quarantined": 0,
        "slices_published": 1,
        "slices_unchanged": 0,
    }
    assert told(silver, "status") == "published"
    assert told(silver, "quality_score") == 1.0
    assert told(silver, "touched gold.fact_orders") == f"1 slices, {day(0)} to {day(0)}"


def test_the_data_version_of_a_single_key_is_the_checksum_of_its_slice(site: Site) -> None:
    site.land(ORDERS, day(2), orders(day(2)))
    first = site.materialize(BRONZE_TO_SILVER, day(2))
    again = site.materialize(BRONZE_TO_SILVER, day(2))
    site.land(ORDERS, day(2), orders(day(2), quantity="9"))
    changed = site.materialize(BRONZE_TO_SILVER, day(2))
    for table in BRONZE_TO_SILVER:
        versions, states = [], []
        for result in (first, again, changed):
            (materialization,) = materializations(result, table).values()
            versions.append((materialization.tags or {})["dagster/data_version"])
            states.append(told(materialization, "status"))
        assert versions[0] == versions[1] != versions[2]
        assert versions[2] == site.checksums(table)[day(2)] == told(materialization, "checksum")
        assert states == ["published", "unchanged", "published"]
        key = dg.AssetKey(asset_key(table).path)
        event = site.instance.get_latest_materialization_event(key)
        assert event is not None


@pytest.mark.parametrize("batch", ["", "500"])
def test_a_range_is_one_run_with_the_counts_and_status_of_each_slice(
    site: Site, batch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", batch or "0")
    start = 30 if batch else 10
    for number in range(4):
        site.land(ORDERS, day(start + number), orders(day(start + number), number + 1))
    site.materialize(BRONZE_TO_SILVER, day(start + 1))
    result = site.materialize(BRONZE_TO_SILVER, day(start), day(start + 4))
    assert result.success
    days = [day(start + number) for number in range(5)]
    for table in BRONZE_TO_SILVER:
        events = materializations(result, table)
        assert {key: told(event, "dagster/partition_row_count") for key, event in events.items()} == {
            str(days[0]): 1,
            str(days[1]): 2,
            str(days[2]): 3,
            str(days[3]): 4,
            str(days[4]): 0,
        }
        assert {key: told(event, "rows_read") for key, event in events.items()} == dict(
            zip(map(str, days), [1, 2, 3, 4, 0], strict=True)
        )
        states = {key: told(event, "status") for key, event in events.items()}
        assert states[str(days[1])] == "unchanged"
        assert {states[str(days[number])] for number in (0, 2, 3, 4)} == {"published"}
        assert {told(event, "checksum") for key, event in events.items() if key == str(days[2])} == {
            site.checksums(table)[days[2]]
        }
        stored = site.instance.get_materialized_partitions(asset_key(table))
        assert set(map(str, days)) <= stored


def test_a_range_that_runs_backwards_fails_and_changes_nothing(site: Site) -> None:
    site.land(ORDERS, day(50), orders(day(50), 30))
    site.land(ORDERS, day(51), orders(day(51), 30))
    site.materialize(BRONZE_TO_GOLD, day(50), day(51))
    before = site.state()
    entries = site.fetch("select count(*) from meta.slice_ledger")
    result = site.materialize(BRONZE_TO_GOLD, day(51), day(50))
    assert not result.success
    assert failures(result) == {
        "bronze__erp_orders": "no slice of bronze.erp_orders was asked for: the partition range is empty or runs"
        " backwards. Nothing was written."
    }
    assert site.state() == before
    assert site.fetch("select count(*) from meta.slice_ledger") == entries
    assert result.get_asset_materialization_events() == []


def test_a_refused_slice_fails_the_run_once_with_the_reason_and_leaves_the_old_slice(site: Site) -> None:
    site.land(ORDERS, day(60), orders(day(60), 30))
    site.materialize(BRONZE_TO_GOLD, day(60))
    before = site.state()
    site.land(ORDERS, day(60), orders(day(60), 2))
    result = site.materialize(BRONZE_TO_GOLD, day(60))
    assert not result.success
    assert list(failures(result)) == ["bronze__erp_orders"]
    reason = failures(result)["bronze__erp_orders"]
    assert "would shrink from 30 to 2 rows, more than 50%" in reason
    assert "--allow-shrink" in reason
    kinds = [event.event_type for event in result.all_events]
    assert dg.DagsterEventType.STEP_UP_FOR_RETRY not in kinds
    assert kinds.count(dg.DagsterEventType.STEP_START) == 1
    assert result.get_asset_materialization_events() == []
    assert site.state() == before
    refused = "select slice, run_id from meta.slice_ledger where status = 'refused' and slice = %(day)s"
    assert site.fetch(refused, day=day(60)) == [(day(60), result.run_id)]
    # The same is published once a person says that it is right.
    allowed = site.materialize(BRONZE_TO_GOLD, day(60), tags={ALLOW_SHRINK_TAG: "true"})
    assert allowed.success
    assert site.slice_rows("gold.fact_orders")[day(60)] == 2


def test_a_refused_slice_of_a_range_refuses_the_whole_range_and_runs_nothing_downstream(site: Site) -> None:
    site.land(ORDERS, day(70), orders(day(70)))
    site.land_unreadable(ORDERS, day(71))
    before = site.state()
    result = site.materialize(BRONZE_TO_GOLD, day(70), day(71))
    assert not result.success
    assert list(failures(result)) == ["bronze__erp_orders"]
    assert f"{day(71)}: " in failures(result)["bronze__erp_orders"]
    assert "part.parquet" in failures(result)["bronze__erp_orders"]
    started = {event.step_key for event in result.all_events if event.event_type is dg.DagsterEventType.STEP_START}
    assert started == {"bronze__erp_orders"}
    assert site.state() == before
    assert site.materialize(BRONZE_TO_GOLD, day(70)).success


def test_the_row_count_of_a_table_is_of_the_table_and_not_of_the_run(site: Site) -> None:
    site.land(SALES, day(80), sales(day(80), 3))
    tables = ("bronze.erp_sales",)
    site.materialize(tables, day(80))
    (last,) = materializations(site.materialize(tables, day(81)), "bronze.erp_sales").values()
    assert (told(last, "dagster/row_count"), told(last, "dagster/partition_row_count")) == (3, 0)


def test_reports_of_finished_runs_are_not_kept(site: Site) -> None:
    before = dict(REPORTS)
    site.materialize(("bronze.erp_products",), day(0))
    assert before == REPORTS
