from collections.abc import Sequence
from typing import Any

import pytest

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.workbench import waiver
from metalayer_assets.warehouse.workbench.desk import Selection, desk_of, desks
from metalayer_assets.warehouse.workbench.listing import DEFAULT_GROUPS, Group, kept_out_counts
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, day, order, sale
from metalayer_assets_tests.warehouse.workbench.people import EVERYTHING, WAITING, listed

HEADER = "order_id,customer_id,product_code,quantity,price_per_unit,order_date,status\n"
ORDERS = desk_of(CATALOG["silver.orders"])
CLOSED = Selection(closed=True)


@pytest.fixture
def shown(house: House) -> House:
    house.land("erp/orders", DAY, [order("O1", quantity="0"), order("O2", quantity="0", status="")])
    house.land("erp/orders", day(1), HEADER + "short\n", name="b.csv")
    house.land("erp/sales", day(2), [sale(quantity="0")])
    assert house.update() == []
    house.land("erp/orders", DAY, [order("O1"), order("O2", quantity="0", status="")])
    assert house.update() == []
    return house


def counts(
    house: House, selection: Selection = WAITING, groups: Sequence[Group] = DEFAULT_GROUPS, among: Any = None
) -> list[dict[str, Any]]:
    with house.database.transaction(readonly=True) as cursor:
        return kept_out_counts(cursor, among or desks(), selection, groups)


def test_kept_out_rows_are_shown_with_their_file_first_and_the_rules_they_broke(shown: House):
    (row,) = listed(shown, "silver.orders")
    assert list(row)[:2] == ["file", "source_line"]
    assert (row["file"], row["source_line"], row["arrival_day"]) == ("erp/orders/2024-03-10/part-0.csv", 3, DAY)
    assert (row["order_id"], row["raw"]["quantity"], row["state"], row["resolution"]) == ("O2", "0", "open", None)
    assert row["failed_rules"] == ["quantity_not_zero", "status_given"]
    assert row["reasons"] == [
        {"rule": "quantity_not_zero", "description": "An order moves at least one unit."},
        {"rule": "status_given", "description": "An order has a status."},
    ]
    every_row = listed(shown, "quarantine.orders", CLOSED)
    assert [(row["order_id"], row["state"]) for row in every_row] == [("O1", "closed"), ("O2", "open")]
    assert listed(shown, "bronze.erp_sales", EVERYTHING) == []


def test_unreadable_lines_are_shown_with_their_bytes(shown: House):
    (line,) = listed(shown, "bronze.erp_orders")
    assert (line["file"], line["source_line"], bytes(line["raw"])) == ("erp/orders/2024-03-11/b.csv", 2, b"short")
    assert line["reasons"] == [{"rule": line["reason"], "description": line["reason"]}]


def test_a_selection_keeps_to_rules_files_lines_and_days(shown: House):
    for selection, expected in (
        (Selection(rules=("status_given",)), {"O2"}),
        (Selection(rules=("order_id_given", "quantity_not_zero")), {"O2"}),
        (Selection(rules=("order_id_given",)), set()),
        (Selection(rules=("quantity_not_zero",), closed=True), {"O1", "O2"}),
        (Selection(files=("part-0.csv",)), {"O2"}),
        (Selection(files=("erp/orders/2024-03-10/part-0.csv",), lines=(2,), closed=True), {"O1"}),
        (Selection(files=("erp/orders/2024-03-11/b.csv",)), set()),
        (Selection(first=DAY, last=DAY), {"O2"}),
        (Selection(first=day(1)), set()),
        (Selection(last=day(-1)), set()),
    ):
        assert {row["order_id"] for row in listed(shown, "silver.orders", selection)} == expected, selection


def test_what_is_kept_out_is_counted_by_rule_and_reason(shown: House):
    told = {(row["table"], row["why"]): row for row in counts(shown)}
    reason = shown.value("select reason from quarantine.bronze_lines")
    assert {key: row["rows"] for key, row in told.items()} == {
        ("quarantine.orders", "quantity_not_zero"): 1,
        ("quarantine.orders", "status_given"): 1,
        ("quarantine.sales", "quantity_not_zero"): 1,
        ("quarantine.bronze_lines of bronze.erp_orders", reason): 1,
    }
    sales = told["quarantine.sales", "quantity_not_zero"]
    assert (sales["first"], sales["last"], sales["description"]) == (day(2), day(2), "A sale moves at least one unit.")
    assert sales["first_seen"] == sales["last_seen"] == shown.value("select first_seen_at from quarantine.sales")
    assert {(row["why"], row["rows"]) for row in counts(shown, CLOSED, among=[ORDERS])} == {
        ("quantity_not_zero", 2),
        ("status_given", 1),
    }
    # Asked for one rule, a row is not counted for the others that it broke as well.
    assert [row["why"] for row in counts(shown, Selection(rules=("status_given",)), among=[ORDERS])] == ["status_given"]


