from dataclasses import replace
from datetime import date

import pytest

from metalayer_assets.contracts import CATALOG, Grain
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.plan import ranges
from metalayer_assets.warehouse.slices import between, checked, slice_of, sliced

ORDERS = CATALOG["silver.orders"]
CALENDAR = CATALOG["gold.dim_date"]


def test_slices_are_taken_in_order_and_once():
    days = [date(2024, 1, 2), date(2024, 1, 1), date(2024, 1, 2)]
    assert checked(ORDERS, days) == [date(2024, 1, 1), date(2024, 1, 2)]


def test_no_slice_at_all_is_refused():
    with pytest.raises(
        SettingError, match=r"no slice of silver\.orders was asked for: .*must not be empty or run backwards"
    ):
        checked(ORDERS, [])


def test_a_day_inside_a_slice_is_not_its_name():
    assert checked(CALENDAR, [date(2024, 1, 1)]) == [date(2024, 1, 1)]
    with pytest.raises(SettingError, match=r"2024-03-10 is not a slice of gold\.dim_date: a year .* 2024-01-01\."):
        checked(CALENDAR, [date(2024, 1, 1), date(2024, 3, 10)])
    with pytest.raises(SettingError, match=r"a month .* 2024-03-01\."):
        checked(replace(CALENDAR, grain=Grain.MONTH), [date(2024, 3, 10)])


def test_a_range_holds_the_slices_of_both_its_ends():
    assert between(Grain.DAY, date(2024, 2, 28), date(2024, 3, 1)) == [
        date(2024, 2, 28),
        date(2024, 2, 29),
        date(2024, 3, 1),
    ]
    assert between(Grain.MONTH, date(2023, 12, 31), date(2024, 1, 1)) == [date(2023, 12, 1), date(2024, 1, 1)]
    assert between(Grain.YEAR, date(2024, 5, 5), date(2024, 5, 5)) == [date(2024, 1, 1)]


def test_a_range_that_runs_backwards_is_refused():
    with pytest.raises(SettingError, match="from 2024-01-02 to 2024-01-01 runs backwards"):
        between(Grain.DAY, date(2024, 1, 2), date(2024, 1, 1))


def test_a_day_column_names_its_slice_itself():
    assert slice_of(ORDERS) == '"arrival_day"'
    assert slice_of(CALENDAR, "told") == "date_trunc('year', told.\"date\")::date"
    assert sliced("day", Grain.MONTH) == "date_trunc('month', day)::date"


def days(*numbers: int) -> list[date]:
    return [date.fromordinal(738_000 + number) for number in numbers]


@pytest.mark.parametrize(
    ("wanted", "apart", "expected"),
    [
        ([], [], []),
        ([3], [], [(3, 3)]),
        ([2, 1, 3, 2], [], [(1, 3)]),
        # A short gap over slices that hold nothing is written along.
        ([1, 5], [], [(1, 5)]),
        ([1, 33], [], [(1, 33)]),
        ([1, 34], [], [(1, 1), (34, 34)]),
        # A slice that is to be left alone is never written because its neighbours are.
        ([1, 3, 4], [2], [(1, 1), (3, 4)]),
        ([1, 5], [3], [(1, 1), (5, 5)]),
        ([1, 2], [1, 2], [(1, 2)]),
    ],
)
def test_gaps_are_bridged_only_over_nothing(wanted: list[int], apart: list[int], expected: list[tuple[int, int]]):
    assert ranges(days(*wanted), days(*apart)) == [tuple(days(*pair)) for pair in expected]


def test_years_are_bridged_by_years():
    wanted = [date(2020, 1, 1), date(2024, 1, 1)]
    assert ranges(wanted, frozenset(), Grain.YEAR) == [(date(2020, 1, 1), date(2024, 1, 1))]
    assert len(ranges(wanted, {date(2022, 1, 1)}, Grain.YEAR)) == 2
