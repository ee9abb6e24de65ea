"""Customers drawn from the models, with a seed, for tests of what is fitted to them."""

import numpy as np
import pandas as pd

from metalayer_assets.customer_value import SpendModel, TransactionModel


def buyers(model: TransactionModel, *, size: int, seed: int, longest: float = 80.0) -> pd.DataFrame:
    """Frequency, recency and age of customers who live by the model; ages are spread over half of the longest."""
    chance = np.random.default_rng(seed)
    age = chance.uniform(longest / 2, longest, size)
    rate = chance.gamma(model.r, 1 / model.alpha, size)
    leaving = chance.beta(model.a, model.b, size)
    frequency = np.zeros(size)
    recency = np.zeros(size)
    clock = np.zeros(size)
    alive = np.ones(size, dtype=bool)
    while alive.any():
        # A rate may be as good as 0: then the next purchase is never.
        with np.errstate(divide="ignore", over="ignore"):
            clock = clock + chance.exponential(1.0, size) / rate
        buys = alive & (clock <= age)
        frequency[buys] += 1
        recency[buys] = clock[buys]
        alive = buys & (chance.uniform(size=size) >= leaving)
    return pd.DataFrame({"frequency": frequency, "recency": recency, "age": age})


def spenders(model: SpendModel, *, size: int, seed: int) -> pd.DataFrame:
    """Frequency, from 0, and mean amount of customers who spend by the model."""
    chance = np.random.default_rng(seed)
    frequency = chance.integers(0, 12, size).astype(float)
    nu = chance.gamma(model.q, 1 / model.gamma, size)
    total = chance.gamma(model.p * np.maximum(frequency, 1.0), 1 / nu)
    mean = np.where(frequency > 0, total / np.maximum(frequency, 1.0), np.nan)
    return pd.DataFrame({"frequency": frequency, "monetary_value": mean})
