"""Find what has landed here, on the file system; keep what of it is loaded out (`registry`).

Layout: `<landing>/<system>/<dataset>/<YYYY-MM-DD>/<file>`. The date is the arrival day. Names that begin with a
dot or an underscore, and names that say a file is still being written, are not files yet.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from metalayer_assets.contracts import CATALOG, Contract, Landed
from metalayer_assets.warehouse.errors import LandingError
from metalayer_assets.warehouse.settings import Settings

SUFFIXES = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".parquet")
_UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".swp", ".done")


@dataclass(frozen=True)
class LandedFile:
    """A file as it lies in the landing folder.

    Attributes:
        path: Where it is.
        name: Its path below the landing folder, with forward slashes; what `file_id` is the hash of.
        file_id: The same for every content of the path, on every machine.
        file_no: Its place among the files of its dataset and day by name, from 1.
        size_bytes: Size.
        modified_ns: Modification time.
    """

    path: Path
    name: str
    file_id: int
    file_no: int
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True)
class Landing:
    """What a landing folder holds: files by bronze table and arrival day, and what could not be placed."""

    files: Mapping[str, Mapping[date, tuple[LandedFile, ...]]]
    problems: tuple[str, ...]

    def of(self, table: str, day: date) -> tuple[LandedFile, ...]:
        """The files of a table and arrival day, in order of their names."""
        return self.files.get(table, {}).get(day, ())


def file_id_of(name: str) -> int:
    """A positive 63-bit number for a path below the landing folder, the same wherever and whenever it is computed."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) >> 1


def landed_tables() -> dict[tuple[str, str], Contract]:
    """The bronze contracts by system and dataset."""
    return {
        (contract.source.system, contract.source.dataset): contract
        for contract in CATALOG.values()
        if isinstance(contract.source, Landed)
    }


def last_arrival_day() -> date:
    """Tomorrow in UTC: the last day that an extract may be for, wherever on earth it was written."""
    return datetime.now(tz=UTC).date() + timedelta(days=1)


def _shown(path: Path | str) -> str:
    """A path for people; bytes of a name that are not UTF-8 as escapes, so that it can be printed and stored."""
    return Path(path).as_posix().encode("utf-8", "backslashreplace").decode()


def _folders(path: Path) -> Iterator[Path]:
    with os.scandir(path) as entries:
        yield from sorted(Path(entry.path) for entry in entries if entry.is_dir() and entry.name[0] not in "._")


def _is_finished(name: str) -> bool:
    return name[0] not in "._" and not name.endswith(_UNFINISHED)


class _Scan:
    def __init__(self, settings: Settings) -> None:
        self.root = settings.landing
        self.first_day = settings.start_date
        self.last_day = last_arrival_day()
        self.files: dict[str, dict[date, tuple[LandedFile, ...]]] = {}
        self.problems: list[str] = []

    def loose_files(self, folder: Path) -> None:
        """Tell of files that lie above the folders of the days, where nothing loads them."""
        with os.scandir(folder) as entries:
            names = sorted(e.name for e in entries if e.is_file() and _is_finished(e.name))
        self.problems += [
            f"{_shown((folder / name).relative_to(self.root))}: the file lies in no day's folder; move it to "
            "<system>/<dataset>/<YYYY-MM-DD>/."
            for name in names
            if name.endswith(SUFFIXES)
        ]

    def dataset(self, folder: Path, contract: Contract) -> None:
        self.loose_files(folder)
        for day_folder in _folders(folder):
            day = self._day(day_folder)
            if day is not None:
                found = tuple(self._files(day_folder))
                if found:
                    self.files.setdefault(contract.name, {})[day] = found

    def _day(self, folder: Path) -> date | None:
        shown = _shown(folder.relative_to(self.root))
        try:
            day = date.fromisoformat(folder.name)
        except ValueError:
            day = None
        if day is None or day.isoformat() != folder.name:
            self.problems.append(f"{shown}: the folder is not an arrival day; name it YYYY-MM-DD.")
            return None
        if day < self.first_day:
            self.problems.append(
                f"{shown}: the day is before the first slice; set METALAYER_START_DATE to {day} or earlier."
            )
            return None
        if day > self.last_day:
            self.problems.append(f"{shown}: the day is in the future; it is loaded once {day} has come.")
            return None
        return day

    def _files(self, folder: Path) -> Iterator[LandedFile]:
        with os.scandir(folder) as entries:
            all_entries = list(entries)
        found = sorted((e.name, e) for e in all_entries if e.is_file() and _is_finished(e.name))
        self.problems += [
            f"{_shown((folder / name).relative_to(self.root))}: a folder inside a day's folder is not read; "
            "land the files in the day's folder itself."
            for name in sorted(e.name for e in all_entries if e.is_dir() and e.name[0] not in "._")
        ]
        number = 0
        for file_name, entry in found:
            name = (folder / file_name).relative_to(self.root).as_posix()
            if not file_name.endswith(SUFFIXES):
                self.problems.append(
                    f"{_shown(name)}: not a kind of file that can be read; expected {', '.join(SUFFIXES)}."
                )
                continue
            try:
                name.encode()
            except UnicodeEncodeError:
                self.problems.append(f"{_shown(name)}: the name is not UTF-8; rename the file.")
                continue
            number += 1
            stat = entry.stat()
            yield LandedFile(
                path=Path(entry.path),
                name=name,
                file_id=file_id_of(name),
                file_no=number,
                size_bytes=stat.st_size,
                modified_ns=stat.st_mtime_ns,
            )


def scan(settings: Settings) -> Landing:
    """What the landing folder holds.

    Raises:
        LandingError: The folder does not exist or cannot be read.
    """
    walk = _Scan(settings)
    tables = landed_tables()
    try:
        walk.loose_files(walk.root)
        for system in _folders(walk.root):
            walk.loose_files(system)
            for dataset in _folders(system):
                contract = tables.get((system.name, dataset.name))
                if contract is None:
                    known = ", ".join(sorted(f"{s}/{d}" for s, d in tables))
                    walk.problems.append(
                        f"{_shown(dataset.relative_to(walk.root))}: no contract declares it; known are {known}."
                    )
                else:
                    walk.dataset(dataset, contract)
    except OSError as error:
        raise LandingError(
            f"the landing folder {walk.root} cannot be read: {error.strerror}. "
            "Set METALAYER_LANDING to the folder that holds <system>/<dataset>/<YYYY-MM-DD>/, or run metalayer sample."
        ) from error
    return Landing(files=walk.files, problems=tuple(walk.problems))


def scan_days(settings: Settings, contract: Contract, days: Iterable[date]) -> dict[date, tuple[LandedFile, ...]]:
    """The files of one bronze table on some arrival days; days without files are absent.

    Raises:
        LandingError: The folder cannot be read.
    """
    if not isinstance(contract.source, Landed):
        raise TypeError(f"{contract.name} is not made from landed files")
    walk = _Scan(settings)
    folder = walk.root / contract.source.system / contract.source.dataset
    if not walk.root.is_dir():
        raise LandingError(
            f"the landing folder {walk.root} does not exist. Set METALAYER_LANDING, or run metalayer sample."
        )
    found = {}
    for day in days:
        day_folder = folder / day.isoformat()
        if day_folder.is_dir():
            files = tuple(walk._files(day_folder))  # noqa: SLF001 -- the same module
            if files:
                found[day] = files
    return found
