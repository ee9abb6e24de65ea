import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from metalayer_assets.contracts import CATALOG, Contract, Grain, Judged, Landed, Severity
from metalayer_assets.definitions import build_defs
from metalayer_assets.metadata import asset_key
from metalayer_assets.partitions import partitions_of
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.shipped import sql_folder

ASSETS = CATALOG.assets()

# Opens nothing by itself, and tells whatever would reach a server: sockets, child processes, libpq.
_LOAD_WITHOUT_A_SERVER = """
import json, sys
import dagster as dg
reached = []
sys.addaudithook(lambda event, args: reached.append(event) if event in ("socket.connect", "subprocess.Popen") else None)
import psycopg2
psycopg2.connect = lambda *args, **kwargs: reached.append("psycopg2.connect")
from metalayer_assets.definitions import build_defs, defs
dg.Definitions.validate_loadable(defs)
named = build_defs({"METALAYER_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nowhere"})
dg.Definitions.validate_loadable(named)
print(json.dumps({"reached": reached, "assets": len(named.resolve_asset_graph().get_all_asset_keys())}))
"""


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    return build_defs({"METALAYER_START_DATE": "2024-01-01"})


@pytest.fixture(scope="module")
def graph(defs: dg.Definitions) -> AssetGraph:
    return defs.resolve_asset_graph()


def test_definitions_load_where_no_database_can_be_reached_and_touch_none(tmp_path: Path) -> None:
    home = tmp_path / "home"
    unset = {"METALAYER_DATABASE_URL", "METALAYER_DATABASE_URL_FILE", "DAGSTER_HOME"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(
        [sys.executable, "-c", _LOAD_WITHOUT_A_SERVER],
        env={**environment, "METALAYER_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"reached": [], "assets": len(ASSETS)}
    assert not home.exists()


def test_every_table_of_the_catalog_is_one_asset_under_its_own_name(graph: AssetGraph) -> None:
    assert {tuple(key.path) for key in graph.get_all_asset_keys()} == {
        (contract.layer, contract.table) for contract in ASSETS
    }


def test_every_sql_file_is_the_model_of_one_asset_and_every_other_asset_comes_from_landing() -> None:
    layers = ("silver", "gold", "meta")
    files = {f"{path.parent.name}.{path.stem}" for layer in layers for path in sql_folder().glob(f"{layer}/*")}
    assert files == {contract.name for contract in ASSETS if not isinstance(contract.source, Landed)}


@pytest.mark.parametrize("contract", ASSETS, ids=lambda contract: contract.name)
def test_an_asset_tells_what_its_contract_declares(graph: AssetGraph, contract: Contract) -> None:
    node = graph.get(asset_key(contract.name))
    assert node.group_name == contract.layer
    assert node.owners == [contract.owner]
    assert {"postgres", *({contract.layer} - {"meta"})} <= node.kinds
    assert ("csv" in node.kinds) == isinstance(contract.source, Landed)
    assert node.description == contract.description
    assert node.tags["layer"] == contract.layer
    assert node.pools == {f"metalayer_{contract.layer}"}
    assert node.backfill_policy == dg.BackfillPolicy.single_run()
    assert node.code_version
    assert node.metadata["dagster/table_name"] == contract.name


@pytest.mark.parametrize("contract", ASSETS, ids=lambda contract: contract.name)
def test_the_column_schema_of_an_asset_is_the_columns_of_its_contract(graph: AssetGraph, contract: Contract) -> None:
    schema = graph.get(asset_key(contract.name)).metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    assert [(c.name, c.type, c.description, c.constraints.nullable) for c in schema.columns] == [
        (c.name, c.type.sql, c.description, c.nullable) for c in contract.columns
    ]
    assert {c.name for c in schema.columns if "pii" in c.tags} == {c.name for c in contract.columns if c.pii}
    assert schema.constraints is not None
    assert schema.constraints.other == [f"primary key ({', '.join(contract.key)})"]
    told = {rule for column in schema.columns for rule in column.constraints.other}
    assert told == {rule.id for rule in contract.rules}


@pytest.mark.parametrize(
    "contract",
    [contract for contract in ASSETS if isinstance(contract.source, Judged)],
    ids=lambda contract: contract.name,
)
def test_a_judged_asset_lists_every_rule_with_its_severity(graph: AssetGraph, contract: Contract) -> None:
    rules = graph.get(asset_key(contract.name)).metadata["rules"].value
    assert isinstance(rules, str)
    for rule in contract.rules:
        assert f"| {rule.id} | {rule.severity.value} |" in rules
    assert {Severity.REJECT, Severity.WARN} >= {rule.severity for rule in contract.rules}


@pytest.mark.parametrize("contract", ASSETS, ids=lambda contract: contract.name)
def test_the_checks_of_an_asset_have_its_own_partitions_and_block_nothing(
    graph: AssetGraph, contract: Contract
) -> None:
    key = asset_key(contract.name)
    checks = graph.get_check_keys_for_assets({key})
    assert "audit" in {check.name for check in checks}
    # One for each group of rules, and not one for each rule.
    signals = {"anomalies", "reconciliation"} if contract.name == "gold.agg_daily_sales" else set()
    assert signals <= {check.name for check in checks}
    assert len({check.name for check in checks} - signals) <= 2 + len({rule.dimension for rule in contract.all_rules})
    for check in checks:
        spec = graph.get_check_spec(check)
        assert not spec.blocking
        assert spec.partitions_def == graph.get(key).partitions_def


@pytest.mark.parametrize("grain", [Grain.DAY, Grain.YEAR])
@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 11, 20, 12, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 59, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
        datetime(2028, 2, 28, 23, tzinfo=UTC),
    ],
)
def test_every_business_day_that_a_row_may_lie_on_has_a_slice(grain: Grain, now: datetime) -> None:
    # An extract may be for tomorrow, and a row of it may lie one day after its arrival.
    latest = now.date() + timedelta(days=2)
    keys = partitions_of(grain, Settings(start_date=date(2024, 3, 5))).get_partition_keys(current_time=now)
    assert keys[0] == grain.first_day(date(2024, 3, 5)).isoformat()
    assert grain.first_day(latest).isoformat() in keys


def test_the_first_slice_follows_the_setting() -> None:
    settings = Settings(start_date=date(2019, 7, 15))
    first = {grain: partitions_of(grain, settings).get_first_partition_key() for grain in (Grain.DAY, Grain.YEAR)}
    assert first == {Grain.DAY: "2019-07-15", Grain.YEAR: "2019-01-01"}
    graph = build_defs({"METALAYER_START_DATE": "2019-07-15"}).resolve_asset_graph()
    for name, grain in (("silver.orders", Grain.DAY), ("gold.dim_date", Grain.YEAR)):
        assert graph.get(asset_key(name)).partitions_def == partitions_of(grain, settings)


def test_runs_execute_in_their_own_process_unless_told_otherwise(defs: dg.Definitions) -> None:
    assert defs.executor is dg.in_process_executor
