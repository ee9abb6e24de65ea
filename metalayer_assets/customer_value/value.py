"""Put purchases and spend together to the lifetime value of customers here; keep the two models out."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from metalayer_assets.customer_value.errors import CustomerValueError
from metalayer_assets.customer_value.spend import SpendModel
from metalayer_assets.customer_value.summaries import TimeUnit
from metalayer_assets.customer_value.transactions import TransactionModel

HORIZONS = (30, 90, 365)
DISCOUNT = 0.10
_YEAR = 365.0
_PERIOD = 30
_COLUMNS = ("frequency", "recency", "age", "monetary_value")


def customer_value(
    summary: pd.DataFrame,
    transactions: TransactionModel,
    spend: SpendModel,
    *,
    unit: TimeUnit = TimeUnit.DAY,
    horizons: Sequence[int] = HORIZONS,
    annual_discount: float = DISCOUNT,
    margin: float = 1.0,
) -> pd.DataFrame:
    """Tell what to expect of each customer after the end of observation.

    A horizon is cut into periods of 30 days, the last of which may be shorter. The purchases expected in a period are
    worth the expected spend times the margin, discounted from the middle of the period: divided by
    (1 + annual_discount) ^ (days to the middle / 365). The value of a horizon is the sum over its periods. The first
    purchase, and all others already made, are no part of it.

    Args:
        summary: As `summaries.summarise` gives it, in the same unit of time as the model.
        transactions: Tells the purchases.
        spend: Tells the spend per purchase.
        unit: Of the times of summary and model.
        horizons: In days.
        annual_discount: Rate of interest by year, 0.10 for ten per cent.
        margin: Share of the spend that is earned.

    Returns:
        One row for each customer in the order of the summary, indexed as it is: `probability_alive`,
        `expected_spend`, and for each horizon h `expected_purchases_<h>` and `clv_<h>`.

    Raises:
        CustomerValueError: The summary lacks a column or holds what no customer can have; a horizon, the discount or
            the margin is out of range; the mean spend is infinite.
    """
    missing = [name for name in _COLUMNS if name not in summary.columns]
    if missing:
        raise CustomerValueError(f"The summary has no column {', '.join(missing)}: make it with summarise")
    if not horizons or min(horizons) <= 0 or len(set(horizons)) < len(horizons):
        raise CustomerValueError(f"Horizons {list(horizons)} are not distinct numbers of days above 0")
    if not (np.isfinite(annual_discount) and annual_discount >= 0):
        raise CustomerValueError(f"The annual discount is {annual_discount}: give a rate from 0, such as 0.10")
    if not (np.isfinite(margin) and margin >= 0):
        raise CustomerValueError(f"The margin is {margin}: give a share from 0, such as 0.35")

    x, t_x, age, mean = (summary[name].to_numpy(dtype=np.float64) for name in _COLUMNS)
    expected_spend = spend.expected_spend(x, mean)
    value = pd.DataFrame(
        {"probability_alive": transactions.probability_alive(x, t_x, age), "expected_spend": expected_spend},
        index=summary.index,
    )
    edges = {horizon: _edges(horizon) for horizon in horizons}
    purchases = {
        day: transactions.conditional_purchases(day / unit.value, x, t_x, age)
        for day in sorted({day for days in edges.values() for day in days[1:]})
    }
    purchases[0] = np.zeros(len(x))
    for horizon, days in edges.items():
        discounted = np.zeros(len(x))
        for opens, closes in pairwise(days):
            middle = (opens + closes) / 2
            discounted += (purchases[closes] - purchases[opens]) / (1 + annual_discount) ** (middle / _YEAR)
        value[f"expected_purchases_{horizon}"] = purchases[horizon]
        value[f"clv_{horizon}"] = discounted * expected_spend * margin
    return value


def _edges(horizon: int) -> list[int]:
    """Days that the periods of a horizon begin and end at."""
    return [*range(0, horizon, _PERIOD), horizon]
