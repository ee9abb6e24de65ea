"""Read and group what customers were observed to do here; keep likelihoods out.

Customers with the same observations have the same likelihood, so a fit sees each kind once, with the number of its
customers. The kinds come sorted: what is fitted depends neither on the order of customers nor on their grouping.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metalayer_assets.customer_value.errors import CustomerValueError

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Kinds:
    """Distinct observations and how many customers made each.

    Attributes:
        columns: One vector for each observed quantity, all of the same length, sorted by the first, then the next.
        weights: Customers of each kind, more than 0.
    """

    columns: tuple[Vector, ...]
    weights: Vector

    @property
    def customers(self) -> float:
        """Customers of all kinds."""
        return float(self.weights.sum())


def vector(name: str, values: ArrayLike) -> Vector:
    """Values as a vector of finite numbers.

    Raises:
        CustomerValueError: They are not one-dimensional, or one of them is no finite number.
    """
    try:
        read = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise CustomerValueError(f"{name} holds a value that is no number: {error}") from error
    if read.ndim != 1:
        raise CustomerValueError(f"{name} has {read.ndim} dimensions: give one value for each customer")
    refuse(name, read, ~np.isfinite(read), "is no finite number")
    return read


def refuse(name: str, values: Vector, wrong: NDArray[np.bool_], why: str) -> None:
    """Raise an error that names the first wrong value, if there is one.

    Raises:
        CustomerValueError: A value is wrong.
    """
    if wrong.any():
        row = int(np.argmax(wrong))
        count = int(wrong.sum())
        others = f" ({count - 1} more)" if count > 1 else ""
        raise CustomerValueError(f"{name} of row {row} {why}: {values[row]:g}{others}")


def grouped(columns: tuple[Vector, ...], weights: ArrayLike | None) -> Kinds:
    """Group customers with identical observations.

    Args:
        columns: The observed quantities, one value for each customer.
        weights: Customers that each row stands for; one each if not given. Rows of weight 0 are left out.

    Raises:
        CustomerValueError: The lengths differ, a weight is negative, or there is no customer.
    """
    size = len(columns[0])
    counts = np.ones(size) if weights is None else vector("weights", weights)
    lengths = [len(column) for column in (*columns, counts)]
    if lengths != [size] * len(lengths):
        raise CustomerValueError(f"The observations differ in length {lengths}: give one value for each customer")
    refuse("weights", counts, counts < 0, "is negative")
    kept = counts > 0
    if not kept.any():
        raise CustomerValueError("There is no customer to fit a model to")
    rows = np.column_stack(columns)[kept]
    order = np.lexsort(rows.T[::-1])
    rows = rows[order]
    opens = np.concatenate([[True], (rows[1:] != rows[:-1]).any(axis=1)])
    totals = np.add.reduceat(counts[kept][order], np.flatnonzero(opens))
    return Kinds(tuple(np.ascontiguousarray(column) for column in rows[opens].T), totals)
