import gzip
import json
import subprocess
import sys
from decimal import Decimal

import pytest

from metalayer_assets.contracts import CATALOG
from metalayer_assets_tests.cli.conftest import Invoke
from metalayer_assets_tests.dagster_scenario import ORDERS, Site, day

ASSETS = [contract.name for contract in CATALOG.assets()]


def test_status_tells_programs_where_the_warehouse_is_and_what_it_holds(site: Site) -> None:
    done = site.command("metalayer", "status", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["database_url"] == site.settings.database_url
    assert (told["embedded"], told["running"], told["landing"]) == (False, True, str(site.landing))
    assert [table["table"] for table in told["tables"]] == ASSETS
    held = {table["table"]: (table["rows"], table["slices"], table["first"], table["last"]) for table in told["tables"]}
    assert held["silver.orders"] == (105, 4, str(day(0)), str(day(3)))
    assert held["bronze.erp_products"] == (0, 0, None, None)
    assert (told["waiting"], told["problems"]) == ({}, [])


def test_status_tells_people_what_waits(site: Site, invoke: Invoke) -> None:
    assert "Nothing waits to be written." in invoke("status").out
    path = site.land("erp/products", day(0), [{"product_code": "P1"}])
    told = invoke("status")
    path.unlink()
    assert told.code == 0
    assert "slices waiting: bronze.erp_products 1; bring them in: metalayer run" in told.out


def test_status_masks_the_password_for_people(invoke: Invoke, site: Site) -> None:
    assert site.settings.database_url is not None
    url = site.settings.database_url.replace("metalayer@", "metalayer:hush@")
    assert url != site.settings.database_url
    told = invoke("status", METALAYER_DATABASE_URL=url)
    assert told.code == 0
    assert "hush" not in told.out + told.err


def test_verify_tells_programs_rows_and_checksum_of_every_table(site: Site, invoke: Invoke) -> None:
    done = site.command("metalayer", "verify", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["ok"] is True
    assert told["tables"].keys() == {
        *ASSETS,
        *(name for name in CATALOG if name.startswith("quarantine.")),
    }
    assert told["tables"]["gold.fact_orders"]["rows"] == 105
    assert all(table["problems"] == [] for table in told["tables"].values())
    assert json.loads(invoke("verify", "--json").out) == told


def test_verify_fails_and_names_the_slice_whose_rows_were_tampered_with(site: Site, invoke: Invoke) -> None:
    def quantity(change: int) -> None:
        with site.warehouse.database.transaction() as cursor:
            cursor.execute(
                "update silver.orders set quantity = quantity + %(change)s where order_id = %(id)s",
                {"change": change, "id": f"o-{day(2)}-7"},
            )

    quantity(1)
    told = invoke("verify")
    quantity(-1)
    assert told.code == 1
    assert f"silver.orders: slice {day(2)} holds 25 rows, checksum" in told.sentence()
    assert "Data and ledger agree." not in told.out
    sound = invoke("verify")
    assert (sound.code, sound.err) == (0, "")
    assert "Data and ledger agree." in sound.out


def test_trace_leads_from_a_fact_to_the_line_of_its_file(site: Site, invoke: Invoke) -> None:
    done = site.command("metalayer", "trace", "fact_orders", f"o-{day(1)}-4", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    steps = json.loads(done.stdout)
    assert [step["table"] for step in steps[:3]] == ["gold.fact_orders", "silver.orders", "bronze.erp_orders"]
    assert {step["row"].get("order_id") for step in steps[:3]} == {f"o-{day(1)}-4"}
    lines = (site.landing / ORDERS / str(day(1)) / "part.csv").read_text(encoding="utf-8").splitlines()
    told = json.dumps(steps[-1], ensure_ascii=False)
    assert f"{ORDERS}/{day(1)}/part.csv" in json.dumps(steps)
    assert lines[5] in told.replace('\\"', '"')
    text = invoke("trace", "gold.agg_daily_sales", str(day(1)))
    assert text.code == 0
    assert "gold.fact_orders  folded into it" in text.out


def test_ledger_tells_the_writes_of_a_table_or_slice_latest_first(site: Site, invoke: Invoke) -> None:
    done = site.command("metalayer", "ledger", "silver.orders", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    entries = json.loads(done.stdout)
    assert [entry["slice"] for entry in entries] == [str(day(number)) for number in (3, 2, 1, 0)]
    assert {entry["table_name"] for entry in entries} == {"silver.orders"}
    for entry in entries:
        assert entry["rows_read"] == entry["rows_written"] + entry["rows_collapsed"] + entry["rows_quarantined"]
    one = json.loads(invoke("ledger", "orders", "--slice", str(day(3)), "--json").out)
    assert [(entry["slice"], entry["rows_quarantined"], entry["status"]) for entry in one] == [
        (str(day(3)), 1, "published")
    ]
    assert len(json.loads(invoke("ledger", "--limit", "3", "--json").out)) == 3
    assert "No slice was written yet." in invoke("ledger", "erp_products").out


def test_quarantine_tells_what_was_kept_out_and_why_with_the_raw_row(site: Site, invoke: Invoke) -> None:
    done = site.command("metalayer", "quarantine", "orders", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (row,) = json.loads(done.stdout)
    assert row["raw"]["quantity"] == "some"
    assert row["failed_rules"] == ["quantity_given"]
    assert (row["file"], row["source_line"]) == (f"{ORDERS}/{day(3)}/part.csv", 32)
    (summary,) = json.loads(invoke("quarantine", "--json").out)
    assert (summary["table"], summary["why"], summary["rows"]) == ("quarantine.orders", "quantity_given", 1)
    assert "Nothing was kept out." in invoke("quarantine", "sales").out


def test_sql_gives_programs_a_list_of_objects_with_every_digit_of_a_number(site: Site) -> None:
    statement = """
        select 12345678901234567890.123456789012345678 as exact, 1.10 as money, 7::bigint as whole, true as yes,
            null as nothing, 'Zoë "x" 100%' as text, date '2024-02-29' as day, array['a', 'b'] as list;
    """
    done = site.command("metalayer", "sql", "--json", statement)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout, parse_float=Decimal) == [
        {
            "exact": Decimal("12345678901234567890.123456789012345678"),
            "money": Decimal("1.10"),
            "whole": 7,
            "yes": True,
            "nothing": None,
            "text": 'Zoë "x" 100%',
            "day": "2024-02-29",
            "list": ["a", "b"],
        }
    ]
    assert '"money":1.10' in done.stdout.replace(" ", "")


def test_a_command_that_starts_no_run_does_not_wait_for_dagster_to_load() -> None:
    modules = "metalayer_assets.cli.reading, metalayer_assets.cli.serving, metalayer_assets.cli.working"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, {modules}; print('dagster' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ("select order_id from gold.fact_orders where false", "No rows."),
        ("select 100 as per_cent, '[red]' as text", "[red]"),
        ("with x as (select 1.50 as n) select n from x -- why", "1.50"),
        ("values (1), (2)", "column1"),
        ("explain select 1", "QUERY PLAN"),
    ],
)
def test_sql_shows_people_the_rows_as_they_are(invoke: Invoke, statement: str, shown: str) -> None:
    told = invoke("sql", statement)
    assert (told.code, told.err) == (0, "")
    assert shown in told.out


def test_nothing_that_only_reads_leaves_a_trace(site: Site, invoke: Invoke) -> None:
    before = site.state()
    for arguments in (["status"], ["verify"], ["ledger"], ["quarantine"], ["sql", "select 1"]):
        assert invoke(*arguments).code == 0
    assert site.state() == before


def test_trace_reads_a_compressed_file(site: Site, invoke: Invoke) -> None:
    packed = site.landing / "erp/sales" / str(day(0)) / "part.csv"
    lines = packed.read_bytes()
    packed.with_suffix(".csv.gz").write_bytes(gzip.compress(lines))
    assert invoke("run", "--allow-shrink").code == 0
    steps = json.loads(invoke("trace", "fact_sales", f"s-{day(0)}-1", "--json").out)
    packed.with_suffix(".csv.gz").unlink()
    assert f"s-{day(0)}-1" in json.dumps(steps[-1])
