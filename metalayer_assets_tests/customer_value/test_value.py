"""The value of a customer is the purchases expected times the spend expected, discounted as documented."""

import numpy as np
import pandas as pd
import pytest

from metalayer_assets.customer_value import CustomerValueError, SpendModel, TransactionModel, customer_value
from metalayer_assets.customer_value.summaries import TimeUnit

WEEKLY = TransactionModel(r=0.243, alpha=4.414, a=0.793, b=2.426)
DAILY = TransactionModel(r=0.243, alpha=4.414 * 7, a=0.793, b=2.426)
SPEND = SpendModel(p=6.25, q=3.74, gamma=15.44)
DAYS = pd.DataFrame(
    {
        "frequency": [2, 0, 26, 1, 0],
        "recency": [213.0, 0.0, 260.0, 272.0, 0.0],
        "age": [272.0, 272.0, 272.0, 272.0, 0.0],
        "monetary_value": [22.35, float("nan"), 40.0, 1e5, float("nan")],
    },
    index=pd.Index(["e", "d", "c", "b", "a"], name="customer"),
)


def test_the_columns_stand_in_order_and_the_customers_as_they_were_given() -> None:
    told = customer_value(DAYS, DAILY, SPEND, horizons=(30, 90))
    assert told.columns.tolist() == [
        "probability_alive",
        "expected_spend",
        "expected_purchases_30",
        "clv_30",
        "expected_purchases_90",
        "clv_90",
    ]
    assert told.index.equals(DAYS.index)
    assert np.isfinite(told.to_numpy()).all()


def test_without_discount_a_value_is_purchases_times_spend_times_margin() -> None:
    told = customer_value(DAYS, DAILY, SPEND, annual_discount=0, margin=0.3)
    for horizon in (30, 90, 365):
        expected = told[f"expected_purchases_{horizon}"] * told["expected_spend"] * 0.3
        np.testing.assert_allclose(told[f"clv_{horizon}"], expected, rtol=1e-13)


def test_purchases_are_discounted_from_the_middle_of_their_30_days() -> None:
    told = customer_value(DAYS, DAILY, SPEND, horizons=(30, 75), annual_discount=0.2)
    columns = [DAYS[name] for name in ("frequency", "recency", "age")]
    upto = {day: DAILY.conditional_purchases(day, *columns) for day in (30, 60, 75)}
    spent = SPEND.expected_spend(DAYS["frequency"], DAYS["monetary_value"])
    first = upto[30] / 1.2 ** (15 / 365)
    rest = (upto[60] - upto[30]) / 1.2 ** (45 / 365) + (upto[75] - upto[60]) / 1.2 ** (67.5 / 365)
    np.testing.assert_allclose(told["clv_30"], first * spent, rtol=1e-13)
    np.testing.assert_allclose(told["clv_75"], (first + rest) * spent, rtol=1e-13)


def test_longer_horizons_are_worth_more_and_a_higher_discount_less() -> None:
    told = customer_value(DAYS, DAILY, SPEND)
    assert (told["clv_30"] < told["clv_90"]).all()
    assert (told["clv_90"] < told["clv_365"]).all()
    dearer = customer_value(DAYS, DAILY, SPEND, annual_discount=0.5)
    assert (dearer["clv_365"] < told["clv_365"]).all()
    assert dearer["expected_purchases_365"].equals(told["expected_purchases_365"])


def test_days_and_weeks_give_the_same_values() -> None:
    weeks = DAYS.assign(recency=DAYS["recency"] / 7, age=DAYS["age"] / 7)
    pd.testing.assert_frame_equal(
        customer_value(weeks, WEEKLY, SPEND, unit=TimeUnit.WEEK), customer_value(DAYS, DAILY, SPEND), rtol=1e-11
    )


def test_a_customer_is_worth_the_same_in_any_company() -> None:
    told = customer_value(DAYS, DAILY, SPEND)
    backwards = customer_value(DAYS.iloc[::-1], DAILY, SPEND)
    alone = customer_value(DAYS.loc[["c"]], DAILY, SPEND)
    pd.testing.assert_frame_equal(backwards.iloc[::-1], told, check_exact=True)
    pd.testing.assert_frame_equal(alone, told.loc[["c"]], check_exact=True)


def test_nobody_is_worth_nothing() -> None:
    assert customer_value(DAYS.head(0), DAILY, SPEND).empty


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"horizons": ()}, "Horizons"),
        ({"horizons": (30, 0)}, "Horizons"),
        ({"horizons": (30, 30)}, "Horizons"),
        ({"annual_discount": -0.1}, "annual discount is -0.1"),
        ({"annual_discount": float("nan")}, "annual discount"),
        ({"margin": -1.0}, "margin is -1.0"),
    ],
)
def test_terms_out_of_range_are_refused(given: dict, told: str) -> None:
    with pytest.raises(CustomerValueError, match=told):
        customer_value(DAYS, DAILY, SPEND, **given)


def test_a_summary_without_a_column_is_refused() -> None:
    with pytest.raises(CustomerValueError, match="no column age"):
        customer_value(DAYS.drop(columns="age"), DAILY, SPEND)
