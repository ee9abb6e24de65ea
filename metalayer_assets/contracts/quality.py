"""Declare the tables that hold what audits found here; keep the rules themselves out (`silver`, `gold`)."""

from metalayer_assets.contracts.meta import RULE_RESULTS
from metalayer_assets.contracts.model import Column, Contract, Guard, Modelled, Reads
from metalayer_assets.contracts.types import Type

# A rule that is withdrawn takes its rows with it.
_FOLLOWS = Guard(max_loss=1.0, may_empty=True)

DIMENSIONS_OF_QUALITY = ("completeness", "validity", "uniqueness", "consistency", "timeliness", "accuracy")


def data_quality_audit(ruled: tuple[Contract, ...]) -> Contract:
    """The table of what was counted last for every rule and slice.

    Args:
        ruled: The tables whose writes count rules.
    """
    return Contract(
        name="meta.data_quality_audit",
        description="What the audit of each slice counted for each rule when the slice was last judged.",
        columns=(
            Column("table_name", Type.TEXT, "Table judged.", nullable=False),
            Column("slice", Type.DATE, "First day of the slice.", nullable=False),
            Column("rule_id", Type.TEXT, "The rule.", nullable=False),
            Column("severity", Type.TEXT, "reject or warn.", nullable=False),
            Column("dimension", Type.TEXT, f"One of {', '.join(DIMENSIONS_OF_QUALITY)}.", nullable=False),
            Column("weight", Type.INTEGER, "Share in scores, relative to the table's other rules.", nullable=False),
            Column("version", Type.INTEGER, "Version of the rule.", nullable=False),
            Column("rows_examined", Type.BIGINT, "Rows that the rule could be asked of.", nullable=False),
            Column("rows_broken", Type.BIGINT, "Rows that broke it.", nullable=False),
            Column("score", Type.NUMERIC, "Share of the rows examined that held; NULL where none was."),
            Column("sample_keys", Type.TEXTS, "The first and the last business key that broke it."),
        ),
        key=("table_name", "slice", "rule_id"),
        source=Modelled(),
        slice_by="slice",
        reads=(Reads(RULE_RESULTS.name, slice_by="slice", only="is_latest"),),
        follows=tuple(contract.name for contract in ruled),
        indexes=(("slice",),),
        guard=_FOLLOWS,
    )


DATA_QUALITY_SUMMARY = Contract(
    name="silver.data_quality_summary",
    description="The quality of each slice of each judged table: one score, and one for each dimension of quality.",
    columns=(
        Column("table_name", Type.TEXT, "Table judged.", nullable=False),
        Column("slice", Type.DATE, "First day of the slice.", nullable=False),
        Column("layer", Type.TEXT, "Layer of the table.", nullable=False),
        Column("rules", Type.BIGINT, "Rules of the table.", nullable=False),
        Column("rules_broken", Type.BIGINT, "Rules that rows broke.", nullable=False),
        Column("rows_examined", Type.NUMERIC, "Rows examined, summed over the rules.", nullable=False),
        Column("rows_broken", Type.NUMERIC, "Rows that broke a rule, summed over the rules.", nullable=False),
        Column("score", Type.NUMERIC, "Share that held, each rule by its weight; NULL where nothing was examined."),
        *(
            Column(f"{dimension}_score", Type.NUMERIC, f"The same over the rules of {dimension} alone.")
            for dimension in DIMENSIONS_OF_QUALITY
        ),
        Column("worst_rule", Type.TEXT, "Rule that costs the score most; NULL where none is broken."),
    ),
    key=("table_name", "slice"),
    source=Modelled(),
    slice_by="slice",
    reads=(Reads("meta.data_quality_audit", slice_by="slice"),),
    indexes=(("slice",),),
    guard=_FOLLOWS,
)
