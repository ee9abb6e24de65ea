"""Try to make what is told of quality differ from what the last audit counted."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from metalayer_assets.contracts import CATALOG, Complete, Rule, SetRule, Severity
from metalayer_assets.contracts.predicate import Col
from metalayer_assets.warehouse import quality_reports
from metalayer_assets.warehouse.audit import Refusal
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, customer, day, order

ORDERS, SILVER = "erp/orders", "silver.orders"
AUDIT, SUMMARY = "meta.data_quality_audit", "silver.data_quality_summary"


def counted(house: House, table: str = SILVER) -> dict[str, tuple[int, int]]:
    """Rows examined and broken on the first day by each rule that a row broke, as the audit table tells."""
    rows = house.fetch(
        f"select rule_id, rows_examined, rows_broken from {AUDIT}"
        " where table_name = %(table)s and slice = %(day)s and rows_broken > 0",
        table=table,
        day=DAY,
    )
    return {rule: (examined, broken) for rule, examined, broken in rows}


def declare(monkeypatch: pytest.MonkeyPatch, table: str, **changes: Any) -> None:
    """Change a table's contract for the length of a test."""
    monkeypatch.setitem(CATALOG._by_name, table, replace(CATALOG[table], **changes))


def test_the_audit_tells_what_was_counted_last_and_the_summary_adds_it_up(house: House):
    house.land(ORDERS, DAY, [order("O1"), order("O2", customer_id=""), order("O3", quantity="x", status="")])
    assert house.update() == []
    assert counted(house) == {"customer_id_given": (3, 1), "quantity_given": (3, 1), "status_given": (3, 1)}
    house.land(ORDERS, DAY, [order("O1"), order("O2", customer_id=""), order("O4")])
    assert house.update() == []
    assert counted(house) == {"customer_id_given": (3, 1)}
    rules = len(CATALOG[SILVER].all_rules)
    (summary,) = house.fetch(
        f"select layer, rules, rules_broken, rows_broken, worst_rule, score, completeness_score, uniqueness_score"
        f" from {SUMMARY} where table_name = %(table)s and slice = %(day)s",
        table=SILVER,
        day=DAY,
    )
    assert summary[:5] == ("silver", rules, 1, 1, "customer_id_given")
    # Of three rows each: seven rules that ask whether something is given, and the share of customers named.
    assert summary[6] == Decimal("0.9583")
    assert summary[5] == house.value(
        "select quality_score from meta.slice_ledger where table_name = 'silver.orders' and status = 'published'"
        " order by write_id desc limit 1"
    )
    assert summary[7] is None
    assert house.problems() == []


def test_nothing_is_counted_again_that_was_counted_so_before(house: House):
    house.land(ORDERS, DAY, [order("O1"), order("O2", customer_id="")])
    assert house.update() == []
    before = house.value("select count(*) from meta.rule_results")
    report = house.write(SILVER, DAY)
    assert not report.published
    assert house.value("select count(*) from meta.rule_results") == before
    assert house.touched() == {}


def test_a_rule_that_is_new_is_told_of_slices_that_it_does_not_change(house: House, monkeypatch: pytest.MonkeyPatch):
    house.land(ORDERS, DAY, [order("O1"), order("O2", customer_id="")])
    assert house.update() == []
    checksum = house.checksums()[SILVER]
    set_rules = (SetRule("all_named", "Every order names its customer.", Complete("customer_id", 1.0)),)
    declare(monkeypatch, SILVER, set_rules=set_rules)
    assert not house.write(SILVER, DAY).published
    assert house.update() == []
    assert house.checksums()[SILVER] == checksum
    assert counted(house) == {"customer_id_given": (2, 1), "all_named": (2, 1)}
    # And one that is withdrawn is told no more.
    declare(monkeypatch, SILVER, set_rules=())
    assert house.update() == []
    assert counted(house) == {"customer_id_given": (2, 1)}
    assert house.problems() == []


def test_a_rule_about_rows_counts_by_its_weight_and_version(house: House, monkeypatch: pytest.MonkeyPatch):
    heavy = Rule("cheap", "A price is below five.", Col("unit_price") < 5, Severity.WARN, "accuracy", 9, version=3)
    declare(monkeypatch, SILVER, rules=(*CATALOG[SILVER].rules, heavy))
    house.land(ORDERS, DAY, [order("O1", price_per_unit="6"), order("O2", price_per_unit="4")])
    assert house.update() == []
    with house.database.transaction(readonly=True) as cursor:
        worst = quality_reports.by_rule(cursor, CATALOG[SILVER], first=None, last=None)[0]
        (silver,) = (row for row in quality_reports.by_table(cursor, first=DAY, last=DAY) if row["table"] == SILVER)
        assert quality_reports.by_table(cursor, first=day(1), last=None) == []
    assert (worst["rule"], worst["weight"], worst["rows_broken"], worst["such_as"]) == ("cheap", 9, 1, "O1")
    assert (silver["accuracy"], silver["consistency"]) == (Decimal("0.5000"), Decimal(1))
    assert house.value(f"select version from {AUDIT} where rule_id = 'cheap'") == 3


def test_facts_whose_aggregate_disagrees_are_refused(house: House, monkeypatch: pytest.MonkeyPatch):
    house.land(ORDERS, DAY, [order("O1", order_date=str(DAY)), order("O2", order_date=str(DAY))])
    assert house.update() == []
    house.execute("update gold.fact_orders set total_amount = total_amount + 0.01 where order_id = 'O1'")
    # What the model adds up agrees; a total told otherwise does not.
    wrong = replace(CATALOG["gold.agg_daily_sales"].set_rules[0].holds, total="total_quantity")  # type: ignore[type-var]
    rule = replace(CATALOG["gold.agg_daily_sales"].set_rules[0], holds=wrong)
    declare(monkeypatch, "gold.agg_daily_sales", set_rules=(rule,))
    with pytest.raises(Refusal, match=r"it breaks orders_agree \(total_orders is what gold.fact_orders holds for the"):
        house.write("gold.agg_daily_sales", DAY)


def test_customers_that_the_crm_tells_of_late_are_known_then(house: House):
    told = (
        "select rows_examined, rows_broken from meta.data_quality_audit"
        " where rule_id = 'customer_known' and table_name = 'gold.fact_orders' and slice = %(day)s"
    )
    house.land(ORDERS, DAY, [order("O1", order_date=str(DAY)), order("O2", customer_id="", order_date=str(DAY))])
    assert house.update() == []
    assert house.fetch(told, day=DAY) == [(1, 1)]
    house.land("crm/customers", day(1), [customer(order()["customer_id"])])
    assert house.update() == []
    assert house.fetch(told, day=DAY) == [(1, 0)]
    assert house.problems() == []
