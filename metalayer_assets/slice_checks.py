"""Give Dagster one evaluation of a check for each slice that a step wrote here; keep what is checked out."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData

from metalayer_assets.partitions import key_of_slice

Told = tuple[bool, dict[str, Any]]
"""Whether a check passed, and its metadata."""


def slice_evaluations(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    days: Sequence[date],
    tellers: Mapping[str, Callable[[date], Told]],
) -> Iterator[dg.AssetCheckEvaluation]:
    """The evaluations of checks of a step over a range, each check by what tells of it; none in a run of a single key.

    The result of such a run is enough.

    In a run over a range, be it of one slice, Dagster stores one evaluation without a partition and leaves the planned
    ones open; an evaluation that names its materialization closes them.
    """
    if context.has_partition_key:
        return
    stored = context.instance.event_log_storage.get_latest_storage_id_by_partition(
        key, dg.DagsterEventType.ASSET_MATERIALIZATION, {key_of_slice(day) for day in days}
    )
    now = time.time()
    for day in days:
        partition = key_of_slice(day)
        target = (
            AssetCheckEvaluationTargetMaterializationData(
                run_id=context.run.run_id, storage_id=stored[partition], timestamp=now
            )
            if partition in stored
            else None
        )
        for check, tell in tellers.items():
            passed, metadata = tell(day)
            yield dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=check,
                passed=passed,
                severity=dg.AssetCheckSeverity.WARN,
                metadata=metadata,
                partition=partition,
                target_materialization_data=target,
            )
