"""Declare the tables of what was observed here: profiles and drift of extracts, versions of contracts."""

from metalayer_assets.contracts.model import Column, Contract, Stored
from metalayer_assets.contracts.types import Type

SOURCE_PROFILES = Contract(
    name="meta.source_profiles",
    description="What each column of an extract looked like, as it came, before anything was cleaned.",
    columns=(
        Column("table_name", Type.TEXT, "Bronze table.", nullable=False),
        Column("slice", Type.DATE, "Arrival day.", nullable=False),
        Column("column_name", Type.TEXT, "Column of the table.", nullable=False),
        Column("write_id", Type.BIGINT, "Write that loaded the extract.", nullable=False),
        Column("position", Type.INTEGER, "Place of the column in the contract, from 1.", nullable=False),
        Column("rows", Type.BIGINT, "Rows of the extract.", nullable=False),
        Column(
            "rows_profiled",
            Type.BIGINT,
            "Rows looked at: all, or of a large extract those that a hash of the line number picks.",
            nullable=False,
        ),
        Column("nulls", Type.BIGINT, "Rows profiled without a value.", nullable=False),
        Column("blanks", Type.BIGINT, "Rows profiled with nothing but white space.", nullable=False),
        Column(
            "distinct_values",
            Type.BIGINT,
            "Different values among the rows profiled; of the extract where all rows are profiled.",
            nullable=False,
        ),
        Column(
            "min_value",
            Type.TEXT,
            "Smallest value but for blanks, as text, its first 100 characters; never of personal data.",
        ),
        Column("max_value", Type.TEXT, "Largest value as text, likewise."),
        Column("min_length", Type.INTEGER, "Fewest characters of a value."),
        Column("max_length", Type.INTEGER, "Most characters of a value."),
        Column(
            "types",
            Type.JSON,
            "Values that silver could read as integer, numeric, date, timestamp or boolean, and text for none of them.",
            nullable=False,
        ),
        Column("top_values", Type.JSON, "Most frequent values with their rows; never of personal data."),
        Column(
            "patterns",
            Type.JSON,
            "Most frequent shapes with their rows: digits as 9, letters as A and a, any character beyond ASCII as a.",
            nullable=False,
        ),
    ),
    key=("table_name", "slice", "column_name", "write_id"),
    source=Stored(),
)

SCHEMA_CHANGES = Contract(
    name="meta.schema_changes",
    description="How extracts differ from their contract and from the extract of the arrival day before.",
    columns=(
        Column("table_name", Type.TEXT, "Bronze table.", nullable=False),
        Column("slice", Type.DATE, "Arrival day of the extract.", nullable=False),
        Column("file", Type.TEXT, "Path below the landing folder; empty: the day as a whole.", nullable=False),
        Column("kind", Type.TEXT, "What changed, such as column_added or nulls_jumped.", nullable=False),
        Column("column_name", Type.TEXT, "Column, as the contract or else the file spells it.", nullable=False),
        Column("detail", Type.TEXT, "One sentence.", nullable=False),
        Column("policy", Type.TEXT, "Policy of the contract then: evolve, freeze or quarantine.", nullable=False),
        Column(
            "action",
            Type.TEXT,
            "loaded: the file was, as far as the contract knows its columns; refused: the slice stands as before; "
            "kept_out: every line of the file is in quarantine.bronze_lines.",
            nullable=False,
        ),
        Column("write_id", Type.BIGINT, "Latest write that met it.", nullable=False),
        Column("first_seen_at", Type.TIMESTAMP, "When it was first met.", nullable=False, default="clock_timestamp()"),
    ),
    key=("table_name", "slice", "file", "kind", "column_name"),
    source=Stored(),
)

CONTRACT_VERSIONS = Contract(
    name="meta.contract_versions",
    description="Every version of a table's contract that this warehouse was brought to.",
    columns=(
        Column("table_name", Type.TEXT, "Table.", nullable=False),
        Column("fingerprint", Type.TEXT, "Hash of the contract.", nullable=False),
        Column("declared", Type.JSON, "Columns, key, rules and the rest as declared.", nullable=False),
        Column(
            "first_applied_at",
            Type.TIMESTAMP,
            "When the warehouse first had it.",
            nullable=False,
            default="clock_timestamp()",
        ),
        Column("applied_at", Type.TIMESTAMP, "When it was last brought to it.", nullable=False),
        Column("write_id", Type.BIGINT, "Write that last changed the table to fit; NULL: it stood so already."),
    ),
    key=("table_name", "fingerprint"),
    source=Stored(),
)

OBSERVED = (SOURCE_PROFILES, SCHEMA_CHANGES, CONTRACT_VERSIONS)
