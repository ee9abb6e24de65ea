"""Define how a file is kept out as a whole here: every line of it, as it stands. Keep the reasons out."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from metalayer_assets.warehouse.loading.cells import compact
from metalayer_assets.warehouse.loading.lines import OverLongLine
from metalayer_assets.warehouse.loading.parquet import BATCH_ROWS, as_text, readable
from metalayer_assets.warehouse.loading.records import over_long
from metalayer_assets.warehouse.loading.rejects import RejectSpool
from metalayer_assets.warehouse.loading.report import Drift, LoadReport
from metalayer_assets.warehouse.loading.source import sha256_of
from metalayer_assets.warehouse.loading.text import TextFile, bare, encoding_of


def spool_lines(path: Path, spool: RejectSpool, reason: str, *, compressed: bool, has_header: bool) -> TextFile:
    """Keep every physical line of a text file that holds anything, but for its header.

    Lines and not records: what is not loaded is not interpreted, and put together the lines are the file.
    """
    file = TextFile(path, compressed=compressed, encoding=encoding_of(path, compressed=compressed))
    number = 1
    awaited = has_header
    for block in file.blocks():
        if isinstance(block, OverLongLine):
            spool.add(number, file.raw(block.head), f"{reason} {over_long(block)}")
            number += 1
            continue
        for line in block.splitlines(keepends=True):
            content = bare(line)
            if content and awaited:
                awaited = False
            elif content:
                spool.add(number, file.raw(content), reason)
            number += 1
    file.reject_end(number, spool)
    return file


def spool_rows(path: Path, spool: RejectSpool, reason: str) -> None:
    """Keep every row of a Parquet file as JSON of its values as text; of a name that is there twice, both."""
    with readable(path), pq.ParquetFile(path, pre_buffer=False) as file:
        number = 0
        for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
            columns = [as_text(column).to_pylist() for column in batch.columns]
            for values in zip(*columns, strict=True):
                number += 1
                told = list(zip(batch.schema.names, values, strict=True))
                whole = dict(told)
                spool.add(number, compact(whole if len(whole) == len(told) else told).encode(), reason)


def kept_out(
    path: Path,
    spool: RejectSpool,
    reason: str,
    *,
    kind: str,
    compressed: bool,
    header: Sequence[str],
    drift: Sequence[Drift],
) -> LoadReport:
    """Keep a whole file, and report it."""
    encoding, (sha256, size_bytes) = "utf-8", ("", 0)
    if kind == "parquet":
        spool_rows(path, spool, reason)
        sha256, size_bytes = sha256_of(path)
    else:
        file = spool_lines(path, spool, reason, compressed=compressed, has_header=kind == "csv")
        encoding, sha256, size_bytes = file.encoding.name, file.source.sha256, file.source.size_bytes
    return LoadReport(
        records_read=spool.count,
        rows_loaded=0,
        rows_rejected=spool.count,
        sha256=sha256,
        size_bytes=size_bytes,
        format=kind,
        encoding=encoding,
        delimiter=None,
        path="kept_out",
        header=tuple(header),
        drift=tuple(drift),
    )
