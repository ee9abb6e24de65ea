"""Bring the warehouse up to date here, headless: find work, run it through Dagster in this process, repeat.

Every write is a Dagster run like any other, so that the UI shows the same history whoever started it.
"""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

import dagster as dg
import psutil
from dagster._core.execution.plan.objects import StepFailureData
from dagster_shared.error import SerializableErrorInfo

from metalayer_assets.automation import range_tags, slices_tag
from metalayer_assets.contracts import CATALOG
from metalayer_assets.io_manager import ALLOW_SHRINK_TAG
from metalayer_assets.metadata import asset_key
from metalayer_assets.partitions import key_of_slice
from metalayer_assets.warehouse import plan
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.landing import scan
from metalayer_assets.warehouse.ledger_reports import RunRows, first_slices, refusals_of, rows_of
from metalayer_assets.warehouse.plan import Scope, Work
from metalayer_assets.warehouse.slices import between
from metalayer_assets.warehouse.writer import SliceWriter

_PROCESS_TAG = "metalayer/process"
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_UNFINISHED = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING]


@dataclass
class RunSummary:
    """What a headless run did.

    Attributes:
        rows: Rows per table, upstream first.
        problems: What could not be placed, loaded or published, each as a sentence; empty means all is published.
        runs: Dagster runs.
    """

    rows: list[RunRows] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)


class Runner:
    """Runs whatever is missing, changed or touched."""

    def __init__(self, writer: SliceWriter, instance: dg.DagsterInstance, defs: dg.Definitions) -> None:
        self._writer = writer
        self._instance = instance
        self._job = defs.resolve_implicit_global_asset_job_def()

    def run(
        self, scope: Scope, *, allow_shrink: bool = False, progress: Callable[[Work], None] = lambda _: None
    ) -> RunSummary:
        """Write what is in scope, pass by pass, until nothing is left that can be written.

        A slice that is refused is not tried again; everything else goes on.

        Raises:
            LandingError: The landing folder cannot be read.
            SettingError: METALAYER_START_DATE lies after slices that stand.
        """
        self._close_dead_runs()
        self._refuse_lost_slices()
        landing = scan(self._writer.settings)
        summary = RunSummary(problems=list(landing.problems))
        while True:
            with self._writer.database.transaction(readonly=True) as cursor:
                works = plan.next_pass(cursor, self._writer.settings, landing, scope)
            if not works:
                break
            for work in works:
                progress(work)
                self._execute(work, scope, summary, allow_shrink=allow_shrink)
        with self._writer.database.transaction(readonly=True) as cursor:
            summary.rows = rows_of(cursor, summary.runs)
        return summary

    def _execute(self, work: Work, scope: Scope, summary: RunSummary, *, allow_shrink: bool) -> None:
        tags = {
            _PROCESS_TAG: _this_process(),
            **slices_tag(work),
            **({ALLOW_SHRINK_TAG: "true"} if allow_shrink else {}),
        }
        single = work.first == work.last
        result = self._job.execute_in_process(
            instance=self._instance,
            asset_selection=[asset_key(table) for table in work.tables],
            partition_key=key_of_slice(work.first) if single else None,
            tags=tags if single else {**tags, **range_tags(work)},
            run_config=_QUIET,
            raise_on_error=False,
        )
        summary.runs.append(result.run_id)
        if result.success:
            return
        with self._writer.database.transaction(readonly=True) as cursor:
            refused = refusals_of(cursor, result.run_id)
        told = {table for table, _ in refused}
        for table, day in refused:
            scope.refused.add((table, day))
        summary.problems += [f"{table} {day}: {reason}" for (table, day), reason in sorted(refused.items())]
        for event in result.filter_events(lambda event: event.is_step_failure):
            failure = event.step_failure_data
            table = ".".join((event.step_key or "").split("__"))
            if table in told:
                continue
            # Not a verdict on data: nothing tells which slice, so the whole range waits for the cause to be mended.
            scope.refused |= {(table, day) for day in between(work.grain, work.first, work.last)}
            summary.problems.append(f"{table} {work.first} to {work.last}: {_reason(failure)}")
            told.add(table)
        if not told:
            # The run itself could not be set up, and so tells of no step.
            scope.refused |= {
                (table, day) for table in work.tables for day in between(work.grain, work.first, work.last)
            }
            tables = ", ".join(work.tables)
            errors = [event.job_failure_data.error for event in result.all_events if event.is_run_failure]
            reason = _cause(errors[-1] if errors else None)
            summary.problems.append(f"{tables} {work.first} to {work.last}: run {result.run_id} failed: {reason}")

    def _refuse_lost_slices(self) -> None:
        start = self._writer.settings.start_date
        with self._writer.database.transaction(readonly=True) as cursor:
            found = first_slices(cursor)
        lost = [(first, table) for table, first in found.items() if first < CATALOG[table].grain.first_day(start)]
        if lost:
            first, table = min(lost)
            raise SettingError(
                f"{table} holds slices from {first}, before METALAYER_START_DATE={start}: set it to {first} or earlier."
            )

    def _close_dead_runs(self) -> None:
        """Mark runs of processes that are no more as failed: a killed process cannot do it itself."""
        for run in self._instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)):
            process = run.tags.get(_PROCESS_TAG)
            if process and not _lives(process):
                self._instance.report_run_failed(run, "The process that ran it is gone.")


def _reason(failure: StepFailureData) -> str:
    if failure.user_failure_data and failure.user_failure_data.description:
        return _one_line(failure.user_failure_data.description)
    return _cause(failure.error)


def _cause(error: SerializableErrorInfo | None) -> str:
    while error and error.cause:
        # Dagster wraps what went wrong in an error that says only where.
        error = error.cause
    return _one_line(error.message) if error else "no reason was told"


def _one_line(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return lines[0] if lines else text


def _this_process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.0f}"


def _lives(process: str) -> bool:
    host, pid, started = process.rsplit(":", 2)
    if host != socket.gethostname():
        return True
    try:
        return f"{psutil.Process(int(pid)).create_time():.0f}" == started
    except psutil.NoSuchProcess:
        return False
