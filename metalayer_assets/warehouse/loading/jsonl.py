"""Define how a file of JSON objects, one on each line, is loaded here; keep SQL out."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from psycopg2 import extensions

from metalayer_assets.warehouse.errors import LandingError
from metalayer_assets.warehouse.loading.cells import Number, cell, text_of
from metalayer_assets.warehouse.loading.header import differences, expected, shown, spelling, spellings
from metalayer_assets.warehouse.loading.lines import OverLongLine
from metalayer_assets.warehouse.loading.records import over_long
from metalayer_assets.warehouse.loading.rejects import RejectSpool
from metalayer_assets.warehouse.loading.report import Drift, LoadReport, SourceColumn
from metalayer_assets.warehouse.loading.stage import (
    LINE_COLUMN,
    Table,
    copy_records,
    copy_rejects,
)
from metalayer_assets.warehouse.loading.text import TextFile, bare, encoding_of, sound

MAX_KEYS = 500


class UnreadableError(Exception):
    """The line is no JSON object that can be a row; says why."""


class ObjectReader:
    """Reads one JSON object from each line and rejects what is none.

    Numbers keep their digits, a missing key is null, a line with nothing on it is no record.

    Attributes:
        lines: Lines met, blank ones too.
        records: Objects passed on.
        keys: Spellings of the keys, in the order met; of unexpected ones no more than `MAX_KEYS`.
        first_problem: Why the first rejected line was rejected; None where none was.
    """

    def __init__(self, file: TextFile, columns: Sequence[SourceColumn], rejects: RejectSpool) -> None:
        self._file = file
        self._rejects = rejects
        self._names = [column.name for column in columns]
        known = spellings(columns)
        self._known = {key: self._names.index(name) for key, name in known.items()}
        self._places: dict[str, int | None] = {}
        self._shapes: dict[tuple[str, ...], tuple[int | None, ...]] = {}
        self._decoder = json.JSONDecoder(
            object_pairs_hook=_object,
            parse_float=Number,
            parse_int=Number,
            parse_constant=_no_constant,
        )
        self.records = self.lines = 0
        self.first_problem: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """Spellings of the keys met so far."""
        return tuple(self._places)

    def stream(self) -> Iterator[bytes]:
        """The readable objects as blocks of CSV for COPY: line number, then every column."""
        number = 1
        for block in self._file.blocks():
            if isinstance(block, OverLongLine):
                self._reject(number, self._file.raw(block.head), over_long(block))
                number += 1
                self.lines += 1
                continue
            out = []
            all_sound = sound(block)
            lines = block.splitlines(keepends=True)
            for position, line in enumerate(map(bare, lines), number):
                try:
                    if line:
                        out.append(self._row(position, line, trusted=all_sound))
                except UnreadableError as problem:
                    self._reject(position, self._file.raw(line), str(problem))
            number += len(lines)
            self.lines += len(lines)
            self.records += len(out)
            yield "".join(out).encode()
        self._file.reject_end(number, self._rejects)

    def _row(self, number: int, line: bytes, *, trusted: bool) -> str:
        if not trusted and (problem := self._file.problem(line)):
            raise UnreadableError(problem)
        try:
            found = self._decoder.decode(line.decode())
        except RecursionError:
            raise UnreadableError("JSON nested too deeply") from None
        except json.JSONDecodeError as error:
            raise UnreadableError(f"not JSON: {error.msg} at character {error.pos + 1}") from None
        if not isinstance(found, dict):
            raise UnreadableError("not a JSON object")
        cells = [""] * len(self._names)
        try:
            for place, value in zip(self._places_of(tuple(found)), found.values(), strict=True):
                if place is not None:
                    cells[place] = cell(text_of(value))
        except RecursionError:
            raise UnreadableError("JSON nested too deeply") from None
        row = f"{number},{','.join(cells)}\n"
        if "\0" in row:
            raise UnreadableError("a string holds U+0000, which PostgreSQL text cannot hold")
        if not row.isascii():
            _check_characters(row)
        return row

    def _places_of(self, keys: tuple[str, ...]) -> tuple[int | None, ...]:
        """Which column each key of an object is, None for an unexpected one; most objects have the same keys."""
        if keys in self._shapes:
            return self._shapes[keys]
        places = tuple(self._places[key] if key in self._places else self._meet(key) for key in keys)
        for place in places:
            if place is not None and places.count(place) > 1:
                same = " and ".join(f"'{key}'" for key, found in zip(keys, places, strict=True) if found == place)
                raise UnreadableError(f"the keys {same} both are {self._names[place]}")
        if len(self._shapes) < MAX_KEYS:
            self._shapes[keys] = places
        return places

    def _meet(self, key: str) -> int | None:
        place = self._known.get(spelling(key))
        if len(self._places) < (MAX_KEYS if place is None else MAX_KEYS * 10):
            self._places[key] = place
        return place

    def _reject(self, number: int, raw: bytes, reason: str) -> None:
        self.first_problem = self.first_problem or f"line {number}: {reason}"
        self._rejects.add(number, raw, reason)


def load_json_lines(
    cursor: extensions.cursor,
    path: Path,
    columns: Sequence[SourceColumn],
    stage: Table,
    rejects: Table,
    *,
    compressed: bool,
) -> LoadReport:
    """Load one file of JSON lines; unreadable lines go to the rejects table.

    Raises:
        LandingError: The file is empty, none of its lines is a JSON object, or a required column is on none.
    """
    file = TextFile(path, compressed=compressed, encoding=encoding_of(path, compressed=compressed))
    with RejectSpool() as spool:
        reader = ObjectReader(file, columns, spool)
        targets = [LINE_COLUMN, *(column.name for column in columns)]
        loaded = copy_records(cursor, stage, targets, reader.stream(), path=path)
        if loaded != reader.records:
            raise LandingError(f"{path}: {reader.records} objects became {loaded} rows; nothing is loaded.")
        copy_rejects(cursor, rejects, spool)
        drift = _drift(file, reader, spool.count, columns, path)
        return LoadReport(
            records_read=loaded + spool.count,
            rows_loaded=loaded,
            rows_rejected=spool.count,
            sha256=file.source.sha256,
            size_bytes=file.source.size_bytes,
            format="jsonl",
            encoding=file.encoding.name,
            delimiter=None,
            path="careful",
            header=tuple(map(shown, reader.keys)),
            drift=drift,
        )


def _drift(
    file: TextFile, reader: ObjectReader, rejected: int, columns: Sequence[SourceColumn], path: Path
) -> tuple[Drift, ...]:
    """What the keys of the file tell, once it is read.

    Raises:
        LandingError: As `load_json_lines`.
    """
    if reader.records:
        return differences(reader.keys, columns, path)
    if rejected or not reader.lines:
        why = reader.first_problem or file.early_end or "the file is empty"
        raise LandingError(
            f"{path}: holds no JSON object ({why}). Expected one on each line, with: {expected(columns)}."
        )
    return ()


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise UnreadableError(f"the key '{next(key for key in keys if keys.count(key) > 1)}' is there twice")
    return found


def _no_constant(name: str) -> object:
    raise UnreadableError(f"not JSON: {name}")


def _check_characters(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnreadableError("a string holds half of a surrogate pair, which is no character") from None
