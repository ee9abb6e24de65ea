"""The command line `metalayer`. Errors that a person can mend are one sentence and exit code 1; wrong usage is 2."""

import sys
from typing import NoReturn

import click
import psycopg2
from click.exceptions import NoArgsIsHelpError
from sqlalchemy.exc import DBAPIError

from metalayer_assets.warehouse.errors import MetaLayerError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="metalayer")
def cli() -> None:
    """A medallion warehouse on PostgreSQL, built as a Dagster asset graph."""


def main() -> None:
    """Entry point: run a command, and tell an error as one sentence."""
    try:
        # Contracts are read on import, so a mistake in one must be told like any other.
        from metalayer_assets.cli import (  # noqa: F401, PLC0415
            contracts,
            exporting,
            extracts,
            past,
            quality,
            reading,
            rebuilding,
            serving,
            signals,
            workbench,
            working,
        )

        cli(prog_name="metalayer", standalone_mode=False)
    except click.Abort:
        click.echo("metalayer: stopped. What was published stays; run again to go on.", err=True)
        sys.exit(130)
    except NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        command = getattr(error, "ctx", None)
        more = f" Try: {command.command_path} --help" if command else ""
        _fail(f"{error.format_message()}{more}", error.exit_code)
    except MetaLayerError as error:
        _fail(str(error))
    except (psycopg2.OperationalError, DBAPIError) as error:
        reason = " ".join(str(getattr(error, "orig", error)).split())
        _fail(f"PostgreSQL was lost: {reason}. What was published stays; run again.")


def _fail(sentence: str, code: int = 1) -> NoReturn:
    click.echo(f"metalayer: {sentence}", err=True)
    sys.exit(code)
