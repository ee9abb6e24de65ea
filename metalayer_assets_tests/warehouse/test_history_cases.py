"""Hold the history of `gold.dim_customer` against the listed cases: in every order, at once, again, and at random."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.plan import Scope
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, Row, customer, day
from metalayer_assets_tests.warehouse.conftest import new_house
from metalayer_assets_tests.warehouse.history_cases import (
    CASES,
    Case,
    Change,
    Version,
    history_of,
)

EXAMPLES = 25
SEEDS = (1, 2, 3)

# A version as the dimension shows it: interval, tracked and untracked value, its number, whether it is current.
Shown = tuple[object, object, str | None, str | None, int, bool]


@dataclass(frozen=True)
class Clock:
    """How sequences are told: as multiples of a step since a moment, or not at all, when the arrival day counts."""

    step: timedelta
    start: datetime = datetime(2024, 1, 1, tzinfo=UTC)
    is_told: bool = True

    def row(self, change: Change) -> Row:
        """The landed row of a change."""
        return customer(
            change.key,
            city=change.value or "",
            created_date=change.note or "",
            is_deleted="true" if change.deleted else "",
            updated_at=(self.start + change.seq * self.step).isoformat() if self.is_told else "",
        )

    def sequence(self, moment: datetime | None) -> object:
        """The sequence that was told as a moment; a moment that nobody told remains one."""
        if moment is None:
            return None
        steps, rest = divmod(moment - self.start, self.step)
        return moment if rest else steps


DAYS = Clock(timedelta(days=1))
HOURS = Clock(timedelta(hours=7))
MICROSECONDS = Clock(timedelta(microseconds=1))
ARRIVALS = Clock(timedelta(days=1), datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC), is_told=False)

Days = Mapping[date, Sequence[Change]]


def _apart(cases: Iterable[Case]) -> list[Case]:
    """The cases with keys of their own, so that all can live in one warehouse."""

    def apart(case: Case, number: int) -> Case:
        return Case(
            case.name,
            [[replace(change, key=f"{number}-{change.key}") for change in batch] for batch in case.batches],
            [replace(version, key=f"{number}-{version.key}") for version in case.expected],
        )

    return [apart(case, number) for number, case in enumerate(cases)]


APART = _apart(CASES)
NAMES = {change.key: case.name for case in APART for change in case.changes}
EXPECTED = [version for case in APART for version in case.expected]


def _days_of(cases: Sequence[Case]) -> dict[date, list[Change]]:
    """The n-th batch of every case, on the n-th day."""
    count = max(len(case.batches) for case in cases)
    return {
        day(number): [change for case in cases for batch in case.batches[number : number + 1] for change in batch]
        for number in range(count)
    }


def _as_arrived(days: Days) -> list[Change]:
    return [change for arrival in sorted(days) for change in days[arrival]]


def _land(house: House, arrival: date, changes: Sequence[Change], clock: Clock, name: str = "part-0.csv") -> None:
    house.land("crm/customers", arrival, [clock.row(change) for change in changes], name=name)


def _land_all(house: House, days: Days, clock: Clock) -> None:
    for arrival, changes in days.items():
        _land(house, arrival, changes, clock)


def _shuffled(days: Iterable[date], seed: int) -> list[date]:
    return random.Random(seed).sample(found := sorted(days), len(found))  # noqa: S311


def _due(expected: Iterable[Version]) -> dict[str, list[Shown]]:
    due: dict[str, list[Shown]] = {}
    for held in expected:
        found = due.setdefault(held.key, [])
        found.append((held.valid_from, held.valid_to, held.value, held.note, len(found) + 1, held.valid_to is None))
    return due


def _shown(house: House, clock: Clock) -> dict[str, list[Shown]]:
    shown: dict[str, list[Shown]] = {}
    for key, valid_from, valid_to, city, created, version, is_current in house.fetch(
        "select customer_id, valid_from, valid_to, city, created_date::text, version, is_current"
        " from gold.dim_customer where not is_inferred order by customer_id, valid_from, version"
    ):
        shown.setdefault(key, []).append(
            (clock.sequence(valid_from), clock.sequence(valid_to), city, created, version, is_current)
        )
    return shown


def _check(house: House, expected: Iterable[Version], clock: Clock) -> None:
    due, shown = _due(expected), _shown(house, clock)
    wrong = {
        (key, NAMES.get(key, "")): {"shown": shown.get(key, []), "due": due.get(key, [])}
        for key in sorted({*due, *shown})
        if shown.get(key) != due.get(key)
    }
    assert wrong == {}


def _update(house: House, scope: Scope | None = None) -> None:
    assert house.update(scope, allow_shrink=True) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_oracle_agrees_with_every_case(case: Case):
    assert history_of(case.changes) == list(case.expected)


def test_every_case_has_a_sentence_of_its_own():
    assert len({case.name for case in CASES}) == len(CASES)


def test_arrival_decides_nothing_but_disputes():
    deal = random.Random(0)  # noqa: S311
    for case in CASES:
        orders = [deal.sample(case.changes, len(case.changes)) for _ in range(50)]
        histories = {tuple(history_of(order)) for order in orders}
        if not case.is_disputed:
            assert histories == {tuple(case.expected)}, case.name


@pytest.mark.parametrize("clock", [DAYS, HOURS, MICROSECONDS], ids=["days", "hours", "microseconds"])
def test_history_is_right_after_every_batch(house: House, clock: Clock):
    days = _days_of(APART)
    for arrival in days:
        _land(house, arrival, days[arrival], clock)
        _update(house)
        _check(house, history_of(_as_arrived({d: days[d] for d in days if d <= arrival})), clock)
    _check(house, EXPECTED, clock)
    assert house.problems() == []


@pytest.mark.parametrize("seed", SEEDS)
def test_days_may_come_in_any_order(house: House, seed: int):
    days = _days_of(APART)
    landed: dict[date, list[Change]] = {}
    for arrival in _shuffled(days, seed):
        landed[arrival] = days[arrival]
        _land(house, arrival, days[arrival], HOURS)
        _update(house)
        _check(house, history_of(_as_arrived(landed)), HOURS)
    _check(house, EXPECTED, HOURS)
    assert house.problems() == []


@pytest.mark.parametrize("seed", SEEDS)
def test_days_may_be_processed_in_any_ranges(house: House, seed: int):
    days = _days_of(APART)
    _land_all(house, days, HOURS)
    for first in _shuffled(days, seed):
        _update(house, Scope(first, first + timedelta(days=seed - 1)))
    _update(house)
    _check(house, EXPECTED, HOURS)


def test_all_days_may_be_processed_at_once(house: House):
    _land_all(house, _days_of(APART), HOURS)
    _update(house)
    _check(house, EXPECTED, HOURS)
    assert house.problems() == []


def test_days_may_be_written_again_and_nothing_is(house: House):
    days = _days_of(APART)
    _land_all(house, days, HOURS)
    _update(house)
    before = house.physical("gold.dim_customer")

    for arrival in _shuffled(days, 1):
        _land(house, arrival, days[arrival], HOURS)
        _update(house)
        house.load("crm/customers", arrival)
        house.write("gold.dim_customer", arrival)
    house.write("gold.dim_customer", *days)
    _update(house)

    assert house.physical("gold.dim_customer") == before
    _check(house, EXPECTED, HOURS)


def test_one_extract_may_hold_all_batches(house: House):
    _land(house, DAY, _as_arrived(_days_of(APART)), HOURS)
    _update(house)
    _check(house, EXPECTED, HOURS)


def test_of_the_files_of_a_day_the_later_by_name_is_the_later_arrival(house: House):
    for number, changes in reversed(list(enumerate(_days_of(APART).values()))):
        _land(house, DAY, changes, HOURS, f"part-{number}.csv")
        _update(house)
    _check(house, EXPECTED, HOURS)


@pytest.mark.parametrize("seed", SEEDS)
def test_undisputed_changes_may_be_dealt_to_any_days(house: House, seed: int):
    deal = random.Random(seed)  # noqa: S311
    dealt: dict[date, list[Change]] = {day(number): [] for number in range(4)}
    cases = [case for case in APART if not case.is_disputed]
    for change in deal.sample(changes := [change for case in cases for change in case.changes], len(changes)):
        dealt[deal.choice(list(dealt))].append(change)
    for arrival in _shuffled(dealt, seed):
        _land(house, arrival, dealt[arrival], HOURS)
        _update(house)
    _check(house, (version for case in cases for version in case.expected), HOURS)


def test_files_may_come_again_with_what_they_should_have_told(house: House):
    days = _days_of(APART)
    wrong = dict(zip(days, reversed(days.values()), strict=True))
    _land_all(house, wrong, DAYS)
    _update(house)
    _check(house, history_of(_as_arrived(wrong)), DAYS)

    right: dict[date, list[Change]] = {}
    for arrival in _shuffled(days, 1):
        right[arrival] = days[arrival]
        _land(house, arrival, days[arrival], DAYS)
        _update(house)
        _check(house, history_of(_as_arrived(wrong | right)), DAYS)
    assert house.problems() == []


def test_without_a_time_of_change_the_arrival_day_is_the_sequence(house: House):
    days = {
        arrival: [replace(change, seq=number) for change in changes]
        for number, (arrival, changes) in enumerate(_days_of(APART).items())
    }
    for arrival in _shuffled(days, 1):
        _land(house, arrival, days[arrival], ARRIVALS)
        _update(house)
    _check(house, history_of(_as_arrived(days)), ARRIVALS)


_some = st.sampled_from
_changes = st.builds(
    Change,
    key=_some(["A", "B", "C"]),
    seq=st.integers(1, 6),
    value=_some(["Oslo", "Rome", "Oslo", None]),
    note=_some(["2023-01-01", "2023-01-02", None]),
    deleted=_some([False, False, False, True]),
)
_extracts = st.lists(st.lists(_changes, max_size=8), min_size=2, max_size=4)


@given(st.data())
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_any_changes_in_any_order_make_the_history_that_one_row_at_a_time_makes(
    prepared_databases: tuple[Database, Database], data: st.DataObject
):
    extracts = data.draw(_extracts)
    order = data.draw(st.permutations(range(len(extracts))))
    together = data.draw(st.sets(_some(order)))
    with (
        TemporaryDirectory() as folder,
        new_house(prepared_databases[0], Path(folder) / "landing") as house,
    ):
        landed: dict[date, list[Change]] = {}
        for number in order:
            landed[day(number)] = extracts[number]
            _land(house, day(number), extracts[number], MICROSECONDS)
            if number not in together:
                _update(house)
                _check(house, history_of(_as_arrived(landed)), MICROSECONDS)
        _update(house)
        _check(house, history_of(_as_arrived(landed)), MICROSECONDS)
        assert house.problems() == []
