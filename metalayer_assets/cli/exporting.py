"""The command export, and how commands write CSV for people."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import IO

import click

from metalayer_assets.cli import cli
from metalayer_assets.cli.output import console
from metalayer_assets.cli.warehouse_access import DAY, named_table, warehouse
from metalayer_assets.warehouse.csv_export import export_table
from metalayer_assets.warehouse.new_files import new_file

_STDOUT = "-"

to_option = click.option("--to", required=True, help="CSV file to make, which must not exist; - for standard output.")
mark_option = click.option("--bom", is_flag=True, help="Begin with a byte order mark, by which Excel knows UTF-8.")


@contextmanager
def output(to: str) -> Iterator[IO[bytes]]:
    """The stream to write to: a file that must not exist yet, or standard output."""
    if to == _STDOUT:
        stream = sys.stdout.buffer
        yield stream
        stream.flush()
    else:
        with new_file(Path(to)) as file:
            yield file


def counted(rows: int) -> str:
    """A number of rows as people write it."""
    return "1 row" if rows == 1 else f"{rows:,} rows"


def tell(sentence: str, to: str) -> None:
    """Tell people what was done; on standard error where the data goes to standard output."""
    if to == _STDOUT:
        click.echo(sentence, err=True)
    else:
        console.print(sentence, soft_wrap=True, markup=False)


@cli.command()
@click.argument("table")
@click.option("--slice", "day", type=DAY, help="Only this slice.")
@to_option
@mark_option
def export(*, table: str, day: date | None, to: str, bom: bool) -> None:
    """Copy TABLE, or one slice of it, to a CSV file: nothing between two commas is NULL, two quotes are empty text."""
    contract = named_table(table)
    with warehouse().database.transaction(readonly=True) as cursor, output(to) as stream:
        rows = export_table(cursor, contract, stream, day=day, marked=bom)
    tell(f"{counted(rows)} of {contract.name} written to {to}.", to)
