"""Every mistake of a person ends in one sentence that names it, a non-zero exit code, and nothing changed."""

import shutil
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest
import sqlalchemy.exc

from metalayer_assets.cli import reading
from metalayer_assets.warehouse.shipped import shipped
from metalayer_assets_tests.cli.conftest import Invoke
from metalayer_assets_tests.dagster_scenario import ORDERS, Site, day, orders

NOWHERE = "postgresql://who:hush@127.0.0.1:9/nowhere"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (
            ["run", "--select", "gold.fact_order"],
            1,
            "--select gold.fact_order: no table has that name. Tables: bronze.",
        ),
        (["run", "--select", "silver,nope"], 1, "--select nope: no table has that name"),
        (["run", "--select", ""], 1, "no table has that name"),
        (["run", "--from", "2024-03-09", "--to", "2024-03-01"], 1, "from 2024-03-09 to 2024-03-01 runs backwards"),
        (["run", "--from", "2024-02-30"], 2, "'2024-02-30' is not a day; write it as YYYY-MM-DD"),
        (["run", "--to", "20240301"], 2, "'20240301' is not a day; write it as YYYY-MM-DD"),
        (["run", "--every"], 2, "--every"),
        (["trace", "gold.fact_order", "x"], 1, "there is no table 'gold.fact_order'. Tables: bronze.crm_accounts,"),
        (["trace", "gold.fact_orders", "o-0"], 1, "gold.fact_orders holds no row whose order_id is 'o-0'"),
        (["trace", "gold.fact_orders"], 2, "KEY"),
        (["ledger", "orderz"], 1, "there is no table 'orderz'"),
        (["ledger", "--limit", "0"], 2, "--limit"),
        (["quarantine", "gold.fact_orders"], 1, "nothing is kept out of gold.fact_orders"),
        (["quarantine", "customerz"], 1, "there is no table 'customerz'"),
        (["sql", ""], 1, "there is no statement: give one SELECT"),
        (["sql", "select 1; select 2"], 1, "only one statement"),
        (["sql", "select 'a"], 1, "not closed"),
        (["sql", "select nothing from gold.fact_orders"], 1, 'column "nothing" does not exist'),
        (["sample", "--days", "0"], 1, "The sample option days is 0: set it to a value from 1"),
        (["sample", "--preset", "huge"], 2, "huge"),
        (["down"], 1, "METALAYER_DATABASE_URL names a server that MetaLayer did not start"),
        (["stauts"], 2, "No such command 'stauts'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_on_the_command_line_is_one_sentence_and_changes_nothing(
    site: Site, invoke: Invoke, arguments: list[str], code: int, sentence: str
) -> None:
    site.land(ORDERS, day(0), orders(day(0), 30))
    before = site.state()
    told = invoke(*arguments)
    assert sentence in told.sentence()
    assert told.code == code
    assert site.state() == before


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("METALAYER_LANDING", "/nowhere/at all", "the landing folder /nowhere/at all cannot be read: No such file"),
        ("METALAYER_DATABASE_URL", "mysql://who:hush@host/db", "METALAYER_DATABASE_URL is not a PostgreSQL URL"),
        ("METALAYER_DATABASE_URL", NOWHERE, "nothing answers at 127.0.0.1, port 9. Start the server, or correct host"),
        ("METALAYER_DATABASE_URL", "who:hush@host", "METALAYER_DATABASE_URL is not a PostgreSQL URL"),
        ("METALAYER_START_DATE", "1 March 2024", "METALAYER_START_DATE='1 March 2024' is not a date"),
        ("METALAYER_START_DATE", str(day(2)), f"holds slices from {day(0)}, before METALAYER_START_DATE={day(2)}"),
        ("METALAYER_SHRINK_LIMIT", "50%", "METALAYER_SHRINK_LIMIT='50%' is not a share"),
        ("METALAYER_ALLOW_SHRINK", "maybe", "METALAYER_ALLOW_SHRINK='maybe' is neither true nor false"),
        ("DAGSTER_HOME", "/nowhere", "DAGSTER_HOME='/nowhere' is not a folder"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_sentence_and_changes_nothing(
    site: Site, invoke: Invoke, name: str, value: str, sentence: str
) -> None:
    site.land(ORDERS, day(0), orders(day(0), 30))
    before = site.state()
    told = invoke("run", **{name: value})
    assert sentence in told.sentence()
    assert "hush" not in told.out + told.err
    assert told.code == 1
    assert site.state() == before


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    "statement",
    [
        "delete from gold.fact_orders",
        "drop table gold.fact_orders",
        "with gone as (delete from gold.fact_orders returning 1) select count(*) from gone",
        "create table gold.mine as select 1",
        "commit; drop table gold.fact_orders",
        "set transaction read write; drop table gold.fact_orders",
        "select 1) as asked; commit; drop table gold.fact_orders; select * from (select 1",
        "explain analyze delete from gold.fact_orders",
        "do $$ begin delete from gold.fact_orders; end $$",
        "copy (select 1) to program 'true'",
        "select setval('meta.write_number', 1)",
        "select set_config('transaction_read_only', 'off', false)",
    ],
)
def test_sql_refuses_every_statement_that_writes(site: Site, invoke: Invoke, statement: str, as_json: bool) -> None:
    before = site.state()
    told = invoke("sql", *(["--json"] if as_json else []), statement)
    assert told.sentence()
    assert told.code == 1
    assert told.out == ""
    assert site.state() == before


