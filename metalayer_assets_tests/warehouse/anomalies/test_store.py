"""What the warehouse's own numbers come to, from landing files to verdicts that are kept."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from metalayer_assets.warehouse.anomalies import METRICS, Verdict, keep, last_arrival, span, verdicts
from metalayer_assets.warehouse.anomalies.store import _readings
from metalayer_assets.warehouse.database import Database
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import Row, account, order, sale
from metalayer_assets_tests.warehouse.conftest import new_house

FIRST = date(2024, 1, 1)
COUNT = 56
LAST = FIRST + timedelta(days=COUNT - 1)
ODD = FIRST + timedelta(days=45)


def orders_of(day: date, count: int) -> list[Row]:
    return [
        order(f"{day}-{number}", order_date=str(day), customer_id=f"C{number % 5}", product_code=f"P{number % 9}")
        for number in range(count)
    ]


def count_on(day: date) -> int:
    """Orders of a day: more or less the same."""
    return 40 + (day.toordinal() * 7) % 6


@pytest.fixture(scope="module")
def shop(prepared_databases: tuple[Database, Database], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Eight weeks of orders of every day, one day with a tenth of them."""
    with new_house(prepared_databases[1], tmp_path_factory.mktemp("shop") / "landing") as house:
        for number in range(COUNT):
            day = FIRST + timedelta(days=number)
            house.land("erp/orders", day, orders_of(day, 4 if day == ODD else count_on(day)))
        assert house.update() == []
        yield house


def found(house: House, first: date = FIRST, last: date = LAST) -> list[Verdict]:
    with house.database.transaction(readonly=True) as cursor:
        return verdicts(cursor, house.settings, first, last)


def kept(house: House) -> dict[tuple[str, date], Any]:
    rows = house.fetch("select metric, day, severity, verdict_at from meta.anomalies")
    return {(metric, day): told for metric, day, *told in rows}


def test_the_day_that_lacks_rows_is_found_in_every_count_of_it(shop: House) -> None:
    odd = {(verdict.metric, verdict.day) for verdict in found(shop) if verdict.is_finding}
    counts = ("orders", "revenue", "products", "orders_per_product", "orders_arrived")
    assert {(metric, ODD) for metric in counts} <= odd
    assert {day for _, day in odd} == {ODD}


def test_a_verdict_is_the_same_in_whatever_range_it_is_asked_for(shop: House) -> None:
    of_all = found(shop)
    middle = FIRST + timedelta(days=40)
    assert found(shop, FIRST, middle) + found(shop, middle + timedelta(days=1), LAST) == of_all
    assert found(shop, ODD, ODD) == [verdict for verdict in of_all if verdict.day == ODD]


def test_the_last_business_day_is_open_until_a_later_extract_has_come(shop: House) -> None:
    of_last = {verdict.metric: verdict for verdict in found(shop, LAST, LAST)}
    assert of_last["orders"].severity == of_last["revenue"].severity == "unjudged"
    assert of_last["orders_arrived"].severity == "none"
    patient = shop.with_settings(anomaly_settle_days=3)
    open_days = {verdict.day for verdict in found(patient) if "not complete" in verdict.explanation}
    assert open_days == {LAST - timedelta(days=back) for back in range(3)}


def test_the_scores_of_the_settings_decide_what_is_odd(shop: House) -> None:
    tolerant = shop.with_settings(anomaly_scores=(900.0, 901.0, 902.0))
    assert [verdict for verdict in found(tolerant) if verdict.is_finding] == []


def test_verdicts_are_kept_and_keep_their_time_while_they_stay_what_they_are(shop: House) -> None:
    told = found(shop)
    _keep(shop, told, FIRST)
    before = kept(shop)
    _keep(shop, told, FIRST)
    assert kept(shop) == before
    assert len(before) == len(told)
    changed = [verdict for verdict in told if verdict.day >= ODD and (verdict.metric, verdict.day) != ("orders", ODD)]
    _keep(shop, changed, ODD)
    after = kept(shop)
    assert before.keys() - after.keys() == {("orders", ODD)}
    assert all(before[key] == after[key] for key in after)


def _keep(house: House, told: list[Verdict], first: date) -> None:
    with house.database.transaction() as cursor:
        keep(cursor, told, first, LAST)


def test_metrics_count_what_the_tables_hold(house: House) -> None:
    day = date(2024, 3, 9)
    house.land(
        "erp/orders",
        day,
        [
            order("O1", quantity="3", price_per_unit="10.00", product_code="P1"),
            order("O2", quantity="1", price_per_unit="5.00", product_code="P2", customer_id=""),
            order("O3", quantity="-1", price_per_unit="4.00", status="cancelled", customer_id="C2"),
            order("O4", quantity="some"),
        ],
    )
    house.land("erp/sales", day, [sale("S1", sale_amount="30.00"), sale("S2", sale_amount="5.00")])
    house.land("crm/accounts", day, [account("C1"), account("C2", email="")])
    assert house.update() == []
    with house.database.transaction(readonly=True) as cursor:
        readings = _readings(cursor, day, day)
    assert {metric: [(each.value, each.size) for each in told] for metric, told in readings.items()} == {
        "orders": [(3, 3)],
        "revenue": [(Decimal("35.00"), 3)],
        "cancelled_amount": [(Decimal("-4.00"), 3)],
        "avg_order_value": [(Decimal("17.5"), 3)],
        "customers": [(2, 3)],
        "products": [(2, 3)],
        "orders_per_product": [(Decimal("1.5"), 3)],
        "sales": [(2, 2)],
        "sales_amount": [(Decimal("35.00"), 2)],
        "orders_arrived": [(4, 4)],
        "sales_arrived": [(2, 2)],
        "accounts_told": [(2, 2)],
        "orders_rejected": [(Decimal("0.25"), 4)],
        "sales_rejected": [(0, 2)],
        "orders_without_customer": [(Decimal("0.25"), 4)],
        "accounts_without_email": [(Decimal("0.5"), 2)],
    }
    assert readings.keys() | {"customers_told", "customers_without_email"} == {metric.name for metric in METRICS}


def test_a_day_that_stands_empty_again_is_no_arrival(house: House) -> None:
    assert (_of(house, span), _of(house, last_arrival)) == (None, None)
    house.land("erp/orders", date(2024, 3, 9), [order("O1")])
    house.land("erp/orders", date(2024, 3, 10), [order("O2")])
    assert house.update() == []
    assert _of(house, last_arrival) == date(2024, 3, 10)
    house.land(
        "erp/orders", date(2024, 3, 10), "order_id,customer_id,product_code,quantity,price_per_unit,order_date,status\n"
    )
    assert house.update(allow_shrink=True) == []
    assert _of(house, last_arrival) == date(2024, 3, 9)


def _of(house: House, question: Any) -> Any:
    with house.database.transaction(readonly=True) as cursor:
        return question(cursor)


def test_an_empty_warehouse_has_no_verdicts(house: House) -> None:
    assert found(house) == []
