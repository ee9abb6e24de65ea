"""Write one file of a sample landing here, byte for byte reproducible; keep deciding what it holds out."""

import csv
import gzip
import io
import json
import os
import re
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from metalayer_assets.sample.rows import Dataset, Row, picker
from metalayer_assets.sample.sheets import Sheet

_WAITING_ROWS = 2_000
_DRIFT_VALUES = ("gold", "silver", "", "bronze")
_NUMBER_COLUMNS = frozenset({"quantity", "price_per_unit", "sale_amount", "unit_cost", "list_price"})
_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_SPECIAL = re.compile(r"[^\w .:@+-]")


class SheetWriter:
    """Write the rows of one file; it takes its name only when it is whole, so no reader sees a part of it.

    Memory holds some thousands of rows for text formats, and the whole file for parquet.
    """

    def __init__(self, folder: Path, dataset: Dataset, sheet: Sheet) -> None:
        self.sheet = sheet
        self.has_unclosed = False
        self._non_ascii_lines = 0
        self._encoding = "latin-1" if sheet.encoding == "latin-1" else "utf-8"
        self._path = folder / sheet.file_name
        self._part = folder / f".{sheet.file_name}.part"
        self._pick = picker(dataset, sheet.columns)
        self._header = [*sheet.columns, sheet.drifted] if sheet.drifted else list(sheet.columns)
        self._most_waiting = sys.maxsize if sheet.form == "parquet" else _WAITING_ROWS
        self._waiting: list[tuple[str, ...]] = []
        self._written = 0

    def __enter__(self) -> Self:
        """Open the part file and write the header."""
        self._part.parent.mkdir(parents=True, exist_ok=True)
        self._raw = self._part.open("wb")
        self._out: IO[bytes] = self._raw
        if self.sheet.form == "csv.gz":
            # No name and no time in the gzip header: equal content gives equal bytes.
            self._out = cast("IO[bytes]", gzip.GzipFile("", "wb", compresslevel=6, fileobj=self._raw, mtime=0))
        if self.sheet.encoding == "utf-8-sig":
            self._out.write(b"\xef\xbb\xbf")
        if self.sheet.is_csv:
            self._write_csv([tuple(self._header)])
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        """Give the file its name, or leave nothing when the writing failed."""
        try:
            if kind is None:
                self._drain()
                self._close()
                os.replace(self._part, self._path)  # noqa: PTH105 - the one atomic rename on every system
        finally:
            self._close()
            self._part.unlink(missing_ok=True)

    def write(self, row: Row) -> None:
        """Append a row, or the broken line that its `broken` asks for."""
        values = self._pick(row.texts)
        if self.sheet.drifted:
            self._written += 1
            values = (*values, _DRIFT_VALUES[self._written % len(_DRIFT_VALUES)])
        if row.broken is not None:
            self._drain()
            self._write_broken(values, row.broken)
            return
        self._waiting.append(values)
        if len(self._waiting) >= self._most_waiting:
            self._drain()

    def count_non_ascii_lines(self) -> int:
        """How many lines so far hold a character beyond ASCII: they tell a reader the encoding of the file."""
        self._drain()
        return self._non_ascii_lines

    def _write_broken(self, values: tuple[str, ...], how: str) -> None:
        self.has_unclosed |= how == "unclosed quote"
        encoding = self._encoding
        if self.sheet.form == "jsonl":
            line = _json_line(self._header, values)
            # A line cut in its middle, or a control character that JSON allows only escaped.
            cut = line[: len(line) // 2] if how == "unclosed quote" else line.replace('": "', '": "\x00', 1)
            broken = cut.encode()
        else:
            first, second, *rest = (_SPECIAL.sub("", value) for value in values)
            join = self.sheet.delimiter.join
            broken = {
                "too many fields": join([first, second, *rest, "surplus", "0"]).encode(encoding),
                "unclosed quote": join([first, '"' + second, *rest]).encode(encoding),
                "NUL byte": join([first, second + "\x00", *rest]).encode(encoding),
                # The last letter of a name is cut in its middle, as a source with a byte limit does it.
                "invalid UTF-8": join([first, "Zo"]).encode() + b"\xc3" + join(["", *rest]).encode(),
            }[how]
        self._out.write(broken + self.sheet.line_end.encode())

    def _close(self) -> None:
        self._out.close()
        self._raw.close()

    def _drain(self) -> None:
        rows, self._waiting = self._waiting, []
        if self.sheet.form == "parquet":
            _write_parquet(self._header, rows, self._out)
        elif self.sheet.form == "jsonl":
            self._out.write("".join(f"{_json_line(self._header, values)}\n" for values in rows).encode())
        else:
            self._write_csv(rows)

    def _write_csv(self, rows: list[tuple[str, ...]]) -> None:
        buffer = io.StringIO()
        csv.writer(buffer, delimiter=self.sheet.delimiter, lineterminator=self.sheet.line_end).writerows(rows)
        text = buffer.getvalue()
        if not text.isascii():
            self._non_ascii_lines += sum(not line.isascii() for line in text.split("\n"))
        self._out.write(text.encode(self._encoding))


def _json_line(header: list[str], values: tuple[str, ...]) -> str:
    parts = []
    for column, value in zip(header, values, strict=True):
        if value == "":
            written = "null"
        elif column == "is_deleted" or (column in _NUMBER_COLUMNS and _JSON_NUMBER.fullmatch(value)):
            written = value
        else:
            written = json.dumps(value, ensure_ascii=False)
        parts.append(f'"{column}": {written}')
    return "{" + ", ".join(parts) + "}"


def _write_parquet(header: list[str], records: list[tuple[str, ...]], out: IO[bytes]) -> None:
    # Imported here: most landings hold no parquet, and the import costs more than writing a day.
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    columns = [pa.array([record[place] or None for record in records], pa.string()) for place in range(len(header))]
    pq.write_table(pa.table(columns, names=header), out, compression="zstd")
