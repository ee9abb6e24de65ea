"""Hold the truth of the sample to a naive reader that knows nothing of how it was invented."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from metalayer_assets.sample import PRESETS, SampleOptions, SampleTruth, write_sample
from metalayer_assets.sample.dirt import BLEMISHES
from metalayer_assets_tests.sample.naive import Naive, read_landing

SMALL = PRESETS["small"]
HARD = {
    "other seed": replace(SMALL, seed=8),
    "very dirty and late": replace(SMALL, days=25, dirt=0.4, late=0.5, seed=3),
    "clean and punctual": replace(SMALL, days=22, dirt=0.0, late=0.0),
    "one day": SampleOptions(days=1, customers=30, products=5, orders_per_day=40),
    "one of everything": SampleOptions(days=3, customers=1, products=1, orders_per_day=1, changes=1, dirt=0.5),
    "nothing ordered, nothing changed": SampleOptions(days=20, customers=3, products=2, orders_per_day=0, changes=0),
    "ends with the day that is sent twice": SampleOptions(days=18, customers=50, orders_per_day=30, dirt=0.3),
    "ends with the day that brings it again": SampleOptions(days=19, customers=50, orders_per_day=30, dirt=0.3),
    "at the first day there is": SampleOptions(days=15, first_day=date(2010, 1, 1), orders_per_day=30, late=1.0),
    "over a leap day and two years": SampleOptions(days=80, first_day=date(2023, 12, 20), orders_per_day=20, dirt=0.2),
    "customers changed again and again": SampleOptions(days=12, customers=9, orders_per_day=5, changes=60),
    "a tail of changes": SampleOptions(
        days=40, customers=300, orders_per_day=30, changes=0, tail_days=12, tail_changes=200, variety=False, dirt=0.1
    ),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SampleTruth, Naive]:
    root = tmp_path_factory.mktemp("small")
    return root, write_sample(root, SMALL), read_landing(root)


def assert_equal(truth: SampleTruth, naive: Naive) -> None:
    for name, told in truth.datasets.items():
        counts = naive.counts[name]
        assert told.rejected_by_rule == dict(counts.rejected), name
        assert told.rejected == counts.rejected.total(), name
        for measure in ("lines", "unreadable", "bronze_rows", "collapsed", "silver_rows", "files"):
            assert getattr(told, measure) == getattr(counts, measure), (name, measure)
        assert told.lines == told.unreadable + told.bronze_rows
        assert told.bronze_rows == told.rejected + told.collapsed + told.silver_rows
    orders = [fact for fact in naive.facts["orders"].values() if not fact[4]]
    rows, amounts, months = Counter(), defaultdict(Decimal), defaultdict(Decimal)
    for day, status, amount, _, _ in orders:
        rows[status] += 1
        amounts[status] += amount
        if status in ("COMPLETED", "SHIPPED"):
            months[day.strftime("%Y-%m")] += amount
    told = truth.fact_orders
    assert told.rows == len(orders)
    assert Decimal(told.amount) == sum(amounts.values())
    assert {status: group["rows"] for status, group in told.by_status.items()} == rows
    assert {status: Decimal(group["amount"]) for status, group in told.by_status.items()} == amounts
    assert {month: Decimal(text) for month, text in told.revenue_by_month.items()} == months
    assert told.business_days == len({fact[0] for fact in orders})
    assert told.without_customer == sum(not fact[3] for fact in orders)
    sales = [fact for fact in naive.facts["sales"].values() if not fact[4]]
    assert truth.fact_sales.rows == len(sales)
    assert Decimal(truth.fact_sales.amount) == sum(fact[2] for fact in sales)
    assert truth.fact_sales.business_days == len({fact[0] for fact in sales})
    assert truth.fact_sales.without_customer == sum(not fact[3] for fact in sales)


def test_a_naive_reader_of_the_small_preset_finds_the_truth(small):
    _, truth, naive = small
    assert_equal(truth, naive)


@pytest.mark.parametrize("options", HARD.values(), ids=HARD.keys())
def test_a_naive_reader_of_a_hard_landing_finds_the_truth(options, tmp_path):
    assert_equal(write_sample(tmp_path, options), read_landing(tmp_path))


def test_every_kind_of_dirt_occurs_in_the_small_preset(small):
    _, truth, _ = small
    for name, kinds in BLEMISHES.items():
        assert {kind.name for kind in kinds} == truth.datasets[name].planted.keys(), name


def test_every_rule_refuses_rows_of_the_small_preset(small):
    _, truth, _ = small
    assert truth.datasets["orders"].rejected_by_rule.keys() == {
        "order_id blank",
        "product_code blank",
        "quantity blank",
        "quantity unreadable",
        "quantity zero",
        "quantity negative",
        "price_per_unit blank",
        "price_per_unit unreadable",
        "price_per_unit negative",
        "order_date blank",
        "order_date unreadable",
        "order_date implausible",
        "status blank",
        "status unknown",
    }
    assert truth.datasets["sales"].rejected_by_rule.keys() == {
        "sales_id blank",
        "product_id blank",
        "quantity blank",
        "quantity unreadable",
        "quantity zero",
        "sale_amount blank",
        "sale_amount unreadable",
        "sale_amount sign",
        "sale_date blank",
        "sale_date unreadable",
        "sale_date implausible",
    }
    assert truth.datasets["customers"].rejected_by_rule.keys() == {"customer_id blank", "updated_at unreadable"}
    assert truth.datasets["accounts"].rejected_by_rule.keys() == {"customer_id blank"}
    assert len(truth.datasets["products"].rejected_by_rule) == 6


def test_the_share_of_dirt_is_about_what_was_asked(small):
    _, truth, _ = small
    for name in ("orders", "sales"):
        told = truth.datasets[name]
        assert 0.015 < sum(told.planted.values()) / told.lines < 0.025


def test_orders_are_late_told_again_and_deleted(small):
    _, truth, naive = small
    assert naive.late_orders > 100
    assert truth.datasets["orders"].silver_rows > truth.fact_orders.rows + 1_000
    assert any(fact[4] for fact in naive.facts["orders"].values())
    assert any(fact[4] for fact in naive.facts["sales"].values())
    assert any(fact[2] < 0 for fact in naive.facts["sales"].values())
    assert set(truth.fact_orders.by_status) == {"PENDING", "COMPLETED", "SHIPPED", "CANCELLED", "RETURNED"}


def test_without_dirt_nothing_is_refused_or_unreadable(tmp_path):
    truth = write_sample(tmp_path, replace(SMALL, days=20, dirt=0.0))
    for told in truth.datasets.values():
        assert (told.rejected, told.unreadable, told.planted) == (0, 0, {})
    # The file that lands twice tells its day's orders again; only those that its own file tells too collapse.
    assert 0 < truth.datasets["orders"].collapsed < 30


def test_the_truth_is_read_back_as_it_was_written(small):
    root, truth, _ = small
    assert SampleTruth.read(root) == truth


def test_orders_name_customers_that_no_extract_tells_of(small):
    root, _, _ = small
    known = (root / "crm" / "customers" / "2024-01-01" / "customers.csv").read_text(encoding="utf-8", errors="replace")
    assert "9000" not in known.split("\n", 2)[1]
    orders = "".join(p.read_text() for p in (root / "erp" / "orders").glob("*/orders.csv"))
    assert ",9000" in orders
