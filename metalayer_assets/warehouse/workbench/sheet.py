"""Read corrected exports here, as spreadsheets save them; what they mean is `correction`.

An export's form is known, down to its names: nothing of it has to be guessed as of a landed file, so that values are
taken that would make a landed file doubtful. Spreadsheets only change the encoding, the delimiter and the quotes.
"""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from metalayer_assets.warehouse.errors import LandingError, MetaLayerError
from metalayer_assets.warehouse.loading.source import format_of
from metalayer_assets.warehouse.loading.text import encoding_of

_DELIMITERS = (",", ";", "\t", "|")
_LONGEST_FIELD = 1024**3


class CorrectionRefused(MetaLayerError):
    """A corrected export was not taken in; nothing of it has landed."""


class Sheet:
    """An open export.

    Attributes:
        names: Names of its columns.
    """

    def __init__(self, path: Path, stream: IO[str], known: Sequence[str]) -> None:
        self._path = path
        self._stream = stream
        first = stream.readline()
        readings = [(next(csv.reader([first], delimiter=delimiter), []), delimiter) for delimiter in _DELIMITERS]
        self.names, self._delimiter = max(readings, key=lambda reading: len(set(reading[0]) & set(known)))

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows, each with the line on which it begins; blank lines are none.

        Raises:
            CorrectionRefused: A row has too many or too few values, or its quotes cannot be read.
        """
        reader = csv.reader(self._stream, delimiter=self._delimiter, strict=True)
        line = 2
        try:
            for row in reader:
                if row and len(row) != len(self.names):
                    raise self._unreadable(line, f"expected {len(self.names)} values, found {len(row)}")
                if any("\0" in value for value in row):
                    raise self._unreadable(line, "it holds U+0000, which PostgreSQL text cannot hold")
                if row:
                    yield line, row
                line = reader.line_num + 2
        except csv.Error as error:
            raise self._unreadable(line, str(error)) from None
        except UnicodeDecodeError as error:
            raise self._unreadable(line, f"not valid {error.encoding} in it or shortly after") from None

    def _unreadable(self, line: int, reason: str) -> CorrectionRefused:
        return CorrectionRefused(f"{self._path} line {line} cannot be read: {reason}. Nothing was corrected.")


@contextmanager
def opened(path: Path, known: Sequence[str]) -> Iterator[Sheet]:
    """Open an export.

    Args:
        path: The file.
        known: Names of columns to know the delimiter by.

    Raises:
        LandingError: The file cannot be read, or is no CSV.
    """
    if format_of(path) != ("csv", False):
        raise LandingError(f"{path}: an export is taken back as plain CSV: save it so, with the extension .csv.")
    encoding = encoding_of(path, compressed=False)
    # The code page has bytes without a character; of UTF-16 the mark says which half comes first.
    codec = {"utf-16": "utf-16", "latin-1": "cp1252", "cp1252": "cp1252"}.get(encoding.name, "utf-8-sig")
    csv.field_size_limit(_LONGEST_FIELD)
    with path.open(encoding=codec, newline="") as stream:
        try:
            sheet = Sheet(path, stream, known)
        except (UnicodeDecodeError, csv.Error) as error:
            raise CorrectionRefused(f"{path} line 1 cannot be read: {error}. Nothing was corrected.") from None
        yield sheet
