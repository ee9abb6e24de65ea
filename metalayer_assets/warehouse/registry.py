"""Keep which landed files stand in bronze here (`meta.landed_files`)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from psycopg2.extras import execute_values

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse.drift_policy import reads_otherwise
from metalayer_assets.warehouse.landing import LandedFile, Landing
from metalayer_assets.warehouse.loading import LoadReport, sha256_of
from metalayer_assets.warehouse.statements import bind, ident, listed

Cursor = Any

LOADED, REPLACED, MISSING = "loaded", "replaced", "missing"


@dataclass(frozen=True)
class KnownFile:
    """A file that stands in bronze, as it was when it was loaded.

    `reads_otherwise` says that the contract has changed since in what it makes of the file's columns.
    """

    file_id: int
    sha256: str
    size_bytes: int
    modified_ns: int
    file_no: int
    reads_otherwise: bool = False

    def looks_like(self, file: LandedFile) -> bool:
        """Whether the file has not been touched since, as far as can be told without reading it.

        Its place among the day's files is no sign of a change: it moves up when a file before it vanishes.
        """
        return (self.size_bytes, self.modified_ns) == (file.size_bytes, file.modified_ns)


def known_files(cursor: Cursor, table: str, days: Sequence[date] | None = None) -> dict[date, dict[int, KnownFile]]:
    """The files that stand in a bronze table, by arrival day and file id."""
    cursor.execute(
        bind(
            """
            select arrival_day, file_id, sha256, size_bytes, modified_ns, file_no, header, drift, read_path
            from meta.landed_files
            where table_name = :table and state = 'loaded' and (:days::date[] is null or arrival_day = any(:days))
            """
        ),
        {"table": table, "days": None if days is None else list(days)},
    )
    known: dict[date, dict[int, KnownFile]] = {}
    contract = CATALOG[table]
    verdicts: dict[str, bool] = {}
    for day, *rest, header, drift, path in cursor.fetchall():
        # Nearly all files of a table have the same columns.
        columns = repr((header, drift, path))
        if columns not in verdicts:
            verdicts[columns] = reads_otherwise(contract, header or (), drift, path)
        known.setdefault(day, {})[rest[0]] = replace(KnownFile(*rest), reads_otherwise=verdicts[columns])
    return known


def new_or_changed(cursor: Cursor, landing: Landing) -> dict[str, list[date]]:
    """Arrival days, by bronze table, with a file that is new or looks changed.

    A file that vanished from the landing folder changes nothing: landing folders are emptied in due time.
    """
    found: dict[str, list[date]] = {}
    for table, days in landing.files.items():
        known = known_files(cursor, table)
        changed = [day for day, files in days.items() if _differs(known.get(day, {}), files)]
        if changed:
            found[table] = sorted(changed)
    return found


def _differs(known: Mapping[int, KnownFile], files: Sequence[LandedFile]) -> bool:
    if any(file.file_id not in known or not known[file.file_id].looks_like(file) for file in files):
        return True
    # Rows of a file that has left the landing folder must not go because the contract reads its neighbour otherwise.
    complete = known.keys() <= {file.file_id for file in files}
    return complete and any(file.reads_otherwise for file in known.values())


def same_content(known: Mapping[int, KnownFile], files: Sequence[LandedFile]) -> bool:
    """Whether exactly these files, byte for byte and in this order, stand in bronze already. Reads the files."""
    return (
        len(known) == len(files)
        and all(
            file.file_id in known
            and known[file.file_id].file_no == file.file_no
            and known[file.file_id].size_bytes == file.size_bytes
            and not known[file.file_id].reads_otherwise
            for file in files
        )
        and all(sha256_of(file.path)[0] == known[file.file_id].sha256 for file in files)
    )


def note_seen(cursor: Cursor, files: Iterable[LandedFile]) -> None:
    """Remember the modification times of files whose content was found unchanged."""
    for file in files:
        cursor.execute(
            bind(
                "update meta.landed_files set modified_ns = :modified_ns"
                " where file_id = :file_id and state = 'loaded' and modified_ns <> :modified_ns"
            ),
            {"file_id": file.file_id, "modified_ns": file.modified_ns},
        )


def register(
    cursor: Cursor, table: str, loads: Mapping[date, Sequence[tuple[LandedFile, LoadReport]]], write_id: int
) -> None:
    """Enter the files that were loaded; what else stood for these days is marked replaced or missing."""
    current = [file.file_id for loaded in loads.values() for file, _ in loaded]
    cursor.execute(
        bind(
            """
            update meta.landed_files
            set state = case when file_id = any(:current::bigint[]) then 'replaced' else 'missing' end
            where table_name = :table and arrival_day = any(:days) and state = 'loaded'
            """
        ),
        {"table": table, "days": list(loads), "current": current},
    )
    contract = CATALOG["meta.landed_files"]
    columns = tuple(name for name in contract.column_names if name != "loaded_at")
    rows = [
        (
            *(
                file.file_id,
                report.sha256,
                table,
                day,
                file.name,
                file.file_no,
                report.size_bytes,
                file.modified_ns,
            ),
            *(report.format, report.encoding, report.delimiter, report.path, list(report.header)),
            json.dumps([vars(drift) for drift in report.drift]),
            *(report.rows_loaded, report.rows_rejected, LOADED, write_id),
        )
        for day, loaded in loads.items()
        for file, report in loaded
    ]
    if rows:
        updates = ", ".join(f"{ident(name)} = excluded.{ident(name)}" for name in columns if name not in contract.key)
        execute_values(
            cursor,
            f"insert into meta.landed_files ({listed(columns)}) values %s"
            f" on conflict ({listed(contract.key)}) do update set {updates}, loaded_at = now()",
            rows,
            page_size=500,
        )


def file_names(cursor: Cursor, file_ids: Sequence[int]) -> dict[int, str]:
    """Paths below the landing folder by file id."""
    cursor.execute(
        bind("select distinct file_id, path from meta.landed_files where file_id = any(:ids)"),
        {"ids": list(file_ids)},
    )
    return dict(cursor.fetchall())
