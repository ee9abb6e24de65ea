"""Reduce purchases to what the models know of a customer here; keep the models out.

All purchases of a customer on one day are one purchase, of the sum of their amounts: the models count the days on
which somebody comes, and the days of a warehouse have no order within them.
"""

from datetime import date
from enum import Enum

import numpy as np
import pandas as pd

from metalayer_assets.customer_value.errors import CustomerValueError

_COLUMNS = ("customer", "day", "amount")


class TimeUnit(Enum):
    """The unit of recency, age and alpha; its value is its length in days.

    Everything that is said in counts, amounts or probabilities is the same in either; alpha is 7 times as many days
    as weeks, and the log-likelihood differs by log(7) for each repeat purchase.
    """

    DAY = 1
    WEEK = 7


def summarise(purchases: pd.DataFrame, *, until: date, unit: TimeUnit = TimeUnit.DAY) -> pd.DataFrame:
    """Summarise purchases up to a day, included.

    Args:
        purchases: Columns `customer` (any sortable key), `day` (dates, or timestamps by their
            UTC day) and `amount` (numbers or
            decimals), in any order of rows. Which rows are purchases is the caller's decision: a return told as a
            negative amount lowers its day's sum.
        until: Last day of observation; later purchases are not looked at.
        unit: Of the times.

    Returns:
        One row for each customer with a purchase by then, sorted and indexed by `customer`: `frequency` (days with a
        repeat purchase), `recency` (from the first day to the last), `age` (from the first day to `until`) and
        `monetary_value` (mean of the repeat days' sums; the first purchase tells who came, not how they go on; nan
        without a repeat).

    Raises:
        CustomerValueError: A column or a value is missing, or an amount is no finite number.
    """
    days = _days(purchases)
    return _summary(days[days["day"] <= pd.Timestamp(until)], until, unit)


def summarise_with_holdout(
    purchases: pd.DataFrame, *, calibration_until: date, until: date, unit: TimeUnit = TimeUnit.DAY
) -> pd.DataFrame:
    """Summarise a calibration period, and what its customers did in the time after it.

    Args:
        purchases: As for `summarise`.
        calibration_until: Last day of the calibration period.
        until: Last day of the holdout period, which begins on the day after the calibration period.
        unit: Of the times.

    Returns:
        The summary of the calibration period, as `summarise` gives it, with `holdout_frequency` (days with a purchase
        in the holdout period), `holdout_amount` (sum of their amounts) and `holdout_time` (length of that period, the
        same for all). Customers who first came in the holdout period are not in it.

    Raises:
        CustomerValueError: As for `summarise`; or the holdout period has no day.
    """
    if until <= calibration_until:
        raise CustomerValueError(f"The holdout period ends on {until}: it must end after {calibration_until}")
    days = _days(purchases)
    split, end = pd.Timestamp(calibration_until), pd.Timestamp(until)
    summary = _summary(days[days["day"] <= split], calibration_until, unit)
    after = days[(days["day"] > split) & (days["day"] <= end)].groupby("customer", sort=True)
    summary["holdout_frequency"] = after.size().reindex(summary.index, fill_value=0).astype("int64")
    summary["holdout_amount"] = after["amount"].sum().reindex(summary.index, fill_value=0.0).astype("float64")
    summary["holdout_time"] = (end - split).days / unit.value
    return summary


def _days(purchases: pd.DataFrame) -> pd.DataFrame:
    """One row for each customer and day with a purchase, sorted by both."""
    missing = [name for name in _COLUMNS if name not in purchases.columns]
    if missing:
        raise CustomerValueError(f"Purchases have no column {', '.join(missing)}: give {', '.join(_COLUMNS)}")
    try:
        days = pd.DataFrame(
            {
                "customer": purchases["customer"],
                "day": _utc_days(purchases["day"]),
                "amount": purchases["amount"].astype("float64"),
            }
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise CustomerValueError(f"Purchases hold a day or an amount that cannot be read: {error}") from error
    for name in _COLUMNS:
        if days[name].isna().any():
            raise CustomerValueError(
                f"Purchases hold {int(days[name].isna().sum())} rows without {name}: leave them out"
            )
    if not np.isfinite(days["amount"]).all():
        raise CustomerValueError("Purchases hold an infinite amount: leave it out")
    # Sorted by amount as well: a sum of floats depends on its order in the last digit.
    days = days.sort_values(list(_COLUMNS), kind="stable", ignore_index=True)
    return days.groupby(["customer", "day"], sort=True, observed=True)["amount"].sum().reset_index()


def _utc_days(days: pd.Series) -> pd.Series:
    read = pd.to_datetime(days)
    if read.dt.tz is not None:
        read = read.dt.tz_convert("UTC").dt.tz_localize(None)
    return read.dt.normalize()


def _summary(days: pd.DataFrame, until: date, unit: TimeUnit) -> pd.DataFrame:
    by_customer = days.groupby("customer", sort=True, observed=True)
    first, last = by_customer["day"].min(), by_customer["day"].max()
    repeats = days[days["day"] > days["customer"].map(first)]
    return pd.DataFrame(
        {
            "frequency": by_customer.size().astype("int64") - 1,
            "recency": (last - first).dt.days / unit.value,
            "age": (pd.Timestamp(until) - first).dt.days / unit.value,
            "monetary_value": repeats.groupby("customer", sort=True, observed=True)["amount"]
            .mean()
            .reindex(first.index)
            .astype("float64"),
        }
    )
