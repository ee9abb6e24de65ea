"""Try to break dimensions with a key of several columns and untracked attributes, and with models of other shapes."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from metalayer_assets.warehouse import models
from metalayer_assets.warehouse.errors import ContractError
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, Row, day
from metalayer_assets_tests.warehouse.conftest import new_house
from metalayer_assets_tests.warehouse.own_dimensions import Databases, put, stock_databases, update


@pytest.fixture(scope="module")
def own_databases(
    tmp_path_factory: pytest.TempPathFactory,
    create_database: Callable[[str], str],
    drop_database: Callable[[str], None],
) -> Iterator[Databases]:
    with stock_databases(tmp_path_factory.mktemp("sql"), create_database, drop_database) as databases:
        yield databases


@pytest.fixture
def stock(own_databases: Databases, tmp_path: Path) -> Iterator[House]:
    """An empty warehouse of the stock."""
    with new_house(own_databases[0], tmp_path / "landing") as house:
        yield house


def bin_(site: str, number: int | str, zone: str = "cold", **told: str) -> Row:
    return {"site": site, "bin": str(number), "zone": zone} | told


def bins(house: House) -> list[tuple[Any, ...]]:
    """The versions of bins: key, days of validity, zone, note and whether it is inferred."""
    return house.fetch(
        "select site, bin, valid_from::date, valid_to::date, zone, note, is_inferred from gold.dim_bin"
        " order by site, bin, valid_from"
    )


def test_a_member_may_be_known_by_several_columns(stock: House):
    since_ever = date(1900, 1, 1)
    put(stock, "bins", day(0), [bin_("N", 1), bin_("N", 2), bin_("S", 1, note="old")])
    put(
        stock,
        "counts",
        day(0),
        [
            {"count_id": name, "site": site, "bin": number, "count_date": str(DAY - timedelta(days=1))}
            for name, site, number in (("a", "N", "1"), ("b", "S", "2"), ("c", "S", ""), ("d", "", "1"))
        ],
    )
    update(stock)
    # A row that gives a part of the key only names nobody.
    assert bins(stock) == [
        ("N", 1, day(0), None, "cold", None, False),
        ("N", 2, day(0), None, "cold", None, False),
        ("S", 1, day(0), None, "cold", "old", False),
        ("S", 2, since_ever, None, None, None, True),
    ]
    put(stock, "bins", day(1), [bin_("S", 2, "dry"), bin_("S", 1, note="new"), bin_("N", "01", is_deleted="true")])
    put(stock, "bins", day(2), [bin_("N", 1, "loud")])
    update(stock)
    assert bins(stock) == [
        ("N", 1, day(0), day(1), "cold", None, False),
        ("N", 1, day(2), None, "loud", None, False),
        ("N", 2, day(0), None, "cold", None, False),
        ("S", 1, day(0), None, "cold", "new", False),
        ("S", 2, day(1), None, "dry", None, False),
    ]
    joined = "select count_id, zone from gold.fact_counts left join gold.dim_bin using (bin_key) order by 1"
    assert stock.fetch(joined) == [("a", "cold"), ("b", "dry"), ("c", None), ("d", None)]
    assert stock.problems() == []
    # What a restatement no longer tells is found by the whole key.
    put(stock, "bins", day(1), [bin_("S", 1, note="new")])
    update(stock)
    assert [held[:3] for held in bins(stock)] == [
        ("N", 1, day(0)),
        ("N", 1, day(2)),
        ("N", 2, day(0)),
        ("S", 1, day(0)),
        ("S", 2, since_ever),
    ]
    assert stock.problems() == []


def test_a_version_carries_the_last_that_was_told_of_an_untracked_attribute_while_it_stood(stock: House):
    for number, (zone, note) in enumerate([("cold", "1"), ("cold", "2"), ("dry", "3"), ("dry", ""), ("cold", "5")]):
        put(stock, "bins", day(number), [bin_("N", 1, zone, note=note)])
    put(stock, "bins", day(6), [bin_("N", 1, is_deleted="1", note="6")])
    update(stock)
    told = [("cold", "2", day(0), day(2)), ("dry", None, day(2), day(4)), ("cold", "5", day(4), day(6))]
    assert (
        stock.fetch("select zone, note, valid_from::date, valid_to::date from gold.dim_bin order by valid_from") == told
    )
    # A late row tells it for the version that it falls into, even where it opens none.
    put(stock, "bins", day(5), [bin_("N", 1, "dry", note="late", updated_at=f"{day(3)} 12:00")])
    update(stock)
    assert stock.fetch("select note from gold.dim_bin order by valid_from") == [("2",), ("late",), ("5",)]
    assert stock.problems() == []


@pytest.mark.parametrize(
    ("model", "clause"),
    [
        ("select bins.zone, bins.note from silver.bins as bins where bins.zone <> 'cold'", "where"),
        ("select distinct bins.zone, bins.note from silver.bins as bins", "distinct"),
        ("with old as (select 1) select bins.zone, bins.note from silver.bins as bins", "with"),
        ("select bins.zone, bins.note from silver.bins as bins order by 1 limit 1", "order, limit"),
    ],
)
def test_a_model_with_a_clause_that_the_engine_would_not_run_is_refused(
    stock: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, clause: str
):
    (tmp_path / "gold").mkdir()
    (tmp_path / "gold" / "dim_bin.sql").write_text(model)
    monkeypatch.setattr(models, "sql_folder", lambda: tmp_path)
    with pytest.raises(ContractError) as refusal:
        stock.write("gold.dim_bin", DAY)
    # The order is that of the parser.
    for name in clause.split(", "):
        assert name in str(refusal.value).split("(")[1]
    assert "dim_bin.sql has a clause that would not be run" in str(refusal.value)


def test_a_model_may_compare_without_regard_to_null(stock: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put(stock, "bins", day(0), [bin_("N", 1)])
    update(stock)
    (tmp_path / "gold").mkdir()
    (tmp_path / "gold" / "dim_bin.sql").write_text(
        "select case when bins.zone is distinct from bins.note then 'differs' end as zone, bins.note"
        " from silver.bins as bins"
    )
    monkeypatch.setattr(models, "sql_folder", lambda: tmp_path)
    stock.write("gold.dim_bin", DAY)
    assert bins(stock) == [("N", 1, DAY, None, "differs", None, False)]
