"""Copy tables out as CSV here, streamed by PostgreSQL itself.

The text is UTF-8 as RFC 4180 has it, with LF between lines and a line of names first. Nothing between two commas is
NULL, two quotes are an empty text. No value is changed, whatever a spreadsheet would make of it.
"""

import codecs
from collections.abc import Mapping
from datetime import date
from typing import IO, Any

from metalayer_assets.contracts import Contract
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.slices import checked, slice_of
from metalayer_assets.warehouse.statements import bind, ident, listed

Cursor = Any


def copy_out(cursor: Cursor, select: str, binds: Mapping[str, object], stream: IO[bytes], *, marked: bool) -> int:
    """Write the rows of a SELECT as CSV, and say how many they are.

    Args:
        cursor: Cursor.
        select: The SELECT, with named binds.
        binds: Its values.
        stream: Where the bytes go.
        marked: Begin with a byte order mark, by which spreadsheets know UTF-8.
    """
    if marked:
        stream.write(codecs.BOM_UTF8)
    query = cursor.mogrify(bind(select), dict(binds)).decode()
    cursor.copy_expert(f"copy ({query}) to stdout (format csv, header true, encoding 'UTF8')", stream)
    return int(cursor.rowcount)


def export_table(cursor: Cursor, contract: Contract, stream: IO[bytes], *, day: date | None, marked: bool) -> int:
    """Write a table, or one slice of it, as CSV in the order of its key; how many rows.

    Raises:
        SettingError: The table has no slices, or the day is none of them.
    """
    where = ""
    if day is not None:
        if contract.slice_by is None:
            raise SettingError(f"{contract.name} has no slices: leave --slice out.")
        checked(contract, [day])
        where = f" where {slice_of(contract)} = :day"
    select = (
        f"select {listed(contract.column_names)} from {ident(contract.name)}{where} order by {listed(contract.key)}"
    )
    return copy_out(cursor, select, {"day": day}, stream, marked=marked)
