"""Tell what is odd or does not add up in the days that a step wrote, as checks of the daily aggregates, here.

Both checks stand on `gold.agg_daily_sales`, the last table that a day goes through. They read the daily aggregates, the
ledger and the facts of the days written, and keep what they find where the commands `metalayer anomalies` and
`metalayer reconcile` keep it. They only warn: the rows are published, and each of them was judged by its rules.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg

from metalayer_assets.contracts import Contract
from metalayer_assets.contracts.gold import AGG_DAILY_SALES
from metalayer_assets.metadata import asset_key
from metalayer_assets.resources import Warehouse
from metalayer_assets.slice_checks import Told, slice_evaluations
from metalayer_assets.warehouse import anomalies, reconciliation
from metalayer_assets.warehouse.anomalies import Severity, Verdict
from metalayer_assets.warehouse.reconciliation import Comparison

ANOMALIES, RECONCILIATION = "anomalies", "reconciliation"
_SHOWN = 10
_ONE_DAY = timedelta(days=1)
_CHEAP = [check for check in reconciliation.RECONCILIATIONS if check.is_cheap]


def _watched(contract: Contract) -> bool:
    return contract.name == AGG_DAILY_SALES.name


def signal_resources(contract: Contract) -> set[str]:
    """Resources that the checks of a table need."""
    return {"warehouse"} if _watched(contract) else set()


def signal_check_specs(contract: Contract, partitions: dg.PartitionsDefinition) -> list[dg.AssetCheckSpec]:
    """The checks of a table's numbers against others, per slice; none but on the daily aggregates."""
    if not _watched(contract):
        return []
    descriptions = {
        ANOMALIES: "The day's numbers, and those of the days that its extracts complete, are like those before them.",
        RECONCILIATION: "Rows and amounts of the day are the same in every layer.",
    }
    return [
        dg.AssetCheckSpec(
            name, asset=asset_key(contract.name), description=told, blocking=False, partitions_def=partitions
        )
        for name, told in descriptions.items()
    ]


def signal_results(
    context: dg.AssetExecutionContext, contract: Contract, days: Sequence[date]
) -> Iterator[dg.AssetCheckEvaluation | dg.AssetCheckResult]:
    """What was found for the slices written: an evaluation of both checks for each, then the results of the step."""
    if not _watched(contract):
        return
    warehouse: Warehouse = context.resources.warehouse
    verdicts = _verdicts(warehouse, days)
    yield from _results(context, contract, ANOMALIES, days, {day: _odd(found, day) for day, found in verdicts.items()})
    compared = _comparisons(warehouse, days)
    yield from _results(
        context, contract, RECONCILIATION, days, {day: _differing(found, day) for day, found in compared.items()}
    )


def _results(
    context: dg.AssetExecutionContext, contract: Contract, check: str, days: Sequence[date], told: Mapping[date, Told]
) -> Iterator[dg.AssetCheckEvaluation | dg.AssetCheckResult]:
    key = asset_key(contract.name)
    yield from slice_evaluations(context, key, days, {check: lambda day: told[day]})
    failing = [day for day in days if not told[day][0]]
    if len(days) == 1:
        metadata = told[days[0]][1]
    else:
        # In words: sums as numbers would be points in the plots of single slices.
        metadata = {"slices": f"{len(days)}, {days[0]} to {days[-1]}"}
        if failing:
            metadata["to look at"] = f"{len(failing)}: {', '.join(str(day) for day in failing[-_SHOWN:])}"
    yield dg.AssetCheckResult(
        check_name=check,
        asset_key=key,
        passed=not failing,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )


def _verdicts(warehouse: Warehouse, days: Sequence[date]) -> dict[date, list[Verdict]]:
    """Verdicts by the slice that tells them: its own, and on the first also those on days that it has completed."""
    settings = warehouse.settings
    with warehouse.database.transaction() as cursor:
        before = anomalies.last_arrival(cursor, before=days[0])
        settled = timedelta(days=settings.anomaly_settle_days)
        first = days[0] if before is None else min(days[0], before - settled + _ONE_DAY)
        found = anomalies.verdicts(cursor, settings, first, days[-1])
        anomalies.keep(cursor, found, first, days[-1])
    told: dict[date, list[Verdict]] = {day: [] for day in days}
    for verdict in found:
        told.setdefault(max(verdict.day, days[0]), []).append(verdict)
    return told


def _odd(verdicts: Sequence[Verdict], day: date) -> Told:
    findings = [verdict for verdict in verdicts if verdict.is_finding]
    unjudged = [verdict for verdict in verdicts if verdict.severity == Severity.UNJUDGED.value]
    metadata: dict[str, Any] = {"judged": len(verdicts) - len(unjudged), "not_judged": len(unjudged)}
    for verdict in findings[:_SHOWN]:
        metadata[f"{verdict.severity} {verdict.metric} {verdict.day}"] = verdict.explanation
    if len(findings) > _SHOWN:
        metadata["more"] = f"{len(findings) - _SHOWN} more"
    if unjudged:
        metadata["why not judged"] = unjudged[0].explanation
    metadata["see"] = f"metalayer anomalies --from {min([day, *(v.day for v in findings)])} --to {day} --all"
    return not findings, metadata


def _comparisons(warehouse: Warehouse, days: Sequence[date]) -> dict[date, list[Comparison]]:
    """What the cheap reconciliations find now, and what the others were last found to differ in."""
    cheap = {check.id for check in _CHEAP}
    with warehouse.database.transaction() as cursor:
        found = reconciliation.compare(cursor, _CHEAP, days[0], days[-1])
        reconciliation.keep(cursor, found, _CHEAP, days[0], days[-1])
        kept = [each for each in reconciliation.differences_kept(cursor, days) if each.check_id not in cheap]
    told: dict[date, list[Comparison]] = {day: [] for day in days}
    for comparison in (*found, *kept):
        if comparison.day in told:
            told[comparison.day].append(comparison)
    return told


def _differing(comparisons: Sequence[Comparison], day: date) -> Told:
    differing = [each for each in comparisons if not each.agrees]
    metadata: dict[str, Any] = {"compared": len(comparisons), "differing": len(differing)}
    for each in differing[:_SHOWN]:
        keys = f", keys such as {', '.join(each.sample_keys)}" if each.sample_keys else ""
        metadata[f"{each.check_id} {each.measure}"] = (
            f"{each.left_value:,} against {each.right_value:,}, {each.explained:,} explained: "
            f"{each.difference:,} too many{keys}"
        )
    metadata["see"] = f"metalayer reconcile --from {day} --to {day}"
    return not any(each.must_agree for each in differing), metadata
