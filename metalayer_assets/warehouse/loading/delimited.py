"""Define how a delimited text file is loaded here: the fast path, and the careful one behind it."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path

from psycopg2 import extensions

from metalayer_assets.warehouse.errors import LandingError
from metalayer_assets.warehouse.loading.clean import BlockJudge, DoubtError
from metalayer_assets.warehouse.loading.doubts import Doubts
from metalayer_assets.warehouse.loading.encoding import CP1252, LATIN_1, Encoding
from metalayer_assets.warehouse.loading.fields import MalformedError, RecordFields
from metalayer_assets.warehouse.loading.header import Header, expected, names_any, read_header
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
    undone_on_error,
)
from metalayer_assets.warehouse.loading.text import TextFile, encoding_of, sound

PREAMBLE_LINES = 50
PREAMBLE_LINE_BYTES = 64 * 1024

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
        try:
            header = read_header(line, file.raw(line), self._columns, self._path)
        except LandingError as error:
            # It may still stand further down.
            raise DoubtError(str(error)) from error
        if None in header.targets:
            raise DoubtError("unexpected columns")
        if header.padded:
            raise DoubtError("blanks beside the delimiters")
        judge = BlockJudge(header.delimiter, line_end, doubts_of(header, line, file))
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
        if judge.ends_in_doubt:
            raise DoubtError("the last record may be a footer")
        if loaded != judge.records:
            raise DoubtError(f"{judge.records} lines became {loaded} rows")
        return self._report(file, header, "fast", loaded, 0)

    def load_carefully(self, cursor: extensions.cursor, stage: Table, rejects: Table) -> LoadReport:
        """Judge every record before it goes to COPY, and put what is none into the rejects table.

        Raises:
            LandingError: The file as a whole cannot be loaded.
        """
        encoding = encoding_of(self._path, compressed=self._compressed)
        try:
            with undone_on_error(cursor):
                return self._load(cursor, stage, rejects, encoding, apostrophes_quote=False)
        except DoubtError:
            return self._load(cursor, stage, rejects, encoding, apostrophes_quote=True)

    def _load(
        self, cursor: extensions.cursor, stage: Table, rejects: Table, encoding: Encoding, *, apostrophes_quote: bool
    ) -> LoadReport:
        """Read the records once, told whether apostrophes may be quotes.

        Raises:
            DoubtError: They may be, as the file as a whole shows, and it was not told.
            LandingError: The file as a whole cannot be loaded.
        """
        file = TextFile(self._path, compressed=self._compressed, encoding=encoding)
        with RejectSpool() as spool:
            header, line, number, blocks = self._header(file, spool)
            doubts = doubts_of(header, line, file, apostrophes_quote=apostrophes_quote)
            reader = RecordReader(
                file,
                blocks,
                first_line=number + 1,
                delimiter=header.delimiter,
                padded=header.padded,
                fields=len(header.targets),
                kept=header.kept,
                doubts=doubts,
                rejects=spool,
            )
            targets = [LINE_COLUMN, *filter(None, header.targets)]
            loaded = copy_records(cursor, stage, targets, reader.stream(), path=self._path, delimiter=header.delimiter)
            if loaded != reader.records:
                raise LandingError(f"{self._path}: {reader.records} records became {loaded} rows; nothing is loaded.")
            if doubts.apostrophes.quote and not apostrophes_quote:
                raise DoubtError("apostrophes may be its quotes")
            copy_rejects(cursor, rejects, spool)
            return self._report(file, header, "careful", loaded, spool.count)

    def _header(self, file: TextFile, spool: RejectSpool) -> tuple[Header, bytes, int, Iterator[bytes | OverLongLine]]:
        """The header, its line and number, and the blocks behind it; lines above it are rejected.

        Raises:
            LandingError: There is none among the first `PREAMBLE_LINES` lines, or the first line that names several
                expected columns cannot be it.
        """
        line, number, _, blocks = self._first_line(file)
        above: list[tuple[int, bytes]] = []
        first_problem: LandingError | None = None
        while True:
            try:
                header = read_header(line, file.raw(line), self._columns, self._path)
                break
            except LandingError as problem:
                first_problem = first_problem or problem
                found = None
                searched = len(above) >= PREAMBLE_LINES or len(line) > PREAMBLE_LINE_BYTES
                if not searched and not names_any(line, self._columns, least=2):
                    above.append((number, line))
                    found = self._next_line(blocks, number + 1)
                if found is None:
                    raise first_problem from None
                line, number, _, blocks = found
        for place, content in above:
            spool.add(place, file.raw(content), f"above the header, which is line {number}")
        return header, line, number, blocks

    def _first_line(self, file: TextFile) -> tuple[bytes, int, bytes, Iterator[bytes | OverLongLine]]:
        """The first line that is not blank, its number and line end (LF if it has none), and what follows."""
        found = self._next_line(file.blocks(), 1)
        if found is None:
            raise LandingError(
                f"{self._path}: has no header: "
                + (f"{file.early_end}" if file.early_end else "there is no line of names in it")
                + f". Expected: {expected(self._columns)}."
            )
        return found

    @staticmethod
    def _next_line(
        blocks: Iterator[bytes | OverLongLine], number: int
    ) -> tuple[bytes, int, bytes, Iterator[bytes | OverLongLine]] | None:
        """As `_first_line`, from line `number` on; None where there is none, or an over-long one."""
        for block in blocks:
            if isinstance(block, OverLongLine):
                return None
            found = _FIRST_LINE.match(block)
            if found is None:
                number += len(_LINE_END.findall(block))
                continue
            blank, line, line_end = found.groups()
            number += len(_LINE_END.findall(blank))
            rest = block[found.end() :]
            return line, number, line_end or b"\n", chain((rest,) if rest else (), blocks)
        return None

    def _report(self, file: TextFile, header: Header, path: str, loaded: int, rejected: int) -> LoadReport:
        return LoadReport(
            records_read=loaded + rejected,
            rows_loaded=loaded,
            rows_rejected=rejected,
            sha256=file.source.sha256,
            size_bytes=file.source.size_bytes,
            format="csv",
            encoding=file.encoding.name,
            delimiter=(header.padded or header.delimiter).decode("ascii"),
            path=path,
            header=header.names,
            drift=header.drift,
        )


def doubts_of(header: Header, line: bytes, file: TextFile, *, apostrophes_quote: bool = False) -> Doubts:
    """What makes a record below this header, which stands on `line`, doubtful."""
    record = RecordFields(header.padded or header.delimiter)
    with suppress(MalformedError):
        record.feed(line)
    return Doubts(
        header.delimiter,
        record.values,
        header.kept,
        blank_delimiter=header.padded is not None,
        single_byte=file.encoding in (LATIN_1, CP1252),
        apostrophes_quote=apostrophes_quote,
    )
