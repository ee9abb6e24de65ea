"""Dagster's own commands and a backfill of its UI work on this graph; each does in one run what a range needs."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg
import psutil
import pytest
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._daemon.backfill import execute_backfill_iteration
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster_graphql.test.utils import execute_dagster_graphql

from metalayer_assets.metadata import asset_key
from metalayer_assets.warehouse.shipped import shipped
from metalayer_assets_tests.dagster_scenario import BRONZE_TO_GOLD, ORDERS, Site, day, open_site, orders

LAUNCH = """
mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
MODULE = ("-m", "metalayer_assets.definitions")


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    create_database: Callable[[str], str],
    drop_database: Callable[[str], None],
) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("site"), create_database, drop_database) as site:
        for number in range(8):
            site.land(ORDERS, day(number), orders(day(number)))
        yield site


def materialize(site: Site, select: str, *arguments: str) -> tuple[int, str]:
    done = site.command("dagster", "asset", "materialize", *MODULE, "--select", select, *arguments)
    return done.returncode, done.stdout + done.stderr


def test_the_definitions_are_valid(site: Site) -> None:
    done = site.command("dagster", "definitions", "validate", "-w", str(shipped("workspace.yaml")))
    assert done.returncode == 0, done.stderr
    assert "Validation successful for code location metalayer" in done.stderr + done.stdout


def test_a_partition_is_materialized_by_the_command_line(site: Site) -> None:
    code, said = materialize(site, "bronze/erp_orders,silver/orders", "--partition", str(day(0)))
    assert (code, "RUN_SUCCESS" in said) == (0, True)
    assert site.slice_rows("silver.orders") == {day(0): 3}


def test_a_range_is_materialized_in_one_run_and_a_reversed_one_fails_and_changes_nothing(site: Site) -> None:
    select = "bronze/erp_orders,silver/orders,gold/fact_orders,gold/agg_daily_sales"
    runs = site.instance.get_runs_count()
    code, said = materialize(site, select, "--partition-range", f"{day(0)}...{day(3)}")
    assert (code, "RUN_SUCCESS" in said) == (0, True)
    assert site.slice_rows("gold.agg_daily_sales") == {day(number): 1 for number in range(4)}
    assert site.instance.get_runs_count() == runs + 1

    before = site.state()
    code, said = materialize(site, select, "--partition-range", f"{day(3)}...{day(0)}")
    assert code != 0
    assert "the partition range is empty or runs backwards" in said
    assert "Nothing was written" in said
    assert site.state() == before


@contextmanager
def workspace(site: Site) -> Iterator[WorkspaceProcessContext]:
    """The code location as the webserver and the daemon see it: in a process of its own."""
    before = set(psutil.Process().children())
    with pytest.MonkeyPatch.context() as patch:
        for name, value in site.environment.items():
            patch.setenv(name, value)
        with WorkspaceProcessContext(site.instance, WorkspaceFileTarget([str(shipped("workspace.yaml"))])) as context:
            yield context
        # The server of the code location goes by itself, but still looks into the database while it does.
        psutil.wait_procs(set(psutil.Process().children()) - before, timeout=20)


def status_of(instance: dg.DagsterInstance, backfill_id: str) -> BulkActionStatus:
    backfill = instance.get_backfill(backfill_id)
    assert backfill is not None
    return backfill.status


def finish(context: WorkspaceProcessContext, instance: dg.DagsterInstance, backfill_id: str) -> list[dg.DagsterRun]:
    """What the daemon does in its loops, until the backfill has ended; its runs."""
    logger = logging.getLogger("daemon")
    coordinator = QueuedRunCoordinatorDaemon(interval_seconds=1)
    deadline = time.monotonic() + 90
    while status_of(instance, backfill_id) is BulkActionStatus.REQUESTED:
        assert time.monotonic() < deadline, "the backfill does not end"
        list(execute_backfill_iteration(context, logger))
        list(coordinator.run_iteration(context))
        time.sleep(0.3)
    return list(instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill_id})))


def test_a_backfill_of_the_ui_writes_a_range_of_every_layer_in_one_run(site: Site) -> None:
    days = [str(day(number)) for number in range(4, 8)]
    keys = [{"path": table.split(".")} for table in BRONZE_TO_GOLD]
    with workspace(site) as context:
        launched = execute_dagster_graphql(
            context.create_request_context(), LAUNCH, {"params": {"assetSelection": keys, "partitionNames": days}}
        )
        told = launched.data["launchPartitionBackfill"]
        assert told["__typename"] == "LaunchBackfillSuccess", json.dumps(told)
        runs = finish(context, site.instance, told["backfillId"])
    assert status_of(site.instance, told["backfillId"]) is BulkActionStatus.COMPLETED_SUCCESS
    assert [
        (run.status, run.tags["dagster/asset_partition_range_start"], run.tags["dagster/asset_partition_range_end"])
        for run in runs
    ] == [(dg.DagsterRunStatus.SUCCESS, days[0], days[-1])]
    for table in BRONZE_TO_GOLD:
        written = site.fetch(
            "select distinct run_id, status from meta.slice_ledger where table_name = %(table)s and slice >= %(day)s"
            " and slice <= %(last)s",
            table=table,
            day=day(4),
            last=day(7),
        )
        assert written == [(runs[0].run_id, "published")]
        assert set(days) <= site.instance.get_materialized_partitions(asset_key(table))
