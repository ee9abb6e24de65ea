import json
from typing import Any

import pytest

from metalayer_assets.warehouse.plan import Scope
from metalayer_assets_tests.cli.conftest import Invoke
from metalayer_assets_tests.dagster_scenario import ORDERS, Site, day, orders

SILVER = "silver.orders"


@pytest.fixture
def latest(site: Site, invoke: Invoke) -> Any:
    """Write that last wrote a slice of a table, by table and number of the day."""

    def latest(table: str, number: int) -> int:
        entries = json.loads(invoke("ledger", table, "--slice", str(day(number)), "--json").out)
        return int(entries[0]["write_id"])

    return latest


def correct(site: Site, number: int, quantity: str) -> None:
    """Land a day again, its first order with another quantity, and bring it in."""
    first, *others = orders(day(number), 25)
    site.land(ORDERS, day(number), [{**first, "quantity": quantity}, *others])
    assert site.runner().run(Scope()).problems == []


def test_diff_of_the_first_write_tells_how_many_rows_came(site: Site, invoke: Invoke, latest: Any) -> None:
    write = latest(SILVER, 3)
    told = invoke("diff", "orders", "--write", str(write))
    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines() == [
        f"silver.orders: write {write}",
        "105 rows added, 0 removed, 0 changed.",
        f"Of those added, 105 are the first rows of 4 slices from {day(0)} to {day(3)}.",
    ]
    one = invoke("diff", "orders", "--write", str(write), "--slice", str(day(1)))
    assert f"Of those added, 25 are the first rows of {day(1)}." in one.out


