import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from metalayer_assets.warehouse.embedded import EmbeddedServer
from metalayer_assets_tests.cli.conftest import Invoke
from metalayer_assets_tests.conftest import make_home, remove_home
from metalayer_assets_tests.dagster_scenario import BRONZE_TO_GOLD, DIMENSIONS, ORDERS, Site, day, open_site, orders
from metalayer_assets_tests.house import QUALITY


@pytest.fixture
def empty_site(
    tmp_path: Path, create_database: Callable[[str], str], drop_database: Callable[[str], None]
) -> Iterator[Site]:
    with open_site(tmp_path / "empty", create_database, drop_database) as site:
        yield site


def test_up_sample_run_and_run_again_bring_an_empty_database_to_a_warehouse(empty_site: Site, invoke: Invoke) -> None:
    site = empty_site
    up = site.command("metalayer", "up")
    assert (up.returncode, up.stderr) == (0, "")
    assert "The warehouse is ready: postgresql+psycopg2://" in up.stdout
    sizes = ("--days", "3", "--customers", "8", "--products", "4", "--orders-per-day", "6")
    sample = site.command("metalayer", "sample", "--first-day", "2024-03-01", *sizes)
    assert (sample.returncode, sample.stderr) == (0, "")
    assert f"over 3 arrival days from 2024-03-01 below {site.landing}." in sample.stdout
    run = site.command("metalayer", "run")
    assert (run.returncode, run.stderr) == (0, "")
    shown = {
        line.split()[0]: line.split()[1:]
        for line in run.stdout.splitlines()
        if line.startswith(("silver", "gold", "meta")) and ":" not in line
    }
    rows = dict(site.fetch("select table_name, sum(rows_written)::text from meta.slice_ledger group by 1"))
    assert {table: told[1].replace(",", "") for table, told in shown.items()} == {
        table: count for table, count in rows.items() if not table.startswith("bronze")
    }
    again = invoke("run", **site.environment)
    assert (again.code, again.out, again.err) == (0, "Everything is up to date; nothing was written.\n", "")


def test_run_tells_programs_what_it_did(site: Site, invoke: Invoke) -> None:
    site.land(ORDERS, day(5), orders(day(5), 4))
    done = invoke("run", "--json")
    assert (done.code, done.err) == (0, "")
    told = json.loads(done.out)
    assert told["problems"] == []
    # Whoever the orders name was named on an earlier day, and belongs to that day's slice of the dimension.
    assert {rows["table"]: rows["rows_written"] for rows in told["rows"] if rows["table"] not in QUALITY} == {
        **dict(zip(BRONZE_TO_GOLD, (4, 4, 4, 1), strict=True)),
        **dict.fromkeys(DIMENSIONS, 0),
    }
    assert len(told["runs"]) == len(set(told["runs"])) > 0


def test_run_publishes_everything_but_what_is_refused_and_fails(site: Site, invoke: Invoke) -> None:
    site.land(ORDERS, day(7), orders(day(7)))
    broken = site.land_unreadable(ORDERS, day(8))
    told = invoke("run")
    refused = f"problem: bronze.erp_orders {day(8)} was refused and has not changed since: "
    assert refused in invoke("status").out
    broken.unlink()
    assert refused not in invoke("status").out
    assert f"bronze.erp_orders {day(8)}: " in told.sentence()
    assert told.code == 1
    assert site.slice_rows("gold.fact_orders")[day(7)] == 3
    assert invoke("run").code == 0


def test_run_writes_only_the_days_and_tables_that_were_asked_for(site: Site, invoke: Invoke) -> None:
    for number in (10, 11):
        site.land(ORDERS, day(number), orders(day(number)))
    told = invoke("run", "--from", str(day(11)), "--to", str(day(11)), "--select", "bronze/erp_orders,silver.ord*")
    assert (told.code, told.err) == (0, "")
    assert day(10) not in site.slice_rows("bronze.erp_orders")
    assert site.slice_rows("silver.orders")[day(11)] == 3
    assert day(11) not in site.slice_rows("gold.fact_orders")
    assert invoke("run", "--select", "gold").code == 0
    assert site.slice_rows("gold.fact_orders")[day(11)] == 3
    assert invoke("run").code == 0
    assert site.slice_rows("gold.fact_orders")[day(10)] == 3


def test_a_shrunken_day_is_published_only_where_that_is_allowed(site: Site, invoke: Invoke) -> None:
    site.land(ORDERS, day(0), orders(day(0), 2))
    refused = invoke("run")
    assert "would shrink from 25 to 2 rows" in refused.sentence()
    assert "run again with --allow-shrink" in refused.sentence()
    assert invoke("run", "--allow-shrink").code == 0
    assert site.slice_rows("gold.fact_orders")[day(0)] == 2


def test_env_gives_a_shell_what_plain_dagster_needs(site: Site) -> None:
    variables = {name: value for name, value in site.environment.items() if name != "DAGSTER_HOME"}
    done = subprocess.run(
        ["sh", "-c", f'eval "$({Path(sys.executable).parent / "metalayer"} env)" && echo "$DAGSTER_HOME"'],
        env={name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert Path(done.stdout.strip()) == Path(variables["METALAYER_HOME"]) / "dagster"
    assert (Path(done.stdout.strip()) / "dagster.yaml").is_file()


def test_up_status_and_down_of_the_embedded_server(site: Site, invoke: Invoke) -> None:
    home = make_home()
    try:
        here = {"METALAYER_DATABASE_URL": "", "METALAYER_HOME": str(home)}
        assert "not running; start it: metalayer up" in invoke("status", **here).out
        assert site.command("metalayer", "up", **here).returncode == 0
        told = json.loads(invoke("status", "--json", **here).out)
        assert (told["embedded"], told["running"]) == (True, True)
        assert told["database_url"] == EmbeddedServer(home).status().url
        down = site.command("metalayer", "down", **here)
        assert (down.returncode, down.stdout, down.stderr) == (0, "The embedded PostgreSQL has stopped.\n", "")
        again = invoke("down", **here)
        assert (again.code, again.out, again.err) == (0, "The embedded PostgreSQL was not running.\n", "")
    finally:
        remove_home(home)