def test_counted_by_anything_but_the_rule_a_row_counts_once(shown: House):
    def by(*groups: Group) -> list[tuple[Any, ...]]:
        return [tuple(row[key] for key in [*(g.key for g in groups), "rows"]) for row in counts(shown, CLOSED, groups)]

    assert by(Group.DAY) == [(DAY, 2), (day(1), 1), (day(2), 1)]
    assert by(Group.FILE) == [
        ("erp/orders/2024-03-10/part-0.csv", 2),
        ("erp/orders/2024-03-11/b.csv", 1),
        ("erp/sales/2024-03-12/part-0.csv", 1),
    ]
    assert by(Group.TABLE, Group.DAY) == [
        ("quarantine.bronze_lines of bronze.erp_orders", day(1), 1),
        ("quarantine.orders", DAY, 2),
        ("quarantine.sales", day(2), 1),
    ]
    assert by(Group.RULE)[0] == ("quantity_not_zero", 3)


def test_what_was_waived_is_listed_only_where_asked_for_and_comes_back_when_that_is_taken_back(shown: House):
    assert waiver.waive(shown.writer, ORDERS, Selection(), by="ada", note="the shop is closed") == 1
    assert listed(shown, "silver.orders") == []
    (row,) = listed(shown, "silver.orders", Selection(resolved=True))
    assert (row["resolution"], row["resolved_by"], row["note"]) == ("waived", "ada", "the shop is closed")
    assert waiver.waive(shown.writer, ORDERS, Selection(), by="bob", note="again") == 0
    assert waiver.reopen(shown.writer, ORDERS, Selection(), by="bob", note=None) == 1
    (row,) = listed(shown, "silver.orders")
    assert (row["resolution"], row["resolved_by"], row["resolved_at"], row["note"]) == (None, None, None, None)
    # Who did what stays.
    assert shown.fetch(
        "select action, acted_by, table_name, arrival_day, rows, source_lines, note from meta.quarantine_actions"
        " order by action_id"
    ) == [
        ("waived", "ada", "silver.orders", DAY, 1, [3], "the shop is closed"),
        ("reopened", "bob", "silver.orders", DAY, 1, [3], None),
    ]
    assert shown.problems() == []


def test_unreadable_lines_of_one_table_are_waived_without_those_of_another(house: House):
    house.land("erp/orders", DAY, HEADER + "short\n")
    house.land("erp/sales", DAY, "sales_id,product_id,customer_id,quantity,sale_date,sale_amount\nshort\n")
    assert house.update() == []
    assert waiver.waive(house.writer, desk_of(CATALOG["bronze.erp_sales"]), Selection(), by="ada", note="x") == 1
    assert [row["file"] for row in listed(house, "erp_orders")] == ["erp/orders/2024-03-10/part-0.csv"]
    assert listed(house, "erp_sales") == []


@pytest.mark.parametrize("table", ["gold.fact_orders", "meta.slice_ledger", "history.orders"])
def test_a_table_that_keeps_nothing_out_says_so(table: str):
    with pytest.raises(SettingError, match=rf"nothing is kept out of {table}"):
        desk_of(CATALOG[table])


def test_lines_of_all_tables_are_no_desk():
    with pytest.raises(SettingError, match=r"holds lines of several tables: name one of bronze\.crm_customers"):
        desk_of(CATALOG["quarantine.bronze_lines"])


def test_a_rule_and_a_file_that_are_not_there_are_named(house: House):
    with pytest.raises(SettingError, match=r"--rule quantity: there is no such rule\. Rules: .*quantity_given"):
        waiver.waive(house.writer, ORDERS, Selection(rules=("quantity",)), by="ada", note="x")
    with pytest.raises(SettingError, match=r"--file c\.csv: no file of that name was ever loaded"):
        listed(house, "silver.orders", Selection(files=("c.csv",)))
