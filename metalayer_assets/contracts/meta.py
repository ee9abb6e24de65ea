"""Declare the tables that the warehouse writes about itself here. They are not assets and have no slices."""

from metalayer_assets.contracts.model import Column, Contract, Stored
from metalayer_assets.contracts.observed import OBSERVED
from metalayer_assets.contracts.signals import SIGNALS
from metalayer_assets.contracts.types import Type

SLICE_LEDGER = Contract(
    name="meta.slice_ledger",
    description="Every write of every slice: what was read, where it went, what the slice then held.",
    columns=(
        Column("write_id", Type.BIGINT, "Number of the write; one write may replace many slices.", nullable=False),
        Column("table_name", Type.TEXT, "Table written.", nullable=False),
        Column("slice", Type.DATE, "First day of the slice.", nullable=False),
        Column("rows_read", Type.BIGINT, "Rows of the sources that lie in the slice.", nullable=False),
        Column("rows_written", Type.BIGINT, "Rows that the slice holds.", nullable=False),
        Column("rows_collapsed", Type.BIGINT, "Rows folded into another row of the slice.", nullable=False),
        Column("rows_quarantined", Type.BIGINT, "Rows kept out, with the reason.", nullable=False),
        Column("checksum", Type.TEXT, "Order-free checksum of the rows that the slice holds.", nullable=False),
        Column("quarantine_checksum", Type.TEXT, "Order-free checksum of the rows kept out.", nullable=False),
        Column(
            "quality_score",
            Type.NUMERIC,
            "Mean quality score of the rows written; NULL where none is judged.",
        ),
        Column("status", Type.TEXT, "published, unchanged or refused.", nullable=False),
        Column("reason", Type.TEXT, "Why a write was refused, or why a slice was written that nobody asked for."),
        Column("run_id", Type.TEXT, "Dagster run that wrote."),
        Column("code_version", Type.TEXT, "Version of contract and model.", nullable=False),
        Column("started_at", Type.TIMESTAMP, "When the write began.", nullable=False),
        Column(
            "finished_at",
            Type.TIMESTAMP,
            "When the write was ready to commit.",
            nullable=False,
            default="clock_timestamp()",
        ),
    ),
    key=("table_name", "slice", "write_id"),
    source=Stored(),
    indexes=(("write_id",),),
)

RULE_RESULTS = Contract(
    name="meta.rule_results",
    description="What the audit of a write counted for each rule and slice.",
    columns=(
        Column("table_name", Type.TEXT, "Table judged.", nullable=False),
        Column("slice", Type.DATE, "First day of the slice.", nullable=False),
        Column("rule_id", Type.TEXT, "Rule of the table's contract.", nullable=False),
        Column("write_id", Type.BIGINT, "Write whose audit counted.", nullable=False),
        Column("severity", Type.TEXT, "reject or warn.", nullable=False),
        Column("dimension", Type.TEXT, "Dimension of quality that the rule belongs to.", nullable=False),
        Column("weight", Type.INTEGER, "Share in scores, relative to the table's other rules.", nullable=False),
        Column("version", Type.INTEGER, "Version of the rule.", nullable=False),
        Column("rows_examined", Type.BIGINT, "Rows that the rule could be asked of.", nullable=False),
        Column("rows_broken", Type.BIGINT, "Rows that broke it.", nullable=False),
        Column("sample_keys", Type.TEXTS, "The first and the last business key that broke it."),
        Column(
            "is_latest",
            Type.BOOLEAN,
            "Whether this is what was counted last, of a slice with rows; of one without, nothing is told.",
            nullable=False,
        ),
    ),
    key=("table_name", "slice", "rule_id", "write_id"),
    source=Stored(),
)

LANDED_FILES = Contract(
    name="meta.landed_files",
    description="Every content of every landed file that was loaded or refused.",
    columns=(
        Column("file_id", Type.BIGINT, "Hash of the path below the landing folder.", nullable=False),
        Column("sha256", Type.TEXT, "Hash of the bytes as landed.", nullable=False),
        Column("table_name", Type.TEXT, "Bronze table that the file belongs to.", nullable=False),
        Column("arrival_day", Type.DATE, "Day that the extract is for: the date in its path.", nullable=False),
        Column("path", Type.TEXT, "Path below the landing folder.", nullable=False),
        Column(
            "file_no",
            Type.INTEGER,
            "Place of the file among the day's files by name, from 1.",
            nullable=False,
        ),
        Column("size_bytes", Type.BIGINT, "Size as landed.", nullable=False),
        Column(
            "modified_ns",
            Type.BIGINT,
            "Modification time in nanoseconds, to skip reading unchanged files.",
            nullable=False,
        ),
        Column("format", Type.TEXT, "csv, jsonl or parquet."),
        Column("encoding", Type.TEXT, "Encoding read."),
        Column("delimiter", Type.TEXT, "Delimiter read."),
        Column(
            "read_path",
            Type.TEXT,
            "fast or careful: which reader loaded it; kept_out: none, see the contract's policy.",
        ),
        Column("header", Type.TEXTS, "Header as told."),
        Column(
            "drift",
            Type.JSON,
            "Differences between header and contract.",
            nullable=False,
            default="'[]'::jsonb",
        ),
        Column("rows_loaded", Type.BIGINT, "Records loaded into bronze.", nullable=False),
        Column("rows_rejected", Type.BIGINT, "Lines kept in quarantine.bronze_lines.", nullable=False),
        Column(
            "state",
            Type.TEXT,
            "loaded: stands in bronze; replaced: another content of the path does; "
            "missing: the day was written again without it.",
            nullable=False,
        ),
        Column("write_id", Type.BIGINT, "Write that loaded it.", nullable=False),
        Column("loaded_at", Type.TIMESTAMP, "When it was loaded.", nullable=False, default="clock_timestamp()"),
    ),
    key=("file_id", "sha256"),
    source=Stored(),
    indexes=(("table_name", "arrival_day"),),
)

TOUCHED_SLICES = Contract(
    name="meta.touched_slices",
    description="Slices whose truth a write upstream has changed and that were not written since (an outbox).",
    columns=(
        Column("table_name", Type.TEXT, "Table to restate.", nullable=False),
        Column("slice", Type.DATE, "First day of the slice to restate.", nullable=False),
        Column(
            "cause_write_id",
            Type.BIGINT,
            "Write that changed its truth; negative: a request to make it again, whatever the ledger says.",
            nullable=False,
        ),
        Column("touched_at", Type.TIMESTAMP, "When.", nullable=False, default="clock_timestamp()"),
    ),
    key=("table_name", "slice", "cause_write_id"),
    source=Stored(),
)

TOUCHED_KEYS = Contract(
    name="meta.touched_keys",
    description="Members that rows told of which a write has taken back, for the dimensions that tell their history.",
    columns=(
        Column("table_name", Type.TEXT, "Dimension to restate.", nullable=False),
        Column("slice", Type.DATE, "First day of the slice to restate.", nullable=False),
        Column("cause_write_id", Type.BIGINT, "Write that took the rows back.", nullable=False),
        Column("key", Type.TEXTS, "Natural key of the member, each part as text.", nullable=False),
    ),
    key=("table_name", "slice", "cause_write_id", "key"),
    source=Stored(),
)

META = (SLICE_LEDGER, RULE_RESULTS, LANDED_FILES, TOUCHED_SLICES, TOUCHED_KEYS, *OBSERVED, *SIGNALS)
