import csv
import io
import json
from pathlib import Path

import pytest

from metalayer_assets.contracts import CATALOG
from metalayer_assets_tests.cli.conftest import Invoke
from metalayer_assets_tests.dagster_scenario import ORDERS, SALES, Site, day, orders


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_what_is_kept_out_is_corrected_waived_and_judged_again(site: Site, invoke: Invoke, tmp_path: Path) -> None:
    site.land(ORDERS, day(2), orders(day(2), 2, prefix="k", quantity="none"), name="kept.csv")
    assert invoke("run").code == 0
    path = tmp_path / "q.csv"
    told = invoke("quarantine", "export", "orders", "--to", str(path), "--file", "kept.csv")
    assert (told.code, told.out) == (0, f"2 rows of quarantine.orders written to {path}.\n")
    assert "exists and is not written over" in invoke("quarantine", "export", "orders", "--to", str(path)).sentence()
    first, second = table(path.read_text())
    assert (first["_file"], first["_line"], first["_rules"]) == (f"{ORDERS}/{day(2)}/kept.csv", "2", "quantity_given")
    assert first["_reasons"] == "A whole number of units is given."
    path.write_text(path.read_text().replace("none", "3", 1))

    tried = json.loads(invoke("correct", str(path), "--dry-run", "--json").out)
    assert (tried["corrected"], tried["unchanged"], tried["files"]) == (1, 1, [])
    told = invoke("correct", str(path), "--note", "by phone", METALAYER_USER="ada")
    assert (told.code, told.err) == (0, "")
    assert "1 row of silver.orders corrected, 1 left as they are." in told.out
    assert "bring it in: metalayer run" in told.out
    assert "names a row that ada has corrected on" in invoke("correct", str(path)).sentence()
    assert invoke("run").code == 0
    steps = json.loads(invoke("trace", "fact_orders", first["order_id"], "--json").out)
    (corrected,) = [step for step in steps if step["note"] == "which corrects"]
    assert (corrected["row"]["file"], corrected["row"]["line"], corrected["row"]["corrected_by"]) == (
        first["_file"],
        2,
        "ada",
    )

    rows = json.loads(invoke("quarantine", "orders", "--file", "kept.csv", "--json").out)
    assert [row["order_id"] for row in rows] == [second["order_id"]]
    shown = invoke("quarantine", "orders", "--file", "kept.csv", "--resolved").out
    assert f"{ORDERS}/{day(2)}/kept.csv line 2  (day {day(2)}, first seen " in shown
    assert "  quantity_given: A whole number of units is given.\n" in shown
    assert "  corrected by ada " in shown
    assert ": by phone\n" in shown
    assert "quantity='none'" in shown

    told = invoke("quarantine", "waive", "orders", "--file", "kept.csv", "--note", "too old", "--by", "bob", "--json")
    assert json.loads(told.out) == {"table": "silver.orders", "waived": 1}
    nothing = invoke("quarantine", "orders", "--file", "kept.csv").out
    assert nothing == "Nothing of what was kept out is meant; --resolved and --closed show what was dealt with.\n"
    told = invoke("quarantine", "reopen", "orders", "--file", "kept.csv", "--line", "3")
    assert told.out == "1 row of quarantine.orders reopened.\n"

    told = invoke("replay", "orders", "--rule", "quantity_given", "--json")
    assert (told.code, told.err) == (0, "")
    (done,) = json.loads(told.out)["tables"]
    assert (done["slices"], done["rows"], done["passed"], done["resolved"]) == (2, 3, 0, 1)
    assert done["still_out"] == [
        {"rule": "quantity_given", "description": "A whole number of units is given.", "rows": 2}
    ]
    assert "of 3 rows 0 are kept out no longer, 3 still are (1 of them corrected or waived)" in invoke("replay").out
    assert "No row that is kept out is concerned." in invoke("replay", "sales").out
    entries = json.loads(invoke("quarantine", "actions", "orders", "--json").out)
    assert [(entry["action"], entry["acted_by"], entry["source_lines"]) for entry in reversed(entries[-3:])] == [
        ("corrected", "ada", [2]),
        ("waived", "bob", [3]),
        ("reopened", entries[-3]["acted_by"], [3]),
    ]
    assert json.loads(invoke("verify", "--json").out)["ok"] is True
    assert invoke("rebuild", "--check").code == 0


