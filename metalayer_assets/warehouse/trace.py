"""Follow a row back to the line of the file that it came from, here."""

import gzip
import io
import itertools
from pathlib import Path
from typing import Any

from metalayer_assets.contracts import CATALOG, Contract, Historised, Landed
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.loading import sha256_of
from metalayer_assets.warehouse.statements import bind, ident, listed
from metalayer_assets.warehouse.workbench.listing import corrected_by

Cursor = Any
Step = dict[str, Any]
_MOST_ROWS = 20


def trace(cursor: Cursor, contract: Contract, key: str, landing: Path) -> list[Step]:
    """The rows with this business key and, for each, the rows upstream that it came from, down to the line.

    Each step is `{"table", "row", "note"}`; the last of a chain is the line of the file itself, with its text where the
    file still lies in the landing folder as it was loaded; of a correction, what it corrects.

    Raises:
        SettingError: The table holds no row of that key, or its rows do not come from landed files.
    """
    if not contract.is_asset:
        raise SettingError(f"rows of {contract.name} cannot be traced: name a bronze, silver or gold table.")
    origin = _origin_columns(contract)
    # The key of a landed line is its place; people know it by the identifier that it begins with.
    name = contract.column_names[0] if isinstance(contract.source, Landed) else contract.key[0]
    cursor.execute(
        bind(
            f"select {listed(contract.column_names)} from {ident(contract.name)}"
            f" where {ident(name)}::text = :key order by {listed(contract.key)} limit {_MOST_ROWS}"
        ),
        {"key": key},
    )
    found = [dict(zip(contract.column_names, row, strict=True)) for row in cursor.fetchall()]
    if not found:
        raise SettingError(f"{contract.name} holds no row whose {name} is {key!r}.")
    steps: list[Step] = []
    for row in found:
        steps.append({"table": contract.name, "row": row, "note": ""})
        if origin is None:
            steps += _folded(cursor, contract, row)
        else:
            steps += _upstream(cursor, contract, row, landing)
    return steps


def _origin_columns(contract: Contract) -> tuple[str, str, str] | None:
    for columns in (("arrival_day", "source_file_id", "source_line"), ("_arrival_day", "_file_id", "_line")):
        if all(name in contract.column_names for name in columns):
            return columns
    return None


def _folded(cursor: Cursor, contract: Contract, row: dict[str, Any]) -> list[Step]:
    """For a row that many rows were folded into: how many of each source, and from which files."""
    steps: list[Step] = []
    for reads in contract.reads:
        if "source_file_id" not in CATALOG[reads.table].column_names:
            continue
        cursor.execute(
            bind(
                f"select count(*), count(distinct source_file_id) from {ident(reads.table)}"
                f" where {ident(reads.slice_by)} = :slice"
            ),
            {"slice": row[contract.sliced_by]},
        )
        rows, files = cursor.fetchone()
        steps.append({"table": reads.table, "row": {"rows": rows, "files": files}, "note": "folded into it"})
    if not steps:
        raise SettingError(f"rows of {contract.name} do not come from landed files.")
    return steps


def _upstream(cursor: Cursor, contract: Contract, row: dict[str, Any], landing: Path) -> list[Step]:
    columns = _origin_columns(contract)
    if columns is None:
        return []
    day, file_id, line = (row[name] for name in columns)
    if isinstance(contract.source, Landed):
        told = _line(cursor, file_id, line, landing)
        return [told, *_corrected(cursor, contract, told["row"])]
    named_by = contract.source.named_by if isinstance(contract.source, Historised) else ()
    steps: list[Step] = []
    # A file belongs to one table, so that of several sources only one can hold the row.
    for source in (CATALOG[reads.table] for reads in (*contract.reads, *named_by)):
        theirs = _origin_columns(source)
        if theirs is None:
            continue
        cursor.execute(
            bind(
                f"select {listed(source.column_names)} from {ident(source.name)} where {ident(theirs[0])} = :day"
                f" and {ident(theirs[1])} = :file_id and {ident(theirs[2])} = :line"
            ),
            {"day": day, "file_id": file_id, "line": line},
        )
        for found in cursor.fetchall():
            told = dict(zip(source.column_names, found, strict=True))
            steps.append({"table": source.name, "row": told, "note": "came from"})
            steps += _upstream(cursor, source, told, landing)
    return steps


def _line(cursor: Cursor, file_id: int, line: int, landing: Path) -> Step:
    cursor.execute(
        bind(
            "select path, sha256, encoding, loaded_at from meta.landed_files where file_id = :id and state = 'loaded'"
        ),
        {"id": file_id},
    )
    path, sha256, encoding, loaded_at = cursor.fetchone()
    told = {"file": path, "line": line, "sha256": sha256, "loaded_at": loaded_at}
    lies_there = (landing / path).is_file() and sha256_of(landing / path)[0] == sha256
    text = raw_line(landing / path, line, encoding) if lies_there else None
    return {"table": "landing", "row": {**told, **({} if text is None else {"text": text})}, "note": "came from"}


def _corrected(cursor: Cursor, landed: Contract, told: dict[str, Any]) -> list[Step]:
    """For the line of a correction file: the row that is kept out and that it corrects."""
    rows = corrected_by(cursor, landed, told["file"], told["line"])
    return [{"table": row.pop("table"), "row": row, "note": "which corrects"} for row in rows]


def raw_line(path: Path, line: int, encoding: str | None) -> str | None:
    """The line as it stands in the file, from 1; None for files without lines."""
    if path.name.endswith(".parquet"):
        return None
    with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as stream:
        text = io.TextIOWrapper(stream, encoding=encoding or "utf-8", errors="backslashreplace")
        content = next(itertools.islice(text, line - 1, line), None)
        return None if content is None else content.rstrip("\n")
