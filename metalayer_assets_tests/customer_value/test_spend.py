"""The Gamma-Gamma model is fitted right and expects of customers what the note says."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metalayer_assets.customer_value import CustomerValueError, SpendModel, fit_spend
from metalayer_assets.customer_value.observations import grouped, vector
from metalayer_assets.customer_value.spend import SpendLikelihood
from metalayer_assets_tests.customer_value.simulated import spenders

CDNOW = SpendModel(p=6.25, q=3.74, gamma=15.44)
TRUTH = SpendModel(p=4.0, q=3.5, gamma=20.0)
CUSTOMERS = spenders(TRUTH, size=4000, seed=20260102)

EXAMPLES = settings(max_examples=60, deadline=None, database=None)

parameter = st.floats(math.log(0.02), math.log(200.0))
models = st.builds(SpendModel, st.floats(0.05, 50), st.floats(1.05, 50), st.floats(0.01, 1000))


def likelihood(customers: pd.DataFrame) -> SpendLikelihood:
    buying = customers[customers["frequency"] > 0]
    columns = vector("frequency", buying["frequency"]), vector("monetary_value", buying["monetary_value"])
    return SpendLikelihood(grouped(columns, None))


def test_a_likelihood_is_equation_1a_as_it_is_printed() -> None:
    p, q, gamma, x, mean = 6.25, 3.74, 15.44, 2, 22.35
    printed = (
        math.gamma(p * x + q)
        / (math.gamma(p * x) * math.gamma(q))
        * gamma**q
        * mean ** (p * x - 1)
        * x ** (p * x)
        / (gamma + x * mean) ** (p * x + q)
    )
    one = pd.DataFrame({"frequency": [x], "monetary_value": [mean]})
    assert likelihood(one).at(p, q, gamma)[0] == pytest.approx(math.log(printed), rel=1e-13)


@EXAMPLES
@given(point=st.tuples(parameter, parameter, parameter))
def test_the_gradient_is_that_of_the_likelihood(point: tuple[float, ...]) -> None:
    of = likelihood(CUSTOMERS.head(50))
    at = np.array(point)
    step = 1e-5
    differences = [(of(at + step * axis)[0] - of(at - step * axis)[0]) / (2 * step) for axis in np.eye(3)]
    value, gradient = of(at)
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-9 * abs(value))


def test_simulated_customers_give_back_their_parameters() -> None:
    fit = fit_spend(CUSTOMERS["frequency"], CUSTOMERS["monetary_value"])
    assert fit.converged, fit.message
    for name, error in fit.standard_errors.items():
        assert abs(getattr(fit.model, name) - getattr(TRUTH, name)) < 3 * error
        assert error < 0.2 * getattr(TRUTH, name)
    # Drawn independently: 4 standard errors of a correlation of 0.
    assert abs(fit.correlation) < 4 / math.sqrt(fit.customers)
    assert fit.customers + fit.left_out == len(CUSTOMERS)
    assert fit.left_out == (CUSTOMERS["frequency"] == 0).sum()


def test_neither_order_nor_grouping_of_customers_matters() -> None:
    rounded = CUSTOMERS.head(1500).round().fillna(0)
    kinds = rounded.groupby(list(rounded.columns)).size().reset_index(name="customers")
    assert len(kinds) < len(rounded)
    shuffled = rounded.sample(frac=1, random_state=7)
    fit = fit_spend(rounded["frequency"], rounded["monetary_value"])
    assert fit_spend(shuffled["frequency"], shuffled["monetary_value"]) == fit
    assert fit_spend(kinds["frequency"], kinds["monetary_value"], weights=kinds["customers"]) == fit


def test_another_currency_scales_gamma_and_nothing_else() -> None:
    frequency, mean = CUSTOMERS["frequency"], CUSTOMERS["monetary_value"]
    fit, cents = fit_spend(frequency, mean), fit_spend(frequency, mean * 100)
    assert cents.model.p == pytest.approx(fit.model.p, rel=1e-7)
    assert cents.model.q == pytest.approx(fit.model.q, rel=1e-7)
    assert cents.model.gamma == pytest.approx(fit.model.gamma * 100, rel=1e-7)
    assert cents.standard_errors["gamma"] == pytest.approx(fit.standard_errors["gamma"] * 100, rel=1e-6)
    assert cents.log_likelihood == pytest.approx(fit.log_likelihood - fit.customers * math.log(100), rel=1e-12)


def test_customers_without_positive_spend_are_left_out_of_the_fit() -> None:
    fit = fit_spend(CUSTOMERS["frequency"], CUSTOMERS["monetary_value"])
    odd = pd.DataFrame({"frequency": [0, 2, 5], "monetary_value": [float("nan"), 0.0, -3.0]})
    more = pd.concat([CUSTOMERS, odd])
    again = fit_spend(more["frequency"], more["monetary_value"])
    assert again.model == fit.model
    assert again.left_out == fit.left_out + 3


def test_frequency_and_spend_that_go_together_are_reported() -> None:
    frequency = np.arange(1, 11)
    assert fit_spend(frequency, frequency * 3.0).correlation == pytest.approx(1.0)
    assert fit_spend(frequency, 30.0 - frequency).correlation == pytest.approx(-1.0)
    assert math.isnan(fit_spend(np.ones(10), frequency * 3.0).correlation)


def test_customers_who_all_spend_the_same_determine_nothing_and_the_fit_says_so() -> None:
    fit = fit_spend(np.full(50, 3), np.full(50, 20.0))
    assert not fit.converged
    assert fit.message.startswith(("No maximum", "The data do not determine"))


def test_the_expected_spend_is_equation_5() -> None:
    p, q, gamma, x, mean = CDNOW.p, CDNOW.q, CDNOW.gamma, 2, 22.35
    weight = (q - 1) / (p * x + q - 1)
    printed = weight * gamma * p / (q - 1) + (1 - weight) * mean
    assert CDNOW.expected_spend(x, mean)[0] == pytest.approx(printed, rel=1e-13)
    assert CDNOW.mean_spend == pytest.approx(gamma * p / (q - 1), rel=1e-13)


@EXAMPLES
@given(model=models, x=st.integers(1, 10**6), mean=st.floats(0, 1e6))
def test_the_expected_spend_lies_between_that_of_all_and_that_of_the_customer(
    model: SpendModel, x: int, mean: float
) -> None:
    told, more, surer = model.expected_spend([x, x, x * 2], [mean, mean + 1, mean])
    low, high = sorted([mean, model.mean_spend])
    assert low * (1 - 1e-9) <= told <= high * (1 + 1e-9)
    assert more > told
    assert abs(surer - mean) <= abs(told - mean) + 1e-9 * high


def test_without_a_repeat_purchase_the_spend_of_all_is_expected() -> None:
    told = CDNOW.expected_spend([0, 0, 0], [float("nan"), 500.0, 0.0])
    assert told.tolist() == pytest.approx([CDNOW.mean_spend] * 3)


def test_a_mean_below_0_counts_as_0() -> None:
    told = CDNOW.expected_spend([2, 2], [-40.0, 0.0])
    assert told[0] == told[1] > 0


def test_an_infinite_mean_spend_is_refused() -> None:
    heavy = SpendModel(p=2.0, q=0.9, gamma=10.0)
    assert heavy.mean_spend == math.inf
    with pytest.raises(CustomerValueError, match="no finite mean spend"):
        heavy.expected_spend(2, 10.0)


@pytest.mark.parametrize(
    ("frequency", "mean", "told"),
    [
        ([0, 0], [1, 1], "no spend to fit"),
        ([1], [float("nan")], "monetary_value of row 0 is no finite number"),
        ([1, 2], [1], "1 monetary values for 2 customers"),
        ([0.5], [1], "frequency of row 0"),
    ],
)
def test_what_no_customer_can_have_spent_is_refused(frequency: list, mean: list, told: str) -> None:
    with pytest.raises(CustomerValueError, match=told):
        fit_spend(frequency, mean)
