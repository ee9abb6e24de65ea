"""Commands about the server and the UI: up, down, status, env, dev."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from metalayer_assets.cli import cli
from metalayer_assets.cli.output import console, json_option, print_json, print_rows
from metalayer_assets.cli.warehouse_access import warehouse
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.embedded import EmbeddedServer
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.landing import scan
from metalayer_assets.warehouse.ledger_reports import table_sizes
from metalayer_assets.warehouse.plan import waiting
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.shipped import shipped
from metalayer_assets.warehouse.stuck import stuck


def _server(settings: Settings) -> EmbeddedServer | None:
    if settings.database_url is not None:
        return None
    return EmbeddedServer(settings.home, major=settings.embedded_postgres)


@cli.command()
def up() -> None:
    """Start the embedded PostgreSQL and create what is missing of the warehouse's schemas."""
    writer = warehouse()
    console.print(f"The warehouse is ready: {writer.database.safe_url}", soft_wrap=True)


@cli.command()
def down() -> None:
    """Stop the embedded PostgreSQL. Its data stays."""
    server = _server(Settings.from_environment())
    if server is None:
        raise SettingError("METALAYER_DATABASE_URL names a server that MetaLayer did not start and does not stop.")
    stopped = server.stop()
    console.print("The embedded PostgreSQL has stopped." if stopped else "The embedded PostgreSQL was not running.")


@cli.command()
@json_option
def status(*, as_json: bool) -> None:
    """Show the server, what each table holds, and what waits to be written."""
    settings = Settings.from_environment()
    server = _server(settings)
    state = server.status() if server else None
    told: dict[str, Any] = {
        "database_url": settings.database_url,
        "embedded": server is not None,
        "running": True,
        "landing": settings.landing,
        "home": settings.home,
        "tables": [],
        "waiting": {},
        "problems": [],
    }
    if state is not None:
        told |= {
            "database_url": state.url,
            "running": state.running,
            "version": state.version,
            "data_dir": state.data_dir,
            "log_dir": state.log_dir,
            "size_bytes": state.size_bytes,
        }
    if told["running"]:
        told |= _content(settings, Database(str(told["database_url"])))
    if as_json:
        print_json(told)
        return
    where = Database(str(told["database_url"])).safe_url if told["running"] else "not running; start it: metalayer up"
    console.print(f"PostgreSQL  {where}", soft_wrap=True)
    console.print(f"landing     {settings.landing}", soft_wrap=True)
    if told["running"]:
        print_rows(told["tables"], thousands=True)
        _print_waiting(told)


def _content(settings: Settings, database: Database) -> dict[str, Any]:
    database.check()
    warehouse()
    with database.transaction(readonly=True) as cursor:
        tables = table_sizes(cursor)
        if not settings.landing.is_dir():
            return {"tables": tables, "waiting": {}, "problems": [f"{settings.landing} does not exist"]}
        landing = scan(settings)
        refused = [
            f"{table} {day} was refused and has not changed since: {reason}"
            for (table, day), reason in stuck(cursor, settings, landing).items()
        ]
        return {
            "tables": tables,
            "waiting": dict(waiting(cursor, settings, landing)),
            "problems": [*landing.problems, *refused],
        }


def _print_waiting(told: dict[str, Any]) -> None:
    if told["waiting"]:
        slices = ", ".join(f"{table} {count}" for table, count in told["waiting"].items())
        console.print(f"slices waiting: {slices}; bring them in: metalayer run", soft_wrap=True)
    else:
        console.print("Nothing waits to be written.")
    for problem in told["problems"]:
        console.print(f"problem: {problem}", soft_wrap=True)


@cli.command("env")
def environment() -> None:
    """Print the variables with which plain dagster commands find this warehouse: eval "$(metalayer env)"."""
    for name, value in _environment().items():
        click.echo(f"export {name}={shlex.quote(value)}")


def _environment() -> dict[str, str]:
    # Dagster takes half a second to import, which only the commands that need it pay.
    from metalayer_assets.instance import instance_environment  # noqa: PLC0415

    writer = warehouse()
    return instance_environment(writer.settings)


@cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def dev(arguments: tuple[str, ...]) -> None:
    """Open the Dagster UI on this warehouse: webserver, daemon and sensors, until interrupted.

    ARGUMENTS go to `dagster dev`, such as -p 3001.
    """
    environment = {**os.environ, **_environment()}
    command = [str(Path(sys.executable).parent / "dagster"), "dev", "-w", str(shipped("workspace.yaml")), *arguments]
    # Started in a group of its own with default signal handling: a script that runs us in the background ignores
    # SIGINT, and Dagster would inherit that and never stop.
    process = subprocess.Popen(
        command,
        env=environment,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 -- nothing else runs yet
    )

    def stop(*_: object) -> None:
        process.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    sys.exit(process.wait())
