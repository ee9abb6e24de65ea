"""Commands that write: sample, run."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from metalayer_assets.cli import cli
from metalayer_assets.cli.output import console, json_option, print_json, print_rows
from metalayer_assets.cli.warehouse_access import DAY, selected_tables, warehouse
from metalayer_assets.contracts import Grain
from metalayer_assets.sample import PRESETS, SampleOptions, write_sample
from metalayer_assets.warehouse.ledger_reports import RunRows
from metalayer_assets.warehouse.plan import Scope, Work
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.slices import between
from metalayer_assets.warehouse.writer import SliceWriter

if TYPE_CHECKING:
    from metalayer_assets.runner import RunSummary


@cli.command()
@click.option("--preset", type=click.Choice(sorted(PRESETS)), default="small", show_default=True, help="Size.")
@click.option("--days", type=int, help="Arrival days.")
@click.option("--first-day", type=DAY, help="First arrival day.")
@click.option("--customers", type=int, help="Customers of the first extract.")
@click.option("--products", type=int, help="Products of the first extract.")
@click.option("--orders-per-day", type=int, help="Average new orders per day.")
@click.option("--dirt", type=float, help="Share of rows with a blemish, 0 to 0.5.")
@click.option("--late", type=float, help="Share of orders that arrive after their business day, 0 to 1.")
@click.option("--seed", type=int, help="Another seed gives another landing of the same kind.")
def sample(preset: str, **given: Any) -> None:  # noqa: ANN401 -- the options above
    """Write a deterministic sample landing: CRM and ERP extracts with changes, dirt and late rows."""
    settings = Settings.from_environment()
    options: SampleOptions = replace(
        PRESETS[preset], **{name: value for name, value in given.items() if value is not None}
    )
    truth = write_sample(settings.landing, options)
    lines = sum(dataset.lines for dataset in truth.datasets.values())
    console.print(
        f"Wrote {lines:,} lines over {options.days} arrival days from {options.first_day} below {settings.landing}.",
        soft_wrap=True,
    )


def _shown(rows: RunRows) -> dict[str, object]:
    told = {name.removeprefix("rows_"): value for name, value in asdict(rows).items()}
    slices = {"published": rows.published, "unchanged": rows.unchanged, "refused": rows.refused}
    told["slices"] = ", ".join(f"{count:,} {what}" for what, count in slices.items() if count)
    return {name: value for name, value in told.items() if name not in slices}


@cli.command()
@click.option("--from", "first", type=DAY, help="First slice to look at.")
@click.option("--to", "last", type=DAY, help="Last slice to look at.")
@click.option("--select", "selection", multiple=True, help="Tables: layer, layer.table or a prefix with *.")
@click.option("--allow-shrink", is_flag=True, help="Publish slices even if they lose many rows or become empty.")
@json_option
def run(
    *, first: date | None, last: date | None, selection: tuple[str, ...], allow_shrink: bool, as_json: bool
) -> None:
    """Bring the warehouse up to date: load, judge and restate exactly what is missing, changed or touched."""
    tables = selected_tables(selection)
    if first is not None and last is not None:
        between(Grain.DAY, first, last)
    writer = warehouse()
    summary = bring_up_to_date(
        writer, Scope(first=first, last=last, tables=tables), allow_shrink=allow_shrink, as_json=as_json
    )
    if as_json:
        print_json(asdict(summary))
    else:
        print_summary(summary)
    if summary.problems:
        sys.exit(1)


def bring_up_to_date(
    writer: SliceWriter, scope: Scope, *, allow_shrink: bool = False, as_json: bool = False
) -> "RunSummary":
    """Run what is to do in scope through Dagster, and show how far it has come."""
    # Dagster takes a second to import, which only the commands that need it pay.
    from metalayer_assets.definitions import build_defs  # noqa: PLC0415
    from metalayer_assets.instance import open_instance  # noqa: PLC0415
    from metalayer_assets.runner import Runner  # noqa: PLC0415

    runner = Runner(writer, open_instance(writer.settings), build_defs())
    with showing_progress("Looking for what is missing, changed or touched", as_json=as_json) as progress:
        return runner.run(scope, allow_shrink=allow_shrink, progress=progress)


@contextmanager
def showing_progress(told_first: str, *, as_json: bool) -> Iterator[Callable[[Work], None]]:
    """Show on the console what is being done: one line that changes, or in a file one line for each piece of work."""
    with console.status(told_first, spinner="line") as status:

        def progress(work: Work) -> None:
            told = f"{', '.join(work.tables)}: {work.first} to {work.last}, {work.slices} slices"
            status.update(told)
            if not as_json and not console.is_terminal:
                console.print(told, soft_wrap=True)

        yield progress


def print_summary(summary: "RunSummary") -> None:
    """Print what a headless run did, table by table, and its problems."""
    if summary.rows:
        print_rows([_shown(rows) for rows in summary.rows], thousands=True)
    elif not summary.problems:
        console.print("Everything is up to date; nothing was written.")
    for problem in summary.problems:
        click.echo(f"metalayer: {problem}", err=True)
