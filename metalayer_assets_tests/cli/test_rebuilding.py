"""The command rebuild: what it says, its exit codes, and that nothing of its own stays behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from metalayer_assets.warehouse.scratch import PREFIX
from metalayer_assets_tests.cli.conftest import Invoke
from metalayer_assets_tests.dagster_scenario import ORDERS, Site, day, orders

FACTS = "gold.fact_orders"


def scratch_databases(site: Site) -> list[str]:
    return [name for (name,) in site.fetch("select datname from pg_database") if name.startswith(PREFIX)]


@pytest.fixture
def tampered(site: Site) -> Iterator[None]:
    """A fact of the second day says something else than its source."""
    change = "update gold.fact_orders set quantity = quantity + %(more)s where order_id = %(order)s"
    values = {"order": f"o-{day(1)}-0"}
    with site.warehouse.database.transaction() as cursor:
        cursor.execute(change, {**values, "more": 1})
    yield
    with site.warehouse.database.transaction() as cursor:
        cursor.execute("update gold.fact_orders set quantity = 2 where order_id = %(order)s", values)


def test_a_sound_warehouse_is_what_a_rebuild_makes_of_its_landing_folder(site: Site, invoke: Invoke) -> None:
    before = site.state()
    told = invoke("rebuild", "--check")
    assert (told.code, told.err) == (0, "")
    lines = told.out.splitlines()
    assert lines[0].startswith("Building in postgresql+psycopg2://")
    assert any(line.startswith("bronze.") and line.endswith(" slices") for line in lines)
    assert next(line.split() for line in lines if line.startswith(f"{FACTS} ")) == [FACTS, "105", "105", "4", "0"]
    assert lines[-1] == "The warehouse is what a rebuild from its landing folder makes of it."
    assert site.state() == before
    assert scratch_databases(site) == []


@pytest.mark.usefixtures("tampered")
def test_a_row_that_was_tampered_with_is_told_with_table_and_slice(site: Site, invoke: Invoke) -> None:
    told = invoke("rebuild", "--check")
    assert told.code == 1
    assert told.sentence().startswith(f"{FACTS}: slice {day(1)} holds 25 rows, checksum 25:")
    assert "; the rebuild made 25 rows, checksum 25:" in told.sentence()
    found = json.loads(invoke("rebuild", "--check", "--json").out)
    assert (found["ok"], found["refused"], found["scratch"]) == (False, [], None)
    assert {name: len(table["differences"]) for name, table in found["tables"].items() if table["differences"]} == {
        FACTS: 1
    }
    (difference,) = found["tables"][FACTS]["differences"]
    assert (difference["slice"], difference["note"]) == (str(day(1)), "")
    assert difference["standing"]["rows"] == difference["rebuilt"]["rows"] == 25
    assert scratch_databases(site) == []


@pytest.mark.usefixtures("tampered")
def test_rebuild_makes_a_derived_slice_again_and_says_which(site: Site, invoke: Invoke) -> None:
    assert invoke("verify").code == 1
    told = invoke("rebuild")
    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines()[-1] == f"changed: {FACTS} {day(1)}"
    assert invoke("verify").code == 0
    again = invoke("rebuild", "--select", "gold")
    assert (again.code, again.err) == (0, "")
    assert again.out.splitlines()[-1] == "Every slice holds what its sources say; none was changed."
    assert "silver." not in again.out


@pytest.mark.usefixtures("tampered")
def test_rebuild_tells_programs_which_slices_it_changed(invoke: Invoke) -> None:
    told = invoke("rebuild", "--json", "--select", "fact_orders")
    assert (told.code, told.err) == (0, "")
    found = json.loads(told.out)
    assert found["changed"] == [{"table": FACTS, "slice": str(day(1))}]
    assert [(rows["table"], rows["published"], rows["unchanged"]) for rows in found["rows"]] == [(FACTS, 1, 3)]
    assert found["problems"] == []
    # What it has changed for others waits for the next run, as after `metalayer run --select`.
    assert [rows["table"] for rows in json.loads(invoke("run", "--json").out)["rows"]] == ["gold.agg_daily_sales"]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--keep"], 2, "--keep goes with --check"),
        (["--check", "--select", "gold"], 2, "--select does not go with --check, which compares every table"),
        (["--select", "bronze"], 1, "--select bronze: bronze is loaded from landed files"),
        (["--select", "nope"], 1, "--select nope: no table has that name"),
    ],
)
def test_a_mistake_is_one_sentence_and_asks_for_nothing(
    site: Site, invoke: Invoke, arguments: list[str], code: int, sentence: str
) -> None:
    before = site.state()
    told = invoke("rebuild", *arguments)
    assert sentence in told.sentence()
    assert told.code == code
    assert site.state() == before


def test_what_waits_must_be_written_first(site: Site, invoke: Invoke) -> None:
    path = site.land(ORDERS, day(9), orders(day(9), 1))
    told = invoke("rebuild", "--check")
    path.unlink()
    assert f"slices wait to be written, the first of them bronze.erp_orders {day(9)}" in told.sentence()
    assert "run `metalayer run` first" in told.sentence()


def test_the_scratch_database_is_kept_and_named_where_that_is_asked(site: Site, invoke: Invoke) -> None:
    told = invoke("rebuild", "--check", "--keep", "--json")
    (kept,) = scratch_databases(site)
    with site.warehouse.database.transaction() as cursor:
        connection = cursor.connection
        connection.rollback()
        connection.autocommit = True
        cursor.execute(f'drop database "{kept}"')
    assert f"/{kept}" in json.loads(told.out)["scratch"]
    assert told.code == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_check_that_is_interrupted_leaves_nothing_behind(site: Site, number: int, code: int) -> None:
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "metalayer"), "rebuild", "--check"],
        env={**os.environ, **site.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    # Printed once the database stands.
    assert process.stdout.readline().startswith("Building in")
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == code
    deadline = time.monotonic() + 30
    while scratch_databases(site) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert scratch_databases(site) == []
