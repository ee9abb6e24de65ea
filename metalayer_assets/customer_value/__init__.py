"""What customers are worth: BG/NBD for purchases, Gamma-Gamma for spend, and the value that follows from both.

Pure functions of frames and arrays; nothing in here knows PostgreSQL or Dagster.
"""

from metalayer_assets.customer_value.errors import CustomerValueError
from metalayer_assets.customer_value.maximum import Fit
from metalayer_assets.customer_value.spend import SpendFit, SpendModel, fit_spend
from metalayer_assets.customer_value.summaries import TimeUnit, summarise, summarise_with_holdout
from metalayer_assets.customer_value.transaction_fit import fit_transactions
from metalayer_assets.customer_value.transactions import TransactionModel
from metalayer_assets.customer_value.value import DISCOUNT, HORIZONS, customer_value

__all__ = [
    "DISCOUNT",
    "HORIZONS",
    "CustomerValueError",
    "Fit",
    "SpendFit",
    "SpendModel",
    "TimeUnit",
    "TransactionModel",
    "customer_value",
    "fit_spend",
    "fit_transactions",
    "summarise",
    "summarise_with_holdout",
]
