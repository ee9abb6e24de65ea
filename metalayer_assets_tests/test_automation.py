import os
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from metalayer_assets.automation import WORK_TAG
from metalayer_assets.warehouse.errors import LandingError
from metalayer_assets.warehouse.ledger import EMPTY_CHECKSUM
from metalayer_assets_tests.dagster_scenario import (
    BRONZE_TO_GOLD,
    DIMENSIONS,
    ORDERS,
    QUIET,
    SALES,
    Site,
    day,
    model_that_loses,
    orders,
    sales,
)
from metalayer_assets_tests.house import QUALITY

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@pytest.fixture(autouse=True)
def _named(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    # The log of a tick opens the instance anew, by the variables of the process.
    for name, value in site.environment.items():
        monkeypatch.setenv(name, value)


def tick(site: Site, sensor: str) -> tuple[list[dg.RunRequest], str]:
    """What one evaluation of a sensor asks for, and why it asks for nothing."""
    definition = site.defs.get_sensor_def(sensor)
    with dg.build_sensor_context(
        instance=site.instance, resources={"warehouse": site.warehouse}, repository_def=site.defs.get_repository_def()
    ) as context:
        told = definition.evaluate_tick(context)
    return list(told.run_requests or []), told.skip_message or ""


def night(site: Site, schedule: str) -> tuple[list[dg.RunRequest], str]:
    """What one evaluation of a schedule asks for, and why it asks for nothing."""
    definition = site.defs.get_schedule_def(schedule)
    with dg.build_schedule_context(
        instance=site.instance,
        resources={"warehouse": site.warehouse},
        repository_def=site.defs.get_repository_def(),
        scheduled_execution_time=datetime(2024, 6, 1, 2, tzinfo=UTC),
    ) as context:
        told = definition.evaluate_tick(context)
    return list(told.run_requests or []), told.skip_message or ""


def launch(site: Site, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    """Run what was asked for, as the daemon would."""
    assert request.job_name is not None
    return site.defs.resolve_job_def(request.job_name).execute_in_process(
        instance=site.instance,
        asset_selection=list(request.asset_selection or []) or None,
        tags=dict(request.tags),
        run_config=QUIET,
        raise_on_error=False,
    )


def settle(site: Site) -> int:
    """Tick both sensors and run what they ask for until they ask for nothing; the number of runs."""
    runs = 0
    for _ in range(20):
        requests = [request for name in ("landing_sensor", "restatement_sensor") for request in tick(site, name)[0]]
        if not requests:
            return runs
        for request in requests:
            assert launch(site, request).success
            runs += 1
    raise AssertionError("the sensors never come to rest")


def tables_of(request: dg.RunRequest) -> set[str]:
    return {".".join(key.path) for key in request.asset_selection or ()}


def range_of(request: dg.RunRequest) -> tuple[str, str]:
    return request.tags[START], request.tags[END]


def test_new_files_are_one_range_request_and_carry_through_to_gold(site: Site) -> None:
    for number in range(3):
        site.land(ORDERS, day(number), orders(day(number)))
    requests, _ = tick(site, "landing_sensor")
    (request,) = requests
    assert request.job_name == "daily"
    assert tables_of(request) == {"bronze.erp_orders", "silver.orders"}
    assert range_of(request) == (str(day(0)), str(day(2)))
    assert request.tags["metalayer/slices"] == f"{day(0)} to {day(2)}"
    # The same content asks for the same run, which Dagster then drops.
    assert tick(site, "landing_sensor")[0][0].run_key == request.run_key
    assert launch(site, request).success
    assert tick(site, "landing_sensor") == ([], "nothing is missing, changed or touched")

    # Facts wait for the dimensions that they are joined to, and sums for facts.
    # What their audits counted comes last.
    quality = ({name} for name in sorted(QUALITY))
    for tables in (set(DIMENSIONS), {"gold.fact_orders"}, {"gold.agg_daily_sales"}, *quality):
        (request,) = (asked for asked in tick(site, "restatement_sensor")[0] if asked.job_name == "daily")
        assert (tables_of(request), range_of(request)) == (tables, (str(day(0)), str(day(2))))
        assert launch(site, request).success
    # What is left is the calendar.
    assert settle(site) == 1
    assert site.slice_rows("gold.agg_daily_sales") == {day(number): 1 for number in range(3)}
    assert site.slice_rows("gold.dim_date").keys()
    assert tick(site, "restatement_sensor") == ([], "nothing is missing, changed or touched")


def test_a_late_order_restates_exactly_its_old_and_its_new_business_day(site: Site) -> None:
    for number in range(10, 14):
        site.land(ORDERS, day(number), orders(day(number)))
    settle(site)
    before = {table: site.checksums(table) for table in (*BRONZE_TO_GOLD, *DIMENSIONS)}
    late = {**orders(day(11), 1)[0], "order_date": str(day(12)), "quantity": "7"}
    site.land(ORDERS, day(14), [late])
    (landed,) = tick(site, "landing_sensor")[0]
    assert range_of(landed) == (str(day(14)), str(day(14)))
    assert launch(site, landed).success
    # The order may name somebody new, of which the day's slice of the dimensions would tell.
    (dimensions,) = tick(site, "restatement_sensor")[0]
    assert (tables_of(dimensions), range_of(dimensions)) == (set(DIMENSIONS), (str(day(14)), str(day(14))))
    assert launch(site, dimensions).success
    (facts,) = tick(site, "restatement_sensor")[0]
    assert (tables_of(facts), range_of(facts)) == ({"gold.fact_orders"}, (str(day(11)), str(day(12))))
    settle(site)
    after = {table: site.checksums(table) for table in before}
    changed = {
        table: {slice_day for slice_day in after[table] if after[table][slice_day] != before[table].get(slice_day)}
        for table in before
    }
    # It names nobody new: the dimensions' slice of the day stands, with no row.
    assert {after[dimension][day(14)] for dimension in DIMENSIONS} == {EMPTY_CHECKSUM}
    assert changed == {
        **{dimension: {day(14)} for dimension in DIMENSIONS},
        "bronze.erp_orders": {day(14)},
        "silver.orders": {day(14)},
        "gold.fact_orders": {day(11), day(12)},
        "gold.agg_daily_sales": {day(11), day(12)},
    }


def test_a_file_told_again_with_equal_content_ends_in_nothing_to_do(site: Site) -> None:
    path = site.land(ORDERS, day(20), orders(day(20)))
    settle(site)
    before = site.state()
    path.touch()
    (request,) = tick(site, "landing_sensor")[0]
    assert launch(site, request).success
    assert tick(site, "landing_sensor")[0] == tick(site, "restatement_sensor")[0] == []
    assert site.state() == before


def test_a_refused_day_is_asked_for_once_and_holds_up_no_neighbour_until_it_changes(site: Site) -> None:
    path = site.land_unreadable(ORDERS, day(30))
    site.land(ORDERS, day(29), orders(day(29)))
    site.land(SALES, day(29), sales(day(29)))
    (request,) = tick(site, "landing_sensor")[0]
    assert range_of(request) == (str(day(29)), str(day(30)))
    assert not launch(site, request).success
    # Sales of the same run were published; the good day of orders comes without the broken one.
    assert site.slice_rows("silver.sales")[day(29)] == 2
    (request,) = tick(site, "landing_sensor")[0]
    assert (tables_of(request), range_of(request)) == (
        {"bronze.erp_orders", "silver.orders"},
        (str(day(29)), str(day(29))),
    )
    assert launch(site, request).success
    requests, reason = tick(site, "landing_sensor")
    assert requests == []
    assert f"bronze.erp_orders {day(30)} was refused and has not changed since: " in reason
    assert "part.parquet" in reason
    # Another day beside it does not wait for it either, nor does it bring it back.
    site.land(ORDERS, day(31), orders(day(31)))
    (request,) = tick(site, "landing_sensor")[0]
    assert range_of(request) == (str(day(31)), str(day(31)))
    settle(site)
    site.land(ORDERS, day(30), orders(day(30)))
    path.unlink()
    (request,) = tick(site, "landing_sensor")[0]
    assert range_of(request) == (str(day(30)), str(day(30)))
    settle(site)
    assert site.slice_rows("gold.fact_orders")[day(30)] == 3


def test_a_refused_day_is_asked_for_again_when_only_the_broken_file_of_it_is_taken_away(site: Site) -> None:
    site.land(ORDERS, day(34), orders(day(34)))
    broken = site.land_unreadable(ORDERS, day(34))
    (request,) = tick(site, "landing_sensor")[0]
    assert not launch(site, request).success
    assert tick(site, "landing_sensor")[0] == []
    broken.unlink()
    assert [range_of(request) for request in tick(site, "landing_sensor")[0]] == [(str(day(34)), str(day(34)))]
    settle(site)


def test_a_slice_that_a_model_fails_is_left_alone_until_the_model_changes(site: Site, tmp_path: Path) -> None:
    site.land(ORDERS, day(36), orders(day(36)))
    (request,) = tick(site, "landing_sensor")[0]
    with model_that_loses(f"o-{day(36)}-1", tmp_path):
        assert not launch(site, request).success
        requests, _ = tick(site, "restatement_sensor")
        asked = [range_of(request) for request in requests if "silver.orders" in tables_of(request)]
        assert all(not first <= str(day(36)) <= last for first, last in asked)
    (request,) = tick(site, "restatement_sensor")[0]
    assert (tables_of(request), range_of(request)) == ({"silver.orders"}, (str(day(36)), str(day(36))))
    settle(site)
    assert site.slice_rows("gold.fact_orders")[day(36)] == 3


def test_a_run_that_failed_is_asked_for_again_under_new_keys_up_to_three_times(site: Site) -> None:
    site.land(ORDERS, day(40), orders(day(40)))
    keys = []
    for end in ("failed", "canceled", "failed"):
        (request,) = tick(site, "landing_sensor")[0]
        keys.append(request.run_key)
        run = site.instance.create_run_for_job(site.defs.resolve_job_def("daily"), tags=dict(request.tags))
        # While it is under way, the same key is told, and Dagster drops it.
        assert tick(site, "landing_sensor")[0][0].run_key == request.run_key
        getattr(site.instance, f"report_run_{end}")(run)
    assert len(set(keys)) == 3
    requests, reason = tick(site, "landing_sensor")
    assert requests == []
    assert f"bronze.erp_orders, silver.orders {day(40)} to {day(40)} failed 3 times" in reason
    # Other content is another matter.
    site.land(ORDERS, day(40), orders(day(40), 4))
    assert settle(site) >= 1
    assert site.slice_rows("gold.fact_orders")[day(40)] == 4


def test_content_that_comes_back_is_loaded_again(site: Site) -> None:
    path = site.land(ORDERS, day(50), orders(day(50)))
    first, moment = path.read_bytes(), path.stat().st_mtime_ns
    (request,) = tick(site, "landing_sensor")[0]
    settle(site)
    site.land(ORDERS, day(50), orders(day(50), quantity="5"))
    settle(site)
    path.write_bytes(first)
    os.utime(path, ns=(moment, moment))
    (again,) = tick(site, "landing_sensor")[0]
    # A run key that was used before would be dropped for ever.
    assert again.tags[WORK_TAG] == request.tags[WORK_TAG]
    assert again.run_key != request.run_key
    settle(site)
    assert site.fetch("select distinct quantity from silver.orders where arrival_day = %(day)s", day=day(50)) == [(2,)]


def test_the_sensor_tells_what_cannot_be_placed(site: Site) -> None:
    stray = site.landing / "erp" / "ordres"
    stray.mkdir()
    requests, reason = tick(site, "landing_sensor")
    stray.rmdir()
    assert requests == []
    assert "erp/ordres: no contract declares it" in reason


@pytest.mark.parametrize("sensor", ["landing_sensor", "restatement_sensor"])
def test_sensors_run_from_the_start(site: Site, sensor: str) -> None:
    assert site.defs.get_sensor_def(sensor).default_status is dg.DefaultSensorStatus.RUNNING


def test_the_nightly_schedules_ask_for_what_the_sensors_ask_for_each_for_its_own_job(site: Site) -> None:
    site.land(ORDERS, day(70), orders(day(70)))
    (landed,) = tick(site, "landing_sensor")[0]
    requests, _ = night(site, "nightly_daily")
    assert [(tables_of(request), range_of(request)) for request in requests] == [(tables_of(landed), range_of(landed))]
    assert night(site, "nightly_yearly") == ([], "nothing is missing, changed or touched")
    for request in requests:
        assert launch(site, request).success
    settle(site)
    assert night(site, "nightly_daily") == ([], "nothing is missing, changed or touched")


def test_a_business_day_in_a_year_without_calendar_asks_for_the_calendar(site: Site) -> None:
    first = date(2025, 2, 3)
    site.land(ORDERS, first, orders(first))
    (landed,) = tick(site, "landing_sensor")[0]
    launch(site, landed)
    for tables in (set(DIMENSIONS), {"gold.fact_orders"}):
        (request,) = (request for request in tick(site, "restatement_sensor")[0] if request.job_name == "daily")
        assert tables_of(request) == tables
        assert launch(site, request).success
    yearly, _ = night(site, "nightly_yearly")
    assert [(request.job_name, range_of(request)) for request in yearly] == [("yearly", ("2025-01-01", "2025-01-01"))]
    assert launch(site, yearly[0]).success
    settle(site)
    assert {row[0] for row in site.fetch("select distinct year from gold.dim_date")} >= {2024, 2025}


def test_a_landing_folder_that_is_missing_is_told_and_stops_no_restatement(
    site: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lost = Site({**site.environment, "METALAYER_LANDING": str(site.landing / "nowhere")}, site.landing / "nowhere")
    vars(lost)["instance"] = site.instance
    with pytest.raises(LandingError, match=r"nowhere cannot be read.*Set METALAYER_LANDING"):
        tick(lost, "landing_sensor")
    assert tick(lost, "restatement_sensor") == ([], "nothing is missing, changed or touched")
