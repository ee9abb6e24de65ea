"""Write landing files of corrections here: JSON lines beside the files that they correct. Who may is not known here.

A correction file holds nothing but columns of the source, one row on each line, so that loading takes it like any
other file. Its name comes after those of all files of its day, since of rows with the same key the last by name stands.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from metalayer_assets.warehouse.errors import LandingError
from metalayer_assets.warehouse.new_files import put_in_place, settle
from metalayer_assets.warehouse.statements import bind, ident, listed

Cursor = Any

# The rows to land: the source's columns, and _arrival_day, _source_file_id, _source_line, _row_hash, _file and
# _corrected_line.
CORRECTIONS = "corrections"

_STEM = "zz-correction-"
_NAME = re.compile(_STEM + r"(\d{6})-([0-9a-f]{16})\.jsonl\Z")


@dataclass(frozen=True)
class CorrectionFile:
    """Corrections of one arrival day, written but not yet under their name.

    Attributes:
        day: The arrival day.
        waiting: Where the content lies until it is landed; None where it has landed before.
        path: Where it is to lie.
        name: The same below the landing folder.
    """

    day: date
    waiting: Path | None
    path: Path
    name: str

    def land(self) -> None:
        """Give the file its name.

        Raises:
            LandingError: The file system fails.
        """
        if self.waiting is None:
            return
        try:
            put_in_place(self.waiting, self.path)
        except OSError as error:
            raise LandingError(
                f"{self.path} cannot be written: {error.strerror or error}. Nothing is recorded as corrected; correct"
                " again, which lands no row twice."
            ) from error


def correction_name(standing: Iterable[str], digest: str) -> str:
    """The name of a correction file among the files of its day; that of the same digest where it has landed before."""
    names = sorted(standing)
    known = [(name, found) for name in names if (found := _NAME.search(name))]
    for name, found in known:
        if found[2] == digest[:16]:
            return name
    number = max((int(found[1]) for _, found in known), default=0) + 1
    name = f"{_STEM}{number:06}-{digest[:16]}.jsonl"
    # What comes after every letter of one alphabet does not come after those of another; what begins with the last
    # name does.
    return name if not names or names[-1] < name else f"{names[-1]}.{name}"


@contextmanager
def written(
    cursor: Cursor, landing: Path, folder: str, days: Sequence[date], columns: Sequence[str]
) -> Iterator[list[CorrectionFile]]:
    """The rows of `corrections` as one file for each day; what is not landed at the end of the block is removed.

    Args:
        cursor: Cursor in the transaction of the correction.
        landing: The landing folder.
        folder: Folder of the dataset below it.
        days: Arrival days of the corrections.
        columns: Columns of the source to tell.

    Raises:
        LandingError: A file cannot be written.
    """
    files: list[CorrectionFile] = []
    try:
        for day in days:
            files.append(_write(cursor, landing, f"{folder}/{day.isoformat()}", day, columns))  # noqa: PERF401 -- see finally
        yield files
    except OSError as error:
        raise LandingError(f"the corrections cannot be written: {error}. Nothing was corrected.") from error
    finally:
        for file in files:
            if file.waiting is not None:
                with suppress(OSError):
                    file.waiting.unlink(missing_ok=True)


def _write(cursor: Cursor, landing: Path, below: str, day: date, columns: Sequence[str]) -> CorrectionFile:
    folder = landing / below
    cursor.execute(
        bind(
            "select encode(sha256(convert_to(string_agg(_file || ':' || _source_line || ':' || _row_hash, ' '"
            f" order by _corrected_line), 'UTF8')), 'hex') from {ident(CORRECTIONS)} where _arrival_day = :day"
        ),
        {"day": day},
    )
    (corrected,) = cursor.fetchone()
    waiting = folder / f".correction-{corrected[:16]}.tmp"
    # Text in JSON has no control characters, so that neither quotes nor delimiters of COPY ever change a byte of it.
    rows = cursor.mogrify(
        bind(
            f"select (select row_to_json(told) from (select {listed(columns, 'kept')}) as told)::text"
            f" from {ident(CORRECTIONS)} as kept where _arrival_day = :day order by _corrected_line"
        ),
        {"day": day},
    ).decode()
    try:
        with waiting.open("wb") as stream:
            cursor.copy_expert(
                f"copy ({rows}) to stdout (format csv, quote e'\\x01', delimiter e'\\x02', encoding 'UTF8')", stream
            )
            settle(stream)
        with waiting.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest = hashlib.sha256(f"{corrected} {content}".encode()).hexdigest()
        standing = [path.name for path in folder.iterdir() if path.is_file() and path.name[0] not in "._"]
        name = correction_name(standing, digest)
        if name in standing:
            waiting.unlink()
    except BaseException:
        with suppress(OSError):
            waiting.unlink(missing_ok=True)
        raise
    return CorrectionFile(day, None if name in standing else waiting, folder / name, f"{below}/{name}")
