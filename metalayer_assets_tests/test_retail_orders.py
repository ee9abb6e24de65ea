"""Load a real retailer's days in random orders and ranges, some twice: every slice must end as in one load of all.

Three orders of the whole year take minutes: `scripts/shuffled_load.py` loads those.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.rebuild import Contents
from metalayer_assets_tests import retail
from metalayer_assets_tests.retail_orders import days_of, differing_slices, load_at_once, load_shuffled

_DAYS, _REPEATED, _ORDERS = 24, 6, 20_000


@dataclass(frozen=True)
class Sample:
    """Some days of the retail landing, and what every slice holds after one load of them.

    Attributes:
        source: The retail landing.
        days: The days, among them the first and the last of all.
        at_once: What every slice holds.
    """

    source: Path
    days: list[date]
    at_once: Contents


@pytest.fixture(scope="module")
def sample(
    tmp_path_factory: pytest.TempPathFactory,
    create_database: Callable[[str], str],
    drop_database: Callable[[str], None],
) -> Sample:
    """Days of the year, loaded as one range."""
    source = retail.landing()
    if source is None:
        pytest.skip("the retail data is absent: set METALAYER_RETAIL_DATA to its folder")
    first, *between, last = days_of(source)
    sampled = random.Random(7).sample(between, _DAYS - 2)  # noqa: S311 -- days, not secrets
    days = sorted([first, *sampled, last])
    url = create_database("")
    at_once = load_at_once(url, tmp_path_factory.mktemp("at_once") / "warehouse", source, days)
    drop_database(url)
    return Sample(source, days, at_once)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_days_of_the_year_end_the_same_in_any_order_and_any_ranges(
    sample: Sample, database: Database, tmp_path: Path, seed: int
) -> None:
    shuffled = load_shuffled(
        database.url, tmp_path / "warehouse", sample.source, sample.days, seed=seed, repeated=_REPEATED
    )
    assert sum(holding.rows for holding in sample.at_once["gold.fact_orders"].values()) > _ORDERS
    assert differing_slices(sample.at_once, shuffled) == []
