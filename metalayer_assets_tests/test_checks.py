from datetime import date

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from metalayer_assets.checks import AUDIT, SCORE, check_specs
from metalayer_assets.contracts import CATALOG
from metalayer_assets.metadata import asset_key
from metalayer_assets_tests.dagster_scenario import (
    BRONZE_TO_GOLD,
    BRONZE_TO_SILVER,
    ORDERS,
    Site,
    day,
    materializations,
    orders,
)
from metalayer_assets_tests.scenario import Row, account, customer

COUNTS = ("rows_read", "rows_written", "rows_collapsed", "rows_quarantined")


def evaluations(
    result: dg.ExecuteInProcessResult, table: str, check: str = AUDIT
) -> dict[str | None, AssetCheckEvaluation]:
    """The evaluations of a check in a run by partition, each partition once."""
    asked = dg.AssetCheckKey(asset_key(table), check)
    found = [found for found in result.get_asset_check_evaluations() if found.asset_check_key == asked]
    told = {evaluation.partition: evaluation for evaluation in found}
    assert len(told) == len(found)
    return told


def planned_of(site: Site, result: dg.ExecuteInProcessResult, table: str) -> dict[str | None, str]:
    """The stored state of every partition that the run planned to check."""
    history = site.instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(asset_key(table), AUDIT), limit=1000
    )
    return {record.partition: record.status.value for record in history if record.run_id == result.run_id}


def counts_told(evaluation: AssetCheckEvaluation) -> tuple[int, ...]:
    return tuple(int(str(evaluation.metadata[name].value)) for name in COUNTS)


def counts_in_ledger(site: Site, table: str, day: date) -> tuple[object, ...]:
    (counts,) = site.fetch(
        f"select {', '.join(COUNTS)} from meta.slice_ledger where table_name = %(table)s and slice = %(day)s"
        " order by write_id desc limit 1",
        table=table,
        day=day,
    )
    return counts


def dirty(arrival: date) -> list[Row]:
    """Five orders: one sound, one sent twice, one whose quantity nobody can read, and one of no known status."""
    return [
        *orders(arrival, 2),
        *orders(arrival, 1),
        *orders(arrival, 1, prefix="q", quantity="some"),
        *orders(arrival, 1, prefix="s", status="GIFTED"),
    ]


SUCCEEDED = AssetCheckExecutionRecordStatus.SUCCEEDED.value
FAILED = AssetCheckExecutionRecordStatus.FAILED.value


def test_a_single_key_run_leaves_one_evaluation_of_its_partition(site: Site) -> None:
    site.land(ORDERS, day(0), dirty(day(0)))
    result = site.materialize(BRONZE_TO_GOLD, day(0))
    assert result.success
    for table in BRONZE_TO_GOLD:
        told = evaluations(result, table)
        assert list(told) == [str(day(0))]
        evaluation = told[str(day(0))]
        assert evaluation.passed == (table != "silver.orders")
        assert evaluation.severity is dg.AssetCheckSeverity.WARN
        assert counts_told(evaluation) == counts_in_ledger(site, table, day(0))
        assert planned_of(site, result, table) == {str(day(0)): SUCCEEDED if evaluation.passed else FAILED}
    assert counts_told(evaluations(result, "silver.orders")[str(day(0))]) == (5, 2, 1, 2)


def test_what_broke_is_told_with_rule_severity_counts_and_keys(site: Site) -> None:
    site.land(ORDERS, day(1), dirty(day(1)))
    result = site.materialize(BRONZE_TO_SILVER, day(1))
    evaluation = evaluations(result, "silver.orders")[str(day(1))]
    assert evaluations(result, "silver.orders", "completeness")[str(day(1))].metadata.keys() == {"rule quantity_given"}
    validity = evaluations(result, "silver.orders", "validity")[str(day(1))]
    assert (validity.passed, validity.metadata.keys()) == (False, {"rule status_known"})
    assert evaluations(result, "silver.orders", "timeliness")[str(day(1))].passed
    rules = {name.removeprefix("rule "): entry.value for name, entry in evaluation.metadata.items() if " " in name}
    assert rules["quantity_given"] == f"reject: 1 of 5 rows, such as q-{day(1)}-0"
    assert rules["status_known"] == f"reject: 1 of 5 rows, such as s-{day(1)}-0"
    told = dict(
        site.fetch(
            "select rule_id, rows_broken from meta.rule_results"
            " where table_name = 'silver.orders' and slice = %(day)s and rows_broken > 0",
            day=day(1),
        )
    )
    assert told.keys() == rules.keys()
    assert evaluation.metadata["see"].value == "metalayer quarantine silver.orders"


def test_the_score_is_held_against_what_is_wanted(site: Site) -> None:
    site.land(ORDERS, day(12), orders(day(12), 3))
    site.land(ORDERS, day(13), [*orders(day(13), 3), *orders(day(13), 1, prefix="q", quantity="some", status="x")])
    site.land("crm/accounts", day(12), [account(customer_name="", email="")])
    result = site.materialize(BRONZE_TO_SILVER, day(12), day(13))
    told = evaluations(result, "silver.orders", SCORE)
    assert told[str(day(12))].passed
    assert told[str(day(12))].metadata["score"].value == 1.0
    worse = told[str(day(13))].metadata
    assert (worse["costs most"].value, worse["wanted"].value) == ("quantity_given, status_known", "0.95")
    result = site.materialize(("bronze.crm_accounts", "silver.accounts"), day(12))
    (low,) = evaluations(result, "silver.accounts", SCORE).values()
    assert (low.passed, low.metadata["score"].value) == (False, 0.6666)
    # Nobody examined a day without rows.
    result = site.materialize(("bronze.crm_accounts", "silver.accounts"), day(13))
    (empty,) = evaluations(result, "silver.accounts", SCORE).values()
    assert (empty.passed, empty.metadata["told"].value) == (True, "nothing was examined")


