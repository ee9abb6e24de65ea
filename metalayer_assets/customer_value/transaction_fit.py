"""Fit the BG/NBD model to customers here; keep what it predicts out (`transactions`).

Fader, Hardie & Lee (2005), as named in `transactions`; equation numbers are theirs.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, digamma, expit, gammaln

from metalayer_assets.customer_value.errors import CustomerValueError
from metalayer_assets.customer_value.maximum import Fit, maximise
from metalayer_assets.customer_value.observations import Kinds, Vector, grouped
from metalayer_assets.customer_value.transactions import TransactionModel, observed

_NAMES = ("r", "alpha", "a", "b")
# With times in units of the mean age; few and many purchases, early and late leaving.
_STARTS = ((0.3, 0.2, 0.8, 2.5), (1.0, 1.0, 1.0, 1.0), (1.0, 0.3, 0.3, 3.0), (5.0, 2.0, 2.0, 8.0))


class TransactionLikelihood:
    """The log-likelihood of the BG/NBD model for some customers, equation (7), and its gradient.

    Equation (6) for one customer, its two beta functions brought to one, is A1 A2 (A3 + [x > 0] A4), where
    A1 = Gamma(r + x) / Gamma(r), A2 = B(a, b + x) / B(a, b), A3 = alpha^r (alpha + T)^-(r + x) and
    A4 = alpha^r (alpha + t_x)^-(r + x) a / (b + x - 1); the authors' note "Implementing the BG/NBD Model for Customer
    Base Analysis in Excel" (2005) has it so. It is summed by logarithms, with the powers of alpha taken together, so
    that nothing overflows and large parameters do not cancel.

    Args:
        kinds: Columns frequency, recency and age.
    """

    def __init__(self, kinds: Kinds) -> None:
        self._x, self._t_x, self._age = kinds.columns
        self._weights = kinds.weights
        self._repeats = self._x > 0
        # Special functions see each frequency once.
        self._counts, self._count = np.unique(self._x, return_inverse=True)

    def __call__(self, point: Vector) -> tuple[float, Vector]:
        """Log-likelihood and its gradient by the logarithms of r, alpha, a and b, at those logarithms."""
        parameters = np.exp(point)
        value, gradient = self.at(*parameters)
        return value, gradient * parameters

    def at(self, r: float, alpha: float, a: float, b: float) -> tuple[float, Vector]:
        """Log-likelihood and its gradient by the parameters."""
        x, t_x, age, counts, count = self._x, self._t_x, self._age, self._counts, self._count
        after_first = np.maximum(counts, 1.0)
        log_a1 = np.where(counts > 0, gammaln(after_first) - betaln(r, after_first), 0.0)
        log_a2 = betaln(a, b + counts) - betaln(a, b)
        log_a3 = -r * np.log1p(age / alpha) - x * np.log(alpha + age)
        leaving = (np.log(a) - np.log(b + after_first - 1))[count]
        log_a4 = np.where(self._repeats, leaving - r * np.log1p(t_x / alpha) - x * np.log(alpha + t_x), -np.inf)
        each = (log_a1 + log_a2)[count] + np.logaddexp(log_a3, log_a4)

        left = np.where(self._repeats, expit(log_a4 - log_a3), 0.0)
        stayed = 1.0 - left
        by_r = (digamma(r + counts) - digamma(r))[count] - stayed * np.log1p(age / alpha) - left * np.log1p(t_x / alpha)
        by_alpha = stayed * _slope(r, alpha, x, age) + left * _slope(r, alpha, x, t_x)
        both = digamma(a + b) - digamma(a + b + counts)
        by_a = both[count] + left / a
        by_b = (both + digamma(b + counts) - digamma(b))[count] - left * (1 / (b + after_first - 1))[count]
        gradient = np.array([self._weights @ by for by in (by_r, by_alpha, by_a, by_b)])
        return float(self._weights @ each), gradient


def _slope(r: float, alpha: float, x: Vector, time: Vector) -> Vector:
    """Derivative of r log(alpha) - (r + x) log(alpha + time) by alpha."""
    return np.asarray((r * time / alpha - x) / (alpha + time))


def fit_transactions(
    frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, *, weights: ArrayLike | None = None
) -> Fit[TransactionModel]:
    """Fit the BG/NBD model by maximum likelihood.

    The result does not depend on the order of customers; in another unit of time, alpha and the likelihood follow the
    unit and nothing else changes.

    Args:
        frequency: Repeat purchases of each customer.
        recency: Time from the first purchase to the last.
        age: Time from the first purchase to the end of observation.
        weights: Customers that each row stands for; one each if not given.

    Returns:
        The fit; look at `converged` before using its model.

    Raises:
        CustomerValueError: The observations are none that customers can have, or there is no customer of any age.
    """
    kinds = grouped(observed(frequency, recency, age), weights)
    x, t_x, ages = kinds.columns
    unit = float(kinds.weights @ ages) / kinds.customers
    if unit == 0:
        raise CustomerValueError("Every customer is of age 0: end the observation after the first purchases")
    in_units = Kinds((x, t_x / unit, ages / unit), kinds.weights)
    found = maximise(TransactionLikelihood(in_units), _NAMES, _STARTS, kinds.customers)
    scale = np.array([1.0, unit, 1.0, 1.0])
    return Fit(
        model=TransactionModel(*(found.parameters * scale).tolist()),
        standard_errors=dict(zip(_NAMES, (found.standard_errors * scale).tolist(), strict=True)),
        # A density of x purchase times has the dimension of time to the power of -x.
        log_likelihood=found.log_likelihood - float(kinds.weights @ x) * float(np.log(unit)),
        customers=round(kinds.customers),
        converged=found.converged,
        message=found.message,
    )
