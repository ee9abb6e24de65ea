from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from metalayer_assets.contracts import CATALOG, Contract, Rule
from metalayer_assets.contracts.predicate import Col
from metalayer_assets.warehouse import versions
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.workbench.desk import desk_of
from metalayer_assets.warehouse.workbench.replay import StillOut, replaying
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, day, order, sale
from metalayer_assets_tests.warehouse.workbench.people import correct_rows, listed, replay

ORDERS = CATALOG["silver.orders"]


@contextmanager
def with_rules(*rules: Rule, without: str) -> Iterator[Contract]:
    """Orders judged by further rules and without one."""
    kept = tuple(rule for rule in ORDERS.rules if rule.id != without)
    changed = replace(ORDERS, rules=(*kept, *rules))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CATALOG._by_name, ORDERS.name, changed)
        yield changed


@pytest.fixture
def kept(house: House) -> House:
    """Days with rows kept out by one rule, by two, by another, and by none."""
    house.land("erp/orders", DAY, [order("O1", quantity="0"), order("O2"), order("O3", quantity="0", status="LOST")])
    house.land("erp/orders", day(1), [order("O4", status="LOST")])
    house.land("erp/orders", day(2), [order("O5")])
    house.land("erp/sales", DAY, [sale(quantity="0")])
    assert house.update() == []
    return house


def writes(house: House) -> set[tuple[str, object]]:
    return set(house.fetch("select table_name, slice from meta.slice_ledger"))


def test_a_replay_judges_the_slices_concerned_and_closes_what_passes(kept: House):
    entries = kept.value("select max(write_id) from meta.slice_ledger")
    with with_rules(without="quantity_not_zero") as changed:
        (done,) = replay(kept, ["silver.orders"], "status_known", "quantity_not_zero")
        assert (done.table, done.slices, done.rows, done.passed, done.newly_out) == ("silver.orders", 2, 3, 1, 0)
        assert done.still_out == (StillOut("status_known", "The status is one of the code list.", 2),)
        assert [row["order_id"] for row in listed(kept, "orders")] == ["O4", "O3"]
        written = kept.fetch(
            "select distinct table_name, slice from meta.slice_ledger where write_id > %(n)s order by 1, 2", n=entries
        )
        assert [slice_ for table, slice_ in written if table == "silver.orders"] == [DAY, day(1)]
        assert "silver.sales" not in {table for table, _ in written}
        assert ("gold.fact_orders", day(-1)) in written
        assert kept.fetch("select order_id from gold.fact_orders order by 1") == [("O1",), ("O2",), ("O5",)]
        # What the change concerns otherwise is left to a run.
        (work,) = kept.plan()
        assert (work.tables, work.first, work.last) == (("silver.orders",), day(2), day(2))
        assert kept.update() == []
        assert kept.problems() == []
        assert versions.code_version(changed, kept.settings) == kept.value(
            "select distinct code_version from meta.slice_ledger"
            " where table_name = 'silver.orders' and write_id > %(n)s",
            n=entries,
        )


def test_a_replay_of_one_rule_leaves_the_slices_of_others_alone(kept: House):
    before = kept.ledger("silver.orders")
    (done,) = replay(kept, ["silver.orders", "silver.sales"], "status_known")
    assert (done.slices, done.rows, done.passed) == (2, 2, 0)
    after = kept.ledger("silver.orders")[len(before) :]
    assert [(slice_, status) for slice_, status, *_ in after] == [(DAY, "unchanged"), (day(1), "unchanged")]
    sales, orders = replay(kept, ["silver.sales", "silver.orders"])
    assert (sales.table, sales.slices, orders.slices) == ("silver.sales", 1, 2)
    assert kept.problems() == []
    assert kept.fetch(
        "select action, table_name, rows, source_lines from meta.quarantine_actions order by action_id, arrival_day"
    ) == [
        ("replayed", "silver.orders", 1, [4]),
        ("replayed", "silver.orders", 1, [2]),
        *[("replayed", table, rows, lines) for table, rows, lines in _second(kept)],
    ]


def _second(house: House) -> list[tuple[str, int, list[int]]]:
    """What the replay of everything concerned, table by table in the order of its numbers."""
    found = {"silver.sales": [(1, [2])], "silver.orders": [(2, [2, 4]), (1, [2])]}
    order_ = house.fetch(
        "select table_name from meta.quarantine_actions group by action_id, table_name order by action_id offset 1"
    )
    return [(table, *entry) for (table,) in order_ for entry in found[table]]


def test_a_stricter_rule_says_what_it_keeps_out_besides(kept: House):
    stricter = Rule("quantity_two", "An order is of more than two.", Col("quantity") > 2)
    with with_rules(stricter, without="status_known"):
        (done,) = replay(kept, ["silver.orders"], "status_given", "order_id_given", "quantity_not_zero")
        assert (done.slices, done.rows, done.passed, done.newly_out) == (1, 2, 0, 1)
        assert {(rule.rule, rule.rows) for rule in done.still_out} == {("quantity_two", 2), ("quantity_not_zero", 2)}
    assert kept.update(allow_shrink=True) == []
    assert kept.problems() == []


def test_corrected_rows_are_told_apart_and_their_originals_may_pass_later(kept: House, tmp_path: Path):
    correct_rows(
        kept, "orders", tmp_path / "q.csv", lambda sheet: sheet.edit("O1", quantity="7").edit("O4", status="PAID")
    )
    assert kept.update() == []
    (done,) = replay(kept, ["silver.orders"])
    assert (done.rows, done.passed, done.resolved) == (3, 0, 2)
    assert {rule.rule for rule in done.still_out} == {"quantity_not_zero", "status_known"}
    with with_rules(without="quantity_not_zero"):
        (done,) = replay(kept, ["silver.orders"])
        assert (done.passed, done.resolved) == (1, 1)
        # Original and correction are two tellings of one order by now: the correction is the last.
        assert kept.value("select quantity from gold.fact_orders where order_id = 'O1'") == 7
        assert kept.fetch("select state, resolution from quarantine.orders where order_id = 'O1'") == [
            ("closed", "corrected")
        ]
        assert kept.update() == []
        assert kept.problems() == []


def test_what_a_replay_asked_for_is_done_by_the_next_run_where_it_did_not_come_so_far(kept: House):
    with with_rules(without="quantity_not_zero"):
        with replaying(kept.database, [desk_of(ORDERS)], ["quantity_not_zero"]) as doing:
            doing.request(by="ada")
        assert kept.touched() == {"silver.orders": [DAY]}
        assert kept.update() == []
        assert [row["order_id"] for row in listed(kept, "orders")] == ["O4", "O3"]
        assert kept.problems() == []


def test_a_replay_of_nothing_touches_nothing(house: House):
    house.land("erp/orders", DAY, [order("O1")])
    assert house.update() == []
    before = house.state(ledger=True)
    with replaying(house.database, [desk_of(ORDERS)], []) as doing:
        assert doing.slices == {}
    assert house.state(ledger=True) == before


def test_lines_and_unknown_rules_are_refused(house: House):
    with (
        pytest.raises(SettingError, match="which no rule judges: name a silver table"),
        replaying(house.database, [desk_of(CATALOG["bronze.erp_orders"])], []),
    ):
        pass
    with (
        pytest.raises(SettingError, match="--rule nothing: there is no such rule"),
        replaying(house.database, [desk_of(ORDERS)], ["nothing"]),
    ):
        pass
