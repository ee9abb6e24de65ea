"""Declare the tables of what the warehouse notices about its own numbers here: anomalies and reconciliations."""

from metalayer_assets.contracts.model import Column, Contract, Stored
from metalayer_assets.contracts.types import Type

ANOMALIES = Contract(
    name="meta.anomalies",
    description="What was expected of each daily metric and how far from it the day was; days left open are told too.",
    columns=(
        Column("metric", Type.TEXT, "Metric; `metalayer anomalies --metrics` explains it.", nullable=False),
        Column("day", Type.DATE, "Business or arrival day, as the metric says.", nullable=False),
        Column("value", Type.NUMERIC, "What the day had; NULL where nothing was there."),
        Column("expected", Type.NUMERIC, "What the days before let expect; NULL where no value was."),
        Column("low", Type.NUMERIC, "Least value that is no warning."),
        Column("high", Type.NUMERIC, "Greatest value that is no warning."),
        Column("score", Type.NUMERIC, "Distance from what was expected in robust standard deviations, signed."),
        Column("severity", Type.TEXT, "none, info, warn, severe, or unjudged.", nullable=False),
        Column("explanation", Type.TEXT, "The verdict as a sentence with its numbers.", nullable=False),
        Column(
            "verdict_at",
            Type.TIMESTAMP,
            "When the verdict became what it is.",
            nullable=False,
            default="clock_timestamp()",
        ),
    ),
    key=("metric", "day"),
    source=Stored(),
    indexes=(("day",),),
)

RECONCILIATIONS = Contract(
    name="meta.reconciliations",
    description="Two countings of the same thing, as last compared, with the keys that make them differ.",
    columns=(
        Column("check_id", Type.TEXT, "Reconciliation; `metalayer reconcile --checks` explains it.", nullable=False),
        Column("measure", Type.TEXT, "What is counted or summed.", nullable=False),
        Column("day", Type.DATE, "Day compared; the last one of the range for what has no day.", nullable=False),
        Column("left_value", Type.NUMERIC, "What the first side says.", nullable=False),
        Column("right_value", Type.NUMERIC, "What the second side says.", nullable=False),
        Column("explained", Type.NUMERIC, "Difference that quarantine and collapsing account for.", nullable=False),
        Column("difference", Type.NUMERIC, "Left less right less explained: 0 when both agree.", nullable=False),
        Column("differing_keys", Type.BIGINT, "Keys that only one side has, or with other values.", nullable=False),
        Column("sample_keys", Type.TEXTS, "Some of them, in their order.", nullable=False),
        Column(
            "compared_at",
            Type.TIMESTAMP,
            "When it was found to be so.",
            nullable=False,
            default="clock_timestamp()",
        ),
    ),
    key=("check_id", "measure", "day"),
    source=Stored(),
    indexes=(("day",),),
)

SIGNALS = (ANOMALIES, RECONCILIATIONS)
