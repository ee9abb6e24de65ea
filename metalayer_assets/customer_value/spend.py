"""Fit the Gamma-Gamma model of spend per purchase, and tell what to expect of a customer, here; keep CLV out (`value`).

The model of Fader & Hardie, "The Gamma-Gamma Model of Monetary Value" (2013); equation numbers are theirs. The amounts
of a customer's purchases are gamma-distributed (p, nu) around the customer's own mean, and nu is gamma-distributed
(q, gamma) over customers. Spend must not go with the number of purchases: the fit reports their correlation.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, digamma

from metalayer_assets.customer_value.errors import CustomerValueError
from metalayer_assets.customer_value.maximum import Fit, maximise
from metalayer_assets.customer_value.observations import Kinds, Vector, grouped, refuse, vector

_NAMES = ("p", "q", "gamma")
# With amounts in units of their mean.
_STARTS = ((5.0, 3.0, 0.5), (1.0, 2.0, 1.0), (2.0, 10.0, 5.0), (20.0, 3.0, 0.1))


@dataclass(frozen=True)
class SpendModel:
    """The Gamma-Gamma model with given parameters.

    Attributes:
        p: Shape of the amounts of one customer.
        q: Shape over customers; the mean spend of all is finite above 1 only.
        gamma: Scale over customers, in units of money.

    Raises:
        CustomerValueError: A parameter is not a finite number above 0.
    """

    p: float
    q: float
    gamma: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (np.isfinite(value) and value > 0):
                raise CustomerValueError(
                    f"Parameter {field.name} of the Gamma-Gamma model is {value}: it must be above 0"
                )

    @property
    def mean_spend(self) -> float:
        """Spend per purchase expected of a random customer, p gamma / (q - 1); infinite for q up to 1."""
        return self.p * self.gamma / (self.q - 1) if self.q > 1 else float("inf")

    def expected_spend(self, frequency: ArrayLike, monetary_value: ArrayLike) -> Vector:
        """Spend per purchase expected of each customer; equation (5).

        It is the mean of what all customers and this one spend, weighted by how often this one bought. Without a
        repeat purchase it is the mean of all, and the monetary value is not looked at (it may be nan). A mean below 0,
        which the model does not know, counts as 0.

        Args:
            frequency: Repeat purchases of each customer.
            monetary_value: Mean amount of these purchases.

        Raises:
            CustomerValueError: A frequency is no whole number from 0, a monetary value of repeat purchases is no
                number, or the mean spend is infinite (q up to 1).
        """
        x, mean = _observed(frequency, monetary_value)
        if self.q <= 1:
            raise CustomerValueError(
                f"The Gamma-Gamma model has no finite mean spend (q = {self.q:g}): fit it to purchases without outliers"
            )
        total = x * np.maximum(mean, 0.0)
        return np.asarray(self.p * (self.gamma + total) / (self.p * x + self.q - 1))


@dataclass(frozen=True)
class SpendFit(Fit[SpendModel]):
    """A Gamma-Gamma model fitted by maximum likelihood.

    Attributes:
        correlation: Of repeat purchases and their mean amount, over the customers it was fitted to (Pearson). The
            model takes them for independent: far from 0, do not trust it. nan where either does not vary.
        left_out: Customers without a repeat purchase or without positive spend, which it was not fitted to.
    """

    correlation: float
    left_out: int


class SpendLikelihood:
    """The log-likelihood of the Gamma-Gamma model for some customers, equation (1b), and its gradient.

    Args:
        kinds: Columns frequency and monetary value, both above 0.
    """

    def __init__(self, kinds: Kinds) -> None:
        self._x, mean = kinds.columns
        self._total = self._x * mean
        self._weights = kinds.weights
        self._constant = -float(kinds.weights @ np.log(mean))

    def __call__(self, point: Vector) -> tuple[float, Vector]:
        """Log-likelihood and its gradient by the logarithms of p, q and gamma, at those logarithms."""
        parameters = np.exp(point)
        value, gradient = self.at(*parameters)
        return value, gradient * parameters

    def at(self, p: float, q: float, gamma: float) -> tuple[float, Vector]:
        """Log-likelihood and its gradient by the parameters."""
        x, total, shape = self._x, self._total, p * self._x
        over, under = np.log1p(total / gamma), np.log1p(gamma / total)
        each = -betaln(shape, q) - q * over - shape * under
        both = digamma(shape + q)
        by_p = x * (both - digamma(shape) - under)
        by_q = both - digamma(q) - over
        by_gamma = (q * total / gamma - shape) / (gamma + total)
        gradient = np.array([self._weights @ by for by in (by_p, by_q, by_gamma)])
        return self._constant + float(self._weights @ each), gradient


def fit_spend(frequency: ArrayLike, monetary_value: ArrayLike, *, weights: ArrayLike | None = None) -> SpendFit:
    """Fit the Gamma-Gamma model by maximum likelihood to customers with repeat purchases and positive spend.

    The result does not depend on the order of customers; in another currency, gamma and the likelihood follow the
    unit of money and nothing else changes.

    Args:
        frequency: Repeat purchases of each customer.
        monetary_value: Mean amount of these; may be nan without one.
        weights: Customers that each row stands for; one each if not given.

    Returns:
        The fit; look at `converged` before using its model.

    Raises:
        CustomerValueError: The observations are none that customers can have, or no customer is left to fit to.
    """
    x, mean = _observed(frequency, monetary_value)
    counts = np.ones(len(x)) if weights is None else vector("weights", weights)
    if len(counts) != len(x):
        raise CustomerValueError(f"There are {len(counts)} weights for {len(x)} customers: give one for each")
    fitting = (x > 0) & (mean > 0)
    if not fitting.any():
        raise CustomerValueError("No customer has a repeat purchase with positive spend: there is no spend to fit")
    kinds = grouped((x[fitting], mean[fitting]), counts[fitting])
    unit = float(kinds.weights @ kinds.columns[1]) / kinds.customers
    in_units = Kinds((kinds.columns[0], kinds.columns[1] / unit), kinds.weights)
    found = maximise(SpendLikelihood(in_units), _NAMES, _STARTS, kinds.customers)
    scale = np.array([1.0, 1.0, unit])
    return SpendFit(
        model=SpendModel(*(found.parameters * scale).tolist()),
        standard_errors=dict(zip(_NAMES, (found.standard_errors * scale).tolist(), strict=True)),
        # A density of amounts has the dimension of money to the power of -1.
        log_likelihood=found.log_likelihood - kinds.customers * float(np.log(unit)),
        customers=round(kinds.customers),
        converged=found.converged,
        message=found.message,
        correlation=_correlation(in_units),
        left_out=round(float(counts.sum()) - kinds.customers),
    )


def _observed(frequency: ArrayLike, monetary_value: ArrayLike) -> tuple[Vector, Vector]:
    """Frequency and mean amount, 0 where there was no repeat purchase."""
    x = vector("frequency", frequency)
    refuse("frequency", x, (x < 0) | (x != np.floor(x)), "is no whole number from 0")
    given = np.atleast_1d(np.asarray(monetary_value, dtype=np.float64))
    if given.shape != x.shape:
        raise CustomerValueError(f"There are {given.size} monetary values for {len(x)} customers: give one for each")
    return x, vector("monetary_value", np.where(x > 0, given, 0.0))


def _correlation(kinds: Kinds) -> float:
    centred = [column - (kinds.weights @ column) / kinds.customers for column in kinds.columns]
    varying = [float(kinds.weights @ column**2) for column in centred]
    # An even column leaves nothing but rounding, which correlates with anything.
    even = any(float(np.ptp(column)) == 0 for column in kinds.columns)
    if even:
        return float("nan")
    return float(kinds.weights @ (centred[0] * centred[1])) / float(np.sqrt(varying[0] * varying[1]))
