"""A maximum is called one only if it is one, and the data tell where it lies."""

import numpy as np
import pytest

from metalayer_assets.customer_value.maximum import Likelihood, Maximum, maximise, observed_information

CURVATURE = np.array([[40.0, 12.0], [12.0, 9.0]])
TOP = np.log([3.0, 0.2])
STARTS = ((1.0, 1.0), (10.0, 0.01))


def hill(curvature: np.ndarray = CURVATURE, top: np.ndarray = TOP) -> Likelihood:
    """Normal in the logarithms of the parameters."""

    def at(point: np.ndarray) -> tuple[float, np.ndarray]:
        away = point - top
        return float(-away @ curvature @ away / 2) - 1000.0, -curvature @ away

    return at


def climbed(likelihood: Likelihood) -> Maximum:
    return maximise(likelihood, ("left", "right"), STARTS, 100)


def test_a_known_maximum_is_found_with_its_standard_errors() -> None:
    found = climbed(hill())
    assert (found.converged, found.message) == (True, "The maximum was found.")
    np.testing.assert_allclose(found.parameters, [3.0, 0.2], rtol=1e-8)
    assert found.log_likelihood == pytest.approx(-1000.0, abs=1e-12)
    expected = np.array([3.0, 0.2]) * np.sqrt(np.diag(np.linalg.inv(CURVATURE)))
    np.testing.assert_allclose(found.standard_errors, expected, rtol=1e-7)


def test_the_information_is_minus_the_second_derivatives() -> None:
    def at(point: np.ndarray) -> tuple[float, np.ndarray]:
        x, y = point
        value = -np.exp(x) - x**2 * y - np.cosh(y)
        return float(value), np.array([-np.exp(x) - 2 * x * y, -(x**2) - np.sinh(y)])

    x, y = 0.3, -0.7
    expected = [[np.exp(x) + 2 * y, 2 * x], [2 * x, np.cosh(y)]]
    np.testing.assert_allclose(observed_information(at, np.array([x, y])), expected, rtol=1e-9)


def test_of_two_hills_the_higher_is_climbed() -> None:
    def at(point: np.ndarray) -> tuple[float, np.ndarray]:
        x, y = point
        low, high = np.exp(-((x - 0.1) ** 2) * 2), 2 * np.exp(-((x - 2.3) ** 2) * 2)
        return float(low + high - y**2), np.array([-4 * (x - 0.1) * low - 4 * (x - 2.3) * high, -2 * y])

    assert climbed(at).parameters[0] == pytest.approx(np.exp(2.3), rel=0.01)


def test_a_likelihood_that_rises_for_ever_has_no_maximum() -> None:
    found = climbed(lambda point: (float(point[0] - point[1] ** 2), np.array([1.0, -2 * point[1]])))
    assert not found.converged
    assert found.message == "No maximum: the likelihood still rises at the border of the search for left."


def test_a_flat_likelihood_has_no_maximum() -> None:
    found = climbed(lambda point: (float(-(point[1] ** 2)), np.array([0.0, -2 * point[1]])))
    assert not found.converged
    assert "does not curve down" in found.message
    assert np.isnan(found.standard_errors).all()


def test_a_parameter_known_to_a_factor_of_20_only_is_not_known() -> None:
    found = climbed(hill(np.diag([0.05, 50.0])))
    assert not found.converged
    assert found.message.startswith("The data do not determine left:")


def test_a_likelihood_without_a_value_has_no_maximum() -> None:
    found = climbed(lambda _: (float("nan"), np.full(2, np.nan)))
    assert not found.converged
    assert "no finite value" in found.message


def test_a_search_that_is_stuck_short_of_a_maximum_says_how_far() -> None:
    height, slope = hill(), hill(top=TOP + 1.0)
    found = climbed(lambda point: (height(point)[0], slope(point)[1]))
    assert not found.converged
    assert "standard errors long" in found.message
