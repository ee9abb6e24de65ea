"""Try the command that tells of quality."""

import json

from metalayer_assets_tests.cli.conftest import Invoke
from metalayer_assets_tests.dagster_scenario import ORDERS, Site, day, orders

DAY = day(70)


def test_quality_is_told_by_layer_table_and_rule(site: Site, invoke: Invoke) -> None:
    site.land(ORDERS, DAY, [*orders(DAY, 3), *orders(DAY, 1, prefix="q", quantity="some")])
    assert invoke("run").code == 0
    told = json.loads(invoke("quality", "--from", str(DAY), "--to", str(DAY), "--json").out)
    assert [layer["layer"] for layer in told["layers"]] == ["bronze", "silver", "gold"]
    (silver,) = (table for table in told["tables"] if table["table"] == "silver.orders")
    assert (silver["slices"], silver["rows_broken"], silver["uniqueness"]) == (1, 1, None)
    rules = json.loads(invoke("quality", "orders", "--from", str(DAY), "--json").out)
    assert (rules[0]["rule"], rules[0]["rows_broken"], rules[0]["such_as"]) == ("quantity_given", 1, f"q-{DAY}-0")
    shown = invoke("quality", "orders", "--from", str(DAY), "--to", str(DAY))
    assert "A whole number of units is given." in shown.out
    none = invoke("quality", "orders", "--from", str(day(90)))
    assert (none.code, none.out) == (0, "No rule of silver.orders was asked of such slices.\n")


def test_a_range_that_runs_backwards_is_an_error(site: Site, invoke: Invoke) -> None:
    for command in (
        ("quality", "--from", "2024-03-02", "--to", "2024-03-01"),
        ("quarantine", "orders", "--from", "2024-03-02", "--until", "2024-03-01"),
    ):
        found = invoke(*command)
        assert (found.code, found.out) == (1, "")
        assert "the range from 2024-03-02 to 2024-03-01 runs backwards" in found.err
