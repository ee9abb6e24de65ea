"""The command line `metalayer`. Errors that a person can mend are one sentence and exit code 1; wrong usage is 2."""

import sys

import click
import psycopg2

from metalayer_assets.warehouse.errors import MetaLayerError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="metalayer")
def cli() -> None:
    """A medallion warehouse on PostgreSQL, built as a Dagster asset graph."""


def main() -> None:
    """Entry point: run a command, and tell an error as one sentence."""
    try:
        # Contracts are read on import, so a mistake in one must be told like any other.
        from metalayer_assets.cli import reading, serving, working  # noqa: F401, PLC0415

        cli(prog_name="metalayer")
    except MetaLayerError as error:
        click.echo(f"metalayer: {error}", err=True)
        sys.exit(1)
    except psycopg2.OperationalError as error:
        reason = " ".join(str(error).split())
        click.echo(f"metalayer: PostgreSQL was lost: {reason}. What was published stays; run again.", err=True)
        sys.exit(1)
