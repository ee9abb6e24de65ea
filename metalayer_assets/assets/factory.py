"""Make an asset from a contract here; keep what a table is out (`contracts`) and how it is written out (`io_manager`).

The body of every asset is the same three steps: say where the rows come from, let the IO manager write them,
tell what the write's audit saw. Checks never read the table again.
"""

from collections.abc import Iterator

import dagster as dg

from metalayer_assets.checks import check_results, check_specs
from metalayer_assets.contracts import CATALOG, Contract, Landed
from metalayer_assets.io_manager import FROM_LANDING, FROM_MODEL, REPORTS
from metalayer_assets.metadata import asset_key, definition_metadata, kinds
from metalayer_assets.partitions import mapping_between, partitions_of
from metalayer_assets.signal_checks import signal_check_specs, signal_resources, signal_results
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.thresholds import score_wanted
from metalayer_assets.warehouse.versions import code_version

POOLS = {"bronze": "metalayer_bronze", "silver": "metalayer_silver", "gold": "metalayer_gold", "meta": "metalayer_meta"}


def table_asset(contract: Contract, settings: Settings) -> dg.AssetsDefinition:
    """The asset of a table: key `[layer, table]`, partitions, dependencies, metadata and its audit check."""
    key = asset_key(contract.name)
    source = FROM_LANDING if isinstance(contract.source, Landed) else FROM_MODEL
    partitions = partitions_of(contract.grain, settings)

    @dg.asset(
        key=key,
        description=contract.description,
        deps=[
            dg.AssetDep(asset_key(table), partition_mapping=mapping_between(CATALOG[table], contract))
            for table in contract.upstream
        ],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=contract.layer,
        owners=[contract.owner],
        kinds=kinds(contract),
        tags={"layer": contract.layer},
        metadata=definition_metadata(contract),
        code_version=code_version(contract, settings),
        freshness_policy=_freshness(contract),
        io_manager_key="io_manager",
        pool=POOLS[contract.layer],
        check_specs=[*check_specs(contract, partitions), *signal_check_specs(contract, partitions)],
        required_resource_keys=signal_resources(contract),
        retry_policy=dg.RetryPolicy(
            max_retries=2, delay=1, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
        ),
    )
    def table(context: dg.AssetExecutionContext) -> Iterator[object]:
        yield dg.Output(source)
        report = REPORTS.pop((context.run.run_id, contract.name))
        yield from check_results(context, contract, report, score_wanted=score_wanted(contract, settings))
        yield from signal_results(context, contract, sorted(report.slices))

    return table


def _freshness(contract: Contract) -> dg.FreshnessPolicy | None:
    if contract.freshness is None:
        return None
    return dg.FreshnessPolicy.time_window(fail_window=contract.freshness.too_late, warn_window=contract.freshness.late)


def table_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Every asset of the catalog."""
    return [table_asset(contract, settings) for contract in CATALOG.assets()]
