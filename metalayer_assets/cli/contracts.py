"""Commands about changed contracts: plan, apply."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from metalayer_assets.cli import cli
from metalayer_assets.cli.output import console, json_option, print_json, print_rows
from metalayer_assets.warehouse import apply_plan, applying
from metalayer_assets.warehouse.apply_plan import TablePlan
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.ddl import check_contracts
from metalayer_assets.warehouse.landing import Landing, scan
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.table_changes import TableChange


def _open() -> tuple[Settings, Database, Landing | None]:
    """The warehouse as it stands: unlike for other commands, it need not be in line with the contracts."""
    settings = Settings.from_environment()
    check_contracts()
    database = Database.from_settings(settings)
    database.check()
    return settings, database, scan(settings) if settings.landing.is_dir() else None


@cli.command()
@json_option
def plan(*, as_json: bool) -> None:
    """Show what the contracts and models would change in the warehouse as it stands; nothing is changed."""
    settings, database, landing = _open()
    with database.transaction(readonly=True) as cursor:
        found = apply_plan.plan(cursor, settings, landing)
    if as_json:
        print_json([_plain(table) for table in found])
        return
    print_rows(
        [row for table in found for row in _shown(table)],
        empty="Tables and slices are what the contracts say; there is nothing to apply.",
    )
    losses = [change.loses for table in found for change in table.changes if change.loses]
    for loss in losses:
        console.print(f"lost for good: {loss}; apply it with --allow-loss", soft_wrap=True)
    if any(table.changes for table in found):
        console.print("Do it: metalayer apply, then metalayer run. Slices downstream follow where rows differ.")
    elif any(table.restated for table in found):
        console.print("No table changes. Do it: metalayer run. Slices downstream follow where rows differ.")


@cli.command()
@click.option("--allow-loss", is_flag=True, help="Go on where something is lost that no run can make again.")
@json_option
def apply(*, allow_loss: bool, as_json: bool) -> None:
    """Bring the tables in line with the contracts; `metalayer run` then makes the slices again."""
    _, database, landing = _open()
    done = applying.apply(database, landing, allow_loss=allow_loss)
    if as_json:
        print_json(_changes(done))
        return
    print_rows(
        [{"table": change.table, "done": change.kind.value, "detail": change.detail} for change in done],
        empty="Every table stands as its contract declares it; nothing was changed.",
    )
    if done:
        console.print("Make the slices again: metalayer run")


def _shown(table: TablePlan) -> list[dict[str, str]]:
    rows = [{"table": table.table, "change": change.kind.value, "detail": change.detail} for change in table.changes]
    rows += [{"table": table.table, "change": "contract", "detail": said} for said in table.declared]
    if table.restated:
        rows.append({"table": table.table, "change": "restate", "detail": _counted(table.restated, "slice")})
    if table.out_of_reach:
        detail = f"{_counted(table.out_of_reach, 'day')} with files that have left the landing folder"
        rows.append({"table": table.table, "change": "out of reach", "detail": detail})
    return rows


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _plain(table: TablePlan) -> dict[str, Any]:
    return {**asdict(table), "changes": _changes(table.changes)}


def _changes(changes: Sequence[TableChange]) -> list[dict[str, Any]]:
    return [
        {"table": change.table, "change": change.kind.value, "detail": change.detail, "loses": change.loses or None}
        for change in changes
    ]
