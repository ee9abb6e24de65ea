"""Hold what is true of every asset graph of this project, whichever tables it has."""

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from metalayer_assets.contracts import CATALOG, Contract, Grain, Historised, Landed
from metalayer_assets.definitions import build_defs
from metalayer_assets.metadata import asset_key, table_name
from metalayer_assets.warehouse.models import model_of

ASSETS = CATALOG.assets()
MODELS = [contract for contract in ASSETS if not isinstance(contract.source, Landed)]
LAYERS = ["bronze", "silver", "gold"]


@pytest.fixture(scope="module")
def graph() -> AssetGraph:
    return build_defs({"METALAYER_START_DATE": "2024-01-01"}).resolve_asset_graph()


@pytest.mark.parametrize("contract", ASSETS, ids=lambda contract: contract.name)
def test_an_asset_depends_on_exactly_the_tables_that_its_sql_reads(graph: AssetGraph, contract: Contract) -> None:
    parents = {table_name(key) for key in graph.get(asset_key(contract.name)).parent_keys}
    mentioned = frozenset() if isinstance(contract.source, Landed) else model_of(contract).tables
    # Of a table that names a dimension's members nothing is known of them but that: only the engine reads it.
    naming = contract.source.named_by if isinstance(contract.source, Historised) else ()
    # What audits counted lies in one table, which is written by the writes of those that were audited.
    assert parents == (set(contract.follows) or mentioned | {reads.table for reads in naming})
    assert mentioned == {reads.table for reads in contract.reads} | {joins.table for joins in contract.joins}


# Tables about the quality of all others, of whichever layer.
AUDITS = {contract.name for contract in ASSETS if contract.follows}


@pytest.mark.parametrize(
    "contract",
    [contract for contract in MODELS if not AUDITS & {contract.name, *contract.upstream}],
    ids=lambda contract: contract.name,
)
def test_no_asset_reads_a_later_layer_or_skips_silver(contract: Contract) -> None:
    own = LAYERS.index(contract.layer)
    assert all(LAYERS.index(table.split(".")[0]) in (own - 1, own) for table in contract.upstream)


def test_the_graph_has_no_cycle_and_the_catalog_lists_sources_first(graph: AssetGraph) -> None:
    seen: set[str] = set()
    for contract in ASSETS:
        assert {table_name(key) for key in graph.get(asset_key(contract.name)).parent_keys} <= seen
        seen.add(contract.name)


def test_one_range_can_be_run_over_all_daily_assets_in_one_run(graph: AssetGraph) -> None:
    daily = [graph.get(asset_key(contract.name)) for contract in ASSETS if contract.grain is Grain.DAY]
    assert len({str(node.partitions_def) for node in daily}) == 1
    assert {node.backfill_policy for node in daily} == {dg.BackfillPolicy.single_run()}
