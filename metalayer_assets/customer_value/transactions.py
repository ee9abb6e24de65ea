"""Tell here how many purchases to expect of customers by the BG/NBD model; keep fitting it out (`transaction_fit`).

The model of Fader, Hardie & Lee, "Counting Your Customers the Easy Way: An Alternative to the Pareto/NBD Model",
Marketing Science 24 (2005), 275-284; equation numbers below are theirs. While alive, a customer buys at a rate that is
constant in time and gamma-distributed (r, alpha) over customers; after each purchase they may leave for good, with a
probability that is beta-distributed (a, b).

What is known of a customer: `frequency` x, the repeat purchases (the first does not count); `recency` t_x, the time
from the first purchase to the last (0 without a repeat); `age` T, the time from the first purchase to the end of
observation. Times are in any one unit, the unit of alpha.

Expectations are written with hypergeometric functions in the paper: they overflow for busy customers, are a
difference of two infinities at a = 1, and what scipy has for them at negative arguments is wrong for some parameters.
Here they are the integral over the leaving probability that those functions come from; its integrand is positive, so
no digit is lost, and no parameter is special.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from metalayer_assets.customer_value.errors import CustomerValueError
from metalayer_assets.customer_value.observations import Vector, refuse, vector

# Customers whose expectations are integrated at once: bounds memory to tens of megabytes.
_AT_ONCE = 8192
# Nodes of the double-exponential rule; sinh reaches 80 000 either way.
_NODES = np.linspace(-12.0, 12.0, 241)
# Leaving less likely than this is the same as never, and still divides without loss.
_NEVER = 1e-200


@dataclass(frozen=True)
class TransactionModel:
    """The BG/NBD model with given parameters.

    Attributes:
        r: Shape of the gamma distribution of purchase rates.
        alpha: Its scale parameter, in units of time: the mean rate is r / alpha.
        a: First parameter of the beta distribution of leaving.
        b: Second one: the mean probability of leaving after a purchase is a / (a + b).

    Raises:
        CustomerValueError: A parameter is not a finite number above 0.
    """

    r: float
    alpha: float
    a: float
    b: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (np.isfinite(value) and value > 0):
                raise CustomerValueError(f"Parameter {field.name} of the BG/NBD model is {value}: it must be above 0")

    def probability_alive(self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Vector:
        """Probability, 0 to 1, that each customer has not left at the end of observation.

        The reciprocal of the denominator of equation (10). A customer without a repeat purchase is alive for certain:
        the model lets customers leave after repeat purchases only.

        Raises:
            CustomerValueError: The observations are none that a customer can have.
        """
        x, t_x, ages = observed(frequency, recency, age)
        return self._alive(x, t_x, ages)

    def expected_purchases(self, time: ArrayLike) -> Vector:
        """Repeat purchases expected of a random customer in a time since the first purchase; equation (9).

        Raises:
            CustomerValueError: A time is negative.
        """
        times = _times(time)
        zero = np.zeros(len(times))
        return self._of_the_living(times, zero, zero)

    def conditional_purchases(
        self, time: ArrayLike, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike
    ) -> Vector:
        """Purchases expected of each customer in a time after the end of observation; equation (10).

        Args:
            time: One time for all, or one for each customer.
            frequency: Repeat purchases.
            recency: From the first purchase to the last.
            age: From the first purchase to the end of observation.

        Raises:
            CustomerValueError: The observations are none that a customer can have, or a time is negative.
        """
        x, t_x, ages = observed(frequency, recency, age)
        times = _times(time)
        if len(times) not in (1, len(x)):
            raise CustomerValueError(f"There are {len(times)} times for {len(x)} customers: give one, or one for each")
        return self._alive(x, t_x, ages) * self._of_the_living(np.broadcast_to(times, x.shape), x, ages)

    def _alive(self, x: Vector, t_x: Vector, age: Vector) -> Vector:
        repeats = np.maximum(x, 1.0)
        log_odds_of_leaving = (
            np.log(self.a)
            - np.log(self.b + repeats - 1)
            + (self.r + x) * (np.log(self.alpha + age) - np.log(self.alpha + t_x))
        )
        return np.where(x > 0, expit(-log_odds_of_leaving), 1.0)

    def _of_the_living(self, time: Vector, x: Vector, age: Vector) -> Vector:
        """Numerator of equation (10): purchases in a time, of customers who are alive at their age.

        Their rate is gamma-distributed (r + x, alpha + T) and their probability p of leaving beta-distributed
        (a, b + x), independently. Equation (5), averaged over the rates, leaves the mean over p of
        (1 - (1 + p t / (alpha + T)) ^ -(r + x)) / p.
        """
        rows = np.column_stack([x, time / (self.alpha + age)])
        kinds, kind = np.unique(rows, axis=0, return_inverse=True)
        values = np.empty(len(kinds))
        for first in range(0, len(kinds), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            values[part] = self._mean_over_leaving(kinds[part, 0], kinds[part, 1])
        return values[np.ravel(kind)]

    def _mean_over_leaving(self, x: Vector, reach: Vector) -> Vector:
        """The mean over p above, reach being t / (alpha + T).

        The trapezoidal rule in w, logit(p) = mode + width sinh(w): the integrand falls off double-exponentially and
        is analytic around the axis, so that the rule converges geometrically. Held against 40 digits, it was right to
        nine for parameters from 0.05 to 50, and to four at worst, where millions of purchases could be expected.
        """
        counts, count = np.unique(x, return_inverse=True)
        second = self.b + counts[:, None]
        mode = np.log(self.a / second)
        width = np.minimum(1.0, np.sqrt(1 / self.a + 1 / second))
        logit = mode + width * np.sinh(_NODES)
        log_p = -np.logaddexp(0.0, -logit)
        log_weight = self.a * log_p - second * np.logaddexp(0.0, logit) + np.log(np.cosh(_NODES))
        weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        p = np.maximum(np.exp(log_p), _NEVER)
        per_p = weight / p
        p, per_p = p[count], per_p[count]
        fewer = -np.expm1(-(self.r + x)[:, None] * np.log1p(p * reach[:, None]))
        return np.asarray((per_p * fewer).sum(axis=1))


def observed(frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> tuple[Vector, Vector, Vector]:
    """Frequency, recency and age as vectors.

    Raises:
        CustomerValueError: They differ in length, or are none that a customer can have: a frequency that is no whole
            number from 0, a recency outside 0 to the age, a recency above 0 without a repeat purchase.
    """
    x, t_x, ages = vector("frequency", frequency), vector("recency", recency), vector("age", age)
    if not len(x) == len(t_x) == len(ages):
        lengths = f"{len(x)}, {len(t_x)}, {len(ages)}"
        raise CustomerValueError(f"frequency, recency and age differ in length ({lengths}): give one of each")
    refuse("frequency", x, (x < 0) | (x != np.floor(x)), "is no whole number from 0")
    refuse("age", ages, ages < 0, "is negative")
    refuse("recency", t_x, (t_x < 0) | (t_x > ages), "is not between 0 and the age")
    refuse("recency", t_x, (x == 0) & (t_x > 0), "is above 0, but there is no repeat purchase")
    return x, t_x, ages


def _times(time: ArrayLike) -> Vector:
    times = vector("time", time)
    refuse("time", times, times < 0, "is negative")
    return times
