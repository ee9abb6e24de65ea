"""Commands about extracts as they came: profile, drift."""

from datetime import date

import click

from metalayer_assets.cli import cli
from metalayer_assets.cli.output import console, json_option, print_json, print_rows
from metalayer_assets.cli.warehouse_access import DAY, named_table, warehouse
from metalayer_assets.contracts import CATALOG, Contract, Landed
from metalayer_assets.extract_tables import profile_cells, rows_told
from metalayer_assets.warehouse import drift as drifting
from metalayer_assets.warehouse import profiles
from metalayer_assets.warehouse.errors import SettingError


def _landed_table(name: str) -> Contract:
    contract = named_table(name)
    if not isinstance(contract.source, Landed):
        landed = ", ".join(known.name for known in CATALOG.assets() if isinstance(known.source, Landed))
        raise SettingError(f"{contract.name} is not made from extracts; these are: {landed}.")
    return contract


@cli.command()
@click.argument("table")
@click.option("--slice", "day", type=DAY, help="Arrival day; the last one without.")
@json_option
def profile(*, table: str, day: date | None, as_json: bool) -> None:
    """Show what each column of an extract of bronze TABLE looked like as it came."""
    contract = _landed_table(table)
    with warehouse().database.transaction(readonly=True) as cursor:
        found = profiles.latest(cursor, contract.name, day)
    if as_json:
        print_json(found)
    elif not found:
        asked = f" of {day}" if day else ""
        console.print(f"No extract{asked} of {contract.name} was profiled.")
    else:
        title = f"{contract.name} {found[0]['slice']}, write {found[0]['write_id']}. {rows_told(found)}"
        print_rows([profile_cells(column) for column in found], title=title)


@cli.command()
@click.argument("table", required=False)
@click.option("--all", "every", is_flag=True, help="Also of extracts that were loaded again without the difference.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Most changes.")
@json_option
def drift(*, table: str | None, every: bool, limit: int, as_json: bool) -> None:
    """Show how extracts differ from their contract and from the extract before, latest first."""
    name = _landed_table(table).name if table else None
    with warehouse().database.transaction(readonly=True) as cursor:
        rows = drifting.changes(cursor, name, every=every, limit=limit)
    if as_json:
        print_json(rows)
        return
    hidden = {"first_seen_at", "is_past", "write_id"}
    print_rows(
        [{key: value for key, value in row.items() if key not in hidden} for row in rows],
        empty="No extract differs.",
    )
