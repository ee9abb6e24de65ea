"""Commands that hold the warehouse's numbers against others: anomalies, reconcile."""

import sys
from collections import Counter
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

import click

from metalayer_assets.cli import cli
from metalayer_assets.cli.output import console, json_option, print_json, print_rows
from metalayer_assets.cli.warehouse_access import DAY, warehouse
from metalayer_assets.contracts import Grain
from metalayer_assets.warehouse import anomalies as watching
from metalayer_assets.warehouse import outbox, reconciliation
from metalayer_assets.warehouse.slices import between


def _span(first: date | None, last: date | None, known: tuple[date, date] | None) -> tuple[date, date] | None:
    """The days asked for; what is not said is all there is."""
    if known is None:
        return None
    begin, end = first or known[0], last or max(known[1], first or known[1])
    between(Grain.DAY, begin, end)
    return begin, end


@cli.command()
@click.option("--from", "first", type=DAY, help="First day to judge; the first one there is if not given.")
@click.option("--to", "last", type=DAY, help="Last day to judge.")
@click.option("--all", "everything", is_flag=True, help="Also show days of severity info and days not judged.")
@click.option("--metrics", "explain", is_flag=True, help="Only explain the metrics.")
@json_option
def anomalies(*, first: date | None, last: date | None, everything: bool, explain: bool, as_json: bool) -> None:
    """Judge each day of each metric by the days before it, keep the verdicts, show the odd ones."""
    if explain:
        told = [
            {"metric": metric.name, "what": metric.counted, "by": metric.day_kind.value} for metric in watching.METRICS
        ]
        print_json(told) if as_json else print_rows(told)
        return
    writer = warehouse()
    with writer.database.transaction() as cursor:
        asked = _span(first, last, watching.span(cursor))
        found = watching.verdicts(cursor, writer.settings, *asked) if asked else []
        if asked:
            watching.keep(cursor, found, *asked)
    counted = Counter(verdict.severity for verdict in found)
    hidden = set() if everything else {"info", "unjudged"}
    shown = [verdict for verdict in found if verdict.severity not in {"none", *hidden}]
    if as_json:
        print_json(
            {
                "from": asked and asked[0],
                "to": asked and asked[1],
                "verdicts": {severity.value: counted[severity.value] for severity in watching.Severity},
                "anomalies": [asdict(verdict) for verdict in shown],
            }
        )
        return
    print_rows(_folded(shown), empty="No day is unlike what the days before it let expect.")
    told_counts = ", ".join(f"{count:,} {severity}" for severity, count in sorted(counted.items()))
    console.print(f"Verdicts: {told_counts or 'none, there is no data'}.", soft_wrap=True)


def _folded(verdicts: list[watching.Verdict]) -> list[dict[str, str]]:
    """Rows for people: a day without anything is told once, with the other metrics that lack it."""
    rows: list[dict[str, str]] = []
    lacking: dict[tuple[date, str], dict[str, str]] = {}
    for verdict in verdicts:
        row = {"severity": verdict.severity, "metric": verdict.metric, "what": verdict.explanation}
        if verdict.value is None:
            first = lacking.setdefault((verdict.day, verdict.severity), row)
            if first is not row:
                first["metric"] += f", {verdict.metric}"
                continue
        rows.append(row)
    return rows


@cli.command()
@click.option("--from", "first", type=DAY, help="First day to compare; the first one there is if not given.")
@click.option("--to", "last", type=DAY, help="Last day to compare.")
@click.option("--check", "ids", multiple=True, help="Only this reconciliation; may be given several times.")
@click.option("--checks", "explain", is_flag=True, help="Only explain the reconciliations.")
@click.option("--strict", is_flag=True, help="Exit 1 for differences between the sources too.")
@click.option("--limit", type=click.IntRange(0, 100_000), default=20, show_default=True, help="Most days to list.")
@json_option
def reconcile(
    *,
    first: date | None,
    last: date | None,
    ids: tuple[str, ...],
    explain: bool,
    strict: bool,
    limit: int,
    as_json: bool,
) -> None:
    """Compare rows and amounts across layers and systems, keep what is found; exit 1 where a layer loses or adds."""
    checks = reconciliation.named_checks(ids)
    if explain:
        told = [asdict(check) for check in checks]
        print_json(told) if as_json else print_rows(told)
        return
    writer = warehouse()
    with writer.database.transaction() as cursor:
        asked = _span(first, last, reconciliation.span(cursor))
        found = reconciliation.compare(cursor, checks, *asked) if asked else []
        if asked:
            reconciliation.keep(cursor, found, checks, *asked)
        waiting = sum(len(days) for days in outbox.pending(cursor).values())
    differing = [comparison for comparison in found if not comparison.agrees]
    wrong = [comparison for comparison in differing if strict or comparison.must_agree]
    if as_json:
        print_json(
            {
                "ok": not wrong,
                "from": asked and asked[0],
                "to": asked and asked[1],
                "slices_waiting": waiting,
                "checks": _summed(found),
                "differences": [asdict(comparison) for comparison in differing],
            }
        )
    else:
        print_rows(_summed(found), empty="There is nothing to compare.", thousands=True)
        if differing and limit:
            console.print()
            print_rows([_told(comparison) for comparison in differing[:limit]], thousands=True)
        if len(differing) > limit:
            console.print(f"and {len(differing) - limit:,} more; show them: --limit", soft_wrap=True)
        if waiting:
            console.print(f"{waiting:,} slices wait to be restated and may explain differences: metalayer run")
    if wrong:
        sys.exit(1)


def _summed(found: list[reconciliation.Comparison]) -> list[dict[str, Any]]:
    """Each measure of each reconciliation over all days."""
    groups: dict[tuple[str, str], list[reconciliation.Comparison]] = {}
    for comparison in found:
        groups.setdefault((comparison.check_id, comparison.measure), []).append(comparison)
    return [
        {
            "check": check,
            "measure": measure,
            "days": len(group),
            "left": _number(sum(each.left_value for each in group)),
            "right": _number(sum(each.right_value for each in group)),
            "explained": _number(sum(each.explained for each in group)),
            "difference": _number(sum(each.difference for each in group)),
            "days_differing": sum(1 for each in group if not each.agrees),
            "differing_keys": sum(each.differing_keys for each in group),
        }
        for (check, measure), group in groups.items()
    ]


def _told(comparison: reconciliation.Comparison) -> dict[str, Any]:
    more = comparison.differing_keys - len(comparison.sample_keys)
    keys = ", ".join(comparison.sample_keys) + (f" and {more:,} more" if more > 0 else "")
    return {
        "check": comparison.check_id,
        "measure": comparison.measure,
        "day": comparison.day,
        "left": _number(comparison.left_value),
        "right": _number(comparison.right_value),
        "explained": _number(comparison.explained),
        "difference": _number(comparison.difference),
        "keys": keys,
    }


def _number(value: Decimal | int) -> Decimal | int:
    """A count as a whole number, an amount as it is."""
    return int(value) if value == int(value) else Decimal(value)
