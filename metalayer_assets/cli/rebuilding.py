"""The command rebuild: make what stands once more, in its place or in a scratch database to compare with."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from metalayer_assets.cli import cli
from metalayer_assets.cli.output import console, json_option, print_json, print_rows
from metalayer_assets.cli.warehouse_access import selected_tables, warehouse
from metalayer_assets.cli.working import bring_up_to_date, print_summary, showing_progress
from metalayer_assets.contracts import CATALOG, Landed
from metalayer_assets.warehouse import outbox
from metalayer_assets.warehouse import rebuild as rebuilding
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.plan import Scope
from metalayer_assets.warehouse.rebuild import Comparison

_SHOWN = 10


@cli.command()
@click.option("--check", is_flag=True, help="Change nothing: build all of it in a scratch database, and compare.")
@click.option("--keep", is_flag=True, help="With --check, leave the scratch database for a closer look.")
@click.option("--select", "selection", multiple=True, help="Tables: layer, layer.table or a prefix with *.")
@json_option
def rebuild(*, check: bool, keep: bool, selection: tuple[str, ...], as_json: bool) -> None:
    """Make every slice of silver and gold once more from its sources, and replace those whose rows differ.

    With --check the warehouse stays as it is: a second one is built from the landing folder in a scratch database,
    and every table is compared, slice by slice. Exit 1 where any differs.
    """
    if keep and not check:
        raise click.UsageError("--keep goes with --check: without it there is no scratch database.")
    if selection and check:
        raise click.UsageError("--select does not go with --check, which compares every table.")
    if check:
        _check(keep=keep, as_json=as_json)
    else:
        _restate(selection, as_json=as_json)


def _restate(selection: tuple[str, ...], *, as_json: bool) -> None:
    selected = selected_tables(selection)
    tables = frozenset(
        contract.name
        for contract in CATALOG.assets()
        if not isinstance(contract.source, Landed) and (selected is None or contract.name in selected)
    )
    if not tables:
        raise SettingError(
            f"--select {','.join(selection)}: bronze is loaded from landed files and not made from other tables. "
            "Select tables of silver or gold, or land the files again and run `metalayer run`."
        )
    writer = warehouse()
    with writer.database.transaction() as cursor:
        outbox.touch_again(cursor, tables)
    summary = bring_up_to_date(writer, Scope(tables=tables), as_json=as_json)
    with writer.database.transaction(readonly=True) as cursor:
        changed = rebuilding.changed_by(cursor, summary.runs)
    if as_json:
        print_json({**asdict(summary), "changed": [{"table": table, "slice": day} for table, day in changed]})
    else:
        print_summary(summary)
        for table, day in changed[:_SHOWN]:
            console.print(f"changed: {table} {day}", soft_wrap=True)
        if len(changed) > _SHOWN:
            console.print(f"and {len(changed) - _SHOWN:,} more slices; see: metalayer ledger", soft_wrap=True)
        if summary.rows and not changed and not summary.problems:
            console.print("Every slice holds what its sources say; none was changed.")
    if summary.problems:
        sys.exit(1)


def _check(*, keep: bool, as_json: bool) -> None:
    scratch: list[str] = []

    def opened(database: Database) -> None:
        scratch.append(database.safe_url)
        if not as_json:
            console.print(f"Building in {database.safe_url}", soft_wrap=True)

    writer = warehouse()
    with _ending_in_order(), showing_progress("Looking at what stands", as_json=as_json) as progress:
        comparison = rebuilding.check(writer, keep=keep, opened=opened, progress=progress)
    if as_json:
        print_json(_as_json(comparison, scratch[0] if keep else None))
    else:
        _print(comparison)
        if keep:
            console.print(f"The rebuilt warehouse stays: {scratch[0]}", soft_wrap=True)
    if not comparison.equal:
        sys.exit(1)


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Let a request to end the process be an exception, so that the scratch database is dropped."""

    def end(number: int, _: object) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _as_json(comparison: Comparison, kept: str | None) -> dict[str, object]:
    return {
        "ok": comparison.equal,
        "scratch": kept,
        "refused": [
            {"table": table, "slice": day, "reason": reason} for (table, day), reason in comparison.refused.items()
        ],
        "tables": {table.table: asdict(table) for table in comparison.tables},
    }


def _print(comparison: Comparison) -> None:
    print_rows(
        [
            {
                "table": table.table,
                "rows": table.rows,
                "rebuilt": table.rebuilt_rows,
                "slices": table.slices,
                "differing": len(table.differences),
            }
            for table in comparison.tables
        ],
        thousands=True,
    )
    for (table_name, day), reason in list(comparison.refused.items())[:_SHOWN]:
        click.echo(f"metalayer: {table_name}: slice {day} was refused in the rebuild: {reason}", err=True)
    for table in comparison.tables:
        for difference in table.differences[:_SHOWN]:
            click.echo(f"metalayer: {table.table}: {difference}", err=True)
        if len(table.differences) > _SHOWN:
            click.echo(f"metalayer: {table.table}: and {len(table.differences) - _SHOWN} more slices", err=True)
    if comparison.equal:
        console.print("The warehouse is what a rebuild from its landing folder makes of it.")
