import json
from pathlib import Path

from metalayer_assets.contracts import CATALOG, Column, Type
from metalayer_assets_tests.cli.conftest import Invoke
from metalayer_assets_tests.warehouse.changed_contracts import changed_contracts, with_column, without_column

ACCOUNTS = "bronze.crm_accounts"
SEGMENT = Column("segment", Type.TEXT, "Segment of the customer.", optional=True)


def test_a_warehouse_in_line_has_nothing_to_plan_or_apply(invoke: Invoke) -> None:
    assert invoke("plan").out == "Tables and slices are what the contracts say; there is nothing to apply.\n"
    assert json.loads(invoke("plan", "--json").out) == []
    assert invoke("apply").out == "Every table stands as its contract declares it; nothing was changed.\n"


def test_a_changed_contract_is_refused_planned_and_applied(invoke: Invoke, tmp_path: Path) -> None:
    with changed_contracts(tmp_path / "sql", with_column(ACCOUNTS, SEGMENT, before="region")):
        sentence = invoke("ledger").sentence()
        assert "bronze.crm_accounts (segment text)" in sentence
        assert "`metalayer plan`" in sentence
        shown = invoke("plan")
        assert (shown.code, shown.err) == (0, "")
        assert [line.split()[:3] for line in shown.out.splitlines()[1:3]] == [
            [ACCOUNTS, "add", "column"],
            ["history.crm_accounts", "add", "column"],
        ]
        assert "Do it: metalayer apply, then metalayer run." in shown.out
        (table, history) = json.loads(invoke("plan", "--json").out)
        change = {"table": ACCOUNTS, "change": "add column", "detail": "segment text", "loses": None}
        assert (table["table"], table["changes"], history["table"]) == (ACCOUNTS, [change], "history.crm_accounts")
        assert "history.crm_accounts  add column  segment text" in invoke("apply").out
        assert json.loads(invoke("apply", "--json").out) == []
        assert invoke("verify").code == 0
    # What holds no value is no loss.
    assert json.loads(invoke("apply", "--json").out) == [
        change | {"change": "drop column", "detail": "segment"},
        change | {"change": "drop column", "detail": "segment", "table": "history.crm_accounts"},
    ]
    assert invoke("verify").code == 0


def test_a_loss_must_be_allowed(invoke: Invoke, tmp_path: Path) -> None:
    with changed_contracts(
        tmp_path / "sql",
        without_column("bronze.erp_sales", "sale_amount"),
        edits={"silver.sales": ("meta.clean_text(told.sale_amount) as", "null::text as")},
    ):
        assert "lost for good: the values of bronze.erp_sales.sale_amount; apply it with" in invoke("plan").out
        assert "`metalayer apply --allow-loss`" in invoke("apply").sentence()
    assert invoke("plan").out.startswith("Tables and slices are what the contracts say")
    assert "sale_amount" in CATALOG["bronze.erp_sales"].column_names
