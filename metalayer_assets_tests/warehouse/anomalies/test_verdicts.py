from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metalayer_assets.warehouse.anomalies import Scale, Severity, Thresholds
from metalayer_assets.warehouse.anomalies.expectation import Tuning, off_scale
from metalayer_assets_tests.warehouse.anomalies.trade import (
    FIRST,
    SATURDAY,
    SHARE,
    SUNDAY,
    days,
    findings,
    trade,
    verdicts_on,
)

WARM_UP = Tuning().warm_up
SHIFT = Tuning().shift_days
MONDAY, FRIDAY = FIRST + timedelta(weeks=12), FIRST + timedelta(weeks=12, days=4)


@pytest.mark.parametrize("seed", range(5))
def test_weekdays_growth_and_noise_are_nothing_odd(seed: int) -> None:
    verdicts = verdicts_on(trade(seed=seed))
    assert len(findings(verdicts)) <= 1
    judged = [verdict for verdict in verdicts.values() if verdict.score is not None]
    assert len(judged) == len(days()) - WARM_UP
    for verdict in judged:
        slow = verdict.day.weekday() == SUNDAY
        assert float(verdict.expected or 0) == pytest.approx(
            (400 if slow else 1000) * 1.004 ** (verdict.day - FIRST).days, rel=0.25
        )


@pytest.mark.parametrize(("factor", "severity"), [(0.05, "severe"), (0.5, "warn"), (2, "warn"), (1.0, "none")])
def test_the_farther_a_day_is_from_what_is_expected_the_more_severe(factor: float, severity: str) -> None:
    values = trade()
    usual = verdicts_on(values)[MONDAY]
    assert usual.expected is not None
    found = verdicts_on({**values, MONDAY: round(float(usual.expected) * factor)})[MONDAY]
    assert found.severity == severity
    assert found.score is not None
    assert (found.score > 0) == (factor > 1)
    assert (found.expected, found.low, found.high) == (usual.expected, usual.low, usual.high)


def test_severity_begins_at_each_threshold_on_either_side() -> None:
    thresholds = Thresholds(info=2, warn=3, severe=4)
    told = {score: thresholds.severity(score).value for score in (1.99, 2, 2.99, 3, 3.99, 4)}
    assert list(told.values()) == ["none", "info", "info", "warn", "warn", "severe"]
    assert told == {score: thresholds.severity(-score).value for score in told}
    assert [severity.value for severity in Severity if severity.is_finding] == ["warn", "severe"]


def test_the_sentence_holds_the_numbers_of_the_verdict() -> None:
    found = verdicts_on({**trade(), MONDAY: 12})[MONDAY]
    assert found.score is not None
    assert found.value == Decimal(12)
    assert found.explanation == (
        f"orders on Monday {MONDAY}: 12, expected {found.expected:,.0f} ({found.low:,.0f} to {found.high:,.0f}); "
        f"{abs(found.score):.1f} spreads below."
    )


@settings(max_examples=15, deadline=None)
@given(place=st.integers(WARM_UP, 100), factor=st.sampled_from([0.0, 0.3, 0.9, 1.5, 20]))
def test_what_is_expected_follows_from_earlier_days_alone(place: int, factor: float) -> None:
    values = trade()
    changed = days()[place]
    before, after = verdicts_on(values), verdicts_on({**values, changed: 1 + round(values[changed] * factor)})
    earlier = [day for day in before if day < changed]
    assert [before[day] for day in earlier] == [after[day] for day in earlier]
    assert (before[changed].expected, before[changed].low) == (after[changed].expected, after[changed].low)


@settings(max_examples=10, deadline=None)
@given(places=st.sets(st.integers(WARM_UP, 95), min_size=1, max_size=3))
def test_a_flagged_day_teaches_what_a_day_without_data_teaches(places: set[int]) -> None:
    values = trade()
    odd = {days()[place] for place in places}
    flagged = verdicts_on(values | dict.fromkeys(odd, 9))
    absent = verdicts_on({day: value for day, value in values.items() if day not in odd})
    assert odd <= set(findings(flagged))
    assert {day: verdict for day, verdict in flagged.items() if day not in odd} == {
        day: verdict for day, verdict in absent.items() if day not in odd
    }


