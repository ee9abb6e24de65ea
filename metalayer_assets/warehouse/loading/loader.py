"""Define the way of a landed file by its format here; keep each format's reading in its own module."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from psycopg2 import extensions

from metalayer_assets.warehouse.errors import LandingError
from metalayer_assets.warehouse.loading.clean import DoubtError
from metalayer_assets.warehouse.loading.delimited import DelimitedFile
from metalayer_assets.warehouse.loading.jsonl import load_json_lines
from metalayer_assets.warehouse.loading.parquet import load_parquet
from metalayer_assets.warehouse.loading.rejects import RejectSpool
from metalayer_assets.warehouse.loading.report import Drift, LoadReport, SourceColumn
from metalayer_assets.warehouse.loading.source import format_of
from metalayer_assets.warehouse.loading.stage import Table, copy_rejects, set_constants, undone_on_error
from metalayer_assets.warehouse.loading.whole import kept_out


def load_file(
    cursor: extensions.cursor,
    path: Path,
    *,
    stage: tuple[str | None, str],
    rejects: tuple[str | None, str],
    columns: Sequence[SourceColumn],
    constants: Mapping[str, object],
) -> LoadReport:
    """Load one landed file into a stage table, and what cannot be read of it into a rejects table.

    Everything happens in the caller's transaction. When a `LandingError` is raised, both tables are as before
    and the transaction goes on; any other error is the database's and ends it. The column defaults of the
    constants and of `_line` are left set on the tables.

    Args:
        cursor: extensions.cursor of an open transaction.
        path: The file: `.csv`, `.jsonl` (both also `.gz`) or `.parquet`.
        stage: Schema (None: search path) and name of a table that no one else uses: all `columns` as text,
            `_line` bigint and the constants.
        rejects: The same for `_line` bigint, `raw` bytea, `reason` text and the constants.
        columns: The expected columns.
        constants: Value of each column that is the same for all rows of the file.

    Raises:
        LandingError: The file as a whole cannot be loaded: unknown extension, no header, a required column
            missing, an expected column twice, empty, damaged, or changed while it was read.
        ContractError: `columns` contradict themselves.
        psycopg2.Error: The database fails.
    """
    kind, compressed = format_of(path)
    before = _state(path)
    into = Table(*stage, constants)
    aside = Table(*rejects, constants)
    set_constants(cursor, into, numbered=kind == "csv")

    def whole(load: Callable[[], LoadReport]) -> LoadReport:
        with undone_on_error(cursor):
            report = load()
            if _state(path) != before:
                raise LandingError(f"{path}: the file changed while it was read; land it whole and load it again.")
            return report

    if kind == "jsonl":
        return whole(lambda: load_json_lines(cursor, path, columns, into, aside, compressed=compressed))
    if kind == "parquet":
        return whole(lambda: load_parquet(cursor, path, columns, into, aside))
    file = DelimitedFile(path, compressed=compressed, columns=columns)
    try:
        return whole(lambda: file.load_fast(cursor, into))
    except DoubtError:
        return whole(lambda: file.load_carefully(cursor, into, aside))


def keep_file_out(
    cursor: extensions.cursor,
    path: Path,
    *,
    rejects: tuple[str | None, str],
    constants: Mapping[str, object],
    reason: str,
    header: Sequence[str],
    drift: Sequence[Drift],
) -> LoadReport:
    """Put every line of a landed file into a rejects table, the header excepted, which the report names.

    Args:
        cursor: Cursor of an open transaction.
        path: The file.
        rejects: As for `load_file`.
        constants: Value of each column that is the same for all lines of the file.
        reason: Why none of it is loaded.
        header: Its column names.
        drift: How they differ from the expected ones.

    Raises:
        LandingError: The file is damaged, or changed while it was read.
        psycopg2.Error: The database fails.
    """
    kind, compressed = format_of(path)
    before = _state(path)
    with RejectSpool() as spool:
        report = kept_out(path, spool, reason, kind=kind, compressed=compressed, header=header, drift=drift)
        copy_rejects(cursor, Table(*rejects, constants), spool)
    if _state(path) != before:
        raise LandingError(f"{path}: the file changed while it was read; land it whole and load it again.")
    return report


def _state(path: Path) -> tuple[int, int]:
    try:
        found: os.stat_result = path.stat()
    except OSError as error:
        raise LandingError(f"{path}: the file cannot be read ({error.strerror or error}).") from error
    return found.st_size, found.st_mtime_ns
