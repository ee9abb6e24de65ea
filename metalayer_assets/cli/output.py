"""Show rows to people (tables) and to programs (JSON) here."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

_WIDE = 240

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
# A file or a pipe has no width to fit into.
console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)


def plain(value: object) -> Any:  # noqa: ANN401 -- any JSON value
    """A value as JSON knows it: days and moments in ISO form, exact numbers as text, bytes as text with escapes."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal | Path):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


def print_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))


def print_rows(
    rows: Sequence[Mapping[str, Any]],
    *,
    title: str = "",
    empty: str = "Nothing to show.",
    thousands: bool = False,
) -> None:
    """Print rows as a table; numbers to the right, whole ones with thousands set apart where asked."""
    if not rows:
        console.print(empty)
        return
    if title:
        # A title of the table itself would be folded to the width of its columns.
        console.print(title, style="italic", soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, value in rows[0].items():
        numeric = isinstance(value, int | Decimal | float) and not isinstance(value, bool)
        table.add_column(name.replace("_", " "), justify="right" if numeric else "left", overflow="fold", min_width=5)
    for row in rows:
        table.add_row(*(_shown(value, thousands=thousands) for value in row.values()))
    console.print(table)


def _shown(value: object, *, thousands: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}" if thousands else str(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, Mapping | list):
        return json.dumps(plain(value), ensure_ascii=False)
    return str(plain(value)).replace("[", "\\[")