def test_a_mistake_is_told_alike_by_a_real_process(site: Site) -> None:
    before = site.state()
    done = site.command("metalayer", "run", "--from", str(day(2)), "--to", str(day(1)))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(f"metalayer: the range from {day(2)} to {day(1)} runs backwards")
    assert site.state() == before


def test_a_contract_with_a_broken_rule_is_one_sentence_and_changes_nothing(site: Site, tmp_path: Path) -> None:
    package = Path(shipped("metalayer_assets"))
    shutil.copytree(package, tmp_path / "metalayer_assets", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("sql", "dagster.yaml", "workspace.yaml"):
        source = shipped(name)
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, tmp_path / name)
    declared = tmp_path / "metalayer_assets" / "contracts" / "silver.py"
    text = declared.read_text(encoding="utf-8")
    broken = text.replace('Col("quantity") != 0', 'Col("quantitty") != 0', 1)
    assert broken != text
    declared.write_text(broken, encoding="utf-8")
    before = site.state()
    done = subprocess.run(
        [sys.executable, "-c", "from metalayer_assets.cli import main; main()", "run"],
        env={**site.environment, "PYTHONPATH": str(tmp_path), "PATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("metalayer: ")
    assert done.stderr.count("\n") == 1
    assert "silver.orders: the rule quantity_not_zero asks for the column quantitty" in done.stderr
    assert site.state() == before


@pytest.mark.parametrize(
    "error",
    [
        psycopg2.OperationalError("server closed the connection unexpectedly\n\tThis probably means"),
        sqlalchemy.exc.OperationalError("select 1", {}, psycopg2.OperationalError("server closed the connection")),
    ],
)
def test_a_server_that_is_lost_on_the_way_is_one_sentence(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def lost() -> None:
        raise error

    monkeypatch.setattr(reading, "warehouse", lost)
    told = invoke("verify")
    assert told.sentence().startswith("PostgreSQL was lost: server closed the connection")
    assert "What was published stays; run again." in told.sentence()


def test_an_interrupted_command_says_so(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(reading, "warehouse", interrupt)
    told = invoke("verify")
    assert (told.code, told.err.splitlines()[-1]) == (
        130,
        "metalayer: stopped. What was published stays; run again to go on.",
    )


def test_without_a_command_the_commands_are_listed(invoke: Invoke) -> None:
    told = invoke()
    assert told.code == 2
    for command in (
        "up",
        "down",
        "status",
        "env",
        "dev",
        "sample",
        "run",
        "verify",
        "trace",
        "ledger",
        "quarantine",
        "sql",
    ):
        assert f"\n  {command} " in told.err
