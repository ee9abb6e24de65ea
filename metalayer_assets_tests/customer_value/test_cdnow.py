"""The published estimates for the tenth of the CDNOW customers; the sample comes with the package `lifetimes`.

BG/NBD: Fader, Hardie & Lee (2005). Gamma-Gamma: Fader & Hardie (2013).
"""

from datetime import date
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from metalayer_assets.customer_value import TimeUnit, fit_spend, fit_transactions, summarise_with_holdout


@pytest.fixture(scope="module")
def folder() -> Path:
    # The package itself is not imported: only its files are of use, and it needs more than is installed.
    found = find_spec("lifetimes")
    if found is None or not found.submodule_search_locations:
        pytest.skip("the CDNOW sample is not here: pip install --no-deps lifetimes")
    return Path(next(iter(found.submodule_search_locations))) / "datasets"


@pytest.fixture(scope="module")
def summary(folder: Path) -> pd.DataFrame:
    names = ["master", "customer", "day", "discs", "amount"]
    purchases = pd.read_csv(folder / "CDNOW_sample.txt", sep=r"\s+", names=names)
    purchases["day"] = pd.to_datetime(purchases["day"], format="%Y%m%d")
    ends = {"calibration_until": date(1997, 9, 30), "until": date(1998, 6, 30)}
    return summarise_with_holdout(purchases, **ends, unit=TimeUnit.WEEK)


def test_the_purchases_come_to_the_published_summary(folder: Path, summary: pd.DataFrame) -> None:
    published = pd.read_csv(folder / "cdnow_customers_summary_with_transactions.csv", index_col="ID")
    assert summary.index.tolist() == published.index.tolist()
    assert summary["frequency"].tolist() == published["x"].tolist()
    np.testing.assert_allclose(summary["recency"], published["t_x"], atol=0.00501)
    np.testing.assert_allclose(summary["age"], published["T"], atol=0.00501)
    np.testing.assert_allclose(summary["monetary_value"].fillna(0), published["zbar"], atol=0.00501)


def test_bg_nbd_comes_to_the_published_parameters(summary: pd.DataFrame) -> None:
    fit = fit_transactions(summary["frequency"], summary["recency"], summary["age"])
    assert fit.converged, fit.message
    model = fit.model
    rounded = [round(value, 3) for value in (model.r, model.alpha, model.a, model.b)]
    assert rounded == [0.243, 4.414, 0.793, 2.426]
    assert (round(fit.log_likelihood, 1), fit.customers) == (-9582.4, 2357)


def test_bg_nbd_comes_to_the_published_parameters_from_the_rounded_summary_too(folder: Path) -> None:
    published = pd.read_csv(folder / "cdnow_customers_summary.csv")
    fit = fit_transactions(published["frequency"], published["recency"], published["T"])
    assert fit.converged, fit.message
    model = fit.model
    rounded = [round(value, 3) for value in (model.r, model.alpha, model.a, model.b)]
    assert rounded == [0.243, 4.414, 0.793, 2.426]
    assert round(fit.log_likelihood, 1) == -9582.4


def test_gamma_gamma_comes_to_the_published_parameters(summary: pd.DataFrame) -> None:
    fit = fit_spend(summary["frequency"], summary["monetary_value"])
    assert fit.converged, fit.message
    rounded = [round(value, 2) for value in (fit.model.p, fit.model.q, fit.model.gamma)]
    assert rounded == [6.25, 3.74, 15.44]
    assert (fit.customers, fit.left_out) == (946, 1411)
    assert round(fit.correlation, 2) == 0.11


def test_purchases_of_the_holdout_period_are_foretold_within_an_eighth(summary: pd.DataFrame) -> None:
    model = fit_transactions(summary["frequency"], summary["recency"], summary["age"]).model
    told = model.conditional_purchases(
        summary["holdout_time"], summary["frequency"], summary["recency"], summary["age"]
    ).sum()
    assert told == pytest.approx(summary["holdout_frequency"].sum(), rel=0.125)
