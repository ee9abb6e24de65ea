"""Try to break a dimension that is told by full snapshots: in any order, restated, empty, with rows kept out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import Row, day
from metalayer_assets_tests.warehouse.conftest import new_house
from metalayer_assets_tests.warehouse.own_dimensions import Databases, put, stock_databases, update
from metalayer_assets_tests.warehouse.tellings import Shot, tellings_of_snapshots, versions_of

EXAMPLES = 5


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


@contextmanager
def two_stocks(databases: Databases) -> Iterator[tuple[House, House]]:
    """A warehouse of the stock and another that sees the same landing folder."""
    with (
        TemporaryDirectory() as folder,
        new_house(databases[0], Path(folder) / "landing") as lived,
        new_house(databases[1], Path(folder) / "landing") as rebuilt,
    ):
        yield lived, rebuilt


def shelf(name: str, zone: str = "cold", **told: str) -> Row:
    return {"shelf": name, "zone": zone} | told


def shelves(house: House) -> list[tuple[Any, ...]]:
    """The versions of shelves that a source told of: shelf, days of validity, zone and note."""
    return house.fetch(
        "select shelf, valid_from::date, valid_to::date, zone, note from gold.dim_shelf where not is_inferred"
        " order by shelf, valid_from"
    )


def test_who_is_missing_from_the_first_later_snapshot_is_deleted_then(stock: House):
    for number, names in enumerate(["AB", "A", "AB"]):
        put(stock, "shelves", day(number), [shelf(name) for name in names])
    update(stock)
    assert shelves(stock) == [
        ("A", day(0), None, "cold", None),
        ("B", day(0), day(1), "cold", None),
        ("B", day(2), None, "cold", None),
    ]
    assert stock.problems() == []


@pytest.mark.parametrize("arrival", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_snapshots_may_come_in_any_order(stock: House, arrival: Sequence[int]):
    told = ["ABC", "B", "BC"]
    landed: dict[date, Sequence[Shot]] = {}
    for number in arrival:
        put(stock, "shelves", day(number), [shelf(name) for name in told[number]])
        landed[day(number)] = [Shot(name) for name in told[number]]
        update(stock)
        due = versions_of(tellings_of_snapshots(landed))
        assert [held[:3] for held in shelves(stock)] == [
            (held.member, held.valid_from.date(), held.valid_to and held.valid_to.date()) for held in due
        ]
    assert [held[:3] for held in shelves(stock)] == [
        ("A", day(0), day(1)),
        ("B", day(0), None),
        ("C", day(0), day(1)),
        ("C", day(2), None),
    ]
    assert stock.problems() == []


def test_a_snapshot_without_rows_says_nothing_and_takes_back_what_it_said(stock: House):
    put(stock, "shelves", day(0), [shelf("A"), shelf("B")])
    put(stock, "shelves", day(1), [])
    update(stock)
    assert [held[2] for held in shelves(stock)] == [None, None]
    put(stock, "shelves", day(1), [shelf("A")])
    update(stock)
    assert [held[2] for held in shelves(stock)] == [None, day(1)]
    put(stock, "shelves", day(1), [])
    update(stock)
    assert [held[2] for held in shelves(stock)] == [None, None]
    assert stock.problems() == []


def test_a_member_that_is_kept_out_is_there(stock: House):
    put(stock, "shelves", day(0), [shelf("A"), shelf("B")])
    update(stock)
    put(stock, "shelves", day(1), [shelf("A", "outer space"), shelf("B", "outer space")])
    update(stock)
    assert [held[2] for held in shelves(stock)] == [None, None]
    # Missing for the first time from the snapshot after the one that it was kept out of.
    put(stock, "shelves", day(2), [shelf("A", "dry")])
    update(stock)
    assert [held[:3] for held in shelves(stock)] == [
        ("A", day(0), day(2)),
        ("A", day(2), None),
        ("B", day(0), day(2)),
    ]
    # Nothing in silver changes: the row that was kept out goes, and another is kept out.
    put(stock, "shelves", day(1), [shelf("C", "outer space")])
    update(stock)
    assert [held[:3] for held in shelves(stock)] == [
        ("A", day(0), day(1)),
        ("A", day(2), None),
        ("B", day(0), day(1)),
    ]
    assert stock.problems() == []


def test_of_several_rows_of_a_member_in_one_snapshot_the_last_by_change_stands(stock: House):
    put(
        stock,
        "shelves",
        day(1),
        [
            shelf("A", "dry", updated_at="2024-03-05"),
            shelf("A", "loud", updated_at="2024-03-09 12:00:00"),
            shelf("A", "cold", updated_at="2024-03-09"),
        ],
    )
    update(stock)
    assert shelves(stock) == [("A", day(1), None, "loud", None)]


def test_a_file_that_is_gone_is_no_snapshot(stock: House):
    for number, names in enumerate(["AB", "A", "A"]):
        put(stock, "shelves", day(number), [shelf(name) for name in names])
    update(stock)
    stock.unland("wms/shelves", day(1))
    stock.write("bronze.wms_shelves", day(1), allow_shrink=True)
    stock.write("silver.shelves", day(1), allow_shrink=True)
    update(stock)
    assert shelves(stock)[1][:3] == ("B", day(0), day(2))
    assert stock.problems() == []


_some = st.sampled_from
_shots = st.builds(
    Shot,
    member=_some(["A", "B", "C"]),
    tracked=_some([("cold",), ("dry",)]),
    untracked=_some([("x",), (None,)]),
    changed_at=_some([None, None, datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 3, 11, 12, tzinfo=UTC)]),
    kept_out=_some([False, False, False, True]),
    deleted=_some([False, False, False, False, True]),
)
_snapshots = st.lists(_shots, max_size=4)


def _row_of(shot: Shot) -> Row:
    return {
        "shelf": shot.member,
        "zone": "outer space" if shot.kept_out else shot.tracked[0] or "",
        "note": shot.untracked[0] or "",
        "updated_at": shot.changed_at.isoformat() if shot.changed_at else "",
        "is_deleted": "true" if shot.deleted else "",
    }


def check_snapshots(house: House, landed: Mapping[date, Sequence[Shot]]) -> None:
    """Hold the dimension of shelves against what one snapshot after the other makes of it."""
    due = [
        (
            *(held.member, held.version, held.valid_from, held.valid_to),
            *(*(held.tracked[0] or ()), *(held.untracked[0] or ())),
            *(held.origin[0], held.origin[1] + 2),
        )
        for held in versions_of(tellings_of_snapshots(landed))
    ]
    shown = house.fetch(
        "select shelf, version, valid_from, valid_to, zone, note, arrival_day, source_line from gold.dim_shelf"
        " where not is_inferred order by shelf, valid_from"
    )
    assert shown == due


@given(st.data())
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_snapshots_in_any_order_restated_at_will_make_the_history_that_one_after_the_other_makes(
    own_databases: Databases, data: st.DataObject
):
    arrivals = data.draw(st.lists(st.integers(0, 3), min_size=2, max_size=6), "arrivals")
    with two_stocks(own_databases) as (lived, rebuilt):
        put(
            lived,
            "counts",
            day(0),
            [{"count_id": str(n), "shelf": name, "count_date": str(day(-n))} for n, name in enumerate("ABCA")],
        )
        landed: dict[date, Sequence[Shot]] = {}
        for number in arrivals:
            landed[day(number)] = data.draw(_snapshots, f"snapshot {number}")
            put(lived, "shelves", day(number), [_row_of(shot) for shot in landed[day(number)]])
            if data.draw(st.booleans(), "update"):
                update(lived)
                check_snapshots(lived, landed)
        update(lived)
        check_snapshots(lived, landed)
        update(rebuilt)
        assert lived.checksums() == rebuilt.checksums()
        assert lived.problems() == []
