from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pandera.errors
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metalayer_assets.contracts import CATALOG, Contract, Judged, Type
from metalayer_assets.contracts.codes import ORDER_STATUSES
from metalayer_assets.contracts.places import REGIONS, US_STATES
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.errors import ContractError
from metalayer_assets.warehouse.frames import pandera_schema, read_slices, typed
from metalayer_assets.warehouse.judge import broken
from metalayer_assets.warehouse.staging import STAGE, stage_frame
from metalayer_assets.warehouse.statements import bind
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, START, customer, day, order, product

JUDGED = [contract for contract in CATALOG.values() if isinstance(contract.source, Judged)]
ASSETS = CATALOG.assets()

_day = st.sampled_from([None, START, date(2022, 12, 31), date(2024, 3, 9), DAY, day(1), day(2), date(9999, 12, 31)])
_emails = ("ada@example.org", "ada@example.org\n", "a@b", "a..b@c.de", "a@-b.de")
_phones = ("+442071234567", "+042071234567", "+44207", "+1212555010\u0661")
_codes = (*ORDER_STATUSES[:2], "paid", US_STATES[0], "ny", REGIONS[0])
_text = st.sampled_from([None, "", "A", "x" * 200, "x" * 201, "é" * 200, *_emails, *_phones, *_codes])
_values: dict[Type, st.SearchStrategy[Any]] = {
    Type.TEXT: st.one_of(_text, st.emails()),
    Type.INTEGER: st.sampled_from([None, -1, 0, 1, 5]),
    Type.BIGINT: st.integers(0, 3),
    Type.NUMERIC: st.sampled_from([None, Decimal("-0.01"), Decimal(0), Decimal("0.00"), Decimal("1E-30"), Decimal(5)]),
    Type.DATE: _day,
    Type.TIMESTAMP: st.sampled_from([None, datetime(2024, 3, 9, 1, 2, 3, 4, tzinfo=UTC)]),
    Type.BOOLEAN: st.sampled_from([None, True, False]),
    Type.TEXTS: st.just([]),
}


@st.composite
def _frames(draw: st.DrawFn) -> tuple[Contract, pd.DataFrame]:
    contract = draw(st.sampled_from(JUDGED))
    rows = draw(
        st.lists(
            st.fixed_dictionaries({column.name: _values[column.type] for column in contract.columns}),
            min_size=1,
            max_size=12,
        )
    )
    frame = pd.DataFrame(rows).assign(arrival_day=DAY)
    return contract, typed(frame, contract)


@pytest.fixture(scope="module")
def session(server_url: str) -> Iterator[Any]:
    """A cursor whose transaction is never committed."""
    with closing(Database(server_url).connect()) as connection, connection.cursor() as cursor:
        yield cursor


@given(case=_frames())
@settings(max_examples=25, deadline=None, database=None)
def test_pandera_and_postgresql_give_one_verdict_on_every_row(session: Any, case: tuple[Contract, pd.DataFrame]):
    contract, frame = case
    asked = [rule for rule in contract.rules if rule.holds is not None]
    verdict: set[tuple[str, int]] = set()
    try:
        pandera_schema(contract, calendar_start=START).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases
        known = cases[cases["check"].isin([rule.id for rule in asked])]
        verdict = {(rule, int(row)) for rule, row in zip(known["check"], known["index"], strict=True)}

    stage_frame(session, contract, frame.assign(**{contract.column_names[-1]: range(len(frame))}))
    conditions = ", ".join(broken(contract, rule) for rule in asked)
    session.execute(bind(f"select {conditions} from {STAGE} order by source_line"), {"calendar_start": START})
    found = {
        (rule.id, row)
        for row, broken_ones in enumerate(session.fetchall())
        for rule, is_broken in zip(asked, broken_ones, strict=True)
        if is_broken
    }
    session.connection.rollback()
    assert verdict == found


