"""Hold what Dagster keys its state on: a change here orphans history or moves partitions, so it must be meant.

`METALAYER_UPDATE_SNAPSHOT=1 pytest metalayer_assets_tests/graph` writes the snapshot anew.
"""

import difflib
import json
import os
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from metalayer_assets.definitions import build_defs

SNAPSHOT = Path(__file__).parent / "snapshot.json"
UPDATE = "METALAYER_UPDATE_SNAPSHOT"


def _name(key: dg.AssetKey) -> str:
    return key.to_user_string()


def _partitions(partitions: dg.PartitionsDefinition[str] | None) -> str | None:
    if not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        return None
    return (
        f"from {partitions.start.isoformat()} as {partitions.fmt} at '{partitions.cron_schedule}'"
        f" {partitions.timezone}, end offset {partitions.end_offset}"
    )


def _mapping(mapping: dg.PartitionMapping | None) -> str | None:
    return None if mapping is None else str(mapping)


def graph_as_told(defs: dg.Definitions) -> dict[str, Any]:
    """Everything of the code location that Dagster's stored state names or depends on."""
    repository = defs.get_repository_def()
    graph = repository.asset_graph
    assets = {}
    for key in sorted(graph.get_all_asset_keys(), key=_name):
        node = graph.get(key)
        assets[_name(key)] = {
            "partitions": _partitions(node.partitions_def),
            "deps": {
                _name(parent): _mapping(node.partition_mappings.get(parent))
                for parent in sorted(node.parent_keys, key=_name)
            },
            "backfill": str(node.backfill_policy),
            "pools": ", ".join(sorted(node.pools or ())),
            "group": node.group_name,
            "owners": ", ".join(node.owners),
            "kinds": ", ".join(sorted(node.kinds)),
            "io_manager": node.io_manager_key,
            "op": node.assets_def.op.name,
            "checks": {
                check.name: {
                    "blocking": graph.get_check_spec(check).blocking,
                    "partitions": _partitions(graph.get_check_spec(check).partitions_def),
                }
                for check in sorted(node.check_keys, key=str)
            },
        }
    jobs = {
        job.name: {
            "assets": sorted(_name(key) for key in job.asset_layer.executable_asset_keys),
            "partitions": _partitions(job.partitions_def),
        }
        for job in repository.get_all_jobs()
    }
    return {
        "assets": assets,
        "jobs": dict(sorted(jobs.items())),
        "schedules": {
            schedule.name: {
                "cron": schedule.cron_schedule,
                "timezone": schedule.execution_timezone,
                "job": schedule.job_name,
                "status": schedule.default_status.value,
            }
            for schedule in sorted(repository.schedule_defs, key=lambda schedule: schedule.name)
        },
        "sensors": {
            sensor.name: {
                "type": sensor.sensor_type.value,
                "jobs": ", ".join(sorted(target.job_name for target in sensor.targets)),
                "seconds": sensor.minimum_interval_seconds,
                "status": sensor.default_status.value,
            }
            for sensor in sorted(repository.sensor_defs, key=lambda sensor: sensor.name)
        },
        "resources": sorted(repository.get_top_level_resources()),
    }


def test_the_graph_is_the_one_that_stored_state_belongs_to() -> None:
    told = json.dumps(graph_as_told(build_defs({"METALAYER_START_DATE": "2010-01-01"})), indent=2) + "\n"
    if os.environ.get(UPDATE):
        SNAPSHOT.write_text(told, encoding="utf-8")
    kept = SNAPSHOT.read_text(encoding="utf-8") if SNAPSHOT.is_file() else ""
    difference = "".join(
        difflib.unified_diff(kept.splitlines(keepends=True), told.splitlines(keepends=True), "kept", "now", n=4)
    )
    if difference:
        pytest.fail(
            f"the asset graph differs from {SNAPSHOT.name}; if that is meant: {UPDATE}=1\n{difference}", pytrace=False
        )
