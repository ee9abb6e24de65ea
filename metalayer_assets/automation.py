"""Bring new days through by themselves here: jobs, the landing and restatement sensors, the nightly schedule.

All of them ask the same plan that `metalayer run` asks (`warehouse.plan`), so that they cannot disagree on what
is missing, changed or touched.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.storage.dagster_run import FINISHED_STATUSES

from metalayer_assets.contracts import CATALOG, Grain
from metalayer_assets.metadata import asset_key
from metalayer_assets.partitions import key_of_slice
from metalayer_assets.resources import Warehouse
from metalayer_assets.warehouse import plan
from metalayer_assets.warehouse.landing import scan
from metalayer_assets.warehouse.plan import Scope, Work
from metalayer_assets.warehouse.stuck import stuck

# Assets whose slices differ in length cannot share a job.
JOB_OF = {Grain.DAY: "daily", Grain.YEAR: "yearly"}
WORK_TAG = "metalayer/work"
_SLICES_TAG = "metalayer/slices"
_RANGE_START, _RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
_ATTEMPTS = 3
_TICK_SECONDS = 30
_NOTHING = "nothing is missing, changed or touched"


def range_tags(work: Work) -> dict[str, str]:
    """The tags that make a run one run over the work's slices."""
    return {_RANGE_START: key_of_slice(work.first), _RANGE_END: key_of_slice(work.last)}


def slices_tag(work: Work) -> dict[str, str]:
    """The tag by which a person knows a run in the list of runs: Dagster hides its own tags there."""
    only = work.first == work.last
    return {_SLICES_TAG: f"{work.first}" if only else f"{work.first} to {work.last}"}


def selection_of(grain: Grain) -> dg.AssetSelection:
    """The assets with slices of that length."""
    return dg.AssetSelection.assets(*(asset_key(c.name) for c in CATALOG.assets() if c.grain is grain))


@cache
def jobs() -> tuple[UnresolvedAssetJobDefinition, ...]:
    """One job per length of slice, for the CLI and for backfills by job."""
    return tuple(
        dg.define_asset_job(
            name, selection=selection_of(grain), description=f"Every table with one slice per {grain.value}."
        )
        for grain, name in JOB_OF.items()
    )


def _digest(work: Work, cause: str) -> str:
    told = "|".join([*work.tables, work.first.isoformat(), work.last.isoformat(), cause])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class _Found:
    """Work that can be done without a person, a digest of its causes, and what else there is to tell."""

    works: list[Work]
    cause: str
    notes: list[str]


def _landed(warehouse: Warehouse) -> _Found:
    landing = scan(warehouse.settings)
    with warehouse.database.transaction(readonly=True) as cursor:
        refused = stuck(cursor, warehouse.settings, landing)
        works, cause = plan.landed_work(cursor, landing, Scope(refused=set(refused)))
    bronze = {slice_: reason for slice_, reason in refused.items() if slice_[0] in landing.files}
    return _Found(works, cause, [*landing.problems, *_told(bronze)])


def _touched(warehouse: Warehouse) -> _Found:
    with warehouse.database.transaction(readonly=True) as cursor:
        refused = stuck(cursor, warehouse.settings, None)
        works, cause = plan.derived_work(cursor, warehouse.settings, Scope(refused=set(refused)))
    return _Found(works, cause, _told(refused))


def _told(refused: Mapping[tuple[str, date], str]) -> list[str]:
    return [f"{table} {day} was refused and has not changed since: {why}" for (table, day), why in refused.items()]


def _requests(instance: dg.DagsterInstance, found: _Found, notes: list[str]) -> Iterator[dg.RunRequest]:
    for work in found.works:
        digest = _digest(work, found.cause)
        ended = instance.get_runs(dg.RunsFilter(tags={WORK_TAG: digest}, statuses=FINISHED_STATUSES))
        failed = sum(run.status is not dg.DagsterRunStatus.SUCCESS for run in ended)
        if failed >= _ATTEMPTS:
            # The same content failed before: it waits for a change of data or code, or for a person.
            notes.append(f"{', '.join(work.tables)} {work.first} to {work.last} failed {failed} times")
            continue
        yield dg.RunRequest(
            # A used run key is dropped for ever, so the key names the content and the attempt. A run that succeeded is
            # an attempt too: content may come back that was loaded once and replaced.
            run_key=f"{digest}:{len(ended)}",
            job_name=JOB_OF[work.grain],
            asset_selection=[asset_key(table) for table in work.tables],
            tags={**range_tags(work), **slices_tag(work), WORK_TAG: digest},
        )


def _sensor(name: str, description: str, find: Callable[[Warehouse], _Found]) -> dg.SensorDefinition:
    @dg.sensor(
        name=name,
        description=description,
        jobs=jobs(),
        minimum_interval_seconds=_TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dg.SensorEvaluationContext, warehouse: Warehouse) -> dg.SensorResult | dg.SkipReason:
        found = find(warehouse)
        notes = list(found.notes)
        requests = list(_requests(context.instance, found, notes))
        if requests:
            for note in notes:
                context.log.warning(note)
            return dg.SensorResult(run_requests=requests)
        return dg.SkipReason("; ".join(notes) or _NOTHING)

    return sensor


def sensors() -> list[dg.SensorDefinition]:
    """The sensors that keep the warehouse up to date."""
    return [
        _sensor("landing_sensor", "Loads new and changed landed files into bronze and silver.", _landed),
        _sensor("restatement_sensor", "Writes exactly the slices whose truth a write upstream has changed.", _touched),
    ]


def schedules() -> list[dg.ScheduleDefinition]:
    """The nightly look that catches up on whatever the sensors have not seen, one for each length of slice."""
    return [_nightly(grain, job) for grain, job in JOB_OF.items()]


def _nightly(grain: Grain, job: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"nightly_{job}",
        job_name=job,
        cron_schedule="0 2 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Writes what is missing, changed or touched of tables with one slice per {grain.value}.",
    )
    def nightly(context: dg.ScheduleEvaluationContext, warehouse: Warehouse) -> list[dg.RunRequest] | dg.SkipReason:
        requests: list[dg.RunRequest] = []
        notes: list[str] = []
        for find in (_landed, _touched):
            found = find(warehouse)
            notes += found.notes
            due = [work for work in found.works if work.grain is grain]
            requests += _requests(context.instance, replace(found, works=due), notes)
        return requests or dg.SkipReason("; ".join(notes) or _NOTHING)

    return nightly
