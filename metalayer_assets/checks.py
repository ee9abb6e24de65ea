"""Tell what the audit of a write saw, as one asset check per table, here. Checks never read a table.

A slice that the audit refused has no check result: its step fails with the reason, and the old slice stands.
What is told here is what was published: rows kept out and rules broken are a warning with counts and keys.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import dagster as dg

from metalayer_assets.contracts import Contract
from metalayer_assets.metadata import asset_key, broken_rules
from metalayer_assets.slice_checks import slice_evaluations
from metalayer_assets.warehouse.ledger import WriteReport

AUDIT = "audit"
_COUNTS = ("rows_read", "rows_written", "rows_collapsed", "rows_quarantined")


def audit_check_spec(contract: Contract, partitions: dg.PartitionsDefinition) -> dg.AssetCheckSpec:
    """The check of a table: what the audit counted, per slice."""
    return dg.AssetCheckSpec(
        AUDIT,
        asset=asset_key(contract.name),
        description="Every row read is written, collapsed or quarantined; passes when no row broke a rule.",
        blocking=False,
        partitions_def=partitions,
    )


def _result(report: WriteReport, days: list[date]) -> tuple[bool, dict[str, Any]]:
    counts = {name: sum(getattr(report.slices[day], name) for day in days) for name in _COUNTS}
    broken = broken_rules(report, days)
    kept_out = counts["rows_quarantined"]
    metadata: dict[str, Any] = dict(counts)
    for rule, (severity, rows, examined, keys) in broken.items():
        # One entry each, in words: the UI hides a Markdown table behind a link.
        metadata[f"rule {rule}"] = f"{severity}: {rows:,} of {examined:,} rows, such as {', '.join(keys)}"
    if kept_out:
        metadata["see"] = f"metalayer quarantine {report.table}"
    return not kept_out and not broken, metadata


def _of_all(metadata: Mapping[str, Any], days: list[date]) -> dict[str, Any]:
    """The metadata of a range in words: its sums as numbers would be points in the plots of single slices."""
    told = ", ".join(f"{metadata[name]:,} {name.removeprefix('rows_')}" for name in _COUNTS)
    return {
        "slices": f"{len(days)}, {days[0]} to {days[-1]}",
        "rows": told,
        **{name: value for name, value in metadata.items() if name not in _COUNTS},
    }


def audit_results(
    context: dg.AssetExecutionContext, contract: Contract, report: WriteReport
) -> Iterator[dg.AssetCheckEvaluation | dg.AssetCheckResult]:
    """One evaluation per slice written, then the result of the step."""
    key = asset_key(contract.name)
    days = sorted(report.slices)
    yield from slice_evaluations(context, key, AUDIT, days, lambda day: _result(report, [day]))
    passed, metadata = _result(report, days)
    yield dg.AssetCheckResult(
        check_name=AUDIT,
        asset_key=key,
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=metadata if len(days) == 1 else _of_all(metadata, days),
    )
