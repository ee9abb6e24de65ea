"""Find the maximum of a likelihood, and how sure it is, here; keep the likelihoods themselves out.

Parameters are positive, so they are sought by their logarithms: quasi-Newton (L-BFGS-B) from several fixed starts,
then Newton steps from the best end until nothing moves. A maximum counts as found only if the likelihood curves down
in every direction there, the next Newton step is small beside the standard errors, no parameter ran away to the
border of the search, and the data tell each parameter's order of magnitude.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from scipy.optimize import minimize

from metalayer_assets.customer_value.observations import Vector

# Log-likelihood and its gradient, at logarithms of the parameters.
Likelihood = Callable[[Vector], tuple[float, Vector]]
Model = TypeVar("Model")

# The search goes this far from 0 on the logarithm: to factors of about 160 000 either way.
_BORDER = 12.0
_AT_BORDER = 1e-2
# Newton decrement: square of the next step in standard errors. Polishing aims at the first, the second will do.
_POLISHED = 1e-14
_STILL = 1e-6
_NEWTON_STEPS = 25
_HALVINGS = 30
# A standard error of 3 on the logarithm: a factor of 20 either way is no knowledge of a parameter.
_UNKNOWN = 3.0
_STEP = 1e-3


@dataclass(frozen=True)
class Fit(Generic[Model]):
    """A model fitted by maximum likelihood.

    Attributes:
        model: The model at the parameters where the search ended.
        standard_errors: Of each parameter by its name, from the observed information by the delta method; nan where
            the likelihood does not curve down.
        log_likelihood: At these parameters, in the units of the observations.
        customers: Customers that it was fitted to.
        converged: Whether these parameters are a maximum that the data determine. Otherwise do not use the model.
        message: Why, in a sentence.
    """

    model: Model
    standard_errors: dict[str, float]
    log_likelihood: float
    customers: int
    converged: bool
    message: str


@dataclass(frozen=True)
class Maximum:
    """Where a search ended.

    Attributes:
        parameters: The parameters, not their logarithms.
        standard_errors: Of the parameters; nan where the likelihood does not curve down.
        log_likelihood: There.
        converged: Whether it is a maximum that the data determine.
        message: Why, in a sentence.
    """

    parameters: Vector
    standard_errors: Vector
    log_likelihood: float
    converged: bool
    message: str


def maximise(likelihood: Likelihood, names: Sequence[str], starts: Sequence[Sequence[float]], size: float) -> Maximum:
    """Maximise a likelihood over positive parameters.

    Args:
        likelihood: The log-likelihood and its gradient by the logarithms of the parameters.
        names: Of the parameters, for messages.
        starts: Parameters to start from, each in the order of the names.
        size: Number of customers; the search looks at the likelihood of one, so that its tolerances fit any number.
    """
    ends = [_climbed(likelihood, np.log(np.asarray(start, dtype=np.float64)), size) for start in starts]
    heights = [height if np.isfinite(height) else -np.inf for height in (likelihood(end)[0] for end in ends)]
    point, information, decrement = _polished(likelihood, ends[int(np.argmax(heights))])
    value = likelihood(point)[0]
    errors = _standard_errors(information)
    message = _objection(names, point, value, errors, decrement)
    parameters = np.exp(point)
    return Maximum(parameters, parameters * errors, value, message is None, message or "The maximum was found.")


def observed_information(likelihood: Likelihood, point: Vector) -> Vector:
    """Minus the second derivatives of the log-likelihood by the logarithms of the parameters; a square matrix.

    They are fourth-order central differences of the exact gradient, so no second difference loses digits.
    """
    columns = []
    for axis in np.eye(len(point)):
        near, far = (
            likelihood(point + steps * _STEP * axis)[1] - likelihood(point - steps * _STEP * axis)[1]
            for steps in (1, 2)
        )
        columns.append((8 * near - far) / (12 * _STEP))
    hessian = np.column_stack(columns)
    return np.asarray(-(hessian + hessian.T) / 2)


def _climbed(likelihood: Likelihood, start: Vector, size: float) -> Vector:
    def cost(point: Vector) -> tuple[float, Vector]:
        value, gradient = likelihood(point)
        return -value / size, -gradient / size

    found = minimize(
        cost,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(-_BORDER, _BORDER)] * len(start),
        options={"maxiter": 400, "maxfun": 800, "ftol": 1e-14, "gtol": 1e-9},
    )
    return np.asarray(found.x, dtype=np.float64)


def _polished(likelihood: Likelihood, point: Vector) -> tuple[Vector, Vector, float]:
    """Where Newton steps lead, the observed information there, and the Newton decrement (nan: it curves up)."""
    value, gradient = likelihood(point)
    information = observed_information(likelihood, point)
    for _ in range(_NEWTON_STEPS):
        step = _newton_step(information, gradient)
        if step is None or float(gradient @ step) < _POLISHED:
            break
        for _ in range(_HALVINGS):
            tried = np.clip(point + step, -_BORDER, _BORDER)
            higher, its_gradient = likelihood(tried)
            # Near the top the likelihood is flat to its last digit; the gradient still tells up from down.
            flat = abs(higher - value) <= 1e-13 * abs(value) and np.abs(its_gradient).max() < np.abs(gradient).max()
            if higher > value or flat:
                break
            step = step / 2
        else:
            break
        point, value, gradient = tried, higher, its_gradient
        information = observed_information(likelihood, point)
    step = _newton_step(information, gradient)
    return point, information, float("nan") if step is None else float(gradient @ step)


def _newton_step(information: Vector, gradient: Vector) -> Vector | None:
    if not np.isfinite(information).all() or np.linalg.eigvalsh(information).min() <= 0:
        return None
    return np.asarray(np.linalg.solve(information, gradient))


def _standard_errors(information: Vector) -> Vector:
    """Of the logarithms of the parameters."""
    if not np.isfinite(information).all() or np.linalg.eigvalsh(information).min() <= 0:
        return np.full(len(information), np.nan)
    return np.asarray(np.sqrt(np.diag(np.linalg.inv(information))))


def _objection(names: Sequence[str], point: Vector, value: float, errors: Vector, decrement: float) -> str | None:
    """Why an end of the search is no maximum that can be used; None if it is."""
    if not np.isfinite(value):
        return "No maximum: the likelihood has no finite value where the search ended."
    runaways = [name for name, at in zip(names, point, strict=True) if abs(at) > _BORDER - _AT_BORDER]
    if runaways:
        return f"No maximum: the likelihood still rises at the border of the search for {', '.join(runaways)}."
    if not np.isfinite(decrement):
        return "No maximum: the likelihood does not curve down in every direction where the search ended."
    if decrement > _STILL:
        return f"No maximum: the next step would still be {np.sqrt(decrement):.2g} standard errors long."
    unknown = [name for name, error in zip(names, errors, strict=True) if error > _UNKNOWN]
    if unknown:
        return f"The data do not determine {', '.join(unknown)}: far other values are about as likely."
    return None
