"""Derive the history tables here: rows that writes took out of a table or put in. Keep how they get there out."""

from collections.abc import Mapping
from dataclasses import dataclass

from metalayer_assets.contracts.model import Column, Contract, Judged, Stored
from metalayer_assets.contracts.quarantine import BRONZE_LINES, STATE_COLUMNS
from metalayer_assets.contracts.types import Type

HISTORY = "history"
WRITE_ID, SLICE, CHANGE = "_write_id", "_slice", "_change"
REMOVED, ADDED = "removed", "added"
# What the warehouse makes of a table's name for those who ask for its past.
FUNCTION_SUFFIXES = ("_as_of", "_at_write")

_EVENT = (
    Column(WRITE_ID, Type.BIGINT, "Write that replaced rows: meta.slice_ledger.write_id.", nullable=False),
    Column(SLICE, Type.DATE, "First day of the slice that the row lies in.", nullable=False),
    Column(
        CHANGE,
        Type.TEXT,
        f"{REMOVED}: the row stood until this write; {ADDED}: it stands since. A changed row is both.",
        nullable=False,
    ),
)


def keeps_history(contract: Contract) -> bool:
    """Whether replaced rows of the table are kept: those of assets, and rows kept out of judged tables."""
    return contract.is_asset or (contract.layer == "quarantine" and contract.name != BRONZE_LINES.name)


def kept_columns(contract: Contract) -> tuple[Column, ...]:
    """The columns that say what a row is: not its place among others; of a row kept out, not since when."""
    state = STATE_COLUMNS if contract.layer == "quarantine" else frozenset()
    return tuple(column for column in contract.columns if column.name not in state and not column.ordinal)


def history_name(contract: Contract) -> str:
    """`history.<table>`; a quarantine table, named like the table that it keeps rows out of, by its layer too."""
    prefix = "quarantine_" if contract.layer == "quarantine" else ""
    return f"{HISTORY}.{prefix}{contract.table}"


def history_table(contract: Contract) -> Contract:
    """The history table of a table: for each write, the rows that differ from what stood before it.

    The first rows of a slice are not in it: the ledger says when they came.
    """
    columns = tuple(
        Column(
            column.name,
            column.type,
            column.description,
            nullable=column.name not in contract.key,
            pii=column.pii,
        )
        for column in kept_columns(contract)
    )
    return Contract(
        name=history_name(contract),
        description=f"Rows of {contract.name} that a write took out or put in, where its slice stood before.",
        columns=(*_EVENT, *columns),
        key=(WRITE_ID, CHANGE, *contract.key),
        source=Stored(),
        indexes=((SLICE,),),
        owner=contract.owner,
    )


FORGOTTEN_WRITES = Contract(
    name="meta.forgotten_writes",
    description="Writes of which it is not known, or not known any more, what they replaced; nor of any before them.",
    columns=(
        Column("table_name", Type.TEXT, "Table written.", nullable=False),
        Column("write_id", Type.BIGINT, "The write, and with it every one before.", nullable=False),
        Column(
            "moment",
            Type.TIMESTAMP,
            "Until when the table's past is unknown; NULL: until the write was finished, as the ledger says.",
        ),
    ),
    key=("table_name", "write_id"),
    source=Stored(),
)


@dataclass(frozen=True)
class Past:
    """A table whose replaced rows are kept, and where.

    Attributes:
        table: The table: an asset, or the quarantine of one.
        asset: The asset whose writes change it; their ledger says when a slice began.
        history: Its history table.
    """

    table: Contract
    asset: Contract
    history: Contract

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns of the table that are kept, in physical order."""
        return tuple(column.name for column in kept_columns(self.table))

    @property
    def counted(self) -> str:
        """Column of the ledger that counts the table's rows of a slice."""
        return "rows_written" if self.table is self.asset else "rows_quarantined"


def pasts_of(asset: Contract, catalog: Mapping[str, Contract]) -> tuple[Past, ...]:
    """What a write of the asset replaces rows of: the table itself, and where rows are judged, its quarantine."""
    tables = [asset]
    if isinstance(asset.source, Judged):
        tables.append(catalog[asset.source.quarantine])
    return tuple(Past(table, asset, catalog[history_name(table)]) for table in tables if history_name(table) in catalog)


def with_history(contracts: tuple[Contract, ...]) -> tuple[Contract, ...]:
    """The contracts and those of their history."""
    kept = (history_table(contract) for contract in contracts if keeps_history(contract))
    return (*contracts, *kept, FORGOTTEN_WRITES)