def fact(**told: Any) -> pd.DataFrame:
    """A frame of one order, typed as the contract says."""
    row = {
        "order_id": "O1",
        "order_date": DAY,
        "ordered_at": datetime(2024, 3, 10, tzinfo=UTC),
        "customer_key": 0,
        "customer_id": None,
        "product_key": 1,
        "product_code": "P1",
        "status": "COMPLETED",
        "quantity": 1,
        "unit_price": Decimal("1.10"),
        "total_amount": Decimal("1.10"),
        "order_size": "SMALL",
        "arrival_day": DAY,
        "source_file_id": 1,
        "source_line": 2,
    } | told
    return typed(pd.DataFrame([row]), CATALOG["gold.fact_orders"])


def test_a_sound_frame_is_valid_and_a_missing_or_further_column_is_not():
    schema = pandera_schema(CATALOG["gold.fact_orders"])
    schema.validate(fact())
    with pytest.raises((pandera.errors.SchemaError, pandera.errors.SchemaErrors), match="quantity"):
        schema.validate(fact().drop(columns="quantity"))
    with pytest.raises((pandera.errors.SchemaError, pandera.errors.SchemaErrors), match="discount"):
        schema.validate(fact().assign(discount=1))
    with pytest.raises((pandera.errors.SchemaError, pandera.errors.SchemaErrors), match="product_code"):
        schema.validate(fact(product_code=None))


def test_slices_come_back_with_the_dtypes_of_the_contract(house: House):
    far = {"dob": "1066-10-14", "created_date": "2024-03-01", "updated_at": "9999-12-31"}
    house.land("crm/customers", DAY, [customer("C1", **far), customer("C2", dob="", email="")])
    house.land("erp/orders", DAY, [order("O2", price_per_unit="0.10"), order("O1", customer_id="")])
    assert house.update() == []
    with house.database.transaction(readonly=True) as cursor:
        for contract in ASSETS:
            slices = [DAY] if contract.grain.value == "day" else [date(2024, 1, 1)]
            frame = read_slices(cursor, contract, slices)
            assert dict(frame.dtypes.astype(str)) == {c.name: c.type.pandas for c in contract.columns}
            if contract.layer == "gold":
                pandera_schema(contract).validate(frame)
        customers = read_slices(cursor, CATALOG["silver.customers"], [DAY])
        assert customers["dob"][0] == pd.Timestamp("1066-10-14")
        assert customers["changed_at"][0] == pd.Timestamp("9999-12-31", tz="UTC")
        assert customers["dob"].isna().tolist() == [False, True]
        assert customers["broken_rules"].tolist() == [[], ["email_given"]]
        orders = read_slices(cursor, CATALOG["silver.orders"], [DAY], ["unit_price", "order_id", "customer_id"])
        # In the order of the key, in the columns asked for, exact.
        assert orders.to_numpy().tolist() == [[Decimal("10.50"), "O1", None], [Decimal("0.10"), "O2", "C1"]]


def test_slices_that_hold_nothing_give_an_empty_frame_of_the_same_dtypes(house: House):
    with house.database.transaction(readonly=True) as cursor:
        for slices in ([], [DAY]):
            frame = read_slices(cursor, CATALOG["gold.fact_orders"], slices)
            assert len(frame) == 0
            assert dict(frame.dtypes.astype(str)) == dict(fact().dtypes.astype(str))


def test_a_year_is_one_slice(house: House):
    house.land("erp/products", DAY, [product()])
    assert house.update() == []
    with house.database.transaction(readonly=True) as cursor:
        frame = read_slices(cursor, CATALOG["gold.dim_date"], [date(2024, 1, 1)], ["date"])
    assert (len(frame), frame["date"].min(), frame["date"].max()) == (
        366,
        pd.Timestamp("2024-01-01"),
        pd.Timestamp("2024-12-31"),
    )


def test_a_column_that_is_not_there_is_named(house: House):
    with (
        pytest.raises(ContractError, match=r"gold\.fact_orders has no column colour; it has \('order_id'"),
        house.database.transaction(readonly=True) as cursor,
    ):
        read_slices(cursor, CATALOG["gold.fact_orders"], [DAY], ["order_id", "colour"])


def test_a_rule_that_asks_for_the_calendar_needs_its_start():
    frame = typed(pd.DataFrame(columns=CATALOG["silver.orders"].column_names), CATALOG["silver.orders"])
    with pytest.raises(pandera.errors.SchemaError, match="calendar_start"):
        pandera_schema(CATALOG["silver.orders"]).validate(frame)
