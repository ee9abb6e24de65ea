"""Draw reproducible numbers here: the same on every machine and Python version."""

import math
import random
from collections.abc import Sequence
from statistics import NormalDist
from typing import TypeVar

T = TypeVar("T")
_MASK = (1 << 64) - 1


class Draw:
    """A stream of numbers of its own, named by its parts, so that one dataset's draws never shift another's.

    Only `Random.random` is used: its sequence is promised never to change between Python versions.
    """

    def __init__(self, *name: object) -> None:
        self.random = random.Random("/".join(map(str, name))).random  # noqa: S311 - sample data, not secrets

    def below(self, bound: int) -> int:
        """A whole number from 0 to bound - 1."""
        return int(self.random() * bound)

    def between(self, least: int, most: int) -> int:
        """A whole number from least to most, both included."""
        return least + int(self.random() * (most - least + 1))

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, each equally likely."""
        return options[int(self.random() * len(options))]

    def chance(self, share: float) -> bool:
        """True with the probability `share`."""
        return self.random() < share

    def log_normal(self, mean: float, deviation: float) -> float:
        """A log-normal value; mean and deviation are those of its natural logarithm."""
        quantile = min(max(self.random(), 1e-6), 1 - 1e-6)
        return math.exp(NormalDist(mean, deviation).inv_cdf(quantile))


def scatter(seed: int, number: int) -> int:
    """64 bits that look random and depend on seed and number only (the finaliser of splitmix64).

    With it a record is a function of its number and needs no memory between the days that tell it.
    """
    bits = (seed * 0x9E3779B97F4A7C15 + number * 0xD1342543DE82EF95 + 0x2545F4914F6CDD1D) & _MASK
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _MASK
    return bits ^ (bits >> 31)
