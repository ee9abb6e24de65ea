"""Define how a delimited text file is loaded here: the fast path, and the careful one behind it."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from psycopg2 import extensions

from metalayer_assets.warehouse.errors import LandingError
from metalayer_assets.warehouse.loading.clean import BlockJudge, DoubtError
from metalayer_assets.warehouse.loading.header import Header, expected, read_header
from metalayer_assets.warehouse.loading.lines import OverLongLine
from metalayer_assets.warehouse.loading.records import RecordReader
from metalayer_assets.warehouse.loading.rejects import RejectSpool
from metalayer_assets.warehouse.loading.report import LoadReport, SourceColumn
from metalayer_assets.warehouse.loading.stage import (
    DATA_ERRORS,
    LINE_COLUMN,
    Table,
    copy_csv,
    copy_records,
    copy_rejects,
    number_lines_from,
)
from metalayer_assets.warehouse.loading.text import TextFile, encoding_of, sound

_FIRST_LINE = re.compile(rb"((?:\r\n?|\n)*)([^\r\n]+)(\r\n?|\n|)")
_LINE_END = re.compile(rb"\r\n?|\n")


class DelimitedFile:
    """One delimited file on its way into a stage table.

    Whatever either way of loading raises, the caller undoes what it did.
    """

    def __init__(self, path: Path, *, compressed: bool, columns: Sequence[SourceColumn]) -> None:
        self._path = path
        self._compressed = compressed
        self._columns = columns

    def load_fast(self, cursor: extensions.cursor, stage: Table) -> LoadReport:
        """Send the file's own bytes to COPY, watching them go by; the line number is a column default.

        Raises:
            DoubtError: PostgreSQL may read, or has read, the file wrongly.
            LandingError: The file as a whole cannot be loaded.
        """
        file = TextFile(self._path, compressed=self._compressed)
        line, number, line_end, blocks = self._first_line(file)
        if file.encoding.codec or not sound(line):
            raise DoubtError("not UTF-8")
        header = read_header(line, file.raw(line), self._columns, self._path)
        if None in header.targets:
            raise DoubtError("unexpected columns")
        judge = BlockJudge(header.delimiter, len(header.targets), line_end)
        passed = filter(None, map(judge.passed, blocks))
        # A small file is whole in this first block: its doubts cost no statement.
        first = next(passed, b"")
        loaded = 0
        if first:
            number_lines_from(cursor, number + 1)
            try:
                targets = [target for target in header.targets if target]
                loaded = copy_csv(cursor, stage, targets, chain((first,), passed), header.delimiter)
            except DATA_ERRORS as error:
                raise DoubtError(str(error)) from error
        if file.early_end:
            raise DoubtError(file.early_end)
        if loaded != judge.records:
            raise DoubtError(f"{judge.records} lines became {loaded} rows")
        return self._report(file, header, "fast", loaded, 0)

    def load_carefully(self, cursor: extensions.cursor, stage: Table, rejects: Table) -> LoadReport:
        """Judge every record before it goes to COPY, and put what is none into the rejects table.

        Raises:
            LandingError: The file as a whole cannot be loaded.
        """
        encoding = encoding_of(self._path, compressed=self._compressed)
        file = TextFile(self._path, compressed=self._compressed, encoding=encoding)
        line, number, _, blocks = self._first_line(file)
        header = read_header(line, file.raw(line), self._columns, self._path)
        kept = [position for position, target in enumerate(header.targets) if target]
        with RejectSpool() as spool:
            reader = RecordReader(
                file,
                blocks,
                first_line=number + 1,
                delimiter=header.delimiter,
                fields=len(header.targets),
                kept=kept,
                rejects=spool,
            )
            targets = [LINE_COLUMN, *filter(None, header.targets)]
            loaded = copy_records(cursor, stage, targets, reader.stream(), path=self._path, delimiter=header.delimiter)
            if loaded != reader.records:
                raise LandingError(f"{self._path}: {reader.records} records became {loaded} rows; nothing is loaded.")
            copy_rejects(cursor, rejects, spool)
            return self._report(file, header, "careful", loaded, spool.count)

    def _first_line(self, file: TextFile) -> tuple[bytes, int, bytes, Iterator[bytes | OverLongLine]]:
        """The first line that is not blank, its number and line end (LF if it has none), and what follows."""
        blocks = file.blocks()
        number = 1
        for block in blocks:
            if isinstance(block, OverLongLine):
                break
            found = _FIRST_LINE.match(block)
            if found is None:
                number += len(_LINE_END.findall(block))
                continue
            blank, line, line_end = found.groups()
            number += len(_LINE_END.findall(blank))
            rest = block[found.end() :]
            return line, number, line_end or b"\n", chain((rest,) if rest else (), blocks)
        raise LandingError(
            f"{self._path}: has no header: "
            + (f"{file.early_end}" if file.early_end else "there is no line of names in it")
            + f". Expected: {expected(self._columns)}."
        )

    def _report(self, file: TextFile, header: Header, path: str, loaded: int, rejected: int) -> LoadReport:
        return LoadReport(
            records_read=loaded + rejected,
            rows_loaded=loaded,
            rows_rejected=rejected,
            sha256=file.source.sha256,
            size_bytes=file.source.size_bytes,
            format="csv",
            encoding=file.encoding.name,
            delimiter=header.delimiter.decode("ascii"),
            path=path,
            header=header.names,
            drift=header.drift,
        )
