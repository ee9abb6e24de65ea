"""Write what an asset returns as slices of its table, and read slices back, here.

An asset returns where its rows come from: `FROM_MODEL` (the SELECT of its contract runs inside PostgreSQL),
`FROM_LANDING` (landed files by COPY) or a pandas frame. A downstream asset gets what its type hint asks for: a
`Relation` to name in SQL, or a pandas frame of just the slices it depends on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any

import dagster as dg
import pandas as pd

from metalayer_assets.contracts import Contract, contract_named
from metalayer_assets.metadata import slice_metadata, table_name, write_metadata
from metalayer_assets.partitions import key_of_slice, slice_of_key
from metalayer_assets.resources import Warehouse
from metalayer_assets.warehouse.errors import DatabaseError, MetaLayerError
from metalayer_assets.warehouse.frames import read_slices
from metalayer_assets.warehouse.ledger import WriteReport
from metalayer_assets.warehouse.tables import row_count

ALLOW_SHRINK_TAG = "metalayer/allow_shrink"


class RowSource(Enum):
    """Where the rows of an asset without a frame come from."""

    MODEL = "model"
    LANDING = "landing"


FROM_MODEL = RowSource.MODEL
FROM_LANDING = RowSource.LANDING


@dataclass(frozen=True)
class Relation:
    """Slices of a table, to be named in SQL."""

    name: str
    slices: tuple[date, ...]


class SliceIOManager(dg.ConfigurableIOManager):
    """Stores every asset as slices of the table that its key names."""

    warehouse: dg.ResourceDependency[Warehouse]

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Write the slices that the run's partitions name, all in one transaction.

        Raises:
            dagster.Failure: The write was refused or cannot be done; the slices stand as before.
        """
        contract = contract_named(table_name(context.asset_key))
        if not isinstance(obj, RowSource | pd.DataFrame):
            raise dg.Failure(
                description=f"the asset of {contract.name} returned {type(obj).__name__}: return FROM_MODEL, "
                "FROM_LANDING or a pandas frame. Nothing was written.",
                allow_retries=False,
            )
        days = _slices(context, contract)
        tags = context.step_context.dagster_run.tags
        try:
            writer = self.warehouse.writer
            report = writer.write(
                contract,
                days,
                writer.context(
                    contract, run_id=context.run_id, allow_shrink=tags.get(ALLOW_SHRINK_TAG, "").lower() == "true"
                ),
                frame=obj if isinstance(obj, pd.DataFrame) else None,
            )
        except DatabaseError as error:
            raise dg.Failure(description=str(error)) from error
        except MetaLayerError as error:
            # Trying again cannot help: the data or a setting must change first.
            raise dg.Failure(description=str(error), allow_retries=False) from error
        _tell(context, report, table_rows=row_count(writer.database, contract))
        REPORTS[context.run_id, contract.name] = report

    def load_input(self, context: dg.InputContext) -> Relation | pd.DataFrame:
        """The slices of the upstream table that this step depends on.

        Raises:
            dagster.Failure: The type hint asks for something else than a `Relation` or a frame.
        """
        contract = contract_named(table_name(context.asset_key))
        slices = [slice_of_key(key) for key in context.asset_partition_keys] if context.has_asset_partitions else []
        wanted = context.dagster_type.typing_type
        if wanted is pd.DataFrame:
            columns = (context.definition_metadata or {}).get("columns")
            with self.warehouse.database.transaction(readonly=True) as cursor:
                return read_slices(cursor, contract, slices, columns)
        if wanted is Relation:
            return Relation(contract.name, tuple(slices))
        raise dg.Failure(
            description=f"{contract.name} cannot be handed over as {wanted}: annotate the input as "
            "metalayer_assets.io_manager.Relation or pandas.DataFrame.",
            allow_retries=False,
        )


# What the latest write of a table in a run of this process counted; the checks of the same step tell it.
REPORTS: dict[tuple[str, str], WriteReport] = {}


def _slices(context: dg.OutputContext, contract: Contract) -> Sequence[date]:
    # A reversed range has no keys, and Dagster calls that success: it must not pass for an empty table.
    keys = context.asset_partition_keys if context.has_asset_partitions else []
    if not keys:
        raise dg.Failure(
            description=f"no slice of {contract.name} was asked for: the partition range is empty or runs backwards. "
            "Nothing was written.",
            allow_retries=False,
        )
    return [slice_of_key(key) for key in keys]


def _tell(context: dg.OutputContext, report: WriteReport, *, table_rows: int) -> None:
    metadata: dict[str, Any] = write_metadata(report, table_rows=table_rows)
    days = list(report.slices)
    if len(days) == 1:
        metadata |= slice_metadata(report, days[0])
        context.step_context.set_data_version(context.asset_key, dg.DataVersion(report.slices[days[0]].checksum))
    else:
        for day in days:
            context.step_context.add_asset_metadata(
                slice_metadata(report, day), asset_key=context.asset_key, partition_key=key_of_slice(day)
            )
    context.add_output_metadata(metadata)
    context.log.info(
        "%s: %d rows read, %d written, %d collapsed, %d quarantined; %d of %d slices changed",
        report.table,
        *(report.total(f"rows_{what}") for what in ("read", "written", "collapsed", "quarantined")),
        len(report.published & report.slices.keys()),
        len(days),
    )
