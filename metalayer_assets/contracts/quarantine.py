"""Derive the quarantine tables here: rows and lines that were kept out, with their raw text and the reason."""

from metalayer_assets.contracts.model import Column, Contract, Judged, Stored
from metalayer_assets.contracts.types import Type

OPEN, CLOSED = "open", "closed"
# What people decided of a row that is kept out. The row itself stays where it is.
CORRECTED, WAIVED = "corrected", "waived"

_STATE = (
    Column(
        "first_seen_at", Type.TIMESTAMP, "When the row was first kept out.", nullable=False, default="clock_timestamp()"
    ),
    Column(
        "state",
        Type.TEXT,
        "open: kept out of the current slice; closed: the slice was written again without it.",
        nullable=False,
        default=f"'{OPEN}'",
    ),
    Column("closed_at", Type.TIMESTAMP, "When it was closed."),
    Column(
        "resolution",
        Type.TEXT,
        f"{CORRECTED}: a correction of it has landed; {WAIVED}: it may stay out; NULL: nobody has decided.",
    ),
    Column("resolved_by", Type.TEXT, "Who decided."),
    Column("resolved_at", Type.TIMESTAMP, "When."),
    Column("note", Type.TEXT, "What they noted."),
    Column("corrected_in", Type.TEXT, "Landed file that holds the correction, its path below the landing folder."),
    Column("corrected_line", Type.BIGINT, "Line of that file."),
)
# What is true of a row kept out, but is no part of what was kept out and why.
STATE_COLUMNS = frozenset(column.name for column in _STATE)
RESOLUTION_COLUMNS = ("resolution", "resolved_by", "resolved_at", "note", "corrected_in", "corrected_line")

_ORIGIN = (
    Column("arrival_day", Type.DATE, "Day that the extract is for.", nullable=False),
    Column("source_file_id", Type.BIGINT, "File that the row came in.", nullable=False),
    Column("source_line", Type.BIGINT, "Line of that file.", nullable=False),
    Column(
        "row_hash",
        Type.TEXT,
        "Hash of the raw row: a line that lands again with other text is another row.",
        nullable=False,
    ),
)


def quarantine_of(contract: Contract) -> Contract:
    """The quarantine table of a judged table: rows that broke a rejecting rule.

    Raises:
        TypeError: The contract is not of a judged table.
    """
    if not isinstance(contract.source, Judged):
        raise TypeError(f"{contract.name} judges no rows and has no quarantine")
    business_key = next(name for name in contract.key if name not in {"arrival_day", "changed_at"})
    return Contract(
        name=contract.source.quarantine,
        description=f"Rows kept out of {contract.name}, with their raw values and the rules they broke.",
        columns=(
            *_ORIGIN,
            Column(business_key, Type.TEXT, "Business key as told, cleaned."),
            Column("raw", Type.JSON, "The row as it landed, every column as text.", nullable=False, pii=True),
            Column("failed_rules", Type.TEXTS, "Rejecting rules that the row broke.", nullable=False),
            *_STATE,
        ),
        key=("arrival_day", "source_file_id", "source_line", "row_hash"),
        source=Stored(),
        slice_by="arrival_day",
    )


BRONZE_LINES = Contract(
    name="quarantine.bronze_lines",
    description="Lines of landed files that could not be read as records, with their raw bytes.",
    columns=(
        *_ORIGIN,
        Column("table_name", Type.TEXT, "Bronze table that the line was meant for.", nullable=False),
        Column("raw", Type.BYTES, "The line as it stands in the file.", nullable=False, pii=True),
        Column("reason", Type.TEXT, "Why it could not be read.", nullable=False),
        *_STATE,
    ),
    key=("arrival_day", "source_file_id", "source_line", "row_hash"),
    source=Stored(),
    slice_by="arrival_day",
    indexes=(("table_name",),),
)

QUARANTINE_ACTIONS = Contract(
    name="meta.quarantine_actions",
    description="What people did with what is kept out: one row per action and file whose rows it concerned.",
    columns=(
        Column("action_id", Type.BIGINT, "Number of the action, from the numbers of the writes.", nullable=False),
        Column("source_file_id", Type.BIGINT, "File that the rows came in.", nullable=False),
        Column(
            "action",
            Type.TEXT,
            f"{CORRECTED}; {WAIVED}; reopened: a waiver was taken back; replayed: judged once more.",
            nullable=False,
        ),
        Column("table_name", Type.TEXT, "Table that the rows are kept out of.", nullable=False),
        Column("arrival_day", Type.DATE, "Day that the file is for.", nullable=False),
        Column("rows", Type.BIGINT, "Rows concerned.", nullable=False),
        Column("source_lines", Type.JSON, "Their lines in the file.", nullable=False),
        Column("corrected_in", Type.TEXT, "Landed file that holds the corrections."),
        Column("given", Type.TEXT, "Name of the file that the corrections were read from."),
        Column("note", Type.TEXT, "What was noted."),
        Column("acted_by", Type.TEXT, "Who.", nullable=False),
        Column("acted_at", Type.TIMESTAMP, "When.", nullable=False, default="clock_timestamp()"),
    ),
    key=("action_id", "source_file_id"),
    source=Stored(),
    indexes=(("table_name", "arrival_day"),),
)
