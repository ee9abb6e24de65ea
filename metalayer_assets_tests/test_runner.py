import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path

import dagster as dg
import psutil
import pytest

from metalayer_assets.assets.factory import table_assets
from metalayer_assets.contracts import CATALOG
from metalayer_assets.io_manager import SliceIOManager
from metalayer_assets.metadata import asset_key
from metalayer_assets.partitions import partitions_of
from metalayer_assets.runner import Runner, RunSummary
from metalayer_assets.warehouse.errors import LandingError, SettingError
from metalayer_assets.warehouse.ledger import EMPTY_CHECKSUM
from metalayer_assets.warehouse.plan import Scope, Work
from metalayer_assets.warehouse.writer import open_writer
from metalayer_assets_tests.dagster_scenario import (
    BRONZE_TO_GOLD,
    BRONZE_TO_SILVER,
    DIMENSIONS,
    ORDERS,
    SALES,
    Site,
    day,
    model_that_loses,
    orders,
    sales,
)
from metalayer_assets_tests.house import QUALITY
from metalayer_assets_tests.scenario import customer


@pytest.fixture
def stray_folder(site: Site) -> Iterator[Path]:
    """A folder in the landing folder that no contract declares."""
    stray = site.landing / "erp" / "ordres"
    stray.mkdir(parents=True)
    yield stray
    stray.rmdir()


def run(
    site: Site,
    *,
    first: date | None = None,
    last: date | None = None,
    tables: Iterable[str] | None = None,
    allow_shrink: bool = False,
) -> RunSummary:
    scope = Scope(first=first, last=last, tables=None if tables is None else frozenset(tables))
    return site.runner().run(scope, allow_shrink=allow_shrink)


def changes(before: Mapping[date, str], after: Mapping[date, str]) -> set[date]:
    return {slice_day for slice_day in after if after[slice_day] != before.get(slice_day)}


DATA = [contract.name for contract in CATALOG.assets() if contract.name not in QUALITY]


def all_checksums(site: Site) -> dict[str, dict[date, str]]:
    """The checksum of every slice, by table; what audits counted follows every write and is left out."""
    return {name: site.checksums(name) for name in DATA}


def test_what_is_landed_comes_through_to_gold_and_a_second_run_does_nothing(site: Site) -> None:
    for number in range(4):
        site.land(ORDERS, day(number), orders(day(number), 25))
    seen: list[Work] = []
    summary = site.runner().run(Scope(), progress=seen.append)
    assert summary.problems == []
    assert len(summary.runs) == len(seen)
    rows = {rows.table: rows for rows in summary.rows}
    assert {
        table: (rows[table].rows_read, rows[table].rows_written, rows[table].published) for table in BRONZE_TO_GOLD
    } == {
        "bronze.erp_orders": (100, 100, 4),
        "silver.orders": (100, 100, 4),
        "gold.fact_orders": (100, 100, 4),
        "gold.agg_daily_sales": (100, 4, 4),
    }
    assert [rows.table for rows in summary.rows] == [name for name in CATALOG if name in rows]
    # One run for each hop, whatever the number of days.
    assert [(work.first, work.last) for work in seen if "bronze.erp_orders" in work.tables] == [(day(0), day(3))]
    before = site.state()
    again = run(site)
    assert (again.rows, again.problems, again.runs) == ([], [], [])
    assert site.state() == before


def test_a_late_file_restates_only_what_it_touches(site: Site) -> None:
    before = all_checksums(site)
    site.land(ORDERS, day(4), [{**orders(day(1), 1)[0], "quantity": "11"}])
    summary = run(site)
    assert summary.problems == []
    after = all_checksums(site)
    # It names nobody new: the dimensions' slice of the day stands, with no row.
    assert {after[dimension][day(4)] for dimension in DIMENSIONS} == {EMPTY_CHECKSUM}
    assert {table: changes(before[table], found) for table, found in after.items()} == {
        **{name: set() for name in DATA},
        **{dimension: {day(4)} for dimension in DIMENSIONS},
        "bronze.erp_orders": {day(4)},
        "silver.orders": {day(4)},
        "gold.fact_orders": {day(1)},
        "gold.agg_daily_sales": {day(1)},
    }


