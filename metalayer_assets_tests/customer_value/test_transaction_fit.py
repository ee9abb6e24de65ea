"""The BG/NBD model is fitted right, the same however customers are told, and says so where it cannot be."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metalayer_assets.customer_value import CustomerValueError, TransactionModel, fit_transactions
from metalayer_assets.customer_value.observations import grouped
from metalayer_assets.customer_value.transaction_fit import TransactionLikelihood
from metalayer_assets.customer_value.transactions import observed
from metalayer_assets_tests.customer_value.simulated import buyers

TRUTH = TransactionModel(r=0.6, alpha=6.0, a=0.9, b=2.5)
CUSTOMERS = buyers(TRUTH, size=6000, seed=20260101)

EXAMPLES = settings(max_examples=60, deadline=None, database=None)

parameter = st.floats(math.log(0.02), math.log(200.0))


def columns(customers: pd.DataFrame) -> tuple[pd.Series, pd.Series, pd.Series]:
    return customers["frequency"], customers["recency"], customers["age"]


def likelihood(customers: pd.DataFrame) -> TransactionLikelihood:
    return TransactionLikelihood(grouped(observed(*columns(customers)), None))


def parameters(model: TransactionModel) -> list[float]:
    return [model.r, model.alpha, model.a, model.b]


def test_a_likelihood_is_equation_6_as_it_is_printed() -> None:
    r, alpha, a, b = 0.243, 4.414, 0.793, 2.426
    x, t_x, age = 2, 30.43, 38.86
    beta = math.gamma(a) * math.gamma(b) / math.gamma(a + b)
    stayed = math.gamma(a) * math.gamma(b + x) / math.gamma(a + b + x) / beta
    left = math.gamma(a + 1) * math.gamma(b + x - 1) / math.gamma(a + b + x) / beta
    buys = math.gamma(r + x) * alpha**r / math.gamma(r)
    printed = stayed * buys / (alpha + age) ** (r + x) + left * buys / (alpha + t_x) ** (r + x)
    one = pd.DataFrame({"frequency": [x], "recency": [t_x], "age": [age]})
    assert likelihood(one).at(r, alpha, a, b)[0] == pytest.approx(math.log(printed), rel=1e-13)


@EXAMPLES
@given(point=st.tuples(parameter, parameter, parameter, parameter))
def test_the_gradient_is_that_of_the_likelihood(point: tuple[float, ...]) -> None:
    of = likelihood(CUSTOMERS.head(50))
    at = np.array(point)
    step = 1e-5
    differences = [(of(at + step * axis)[0] - of(at - step * axis)[0]) / (2 * step) for axis in np.eye(4)]
    value, gradient = of(at)
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-9 * abs(value))


def test_simulated_customers_give_back_their_parameters() -> None:
    fit = fit_transactions(*columns(CUSTOMERS))
    assert fit.converged, fit.message
    for name, error in fit.standard_errors.items():
        assert abs(getattr(fit.model, name) - getattr(TRUTH, name)) < 3 * error
        assert error < 0.35 * getattr(TRUTH, name)


def test_the_order_of_customers_does_not_matter() -> None:
    shuffled = CUSTOMERS.sample(frac=1, random_state=7)
    assert fit_transactions(*columns(shuffled)) == fit_transactions(*columns(CUSTOMERS))


def test_customers_may_be_told_one_by_one_or_as_kinds_with_weights() -> None:
    rounded = CUSTOMERS.head(1500).round()
    kinds = rounded.groupby(list(rounded.columns)).size().reset_index(name="customers")
    assert len(kinds) < len(rounded)
    assert fit_transactions(*columns(kinds), weights=kinds["customers"]) == fit_transactions(*columns(rounded))


def test_another_unit_of_time_scales_alpha_and_nothing_else() -> None:
    frequency, recency, age = columns(CUSTOMERS)
    weeks, days = fit_transactions(frequency, recency, age), fit_transactions(frequency, recency * 7, age * 7)
    scale = np.array([1, 7, 1, 1])
    np.testing.assert_allclose(parameters(days.model), parameters(weeks.model) * scale, rtol=1e-7)
    np.testing.assert_allclose(
        list(days.standard_errors.values()), list(weeks.standard_errors.values()) * scale, rtol=1e-6
    )
    assert days.log_likelihood == pytest.approx(weeks.log_likelihood - frequency.sum() * math.log(7), rel=1e-12)


def test_the_standard_errors_are_those_of_the_curvature_by_the_parameters_themselves() -> None:
    fit = fit_transactions(*columns(CUSTOMERS))
    of, at = likelihood(CUSTOMERS), np.array(parameters(fit.model))
    steps = np.diag(at * 1e-5)
    curvature = np.array([(of.at(*(at + step))[1] - of.at(*(at - step))[1]) / (2 * step.sum()) for step in steps])
    expected = np.sqrt(np.diag(np.linalg.inv(-curvature)))
    np.testing.assert_allclose(list(fit.standard_errors.values()), expected, rtol=1e-5)


def test_the_standard_errors_are_those_of_estimates_from_other_customers() -> None:
    fits = [fit_transactions(*columns(buyers(TRUTH, size=2500, seed=seed))) for seed in range(12)]
    spread = np.std([math.log(fit.model.alpha) for fit in fits], ddof=1)
    told = np.mean([fit.standard_errors["alpha"] / fit.model.alpha for fit in fits])
    assert 0.5 < spread / told < 2.0


def test_customers_who_never_come_again_determine_nothing_and_the_fit_says_so() -> None:
    fit = fit_transactions(np.zeros(500), np.zeros(500), np.linspace(1, 90, 500))
    assert not fit.converged
    assert fit.message.startswith(("No maximum", "The data do not determine"))


def test_customers_who_all_do_the_same_determine_nothing_and_the_fit_says_so() -> None:
    fit = fit_transactions(np.full(40, 3), np.full(40, 50.0), np.full(40, 60.0))
    assert not fit.converged


def test_one_customer_is_not_enough_and_the_fit_says_so() -> None:
    assert not fit_transactions([2], [30.43], [38.86]).converged


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(CustomerValueError, match="weights of row 1 is negative: -1"):
        fit_transactions([1, 2], [1, 1], [2, 2], weights=[1, -1])


@pytest.mark.parametrize(
    ("frequency", "recency", "age", "told"),
    [
        ([], [], [], "no customer"),
        ([1.5], [1], [2], "frequency of row 0 is no whole number"),
        ([1, -1], [1, 1], [2, 2], "frequency of row 1"),
        ([1], [3], [2], "recency of row 0 is not between 0 and the age"),
        ([0], [1], [2], "no repeat purchase"),
        ([1], [1], [float("nan")], "age of row 0 is no finite number"),
        ([1, 2], [1], [2], "differ in length"),
        ([0, 0], [0, 0], [0, 0], "age 0"),
        (["many"], [1], [2], "no number"),
    ],
)
def test_what_no_customer_can_have_done_is_refused(frequency: list, recency: list, age: list, told: str) -> None:
    with pytest.raises(CustomerValueError, match=told):
        fit_transactions(frequency, recency, age)
