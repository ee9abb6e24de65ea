"""What the BG/NBD model expects of customers is what the paper says, and sane at the ends of every scale."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import hyp2f1

from metalayer_assets.customer_value import CustomerValueError, TransactionModel
from metalayer_assets_tests.customer_value.simulated import buyers

CDNOW = TransactionModel(r=0.243, alpha=4.414, a=0.793, b=2.426)

EXAMPLES = settings(max_examples=60, deadline=None, database=None)

positive = st.floats(0.05, 50.0)
models = st.builds(TransactionModel, positive, positive, positive, positive)
counts = st.integers(0, 2000)
ages = st.floats(0.0, 3000.0)
shares = st.floats(0.0, 1.0)


def test_the_example_of_the_paper() -> None:
    assert CDNOW.conditional_purchases(39, 2, 30.43, 38.86)[0] == pytest.approx(1.226, abs=0.0005)


@EXAMPLES
@given(model=models, x=st.integers(0, 30), age=st.floats(1.0, 300.0), share=shares, time=st.floats(1.0, 100.0))
def test_expectations_are_equation_10_with_its_hypergeometric_function(
    model: TransactionModel, x: int, age: float, share: float, time: float
) -> None:
    r, alpha, b = model.r, model.alpha, model.b
    a = model.a + 0.01 if abs(model.a - 1) < 0.005 else model.a
    model = TransactionModel(r, alpha, a, b)
    recency = share * age if x else 0.0
    series = hyp2f1(r + x, b + x, a + b + x - 1, time / (alpha + age + time))
    living = (a + b + x - 1) / (a - 1) * (1 - ((alpha + age) / (alpha + age + time)) ** (r + x) * series)
    odds = a / (b + x - 1) * ((alpha + age) / (alpha + recency)) ** (r + x) if x else 0.0
    told = model.conditional_purchases(time, x, recency, age)[0]
    assert told == pytest.approx(living / (1 + odds), rel=1e-8)


def test_a_beta_parameter_of_1_is_nothing_special() -> None:
    around = [
        TransactionModel(0.243, 4.414, a, 2.426).conditional_purchases(39, 2, 30.43, 38.86)[0]
        for a in (1 - 1e-6, 1.0, 1 + 1e-6)
    ]
    assert around[0] > around[1] > around[2]
    assert around[1] == pytest.approx((around[0] + around[2]) / 2, rel=1e-10)


def test_a_random_customer_buys_as_often_as_simulated_ones() -> None:
    model = TransactionModel(r=0.6, alpha=6.0, a=0.9, b=2.5)
    drawn = buyers(model, size=40_000, seed=3)
    told = model.expected_purchases(drawn["age"])
    error = drawn["frequency"].std() / np.sqrt(len(drawn))
    assert abs(told.mean() - drawn["frequency"].mean()) < 4 * error


@EXAMPLES
@given(model=models, x=counts, age=ages, share=shares, time=st.floats(0.0, 3000.0))
def test_every_customer_has_a_probability_and_finite_expectations(
    model: TransactionModel, x: int, age: float, share: float, time: float
) -> None:
    recency = share * age if x else 0.0
    alive = model.probability_alive(x, recency, age)[0]
    told = model.conditional_purchases(time, x, recency, age)[0]
    assert 0 <= alive <= 1
    assert alive == 1 or x > 0
    # A customer who never leaves buys at the mean rate of those with this history.
    assert 0 <= told <= (model.r + x) / (model.alpha + age) * time * (1 + 1e-9)


@EXAMPLES
@given(model=models, x=st.integers(1, 500), age=st.floats(1.0, 1000.0), share=st.floats(0.0, 0.99))
def test_who_came_lately_is_more_likely_alive_than_who_did_not(
    model: TransactionModel, x: int, age: float, share: float
) -> None:
    recency = share * age
    early, late = model.probability_alive([x, x], [recency, recency + 0.01 * age], [age, age])
    assert early <= late
    older = model.probability_alive(x, recency, age * 1.1)[0]
    assert older <= early


@EXAMPLES
@given(model=models, x=counts, age=ages, share=shares, time=st.floats(0.1, 1000.0))
def test_more_time_lets_expect_more_purchases_at_a_falling_rate(
    model: TransactionModel, x: int, age: float, share: float, time: float
) -> None:
    recency = share * age if x else 0.0
    half, whole = (model.conditional_purchases(t, x, recency, age)[0] for t in (time / 2, time))
    assert half <= whole * (1 + 1e-12)
    assert whole <= 2 * half * (1 + 1e-9)


@EXAMPLES
@given(model=models, x=counts, age=ages, share=shares, unit=st.floats(0.1, 100.0))
def test_another_unit_of_time_changes_no_expectation(
    model: TransactionModel, x: int, age: float, share: float, unit: float
) -> None:
    recency = share * age if x else 0.0
    scaled = TransactionModel(model.r, model.alpha * unit, model.a, model.b)
    told = scaled.conditional_purchases(90 * unit, x, min(recency * unit, age * unit), age * unit)[0]
    assert told == pytest.approx(model.conditional_purchases(90, x, recency, age)[0], rel=1e-8, abs=1e-290)


def test_extreme_customers_are_finite() -> None:
    frequency = [0, 0, 1, 1, 100_000, 100_000, 1_000_000]
    recency = [0, 0, 0, 1e5, 1e5, 1, 1e-3]
    age = [0, 1e5, 1e5, 1e5, 1e5, 1e5, 1e5]
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        alive = CDNOW.probability_alive(frequency, recency, age)
        told = CDNOW.conditional_purchases(365, frequency, recency, age)
    assert alive[:2].tolist() == [1, 1]
    assert alive[4] > 0.9999
    assert alive[6] == 0
    assert np.isfinite(told).all()
    assert (told >= 0).all()
    # Leaving is all but ruled out by so many purchases: the rate goes on.
    assert told[4] == pytest.approx(365.0, rel=0.01)


def test_one_time_holds_for_all_or_each_customer_has_their_own() -> None:
    same = CDNOW.conditional_purchases(39, [2, 0], [30, 0], [39, 39])
    assert CDNOW.conditional_purchases([39, 39], [2, 0], [30, 0], [39, 39]).tolist() == same.tolist()
    with pytest.raises(CustomerValueError, match="3 times for 2 customers"):
        CDNOW.conditional_purchases([1, 2, 3], [2, 0], [30, 0], [39, 39])
    with pytest.raises(CustomerValueError, match="time of row 0 is negative"):
        CDNOW.expected_purchases(-1)


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), float("inf")])
def test_a_parameter_that_is_not_above_0_is_refused(wrong: float) -> None:
    with pytest.raises(CustomerValueError, match="Parameter alpha"):
        TransactionModel(r=0.2, alpha=wrong, a=0.8, b=2.4)
