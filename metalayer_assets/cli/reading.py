"""Commands that only read: verify, trace, ledger, sql."""

import sys
from dataclasses import asdict
from datetime import date

import click
import psycopg2

from metalayer_assets.cli import cli
from metalayer_assets.cli.output import console, json_option, print_json, print_rows
from metalayer_assets.cli.warehouse_access import DAY, named_table, warehouse
from metalayer_assets.warehouse import inspect, ledger_reports
from metalayer_assets.warehouse import verify as verification
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.trace import trace as trace_key


@cli.command()
@json_option
def verify(*, as_json: bool) -> None:
    """Recompute every checksum, count and invariant from the data; exit 1 where the ledger says otherwise."""
    with warehouse().database.transaction(readonly=True) as cursor:
        verdicts = verification.verify(cursor)
    sound = not any(verdict.problems for verdict in verdicts)
    if as_json:
        print_json({"ok": sound, "tables": {verdict.table: asdict(verdict) for verdict in verdicts}})
    else:
        print_rows(
            [
                {
                    "table": verdict.table,
                    "rows": verdict.rows,
                    "slices": verdict.slices,
                    "pending": verdict.pending,
                    "problems": len(verdict.problems),
                    "checksum": verdict.checksum,
                }
                for verdict in verdicts
            ],
            thousands=True,
        )
        for verdict in verdicts:
            for problem in verdict.problems[:10]:
                click.echo(f"metalayer: {verdict.table}: {problem}", err=True)
        if sound:
            console.print("Data and ledger agree.")
    if not sound:
        sys.exit(1)


@cli.command()
@click.argument("table")
@click.argument("key")
@json_option
def trace(*, table: str, key: str, as_json: bool) -> None:
    """Follow a row of TABLE with business key KEY back to the file and line that it came from."""
    contract = named_table(table)
    writer = warehouse()
    with writer.database.transaction(readonly=True) as cursor:
        steps = trace_key(cursor, contract, key, writer.settings.landing)
    if as_json:
        print_json(steps)
        return
    for step in steps:
        print_rows(
            [{"column": name, "value": value} for name, value in step["row"].items()],
            title=f"{step['table']}{'  ' + step['note'] if step.get('note') else ''}",
        )
        console.print()


@cli.command()
@click.argument("table", required=False)
@click.option("--slice", "day", type=DAY, help="Only this slice.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Most entries.")
@json_option
def ledger(*, table: str | None, day: date | None, limit: int, as_json: bool) -> None:
    """Show the writes of slices, latest first."""
    name = named_table(table).name if table else None
    with warehouse().database.transaction(readonly=True) as cursor:
        rows = ledger_reports.entries(cursor, name, day=day, limit=limit)
    if as_json:
        print_json(rows)
        return
    hidden = {"run_id", "code_version", "started_at", "checksum"}
    print_rows(
        [{key: value for key, value in row.items() if key not in hidden} for row in rows],
        empty="No slice was written yet.",
    )


@cli.command()
@click.argument("statement")
@json_option
def sql(*, statement: str, as_json: bool) -> None:
    """Run one SELECT, read-only."""
    with warehouse().database.transaction(readonly=True) as cursor:
        try:
            if as_json:
                click.echo(inspect.rows_as_json(cursor, statement))
            else:
                print_rows(inspect.rows(cursor, statement), empty="No rows.")
        except psycopg2.OperationalError:
            raise
        except psycopg2.Error as error:
            raise SettingError(f"PostgreSQL refuses the statement: {' '.join(str(error).split())}") from None