def test_diff_shows_rows_with_their_key_and_the_columns_that_changed(site: Site, invoke: Invoke, latest: Any) -> None:
    before = site.fetch("select clock_timestamp()")[0][0]
    correct(site, 1, "7")
    done = site.command("metalayer", "diff", SILVER, "--write", str(latest(SILVER, 1)), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert (told["added"], told["removed"], told["changed"]) == (0, 0, 1)
    key = {"order_id": f"o-{day(1)}-0", "arrival_day": str(day(1))}
    changed = {"change": "changed", "slice": str(day(1)), "key": key}
    old, new = {"quantity": 2, "total_amount": "5.00"}, {"quantity": 7, "total_amount": "17.50"}
    assert told["rows"] == [changed | {"old": old, "new": new}]
    shown = invoke("diff", SILVER, "--from", before.isoformat())
    assert "0 rows added, 0 removed, 1 changed." in shown.out
    assert "quantity 2 → 7, total_amount 5.00 → 17.50" in shown.out
    assert f"silver.orders: {before.isoformat(sep=' ', timespec='seconds')} to now" in shown.out
    until = invoke("diff", SILVER, "--from", "2024-03-01", "--to", before.isoformat(), "--json")
    assert json.loads(until.out)["added"] == 105
    assert (
        json.loads(invoke("diff", SILVER, "--from", before.isoformat(), "--slice", str(day(0)), "--json").out)[
            "changed"
        ]
        == 0
    )
    short = invoke("diff", SILVER, "--from", before.isoformat(), "--limit", "0")
    assert short.out.splitlines()[1:] == ["0 rows added, 0 removed, 1 changed.", "and 1 more rows; show them: --limit"]


def test_rollback_restores_a_slice_and_the_next_run_what_follows_from_it(
    site: Site, invoke: Invoke, latest: Any
) -> None:
    first, before = latest(SILVER, 2), site.checksums("gold.fact_orders")
    correct(site, 2, "9")
    second = latest(SILVER, 2)
    told = invoke("rollback", SILVER, "--slice", str(day(2)), "--to-write", str(first))
    assert (told.code, told.err) == (0, "")
    assert f"silver.orders {day(2)} stands as after write {first} again: 25 rows, 0 kept out." in told.out
    assert "gold.fact_orders 1; restate them: metalayer run" in told.out
    assert invoke("verify").code == 0
    assert invoke("run").code == 0
    assert site.checksums("gold.fact_orders") == before
    assert invoke("verify").code == 0
    assert "Everything is up to date" in invoke("run").out
    again = invoke("rollback", SILVER, "--slice", str(day(2)), "--to-write", str(first))
    assert again.out == f"silver.orders {day(2)} holds what it held after write {first}; nothing was written.\n"
    forth = json.loads(invoke("rollback", SILVER, "--slice", str(day(2)), "--to-write", str(second), "--json").out)
    assert (forth["status"], forth["to_write"], forth["rows_written"]) == ("published", second, 25)
    assert forth["touched"]["gold.fact_orders"] == [str(day(2))]
    assert invoke("run").code == 0
    (entry, *_) = json.loads(invoke("ledger", SILVER, "--slice", str(day(2)), "--json").out)
    assert (entry["status"], entry["reason"]) == ("published", f"rolled back to write {second}")


def test_history_tells_what_is_kept_and_forgets_what_is_too_old(site: Site, invoke: Invoke, latest: Any) -> None:
    first = latest(SILVER, 0)
    correct(site, 0, "3")
    kept = {row["table"]: row for row in json.loads(invoke("history", "--json").out)["tables"]}
    assert kept[SILVER]["rows"] >= 2
    assert kept[SILVER]["since_write"] is None
    young = json.loads(invoke("history", "--forget", "--json").out)
    assert (young["deleted"], {row["table"]: row for row in young["tables"]}) == ({}, kept)
    text = invoke("history", "--forget", METALAYER_HISTORY_DAYS="0")
    assert (text.code, text.err) == (0, "")
    assert text.out.startswith("Deleted ")
    left = {row["table"]: row for row in json.loads(invoke("history", "--json").out)["tables"]}
    assert (left[SILVER]["rows"], left[SILVER]["since_write"]) == (0, latest(SILVER, 0))
    lost = invoke("rollback", SILVER, "--slice", str(day(0)), "--to-write", str(first))
    assert lost.code == 1
    assert f"what silver.orders held before write {latest(SILVER, 0)} (" in lost.sentence()
    assert invoke("verify").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["diff", "orders"], 2, "say what to compare: either --write N, or --from X"),
        (["diff", "orders", "--write", "1", "--from", "2"], 2, "say what to compare"),
        (["diff", "orders", "--to", "2"], 2, "say what to compare"),
        (["diff", "orders", "--write", "0"], 2, "--write"),
        (
            ["diff", "orders", "--write", "99999"],
            1,
            "write 99999 wrote no slice of silver.orders; see which did: metalayer",
        ),
        (["diff", "orders", "--from", "monday"], 1, "'monday' is no point in time: write a write's number, a day as"),
        (["diff", "orders", "--from", "1", "--to", ""], 1, "'' is no point in time"),
        (["diff", "slice_ledger", "--write", "1"], 1, "meta.slice_ledger has no past that is kept"),
        (["diff", "orderz", "--write", "1"], 1, "there is no table 'orderz'"),
        (["rollback", "orders", "--to-write", "1"], 2, "--slice"),
        (["rollback", "orders", "--slice", "2024-03-01"], 2, "--to-write"),
        (["rollback", "orders", "--slice", "2024-03-01", "--to-write", "99999"], 1, "write 99999 did not write slice"),
        (["rollback", "erp_orders", "--slice", "2024-03-01", "--to-write", "1"], 1, "put the old file back into the"),
        (["rollback", "dim_date", "--slice", "2024-03-01", "--to-write", "1"], 1, "is not a slice of gold.dim_date"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_about_the_past_is_one_sentence_and_changes_nothing(
    site: Site, invoke: Invoke, arguments: list[str], code: int, sentence: str
) -> None:
    before = site.state()
    told = invoke(*arguments)
    assert sentence in told.sentence()
    assert told.code == code
    assert site.state() == before