def test_a_customer_who_comes_late_restates_only_the_facts_that_name_them(site: Site) -> None:
    before = all_checksums(site)
    site.land("crm/customers", day(4), [customer("c0")])
    seen: list[Work] = []
    summary = site.runner().run(Scope(), progress=seen.append)
    assert summary.problems == []
    assert {table: changes(before[table], found) for table, found in all_checksums(site).items()} == {
        **{name: set() for name in DATA},
        "bronze.crm_customers": {day(4)},
        "silver.customers": {day(4)},
        # From the day that named them first to the day that told of them.
        "gold.dim_customer": {day(0), day(4)},
        "gold.fact_orders": {day(number) for number in range(4)},
    }
    # Contiguous days are one run, and what is summed up of the facts has not changed.
    facts = [(work.first, work.last) for work in seen if "gold.fact_orders" in work.tables]
    assert facts == [(day(0), day(3))]
    assert [(rows.published, rows.unchanged) for rows in summary.rows if rows.table == "gold.agg_daily_sales"] == [
        (0, 4)
    ]
    assert site.fetch(
        "select count(*), count(*) filter (where not is_inferred) from gold.fact_orders"
        " join gold.dim_customer using (customer_key) where fact_orders.customer_id = 'c0'"
    ) == [(4, 4)]


def test_a_refused_file_is_left_out_and_told_while_everything_else_is_published(site: Site) -> None:
    for number in (10, 12):
        site.land(ORDERS, day(number), orders(day(number)))
    broken = site.land_unreadable(ORDERS, day(11))
    summary = run(site)
    (problem,) = summary.problems
    assert problem.startswith(f"bronze.erp_orders {day(11)}: ")
    assert "part.parquet" in problem
    assert "\n" not in problem
    assert {day(10), day(12)} <= site.slice_rows("gold.agg_daily_sales").keys()
    assert day(11) not in site.checksums("bronze.erp_orders")
    before = site.state()
    assert run(site).problems == [problem]
    assert site.state() == before
    broken.unlink()
    site.land(ORDERS, day(11), orders(day(11)))
    assert run(site).problems == []
    assert site.slice_rows("gold.fact_orders")[day(11)] == 3


def test_a_shrunken_day_is_refused_until_a_person_allows_it(site: Site) -> None:
    site.land(ORDERS, day(0), orders(day(0), 2))
    before = site.state()
    (problem,) = run(site).problems
    assert "would shrink from 25 to 2 rows" in problem
    assert site.state() == before
    assert run(site, allow_shrink=True).problems == []
    assert site.slice_rows("gold.fact_orders")[day(0)] == 2


def test_only_the_tables_and_days_of_the_scope_are_written(site: Site) -> None:
    for number in (20, 21, 22):
        site.land(ORDERS, day(number), orders(day(number)))
        site.land(SALES, day(number), sales(day(number)))
    before = all_checksums(site)
    summary = run(site, first=day(21), last=day(21), tables=BRONZE_TO_SILVER)
    assert summary.problems == []
    assert {table for table, found in all_checksums(site).items() if found != before[table]} == set(BRONZE_TO_SILVER)
    assert changes(before["silver.orders"], site.checksums("silver.orders")) == {day(21)}
    run(site, tables=["gold.fact_orders"])
    assert changes(before["gold.fact_orders"], site.checksums("gold.fact_orders")) == {day(21)}
    # What the scope left out is still known to be due.
    assert run(site).problems == []
    assert {day(20), day(21), day(22)} <= changes(
        before["gold.agg_daily_sales"], site.checksums("gold.agg_daily_sales")
    )


def test_a_scope_that_holds_nothing_due_writes_nothing(site: Site) -> None:
    assert run(site, first=date(2024, 1, 1), last=date(2024, 1, 2)).runs == []


def test_runs_of_processes_that_are_gone_are_closed_and_no_others(site: Site) -> None:
    me = psutil.Process()
    host = socket.gethostname()
    processes = {
        "gone": f"{host}:{2**22 + 1}:1700000000",
        "number taken by another": f"{host}:{os.getpid()}:1700000000",
        "alive": f"{host}:{os.getpid()}:{me.create_time():.0f}",
        "elsewhere": f"somewhere-else:{os.getpid()}:1700000000",
        "of the daemon": "",
    }
    job = site.defs.resolve_implicit_global_asset_job_def()
    runs = {
        name: site.instance.create_run_for_job(
            job, status=dg.DagsterRunStatus.STARTED, tags={"metalayer/process": process} if process else {}
        ).run_id
        for name, process in processes.items()
    }
    run(site)
    ended = {}
    for name, run_id in runs.items():
        stored = site.instance.get_run_by_id(run_id)
        assert stored is not None
        ended[name] = stored.status
    assert {name for name, status in ended.items() if status is dg.DagsterRunStatus.FAILURE} == {
        "gone",
        "number taken by another",
    }
    assert {status for name, status in ended.items() if name in ("alive", "elsewhere", "of the daemon")} == {
        dg.DagsterRunStatus.STARTED
    }


