"""Commands that hold the warehouse's numbers against others: anomalies."""

from collections import Counter
from dataclasses import asdict
from datetime import date

import click

from metalayer_assets.cli import cli
from metalayer_assets.cli.output import console, json_option, print_json, print_rows
from metalayer_assets.cli.warehouse_access import DAY, warehouse
from metalayer_assets.contracts import Grain
from metalayer_assets.warehouse import anomalies as watching
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
    print_rows(
        [{"severity": verdict.severity, "metric": verdict.metric, "what": verdict.explanation} for verdict in shown],
        empty="No day is unlike what the days before it let expect.",
    )
    told_counts = ", ".join(f"{count:,} {severity}" for severity, count in sorted(counted.items()))
    console.print(f"Verdicts: {told_counts or 'none, there is no data'}.", soft_wrap=True)
