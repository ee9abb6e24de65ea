"""Open the warehouse for a command here: settings, database, tables named on the command line."""

from datetime import date

import click

from metalayer_assets.contracts import CATALOG, Contract, Grain, contract_named
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.slices import between
from metalayer_assets.warehouse.writer import SliceWriter, open_writer


class Day(click.ParamType[date]):
    """A day as YYYY-MM-DD."""

    name = "YYYY-MM-DD"

    def convert(self, value: str | date, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read the day, or fail naming the option and the format."""
        if isinstance(value, date):
            return value
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = None
        if day is None or day.isoformat() != value:
            self.fail(f"{value!r} is not a day; write it as YYYY-MM-DD, such as 2024-01-31.", param, ctx)
        return day


DAY = Day()


def warehouse() -> SliceWriter:
    """The warehouse that the environment names, reachable and prepared."""
    return open_writer(Settings.from_environment())


def check_range(first: date | None, last: date | None) -> None:
    """See that a range of days on the command line runs forwards.

    Raises:
        SettingError: It does not.
    """
    if first is not None and last is not None:
        between(Grain.DAY, first, last)


def named_table(name: str) -> Contract:
    """The contract of a table given on the command line.

    Raises:
        SettingError: There is no such table.
    """
    try:
        return contract_named(name)
    except KeyError as error:
        raise SettingError(str(error.args[0])) from None


def selected_tables(selection: tuple[str, ...]) -> frozenset[str] | None:
    """Asset tables named as `layer`, `layer.table`, `table` or with a trailing `*`; None when nothing is selected.

    Raises:
        SettingError: A part of the selection names no asset table.
    """
    if not selection:
        return None
    names = [contract.name for contract in CATALOG.assets()]
    found: set[str] = set()
    for part in (piece.strip() for given in selection for piece in given.split(",")):
        wanted = part.replace("/", ".")
        stem = wanted.rstrip("*").rstrip(".")
        matching = {
            name
            for name in names
            if wanted in (name, name.split(".")[1], name.split(".")[0])
            or (wanted.endswith("*") and name.startswith(stem))
        }
        if not matching:
            raise SettingError(f"--select {part}: no table has that name. Tables: {', '.join(names)}.")
        found |= matching
    return frozenset(found)