def test_a_table_has_one_check_for_each_dimension_of_quality_that_it_has_rules_of() -> None:
    named = {
        contract.name: [spec.name for spec in check_specs(contract, dg.DailyPartitionsDefinition("2024-01-01"))]
        for contract in CATALOG.assets()
    }
    assert named["silver.orders"] == [AUDIT, "completeness", "validity", "consistency", "timeliness", SCORE]
    assert named["gold.agg_daily_sales"] == [AUDIT, "accuracy", SCORE]
    assert named["bronze.erp_orders"] == named["gold.dim_customer"] == [AUDIT]


def test_a_check_of_a_dimension_passes_only_where_no_row_broke_a_rule_even_a_warning(site: Site) -> None:
    # Unknown customers are kept and warned about.
    warned = next(rule for rule in CATALOG["silver.customers"].rules if rule.id == "email_valid")
    site.land("crm/customers", day(2), [customer(email="nobody at nowhere")])
    site.land("crm/customers", day(3), [customer()])
    result = site.materialize(("bronze.crm_customers", "silver.customers"), day(2), day(3))
    told = evaluations(result, "silver.customers", warned.dimension)
    assert {key: kept.passed for key, kept in evaluations(result, "silver.customers").items()} == {
        str(day(2)): True,
        str(day(3)): True,
        None: True,
    }
    assert warned.severity.value == "warn"
    assert {key: evaluation.passed for key, evaluation in told.items()} == {
        str(day(2)): False,
        str(day(3)): True,
        None: False,
    }
    assert told[str(day(2))].metadata["rule email_valid"].value == "warn: 1 of 1 rows, such as C1"


@pytest.mark.parametrize("batch", ["0", "500"])
@pytest.mark.parametrize("length", [1, 4])
def test_a_range_run_leaves_one_evaluation_per_partition_and_none_open(
    site: Site, length: int, batch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", batch)
    start = 20 + 10 * length + int(batch) // 100
    days = [day(start + number) for number in range(length)]
    site.land(ORDERS, days[0], dirty(days[0]))
    for sound in days[1:-1]:
        site.land(ORDERS, sound, orders(sound))
    result = site.materialize(BRONZE_TO_SILVER, days[0], days[-1], as_range=True)
    assert result.success
    for table in BRONZE_TO_SILVER:
        told = evaluations(result, table)
        assert told.keys() == {*map(str, days), None}
        judged = table == "silver.orders"
        for slice_day in days:
            evaluation = told[str(slice_day)]
            assert counts_told(evaluation) == counts_in_ledger(site, table, slice_day)
            assert evaluation.passed == (not judged or slice_day != days[0])
        of_all = told[None].metadata
        if length == 1:
            assert counts_told(told[None]) == counts_told(told[str(days[0])])
        else:
            # In words: a sum as a number would be a point in the plot of the single days.
            summed = map(sum, zip(*(counts_told(told[str(slice_day)]) for slice_day in days), strict=True))
            rows = "{} read, {} written, {} collapsed, {} quarantined".format(*summed)
            assert (of_all["rows"].value, of_all["slices"].value) == (rows, f"{length}, {days[0]} to {days[-1]}")
            assert not of_all.keys() & set(COUNTS)
        states = planned_of(site, result, table)
        assert states.pop(None) == (FAILED if judged else SUCCEEDED)
        assert states == {
            str(slice_day): FAILED if judged and slice_day == days[0] else SUCCEEDED for slice_day in days
        }


def test_an_evaluation_names_the_materialization_that_it_judged(site: Site) -> None:
    days = [day(80), day(81)]
    for arrival in days:
        site.land(ORDERS, arrival, orders(arrival))
    for _ in range(2):
        result = site.materialize(BRONZE_TO_SILVER, days[0], days[1])
        for table in BRONZE_TO_SILVER:
            stored = site.instance.event_log_storage.get_latest_storage_id_by_partition(
                asset_key(table), dg.DagsterEventType.ASSET_MATERIALIZATION, {str(day) for day in days}
            )
            for slice_day in days:
                target = evaluations(result, table)[str(slice_day)].target_materialization_data
                assert target is not None
                assert (target.run_id, target.storage_id) == (result.run_id, stored[str(slice_day)])


def test_a_refused_slice_is_no_passed_check(site: Site) -> None:
    site.land(ORDERS, day(90), orders(day(90), 30))
    site.materialize(BRONZE_TO_SILVER, day(90))
    site.land(ORDERS, day(90), orders(day(90), 1))
    result = site.materialize(BRONZE_TO_SILVER, day(90))
    assert not result.success
    assert result.get_asset_check_evaluations() == []
    assert planned_of(site, result, "bronze.erp_orders") == {str(day(90)): "PLANNED"}


def test_a_check_tells_what_the_audit_counted_and_reads_no_table(site: Site) -> None:
    site.land(ORDERS, day(95), orders(day(95), 5))
    site.materialize(BRONZE_TO_SILVER, day(95))
    with site.warehouse.database.transaction() as cursor:
        cursor.execute(
            "delete from silver.orders where arrival_day = %(day)s and order_id like '%%-4'", {"day": day(95)}
        )
    result = site.materialize(BRONZE_TO_SILVER, day(95))
    # The write finds its sources unchanged and leaves the slice alone; the row that went missing is for verify to find.
    (event,) = materializations(result, "silver.orders").values()
    assert event.metadata["status"].value == "unchanged"
    assert counts_told(evaluations(result, "silver.orders")[str(day(95))]) == (5, 5, 0, 0)
    assert site.slice_rows("silver.orders")[day(95)] == 4