@pytest.mark.parametrize(
    "arguments", [["--by", "day"], ["orders", "--by", "file"], ["list", "--by", "rule", "--day", str(day(3))]]
)
def test_what_is_kept_out_is_counted_by_what_is_asked_for(invoke: Invoke, arguments: list[str]) -> None:
    told = invoke("quarantine", *arguments, "--json")
    assert (told.code, told.err) == (0, "")
    rows = json.loads(told.out)
    key = {"day": "day", "file": "file", "rule": "why"}[arguments[arguments.index("--by") + 1]]
    assert {"day": str(day(3)), "file": f"{ORDERS}/{day(3)}/part.csv", "why": "quantity_given"}[key] in {
        row[key] for row in rows
    }
    assert all(row["first_seen"] <= row["last_seen"] for row in rows)


def test_a_table_is_copied_out_as_csv(site: Site, invoke: Invoke, tmp_path: Path) -> None:
    told = invoke("export", "fact_sales", "--to", "-")
    rows = table(told.out)
    assert told.err == "2 rows of gold.fact_sales written to -.\n"
    assert [row["sales_id"] for row in rows] == [f"s-{day(0)}-0", f"s-{day(0)}-1"]
    assert list(rows[0]) == list(CATALOG["gold.fact_sales"].column_names)
    path = tmp_path / "o.csv"
    assert invoke("export", "silver.orders", "--slice", str(day(1)), "--to", str(path), "--bom").code == 0
    assert path.read_bytes().startswith(b"\xef\xbb\xbforder_id,")
    assert len(table(path.read_text(encoding="utf-8-sig"))) == 25
    assert "written to -" in invoke("quarantine", "export", "orders", "--to", "-").err
    assert "has no slices" in invoke("export", "slice_ledger", "--slice", str(day(1)), "--to", "-").sentence()
    assert "cannot be written" in invoke("export", "fact_sales", "--to", str(tmp_path / "no" / "x.csv")).sentence()
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_and_empty_text_are_told_apart(site: Site, invoke: Invoke) -> None:
    site.land(SALES, day(2), [], name="e.csv").write_text(
        'sales_id,product_id,customer_id,quantity,sale_date,sale_amount\nn1,"",,1,x,"a ""b"""\n'
    )
    assert invoke("run", "--select", "bronze").code == 0
    told = invoke("export", "erp_sales", "--slice", str(day(2)), "--to", "-").out
    assert told.splitlines()[1].startswith('n1,"",,1,x,"a ""b""",,')
    assert invoke("run").code == 0


def test_values_that_begin_like_a_formula_are_written_as_they_landed_and_told_of(
    site: Site, invoke: Invoke, tmp_path: Path
) -> None:
    site.land(ORDERS, day(1), orders(day(1), 1, prefix="f", quantity="=1+1", status="-1"), name="f.csv")
    assert invoke("run").code == 0
    path = tmp_path / "f.csv"
    told = invoke("quarantine", "export", "orders", "--to", str(path), "--file", "f.csv")
    assert "Values that begin like a formula, written as they landed: 1;" in told.out
    assert table(path.read_text())[0]["quantity"] == "=1+1"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["quarantine", "orders", "--rule", "nothing"],
            "--rule nothing: there is no such rule. Rules: customer_id_given",
        ),
        (["quarantine", "orders", "--file", "nothing"], "--file nothing: no file of that name was ever loaded"),
        (["quarantine", "orders", "--line", "3"], "--line goes with --file"),
        (["quarantine", "orders", "--day", str(day(1)), "--from", str(day(1))], "--day goes without --from"),
        (["quarantine", "waive", "orders", "--note", "x"], "say which rows"),
        (["quarantine", "waive", "orders", "--all", "--day", str(day(1)), "--note", "x"], "say which rows"),
        (["quarantine", "waive", "orders", "--all"], "Missing option '--note'"),
        (["quarantine", "export", "fact_orders", "--to", "-"], "nothing is kept out of gold.fact_orders"),
        (["quarantine", "export", "bronze_lines", "--to", "-"], "name one of bronze.crm_customers"),
        (["replay", "erp_orders"], "which no rule judges: name a silver table"),
        (["correct", "nowhere.csv"], "nowhere.csv: the file cannot be read"),
        (["correct", "nowhere.xlsx"], "nowhere.xlsx: the extension is not one that can be loaded"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(invoke: Invoke, arguments: list[str], sentence: str) -> None:
    told = invoke(*arguments)
    assert told.code in (1, 2)
    assert sentence in told.err
    assert told.err.startswith("metalayer: ")