def test_days_that_stay_elsewhere_become_what_is_expected() -> None:
    moved = {day: value * 3 if day >= MONDAY else value for day, value in trade().items()}
    after = [day for day in days() if day >= MONDAY]
    assert findings(verdicts_on(moved)) == after[:SHIFT]


def test_odd_days_on_both_sides_are_no_new_level() -> None:
    values, odd = trade(), [day for day in days() if day >= MONDAY]
    for number, day in enumerate(odd):
        values[day] = values[day] * 5 if number % 2 else values[day] // 5
    assert findings(verdicts_on(values)) == odd


def test_a_day_is_not_judged_while_too_little_is_known() -> None:
    verdicts = verdicts_on(trade(60))
    assert [verdict.severity for verdict in verdicts.values()][:WARM_UP] == ["unjudged"] * WARM_UP
    assert verdicts[days()[10]].explanation.endswith(
        f"not judged: too little history: 10 of the {WARM_UP} days that are needed."
    )
    assert verdicts[days()[WARM_UP]].score is not None


def test_a_day_that_is_not_complete_is_neither_judged_nor_learnt_from() -> None:
    values = {**trade(), MONDAY: 12}
    verdicts = verdicts_on(
        {day: value for day, value in values.items() if day <= MONDAY}, complete=MONDAY - timedelta(1)
    )
    assert verdicts[MONDAY].severity == "unjudged"
    assert "not complete" in verdicts[MONDAY].explanation
    assert findings(verdicts) == []


def test_a_weekday_without_data_is_odd_only_where_it_usually_has_some() -> None:
    values = trade()
    del values[FRIDAY]
    verdicts = verdicts_on(values)
    assert findings(verdicts) == [FRIDAY]
    assert (verdicts[FRIDAY].severity, verdicts[FRIDAY].value, verdicts[FRIDAY].score) == ("severe", None, None)
    assert verdicts[FRIDAY].explanation == f"no orders on Friday {FRIDAY}, though 8 of the last 8 Fridays had some."
    assert not [day for day in verdicts if day.weekday() == SATURDAY]
    assert findings(verdicts_on(values, holidays=[FRIDAY])) == []
    assert findings(verdicts_on(values, complete=FRIDAY - timedelta(1))) == []


def test_a_day_of_no_rows_is_a_day_without_data() -> None:
    values = {**trade(), FRIDAY: 0}
    assert verdicts_on(values)[FRIDAY].explanation.startswith("no orders on Friday")


def test_a_weekday_that_the_shop_gave_up_is_asked_for_no_longer() -> None:
    kept = {day: value for day, value in trade(150).items() if day.weekday() != 4 or day < FRIDAY}
    missed = [FRIDAY + timedelta(weeks=number) for number in range(3)]
    assert findings(verdicts_on(kept)) == missed
    assert [verdicts_on(kept)[day].severity for day in missed] == ["severe", "warn", "warn"]


def test_a_share_varies_with_the_rows_that_it_rests_on() -> None:
    calm = dict.fromkeys(days(), 0.001)
    for share, size, odd in [(0.05, 20, False), (0.1, 20, False), (0.2, 1000, True), (0.01, 1000, False)]:
        found = verdicts_on({**calm, MONDAY: share}, metric=SHARE, size=size)
        assert (MONDAY in findings(found)) == odd, (share, size)
    assert "share of orders rejected on Monday 2023-03-27: 20.0%, expected 0.1%" in (
        verdicts_on({**calm, MONDAY: 0.2}, metric=SHARE, size=1000)[MONDAY].explanation
    )


def test_negative_amounts_are_compared_like_positive_ones() -> None:
    taken = {day: -value for day, value in trade().items()}
    usual, odd = verdicts_on(taken, size=5), verdicts_on({**taken, MONDAY: -90_000}, size=5)
    assert findings(usual) == []
    assert findings(odd) == [MONDAY]
    assert odd[MONDAY].score is not None
    assert odd[MONDAY].score < 0
    assert date(2023, 3, 27) == MONDAY


def test_a_band_may_be_wider_than_numbers_are() -> None:
    wild = {day: 10.0 ** (90 * (number % 2)) for number, day in enumerate(days())}
    assert findings(verdicts_on(wild, size=5)) == []
    assert off_scale(5_000, Scale.SIZE) == -off_scale(-5_000, Scale.SIZE) > 1e300
