"""Tell what the audit of a write saw, as asset checks, here. Checks never read a table.

A table has one check for where its rows went (`audit`), one for each dimension of quality that it has rules of, and one
for its quality score. A slice that the audit refused has no check result: its step fails with the reason, and the old
slice stands. What is told here is what was published: rows kept out, rules broken and a score below what is wanted are
warnings with counts and keys.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any

import dagster as dg

from metalayer_assets.contracts import Contract
from metalayer_assets.contracts.quality import DIMENSIONS_OF_QUALITY
from metalayer_assets.metadata import asset_key, broken_rules
from metalayer_assets.slice_checks import slice_evaluations
from metalayer_assets.warehouse.ledger import WriteReport
from metalayer_assets.warehouse.scores import score

AUDIT, SCORE = "audit", "quality_score"
_COUNTS = ("rows_read", "rows_written", "rows_collapsed", "rows_quarantined")
_Verdict = tuple[bool, dict[str, Any]]


def check_specs(contract: Contract, partitions: dg.PartitionsDefinition) -> list[dg.AssetCheckSpec]:
    """The checks of a table, each of one result per slice."""
    told = {AUDIT: "Every row read is written, collapsed or quarantined; passes when no row was kept out."}
    for dimension in _dimensions(contract):
        rules = ", ".join(rule.id for rule in contract.all_rules if rule.dimension == dimension)
        told[dimension] = f"Passes when no row breaks one of: {rules}."
    if contract.all_rules:
        told[SCORE] = "Of what the rules examined, the share that held; passes when it is as high as is wanted."
    return [
        dg.AssetCheckSpec(
            name, asset=asset_key(contract.name), description=description, blocking=False, partitions_def=partitions
        )
        for name, description in told.items()
    ]


def _dimensions(contract: Contract) -> list[str]:
    ruled = {rule.dimension for rule in contract.all_rules}
    return [dimension for dimension in DIMENSIONS_OF_QUALITY if dimension in ruled]


def _verdicts(contract: Contract, score_wanted: float) -> dict[str, Callable[[WriteReport, Sequence[date]], _Verdict]]:
    """For each check of a table, how slices of a report are judged."""
    found: dict[str, Callable[[WriteReport, Sequence[date]], _Verdict]] = {AUDIT: _audited}
    for dimension in _dimensions(contract):
        rules = frozenset(rule.id for rule in contract.all_rules if rule.dimension == dimension)
        found[dimension] = partial(_ruled, rules=rules)
    if contract.all_rules:
        found[SCORE] = partial(_scored, wanted=score_wanted)
    return found


def _audited(report: WriteReport, days: Sequence[date]) -> _Verdict:
    counts = {name: sum(getattr(report.slices[day], name) for day in days) for name in _COUNTS}
    metadata: dict[str, Any] = dict(counts)
    if counts["rows_quarantined"]:
        metadata |= _told_rules(report, days, None) | {"see": f"metalayer quarantine {report.table}"}
    return not counts["rows_quarantined"], metadata


def _ruled(report: WriteReport, days: Sequence[date], *, rules: frozenset[str]) -> _Verdict:
    told = _told_rules(report, days, rules)
    return not told, told


def _told_rules(report: WriteReport, days: Sequence[date], rules: frozenset[str] | None) -> dict[str, Any]:
    """Broken rules in words, one entry each (the UI hides a Markdown table behind a link); None: those that reject."""
    return {
        f"rule {rule}": f"{severity}: {rows:,} of {examined:,} rows" + (f", such as {', '.join(keys)}" if keys else "")
        for rule, (severity, rows, examined, keys) in broken_rules(report, list(days)).items()
        if (severity == "reject" if rules is None else rule in rules)
    }


def _scored(report: WriteReport, days: Sequence[date], *, wanted: float) -> _Verdict:
    found = score(rule for day in days for rule in report.slices[day].rules)
    if found is None:
        return True, {"wanted": str(wanted), "told": "nothing was examined"}
    costly = [name for name, _ in zip(broken_rules(report, list(days), costly=True), range(3), strict=False)]
    # As text: a number would be plotted.
    metadata: dict[str, Any] = {"score": float(found), "wanted": str(wanted)}
    if costly:
        metadata["costs most"] = ", ".join(costly)
    return found >= wanted, metadata


def _of_all(metadata: Mapping[str, Any], days: Sequence[date]) -> dict[str, Any]:
    """The metadata of a range in words: its sums as numbers would be points in the plots of single slices."""
    numbers = {name: value for name, value in metadata.items() if isinstance(value, int | float)}
    counts = [f"{numbers[name]:,} {name.removeprefix('rows_')}" for name in _COUNTS if name in numbers]
    return {
        "slices": f"{len(days)}, {days[0]} to {days[-1]}",
        **({"rows": ", ".join(counts)} if counts else {}),
        **{name: str(value) for name, value in numbers.items() if name not in _COUNTS},
        **{name: value for name, value in metadata.items() if name not in numbers},
    }


def check_results(
    context: dg.AssetExecutionContext, contract: Contract, report: WriteReport, *, score_wanted: float
) -> Iterator[dg.AssetCheckEvaluation | dg.AssetCheckResult]:
    """For each check of the table one evaluation per slice written, then the result of the step."""
    key = asset_key(contract.name)
    days = sorted(report.slices)
    verdicts = _verdicts(contract, score_wanted)
    of_slices = {name: partial(_of_slice, verdict, report) for name, verdict in verdicts.items()}
    yield from slice_evaluations(context, key, days, of_slices)
    for name, verdict in verdicts.items():
        passed, metadata = verdict(report, days)
        yield dg.AssetCheckResult(
            check_name=name,
            asset_key=key,
            passed=passed,
            severity=dg.AssetCheckSeverity.WARN,
            metadata=metadata if len(days) == 1 else _of_all(metadata, days),
        )


def _of_slice(verdict: Callable[[WriteReport, Sequence[date]], _Verdict], report: WriteReport, day: date) -> _Verdict:
    return verdict(report, [day])
