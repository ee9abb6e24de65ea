"""Purchases come to the summaries that the models take, one purchase for each day."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import permutations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metalayer_assets.customer_value import CustomerValueError, TimeUnit, summarise, summarise_with_holdout

START = date(2026, 1, 1)


def purchases(*rows: tuple[object, int, object]) -> pd.DataFrame:
    """Rows of customer, days since the start, and amount."""
    return pd.DataFrame(
        [(customer, START + timedelta(days=day), amount) for customer, day, amount in rows],
        columns=["customer", "day", "amount"],
    )


def test_frequency_recency_age_and_monetary_value() -> None:
    told = summarise(
        purchases(("b", 5, 100), ("a", 0, 50), ("a", 10, 20), ("a", 24, 40), ("c", 31, 1)), until=date(2026, 1, 31)
    )
    assert told.index.tolist() == ["a", "b"]
    assert told.index.name == "customer"
    assert told.loc["a"].tolist() == [2, 24, 30, 30]
    assert told.loc["b", ["frequency", "recency", "age"]].tolist() == [0, 0, 25]
    assert pd.isna(told.loc["b", "monetary_value"])


def test_purchases_of_one_day_are_one_of_their_sum() -> None:
    told = summarise(purchases(("a", 0, 9), ("a", 0, 1), ("a", 7, 20), ("a", 7, 5)), until=date(2026, 1, 31))
    assert told.loc["a"].tolist() == [1, 7, 30, 25]


def test_times_of_a_day_and_decimals_are_read() -> None:
    frame = pd.DataFrame(
        {
            "customer": [7, 7, 7],
            "day": pd.to_datetime(["2026-01-01 09:00", "2026-01-01 21:00", "2026-01-03 00:30"]),
            "amount": [Decimal("1.10"), Decimal("2.20"), Decimal("3.30")],
        }
    )
    assert summarise(frame, until=date(2026, 1, 3)).loc[7].tolist() == [1, 2, 2, 3.3]


def test_a_time_with_a_zone_belongs_to_its_utc_day() -> None:
    frame = purchases(("a", 0, 1), ("a", 3, 2))
    frame["day"] = pd.to_datetime(["2026-01-01 23:30-05:00", "2026-01-04 00:30-05:00"], utc=False)
    assert frame["day"].dt.tz is not None
    assert summarise(frame, until=date(2026, 1, 4)).loc["a"].tolist() == [1, 2, 2, 2]


def test_weeks_are_sevenths_of_days() -> None:
    frame = purchases(("a", 0, 1), ("a", 14, 2))
    assert summarise(frame, until=date(2026, 1, 22), unit=TimeUnit.WEEK).loc["a"].tolist() == [1, 2, 3, 2]


def test_the_holdout_period_begins_on_the_day_after_the_calibration() -> None:
    frame = purchases(("a", 0, 1), ("a", 10, 2), ("a", 11, 3), ("a", 11, 4), ("a", 20, 5), ("a", 21, 6), ("b", 12, 9))
    told = summarise_with_holdout(frame, calibration_until=date(2026, 1, 11), until=date(2026, 1, 21))
    assert told.index.tolist() == ["a"]
    assert told.loc["a", ["frequency", "recency", "age", "monetary_value"]].tolist() == [1, 10, 10, 2]
    assert told.loc["a", ["holdout_frequency", "holdout_amount", "holdout_time"]].tolist() == [2, 12, 10]


def test_the_holdout_period_needs_a_day() -> None:
    with pytest.raises(CustomerValueError, match="must end after 2026-01-21"):
        summarise_with_holdout(purchases(("a", 0, 1)), calibration_until=date(2026, 1, 21), until=date(2026, 1, 21))


@settings(max_examples=25, deadline=None, database=None)
@given(
    rows=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 60), st.floats(-10, 1000)), min_size=1, max_size=30),
    chance=st.randoms(use_true_random=False),
)
def test_the_order_of_purchases_does_not_matter_to_the_last_digit(rows: list, chance: object) -> None:
    shuffled = list(rows)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    ends = {"calibration_until": date(2026, 1, 31), "until": date(2026, 2, 28)}
    pd.testing.assert_frame_equal(
        summarise_with_holdout(purchases(*rows), **ends),
        summarise_with_holdout(purchases(*shuffled), **ends),
        check_exact=True,
    )


def test_a_sum_does_not_depend_on_its_order() -> None:
    amounts = (1e16, 1.0, -1e16, 3.0, 1e-3)
    frames = [purchases(("a", 0, 1), *(("a", 7, amount) for amount in order)) for order in permutations(amounts)]
    told = {summarise(frame, until=date(2026, 1, 31)).loc["a", "monetary_value"] for frame in frames}
    assert len(told) == 1


def test_a_calibration_summary_is_the_summary_as_of_then() -> None:
    frame = purchases(("a", 0, 1), ("a", 10, 2), ("a", 30, 3), ("b", 4, 9), ("c", 40, 9))
    split = date(2026, 1, 20)
    told = summarise_with_holdout(frame, calibration_until=split, until=date(2026, 3, 1))
    plain = summarise(frame, until=split)
    pd.testing.assert_frame_equal(told[plain.columns], plain)


def test_nobody_has_an_empty_summary() -> None:
    told = summarise(purchases(("a", 5, 1)), until=START)
    assert told.empty
    assert told.columns.tolist() == ["frequency", "recency", "age", "monetary_value"]
    assert summarise(purchases(), until=START).empty


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (purchases(("a", 0, 1)).drop(columns="day"), "no column day"),
        (purchases((None, 0, 1), ("a", 0, 1)), "1 rows without customer"),
        (purchases(("a", 0, None)), "without amount"),
        (purchases(("a", 0, "dear")), "cannot be read"),
        (purchases(("a", 0, float("inf"))), "infinite amount"),
    ],
)
def test_purchases_that_cannot_be_summed_are_refused(frame: pd.DataFrame, told: str) -> None:
    with pytest.raises(CustomerValueError, match=told):
        summarise(frame, until=date(2026, 1, 31))
