"""Land every example of docs/cleaning.md, each in a file of its own, and hold the warehouse to the page."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DATASETS, DAY, Row

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cleaning.md"
_HEADING = re.compile(r"## .*: `silver\.(?P<table>\w+)\.(?P<column>\w+)`")
_CODE = re.compile(r"`([^`]*)`")
# Of a silver table: its dataset, its key, and the landed name of a column where it has another one there.
DATASET = {silver.removeprefix("silver."): dataset for dataset, (_, silver, _) in DATASETS.items()}
KEY = {"customers": "customer_id", "accounts": "customer_id", "orders": "order_id", "products": "product_code"}
LANDED = {"ordered_at": "order_date"}
# What else an example's row holds, so that it breaks no rule that would keep it out.
BESIDE = {"list_price": {"unit_cost": ""}}


@dataclass(frozen=True)
class Example:
    """One row of one table of the page; `becomes` is None where the value is not read."""

    told: str
    others: tuple[str, ...]
    state: str | None
    becomes: str | None


def _examples() -> Iterator[tuple[str, str, Example]]:
    place, columns = ("", ""), []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            found = _HEADING.fullmatch(line)
            place = (found["table"], found["column"]) if found else ("", "")
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if cells and cells[0] == "told":
            columns = cells
        elif cells and not cells[0].startswith("---"):
            row = dict(zip(columns, cells, strict=True))
            told = _CODE.findall(row["told"])[0]
            becomes = {"as told": told, "not read": None}.get(row["becomes"])
            if row["becomes"] not in ("as told", "not read"):
                becomes = _CODE.findall(row["becomes"])[0]
            state = "".join(_CODE.findall(row["state"])) if "state" in row else None
            others = tuple(_CODE.findall(row.get("the file also holds", "")))
            yield *place, Example(told, others, state, becomes)


EXAMPLES = list(_examples())
COLUMNS = sorted({(table, column) for table, column, _ in EXAMPLES})


def test_the_page_shows_every_kind_of_cleaning():
    assert {column for _, column in COLUMNS} == {
        *("dob", "ordered_at", "list_price", "quantity", "email", "phone", "last_name", "address", "state", "zip"),
        "region",
    }
    assert len(EXAMPLES) > 100


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=lambda name: name)
def test_an_example_of_the_page_is_read_as_it_says(house: House, table: str, column: str):
    examples = [example for of, name, example in EXAMPLES if (of, name) == (table, column)]
    dataset = DATASET[table]

    def row(key: str, told: str, state: str | None) -> Row:
        states = {} if state is None else {"state": state, **({} if column == "zip" else {"zip": ""})}
        if column == "state":
            states = {"zip": ""}
        return DATASETS[dataset][2](key, **states, **BESIDE.get(column, {}), **{LANDED.get(column, column): told})

    for number, example in enumerate(examples):
        rows = [row(f"K{number:03}", example.told, example.state)]
        rows += [row(f"K{number:03}-{n}", told, example.state) for n, told in enumerate(example.others)]
        house.land(dataset, DAY, rows, name=f"{number:03}.csv")
    house.load(dataset, DAY)
    held = dict(house.fetch(f"select {KEY[table]}, {column}::text from silver.{table}"))
    found = [(example, held.get(f"K{number:03}")) for number, example in enumerate(examples)]
    assert found == [(example, example.becomes) for example in examples]