def broken_defs(site: Site, failing: str, error: Exception) -> dg.Definitions:
    """The graph with one asset whose code fails."""
    contract = CATALOG[failing]

    @dg.asset(key=asset_key(failing), partitions_def=partitions_of(contract.grain, site.settings))
    def fails() -> None:
        raise error

    others = [asset for asset in table_assets(site.settings) if asset.key != asset_key(failing)]
    return dg.Definitions(
        assets=[*others, fails],
        resources={"warehouse": site.warehouse, "io_manager": SliceIOManager(warehouse=site.warehouse)},
        executor=dg.in_process_executor,
    )


@pytest.mark.timeout(60)
def test_an_error_that_is_no_verdict_on_data_is_told_once_and_ends(site: Site) -> None:
    site.land(ORDERS, day(30), orders(day(30)))
    defs = broken_defs(site, "silver.orders", RuntimeError("the disk is full\nand more lines"))
    summary = Runner(open_writer(site.settings), site.instance, defs).run(Scope())
    (problem,) = summary.problems
    assert problem.startswith(f"silver.orders {day(30)} to {day(30)}: ")
    assert "the disk is full" in problem
    assert "\n" not in problem
    assert site.slice_rows("bronze.erp_orders")[day(30)] == 3
    assert run(site).problems == []
    assert site.slice_rows("gold.fact_orders")[day(30)] == 3


@pytest.mark.timeout(60)
@pytest.mark.usefixtures("stray_folder")
def test_a_run_that_cannot_even_start_is_told_and_ends_even_among_other_problems(site: Site) -> None:
    @dg.io_manager
    def nowhere() -> dg.IOManager:
        raise RuntimeError("no such warehouse")

    site.land(ORDERS, day(32), orders(day(32)))
    defs = dg.Definitions(
        assets=table_assets(site.settings),
        resources={"io_manager": nowhere, "warehouse": site.warehouse},
        executor=dg.in_process_executor,
    )
    runner = Runner(open_writer(site.settings), site.instance, defs)
    summary = runner.run(Scope())
    assert summary.problems[0].startswith("erp/ordres: no contract declares it")
    assert len(summary.problems) > 1
    assert len(summary.runs) < 5
    assert {problem.rsplit(": ", 1)[1] for problem in summary.problems[1:]} == {"no such warehouse"}


@pytest.mark.timeout(60)
def test_a_slice_that_its_model_loses_rows_of_is_refused_alone(site: Site, tmp_path: Path) -> None:
    for number in (40, 41, 42):
        site.land(ORDERS, day(number), orders(day(number)))
    with model_that_loses(f"o-{day(41)}-1", tmp_path):
        (problem,) = run(site).problems
    assert problem.startswith(f"silver.orders {day(41)}: the sources hold 3 rows but the model accounts for 2")
    assert {day(40), day(42)} <= site.slice_rows("gold.fact_orders").keys()
    assert day(41) not in site.slice_rows("silver.orders")
    assert run(site).problems == []
    assert site.slice_rows("gold.fact_orders")[day(41)] == 3


def test_problems_of_the_landing_folder_are_told_and_stop_nothing(site: Site) -> None:
    site.land(ORDERS, day(50), orders(day(50)))
    strays = [site.landing / "erp" / "orders" / "yesterday", site.landing / "erp" / "orders" / "1999-01-01"]
    for stray in strays:
        stray.mkdir()
    notes = site.land(ORDERS, day(50), orders(day(50)), name="notes.txt")
    summary = run(site)
    assert site.slice_rows("gold.fact_orders")[day(50)] == 3
    assert [problem.split(":")[0] for problem in sorted(summary.problems)] == [
        "erp/orders/1999-01-01",
        f"erp/orders/{day(50)}/notes.txt",
        "erp/orders/yesterday",
    ]
    notes.unlink()
    for stray in strays:
        stray.rmdir()


def test_a_landing_folder_that_is_missing_is_an_error_and_changes_nothing(site: Site, tmp_path: Path) -> None:
    before = site.state()
    lost = Site({**site.environment, "METALAYER_LANDING": str(tmp_path / "nowhere")}, tmp_path)
    vars(lost)["instance"] = site.instance
    with pytest.raises(LandingError, match="nowhere cannot be read"):
        run(lost)
    assert site.state() == before


def test_a_start_date_after_standing_slices_is_one_clear_error(site: Site) -> None:
    before = site.state()
    later = Site({**site.environment, "METALAYER_START_DATE": str(day(5))}, site.landing)
    vars(later)["instance"] = site.instance
    with pytest.raises(SettingError, match=rf"holds slices from {day(0)}, before METALAYER_START_DATE={day(5)}"):
        run(later)
    assert site.state() == before
