import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse.as_of import Point
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.differences import Difference, RowChange, between, of_write
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, day, order
from metalayer_assets_tests.warehouse.conftest import new_house
from metalayer_assets_tests.warehouse.recorded import TABLES, Copy, Event, RecordedHouse, Rows, pasts

SILVER, FACTS = "silver.orders", "gold.fact_orders"
BUSINESS_DAY = date(2024, 3, 9)


def compare(
    house: House, table: str, start: Point, end: Point, *, only: date | None = None, limit: int = 100
) -> Difference:
    """What became of a table between two points."""
    with house.database.transaction(readonly=True) as cursor:
        return between(cursor, CATALOG[table], start, end, day=only, limit=limit)


def by_key(rows: Rows, only: date | None) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Rows of a copy by key alone, all or those of one slice."""
    return {key[1:]: row for key, row in rows.items() if only in (None, key[0])}


@given(past=pasts, data=st.data())
@settings(
    max_examples=6,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_a_difference_is_that_of_two_copies(
    prepared_databases: tuple[Database, Database], past: Sequence[Event], data: st.DataObject
):
    with (
        tempfile.TemporaryDirectory() as folder,
        new_house(prepared_databases[0], Path(folder) / "landing") as made,
        closing(RecordedHouse(made.database, made.settings)) as house,
    ):
        for event in past:
            event.happen(house)
        for table in TABLES:
            copies = house.copies.get(table, [])
            if not copies:
                continue
            chosen = st.sampled_from(copies)
            points = st.sampled_from(["write", "moment"])
            for _ in range(3):
                first, second = data.draw(chosen), data.draw(chosen)
                only = data.draw(st.sampled_from([None, *sorted({key[0] for key in second.rows})]))
                start, end = (_point(copy, data.draw(points)) for copy in (first, second))
                _assert_difference(
                    compare(house, table, start, end, only=only),
                    by_key(first.rows, only),
                    by_key(second.rows, only),
                )


def _point(copy: Copy, kind: str) -> Point:
    return Point(copy.write_id) if kind == "write" else Point(moment=copy.moment)


def _assert_difference(found: Difference, old: dict[tuple[Any, ...], Any], new: dict[tuple[Any, ...], Any]) -> None:
    changed = {key for key in old.keys() & new.keys() if old[key] != new[key]}
    assert (found.added, found.removed, found.changed) == (
        len(new.keys() - old.keys()),
        len(old.keys() - new.keys()),
        len(changed),
    )
    listed = {tuple(row.key.values()): row for row in found.rows}
    assert {key for key, row in listed.items() if row.change == "changed"} == changed
    assert {key for key, row in listed.items() if row.change == "removed"} == old.keys() - new.keys()
    # Rows of slices that began in between are counted, not listed.
    assert sum(row.change == "added" for row in found.rows) == found.added - found.begun_rows
    for key, row in listed.items():
        if row.change == "changed":
            assert row.old == {name: value for name, value in old[key].items() if value != new[key][name]}
            assert row.new == {name: value for name, value in new[key].items() if value != old[key][name]}
        else:
            assert {**row.key, **(row.old or row.new or {})} == (new if row.change == "added" else old)[key]


@pytest.fixture
def corrected(house: House) -> Iterator[RecordedHouse]:
    """Orders of two days; then the first day is landed again, with a row changed, one gone, one new and one moved."""
    with closing(RecordedHouse(house.database, house.settings)) as recorded:
        recorded.land("erp/orders", DAY, [order("O1"), order("O2"), order("O3"), order("O4")])
        recorded.land("erp/orders", day(1), [order("O9")])
        assert recorded.update() == []
        rows = [order("O1"), order("O2", quantity="7"), order("O4", order_date="2024-03-10"), order("O5")]
        recorded.land("erp/orders", DAY, rows)
        assert recorded.update() == []
        yield recorded


def test_a_write_tells_each_row_that_it_added_removed_or_changed(corrected: RecordedHouse):
    write = corrected.copies[FACTS][-1].write_id
    with corrected.database.transaction(readonly=True) as cursor:
        found = of_write(cursor, CATALOG[FACTS], write, limit=100)
    assert (found.start, found.end) == (Point(write - 1), Point(write))
    assert (found.added, found.removed, found.changed) == (2, 2, 1)
    # The business day that O4 has moved to had no order before.
    assert (found.begun_slices, found.begun_rows) == ((date(2024, 3, 10),), 1)
    assert [(row.change, row.slice, row.key["order_id"]) for row in found.rows] == [
        ("changed", BUSINESS_DAY, "O2"),
        ("removed", BUSINESS_DAY, "O3"),
        ("removed", BUSINESS_DAY, "O4"),
        ("added", BUSINESS_DAY, "O5"),
    ]
    assert found.rows[0] == RowChange(
        "changed",
        BUSINESS_DAY,
        {"order_id": "O2", "order_date": BUSINESS_DAY},
        {"quantity": 2, "total_amount": 21},
        {"quantity": 7, "total_amount": found.rows[0].new["total_amount"]},
    )
    assert found.rows[1].new is None
    assert found.rows[1].old["quantity"] == 2


def test_a_write_that_was_the_first_of_its_slices_counts_them_and_lists_nothing(corrected: RecordedHouse):
    with corrected.database.transaction(readonly=True) as cursor:
        found = of_write(cursor, CATALOG[SILVER], corrected.copies[SILVER][0].write_id, limit=100)
    assert (found.added, found.removed, found.changed) == (5, 0, 0)
    assert (found.begun_slices, found.begun_rows, found.rows) == ((DAY, day(1)), 5, ())


def test_a_write_that_found_its_slices_unchanged_has_no_difference(corrected: RecordedHouse):
    write = corrected.write(SILVER, DAY, day(1)).write_id
    with corrected.database.transaction(readonly=True) as cursor:
        found = of_write(cursor, CATALOG[SILVER], write, limit=100)
    assert (found.added, found.removed, found.changed, found.begun_slices, found.rows) == (0, 0, 0, (), ())


def test_rows_are_listed_in_order_and_no_more_than_asked_for(corrected: RecordedHouse):
    first, last = (copy.write_id for copy in (corrected.copies[FACTS][0], corrected.copies[FACTS][-1]))
    whole = compare(corrected, FACTS, Point(first), Point(last))
    some = compare(corrected, FACTS, Point(first), Point(last), limit=2)
    assert some.rows == whole.rows[:2]
    assert (some.added, some.removed, some.changed) == (whole.added, whole.removed, whole.changed)


def test_backwards_a_difference_is_what_would_undo_it(corrected: RecordedHouse):
    first, last = (copy.write_id for copy in (corrected.copies[SILVER][0], corrected.copies[SILVER][-1]))
    forth, back = (
        compare(corrected, SILVER, Point(first), Point(last)),
        compare(corrected, SILVER, Point(last), Point(first)),
    )
    assert (forth.added, forth.removed, forth.changed) == (back.removed, back.added, back.changed) == (1, 1, 2)
    assert [(row.old, row.new) for row in forth.rows] == [(row.new, row.old) for row in back.rows]


def test_a_write_of_another_table_and_a_refused_one_are_no_differences(corrected: RecordedHouse):
    corrected.land("erp/orders", day(3), [order(f"O{number}") for number in range(30)])
    assert corrected.update() == []
    corrected.land("erp/orders", day(3), [order()])
    assert len(corrected.update()) == 1
    refused = corrected.value("select max(write_id) from meta.slice_ledger where status = 'refused'")
    for write, sentence in (
        (
            corrected.copies[FACTS][0].write_id,
            r"write \d+ wrote no slice of bronze\.erp_orders; see which did: metalayer",
        ),
        (refused, r"write \d+ of bronze\.erp_orders was refused and changed nothing: .*would shrink"),
    ):
        with pytest.raises(SettingError, match=sentence), corrected.database.transaction(readonly=True) as cursor:
            of_write(cursor, CATALOG["bronze.erp_orders"], write, limit=1)


@pytest.mark.parametrize("table", ["meta.slice_ledger", "quarantine.orders", "history.orders"])
def test_only_assets_have_a_past(house: House, table: str):
    with pytest.raises(SettingError, match="has no past that is kept: name a bronze, silver or gold table"):
        compare(house, table, Point(1), Point(2))
