"""Define how a Parquet file is loaded here: batch by batch, every value as exact text; keep SQL out."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from psycopg2 import extensions

from metalayer_assets.warehouse.errors import LandingError
from metalayer_assets.warehouse.loading.cells import compact, text_of
from metalayer_assets.warehouse.loading.header import match_names, shown
from metalayer_assets.warehouse.loading.rejects import RejectSpool
from metalayer_assets.warehouse.loading.report import LoadReport, SourceColumn
from metalayer_assets.warehouse.loading.source import sha256_of
from metalayer_assets.warehouse.loading.stage import (
    LINE_COLUMN,
    Table,
    copy_records,
    copy_rejects,
)

BATCH_ROWS = 8192

_BUFFER_BYTES = 1024 * 1024
_CSV = pa_csv.WriteOptions(include_header=False, quoting_style="needed")
_DAMAGE = (pa.ArrowException, OSError, UnicodeDecodeError)


class BatchReader:
    """Reads the rows of an open Parquet file as text and rejects those that PostgreSQL cannot hold.

    Attributes:
        records: Rows passed on.
    """

    def __init__(self, path: Path, file: pq.ParquetFile, names: Sequence[str], rejects: RejectSpool) -> None:
        self._path = path
        self._file = file
        self._names = names
        self._rejects = rejects
        self.records = 0

    def stream(self) -> Iterator[bytes]:
        """The rows as blocks of CSV for COPY: row number from 1, then the named columns.

        Raises:
            LandingError: A part of the file is damaged.
        """
        with readable(self._path):
            number = 1
            for batch in self._file.iter_batches(BATCH_ROWS, columns=list(self._names), use_threads=False):
                lines = pa.array(range(number, number + batch.num_rows), pa.int64())
                texts = [as_text(batch.column(batch.schema.get_field_index(name))) for name in self._names]
                table = pa.table([lines, *texts], [LINE_COLUMN, *self._names])
                number += batch.num_rows
                content = _csv(table)
                if b"\0" in content:
                    table = self._without_nul(table)
                    content = _csv(table)
                self.records += table.num_rows
                yield content

    def _without_nul(self, table: pa.Table) -> pa.Table:
        holds = None
        for name in self._names:
            found = pc.fill_null(pc.match_substring(table.column(name), "\0"), fill_value=False)
            holds = found if holds is None else pc.or_(holds, found)
        for row in table.filter(holds).to_pylist():
            line = row.pop(LINE_COLUMN)
            raw = compact(row).encode()
            self._rejects.add(line, raw, "a value holds U+0000, which PostgreSQL text cannot hold")
        return table.filter(pc.invert(holds))


def as_text(values: pa.Array) -> pa.Array:
    """An array as strings, null as null.

    Numbers have all their digits and no exponent, dates and times are in ISO 8601 (those with a zone in UTC),
    nested values are compact JSON.

    Raises:
        UnicodeDecodeError: A binary value is not UTF-8.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        return as_text(values.dictionary_decode())
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        values = values.cast(pa.timestamp(kind.unit, "UTC"))
    if _is_binary(kind) or pa.types.is_nested(kind) or pa.types.is_duration(kind):
        found = (value.decode() if isinstance(value, bytes) else text_of(value) for value in values.to_pylist())
        return pa.array(found, pa.string())
    text = pc.cast(values, pa.string())
    if pa.types.is_decimal(kind) or pa.types.is_floating(kind):
        exponent = pc.match_substring(text, "e", ignore_case=True)
        if pc.any(exponent).as_py():
            return pa.array([_plain(number) for number in text.to_pylist()], pa.string())
    return text


def load_parquet(
    cursor: extensions.cursor, path: Path, columns: Sequence[SourceColumn], stage: Table, rejects: Table
) -> LoadReport:
    """Load one Parquet file; rows are numbered from 1.

    Raises:
        LandingError: The file is no readable Parquet, lacks a required column or names an expected one twice.
    """
    sha256, size_bytes = sha256_of(path)
    with readable(path):
        file = pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES, page_checksum_verification=True)
    with file, RejectSpool() as spool:
        header = tuple(file.schema_arrow.names)
        targets, drift = match_names(header, columns, path)
        names = [name for name, target in zip(header, targets, strict=True) if target]
        reader = BatchReader(path, file, names, spool)
        into = [LINE_COLUMN, *filter(None, targets)]
        loaded = copy_records(cursor, stage, into, reader.stream(), path=path)
        if loaded != reader.records:
            raise LandingError(f"{path}: {reader.records} rows became {loaded}; nothing is loaded.")
        copy_rejects(cursor, rejects, spool)
        return LoadReport(
            records_read=loaded + spool.count,
            rows_loaded=loaded,
            rows_rejected=spool.count,
            sha256=sha256,
            size_bytes=size_bytes,
            format="parquet",
            encoding="utf-8",
            delimiter=None,
            path="careful",
            header=tuple(map(shown, header)),
            drift=drift,
        )


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Give what Arrow says of a damaged or foreign file as an error that names the file."""
    try:
        yield
    except _DAMAGE as error:
        raise LandingError(f"{path}: not Parquet that can be read ({str(error).strip()}).") from error


def _csv(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    # Strings are always quoted, null never: as COPY tells '' from null.
    pa_csv.write_csv(table, sink, _CSV)
    return sink.getvalue()


def _plain(number: str | None) -> str | None:
    return number if number is None or "e" not in number.lower() else format(Decimal(number), "f")


def _is_binary(kind: pa.DataType) -> bool:
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return any(test(kind) for test in tests)
