"""Bring new days through by themselves here: jobs, the landing and restatement sensors, the nightly schedule.

All of them ask the same plan that `metalayer run` asks (`warehouse.plan`), so that they cannot disagree on what
is missing, changed or touched.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from metalayer_assets.contracts import CATALOG, Grain
from metalayer_assets.metadata import asset_key
from metalayer_assets.partitions import key_of_slice
from metalayer_assets.resources import Warehouse
from metalayer_assets.warehouse import plan
from metalayer_assets.warehouse.landing import scan
from metalayer_assets.warehouse.plan import Scope, Work

WORK_TAG = "metalayer/work"
_RANGE_START, _RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
_ATTEMPTS = 3
_TICK_SECONDS = 30


def range_tags(work: Work) -> dict[str, str]:
    """The tags that make a run one run over the work's slices."""
    return {_RANGE_START: key_of_slice(work.first), _RANGE_END: key_of_slice(work.last)}


def selection_of(grain: Grain) -> dg.AssetSelection:
    """The assets with slices of that length."""
    return dg.AssetSelection.assets(*(asset_key(c.name) for c in CATALOG.assets() if c.grain is grain))


def jobs() -> list[UnresolvedAssetJobDefinition]:
    """One job per length of slice, for the CLI and for backfills by job."""
    return [
        dg.define_asset_job(
            "daily", selection=selection_of(Grain.DAY), description="Every table with one slice per day."
        ),
        dg.define_asset_job(
            "calendar", selection=selection_of(Grain.YEAR), description="Every table with one slice per year."
        ),
    ]


def _digest(work: Work, cause: str) -> str:
    told = "|".join([*work.tables, work.first.isoformat(), work.last.isoformat(), cause])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _requests(
    instance: dg.DagsterInstance, works: Sequence[Work], cause: str, skipped: list[str]
) -> Iterator[dg.RunRequest]:
    for work in works:
        digest = _digest(work, cause)
        failed = instance.get_runs_count(dg.RunsFilter(tags={WORK_TAG: digest}, statuses=[dg.DagsterRunStatus.FAILURE]))
        if failed >= _ATTEMPTS:
            # The same content failed before: it waits for a change of data, code or setting, or for a person.
            skipped.append(f"{', '.join(work.tables)} {work.first} to {work.last} failed {failed} times")
            continue
        yield dg.RunRequest(
            # A used run key is dropped for ever, so the key names the content and the attempt.
            run_key=f"{digest}:{failed}",
            asset_selection=[asset_key(table) for table in work.tables],
            tags={**range_tags(work), WORK_TAG: digest},
        )


def _landed(warehouse: Warehouse) -> tuple[list[Work], str]:
    with warehouse.database.transaction(readonly=True) as cursor:
        return plan.landed_work(cursor, scan(warehouse.settings), Scope())


def _touched(warehouse: Warehouse) -> tuple[list[Work], str]:
    with warehouse.database.transaction(readonly=True) as cursor:
        return plan.derived_work(cursor, warehouse.settings, Scope())


def _sensor(name: str, description: str, find: Callable[[Warehouse], tuple[list[Work], str]]) -> dg.SensorDefinition:
    @dg.sensor(
        name=name,
        description=description,
        target=dg.AssetSelection.all(),
        minimum_interval_seconds=_TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dg.SensorEvaluationContext, warehouse: Warehouse) -> dg.SensorResult | dg.SkipReason:
        skipped: list[str] = []
        requests = list(_requests(context.instance, *find(warehouse), skipped))
        if requests:
            return dg.SensorResult(run_requests=requests)
        return dg.SkipReason("; ".join(skipped) or "nothing is missing, changed or touched")

    return sensor


def sensors() -> list[dg.SensorDefinition]:
    """The sensors that keep the warehouse up to date."""
    return [
        _sensor("landing_sensor", "Loads new and changed landed files into bronze and silver.", _landed),
        _sensor("restatement_sensor", "Writes exactly the slices whose truth a write upstream has changed.", _touched),
    ]


def schedules() -> list[dg.ScheduleDefinition]:
    """The nightly look that catches up on whatever the sensors have not seen."""

    @dg.schedule(
        name="nightly",
        cron_schedule="0 2 * * *",
        execution_timezone="UTC",
        target=dg.AssetSelection.all(),
        description="Loads what landed and restates what was touched, once a night.",
    )
    def nightly(context: dg.ScheduleEvaluationContext, warehouse: Warehouse) -> Iterator[dg.RunRequest]:
        found = False
        for find in (_landed, _touched):
            for request in _requests(context.instance, *find(warehouse), []):
                found = True
                yield request
        if not found:
            yield dg.SkipReason("nothing is missing, changed or touched")  # type: ignore[misc]

    return [nightly]
