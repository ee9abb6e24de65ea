"""Hold the independent reader of the real retail data to the numbers that its README states."""

from datetime import date
from decimal import Decimal

import pytest

from metalayer_assets_tests import retail


@pytest.fixture(scope="module")
def truth():
    found = retail.expected()
    if found is None:
        pytest.skip("the retail data is absent: set METALAYER_RETAIL_DATA to its folder")
    return found


def test_the_orders_give_the_numbers_that_the_data_is_known_for(truth):
    assert truth.bronze_orders == 541_909
    assert truth.fact_orders == 540_571
    assert truth.orders_by_status == {"COMPLETED": 531_283, "CANCELLED": 9_288}
    assert truth.amount_by_status == {
        "COMPLETED": Decimal("10666684.544"),
        "CANCELLED": Decimal("-896812.490"),
    }
    assert truth.orders_without_customer == 133_742
    assert truth.orders_quarantined == {"quantity negative": 1_336, "price_per_unit negative": 2}
    assert truth.orders_collapsed == 0
    assert truth.orders_late == 0
    assert truth.business_days == 305
    assert sum(truth.revenue_by_day.values()) == Decimal("10666684.544")


def test_the_sales_keep_the_lines_whose_amount_is_zero(truth):
    assert truth.bronze_sales == 541_909
    assert truth.sales_quarantined == {"sale_amount sign": 2}
    assert truth.fact_sales == 541_907
    assert truth.sales_amount == Decimal("9769872.05")
    assert truth.sales_amount_zero == 2_519
    assert truth.sales_without_customer == 135_078
    assert truth.sales_business_days == 305


def test_the_accounts_give_the_known_customers_and_moves(truth):
    assert truth.bronze_accounts == truth.silver_accounts == 19_296
    assert truth.customers == 4_372
    assert truth.customers_with_orders_but_no_account == 0
    assert sum(len(versions) for versions in truth.versions.values()) == 4_388
    moved = {customer: versions for customer, versions in truth.versions.items() if len(versions) > 1}
    assert sum(len(versions) - 1 for versions in moved.values()) == 16
    assert len(moved) == 8
    assert [(version.first_day, version.told[2]) for version in truth.versions["12431"]] == [
        (date(2010, 12, 1), "Australia"),
        (date(2011, 2, 17), "Belgium"),
        (date(2011, 2, 27), "Australia"),
        (date(2011, 10, 10), "Belgium"),
        (date(2011, 11, 4), "Australia"),
    ]
    for versions in truth.versions.values():
        ends = [version.next_day for version in versions]
        assert ends == [*(version.first_day for version in versions[1:]), None]


def test_the_facts_of_a_customer_are_counted_where_they_lived(truth):
    assert sum(found.rows for found in truth.orders_by_region.values()) == 540_571 - 133_742
    assert sum(found.rows for found in truth.sales_by_region.values()) == 541_907 - 135_078
    # As the source tells the country of each line, which the landing has only as that of the account.
    assert truth.orders_by_region["United Kingdom"].rows == 361_878
    assert truth.orders_by_region["Belgium"].rows == 2_069


def test_every_product_is_known_by_the_first_day_that_names_it(truth):
    assert len(truth.products_named) == 4_070
    assert truth.products_named["85123A"] == date(2010, 12, 1)
    assert max(truth.products_named.values()) <= date(2011, 12, 9)


def test_a_line_is_refused_for_the_rule_that_it_breaks():
    arrival = date(2011, 8, 12)
    good = {
        "order_id": "1",
        "customer_id": "",
        "product_code": "B",
        "quantity": "1",
        "price_per_unit": "2.50",
        "order_date": "2011-08-13 00:00:00",
        "status": "paid",
    }
    assert retail.why_order_is_refused(good, arrival) is None
    assert retail.why_order_is_refused(good | {"quantity": "-1"}, arrival) == "quantity negative"
    assert retail.why_order_is_refused(good | {"quantity": "-1", "status": "Void"}, arrival) is None
    assert retail.why_order_is_refused(good | {"quantity": "0"}, arrival) == "quantity zero"
    assert retail.why_order_is_refused(good | {"price_per_unit": "NaN"}, arrival) == "price_per_unit unreadable"
    assert retail.why_order_is_refused(good | {"price_per_unit": "-0.01"}, arrival) == "price_per_unit negative"
    assert retail.why_order_is_refused(good | {"order_date": "2011-08-14"}, arrival) == "order_date implausible"
    assert retail.why_order_is_refused(good | {"status": "N/A"}, arrival) == "status unknown"


def test_an_absent_folder_is_told_as_none(monkeypatch, tmp_path):
    monkeypatch.setenv("METALAYER_RETAIL_DATA", str(tmp_path))
    assert retail.landing() is None
