"""Define what a load is told and what it reports here; keep reading and SQL out."""

from collections.abc import Sequence
from dataclasses import dataclass

from metalayer_assets.warehouse.errors import LandingError


@dataclass(frozen=True)
class SourceColumn:
    """One column of a stage table and the header spellings that stand for it.

    Attributes:
        name: Column of the stage table.
        source_names: Accepted spellings, compared trimmed, case-insensitively and with space and dash as
            underscore. Empty means `name` itself.
        required: Whether a file without this column is refused.
    """

    name: str
    source_names: tuple[str, ...]
    required: bool


@dataclass(frozen=True)
class Drift:
    """One finding about how a file's columns differ from the expected ones.

    Attributes:
        kind: `extra_column`, `missing_optional`, `missing_required`, `duplicate_header` or `renamed_guess`.
            `missing_required` is only ever seen in the error that refuses the file.
        column: The spelling found for an extra or duplicate column, the stage column for a missing one.
        detail: One sentence for a person.
    """

    kind: str
    column: str
    detail: str


@dataclass(frozen=True)
class LoadReport:
    """What one file held and where it went.

    Attributes:
        records_read: Records found: loaded + rejected. Lines with nothing on them are no records.
        rows_loaded: Rows now in the stage table.
        rows_rejected: Rows now in the rejects table.
        sha256: Hex digest of the file's bytes as landed (compressed bytes where it is compressed).
        size_bytes: Length of the file as landed, in bytes.
        format: `csv`, `jsonl` or `parquet`.
        encoding: `utf-8`, `utf-8-sig`, `utf-16`, `latin-1`, or `cp1252` where bytes 0x80-0x9F occur.
        delimiter: The field delimiter of a CSV file, else None.
        path: `fast` (the file's own bytes went to COPY), `careful` (every record was read here first) or `kept_out`
            (every line of the file is in the rejects table).
        header: Column names as the file spells them, in file order.
        drift: Findings about the columns.
    """

    records_read: int
    rows_loaded: int
    rows_rejected: int
    sha256: str
    size_bytes: int
    format: str
    encoding: str
    delimiter: str | None
    path: str
    header: tuple[str, ...]
    drift: tuple[Drift, ...]


class HeaderRefused(LandingError):
    """The columns of a file are not those that its table needs.

    Attributes:
        drift: What differs.
        header: Column names as the file spells them, in file order.
    """

    def __init__(self, message: str, drift: Sequence[Drift], header: Sequence[str]) -> None:
        super().__init__(message)
        self.drift = tuple(drift)
        self.header = tuple(header)
