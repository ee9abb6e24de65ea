"""Define which writes exclude one another here.

All locks are advisory and end with the transaction. Writers of one slice take turns; writers of different
slices of one table do not wait for one another; a write of many slices takes the whole table, so that the
lock table stays small. Readers take none of these and are never blocked.
"""

import zlib
from collections.abc import Sequence
from datetime import date
from typing import Any

from metalayer_assets.warehouse.statements import bind

Cursor = Any

_MANY = 64
_CATALOG = "metalayer:catalog"


def _number(text: str) -> int:
    return zlib.crc32(text.encode()) - 2**31


def lock_slices(cursor: Cursor, table: str, slices: Sequence[date]) -> None:
    """Wait until no other transaction writes any of these slices, then exclude others until the end of this one."""
    mode = "" if len(slices) > _MANY else "_shared"
    cursor.execute(bind(f"select pg_advisory_xact_lock{mode}(:table, 0)"), {"table": _number(table)})
    if len(slices) > _MANY:
        return
    for day in sorted(slices):
        cursor.execute(
            bind("select pg_advisory_xact_lock(:table, :slice)"),
            {"table": _number(table), "slice": day.toordinal()},
        )


def lock_months(cursor: Cursor, table: str) -> None:
    """Exclude other creators of months of the table until the end of the transaction."""
    cursor.execute(bind("select pg_advisory_xact_lock(:table, -1)"), {"table": _number(table)})


def lock_touching(cursor: Cursor, table: str) -> None:
    """Exclude other writers of the table from telling what they touched, until the end of the transaction.

    Two writes of different slices may tell the same order. Whoever comes second must see the rows of the first, or
    neither would touch the business day that the other's telling stands on.
    """
    cursor.execute(bind("select pg_advisory_xact_lock(:table, -2)"), {"table": _number(table)})


def lock_first(cursor: Cursor, table: str) -> None:
    """Exclude other writers of the table's first rows until the end of the transaction.

    A lock of its own, taken before that of the months: a writer that finds that it is not the first must not hold what
    others take after theirs.
    """
    cursor.execute(bind("select pg_advisory_xact_lock(:table, -3)"), {"table": _number(table)})


def lock_reading(cursor: Cursor, table: str) -> None:
    """Wait for writers of the table that tell what they touched, and hold up others, until the end of the transaction.

    Whoever must see one moment of the table in several statements takes it, and whoever joins a dimension: its writer
    must see the rows that were joined to the versions it replaces, or would not touch them.
    """
    cursor.execute(bind("select pg_advisory_xact_lock_shared(:table, -2)"), {"table": _number(table)})


def lock_table(cursor: Cursor, table: str) -> None:
    """Wait until no other transaction writes the table, then exclude others until the end of this one."""
    cursor.execute(bind("select pg_advisory_xact_lock(:table, 0)"), {"table": _number(table)})


def lock_catalog(cursor: Cursor) -> None:
    """Exclude other creators of tables until the end of the transaction."""
    cursor.execute(bind("select pg_advisory_xact_lock(:catalog)"), {"catalog": _number(_CATALOG)})
