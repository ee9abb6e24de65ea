"""Rows that the first reading leaves open: read by the notation of their file and by what libraries say."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metalayer_assets.contracts import CATALOG, Contract
from metalayer_assets.contracts.forms import Days
from metalayer_assets.warehouse import forms, second_reading, staging, versions
from metalayer_assets.warehouse.judge import OPEN, judged_select
from metalayer_assets.warehouse.models import model_of
from metalayer_assets.warehouse.statements import bind
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, customer, day, order, product

UNREAD = None


def dob_of(house: House) -> dict[str, date | None]:
    return dict(house.fetch("select customer_id, dob from silver.customers"))


def told_dobs(*texts: str) -> list[Mapping[str, str]]:
    return [customer(text, dob=text) for text in texts]


def told_prices(*texts: str) -> list[Mapping[str, str]]:
    return [product(text, list_price=text, unit_cost="") for text in texts]


def prices_of(house: House) -> dict[str, Decimal | None]:
    found = dict(house.fetch("select product_code, list_price from silver.products"))
    kept_out = dict(house.fetch("select product_code, null from quarantine.products where state = 'open'"))
    return found | kept_out


@pytest.mark.parametrize(
    ("texts", "read"),
    [
        # By the majority of the values that show the order; those are read by themselves.
        (["31/12/1980", "30.11.1980", "12/31/1980", "01/02/1980"], date(1980, 2, 1)),
        (["31/12/1980", "12/30/1980", "12/31/1980", "01/02/1980"], date(1980, 1, 2)),
        # A tie decides nothing, nor do values that show nothing.
        (["31/12/1980", "12/31/1980", "01/02/1980"], UNREAD),
        (["1980-12-31", "5/5/1980", "31 Dec 1980", "01/02/1980"], UNREAD),
        (["01/02/1980"], UNREAD),
        # What is no day is no vote.
        (["31/12/80", "32/12/1980", "31/11/1980", "12/31/1980", "01/02/1980"], date(1980, 1, 2)),
    ],
)
def test_day_and_month_stand_as_most_of_the_file_shows(house: House, texts: list[str], read: date | None):
    house.land("crm/customers", DAY, told_dobs(*texts))
    house.load("crm/customers", DAY)
    found = dob_of(house)
    assert found["01/02/1980"] == read
    assert found.get("31/12/1980", date(1980, 12, 31)) == date(1980, 12, 31)
    assert found.get("12/31/1980", date(1980, 12, 31)) == date(1980, 12, 31)
    unread = house.fetch("select customer_id from silver.customers where 'dob_readable' = any(broken_rules)")
    assert {told for (told,) in unread} == {told for told, value in found.items() if value is None}
    assert house.problems() == []


@pytest.mark.parametrize(
    ("texts", "read"),
    [
        (["12,50", "1.234", "1,234", "7"], {"1.234": "1234", "1,234": "1.234", "12,50": "12.50", "7": "7"}),
        (["12.50", "1.234", "1,234"], {"1.234": "1.234", "1,234": "1234"}),
        (["1.234", "1,234"], {"1.234": "1.234", "1,234": "1234"}),
        # A tie decides nothing.
        (["12.50", "12,50", "1.234", "1,234"], {"1.234": "1.234", "1,234": "1234", "12,50": "12.50", "12.50": "12.50"}),
        (["€ 1.234.567", "2,5", "12.50", "€ 1.234"], {"€ 1.234": "1234", "12.50": "12.50", "€ 1.234.567": "1234567"}),
        (["1,234.50", "USD 1,234", "(2,5)", "x"], {"USD 1,234": "1234", "x": None}),
    ],
)
def test_a_separator_means_what_most_of_the_file_shows(house: House, texts: list[str], read: dict[str, str | None]):
    house.land("erp/products", DAY, told_prices(*texts))
    house.load("erp/products", DAY)
    found = prices_of(house)
    assert {told: found[told] for told in read} == {told: value and Decimal(value) for told, value in read.items()}
    assert len(found) == len(texts)
    assert house.problems() == []


def test_each_file_and_each_column_shows_its_own_notation(house: House):
    house.land("crm/customers", DAY, told_dobs("31/12/1980", "01/02/1980"), name="a.csv")
    house.land("crm/customers", DAY, told_dobs("12/31/1981", "01/02/1981"), name="b.csv")
    house.land(
        "crm/customers", DAY, [customer("01/02/1982", dob="01/02/1982", created_date="31/01/2024")], name="c.csv"
    )
    house.load("crm/customers", DAY)
    found = dob_of(house)
    assert found["01/02/1980"] == date(1980, 2, 1)
    assert found["01/02/1981"] == date(1981, 1, 2)
    assert found["01/02/1982"] is None
    assert house.value("select created_date from silver.customers where customer_id = '01/02/1982'") == date(
        2024, 1, 31
    )


def test_whole_numbers_follow_their_file(house: House):
    told = ["1.000", "1,000", "2.500"]
    quantities = "select order_id, quantity from silver.orders"
    house.land("erp/orders", DAY, [order(text, quantity=text) for text in told])
    house.land("erp/orders", day(1), [order(text, quantity=text) for text in [*told, "1.234.567"]])
    house.land("erp/orders", day(2), [order(text, quantity=text) for text in [*told, "1,234,567"]])
    for arrival in (DAY, day(1), day(2)):
        house.load("erp/orders", arrival)
    by_day = {d: dict(house.fetch(f"{quantities} where arrival_day = %(d)s", d=d)) for d in (DAY, day(1), day(2))}
    assert by_day == {
        DAY: {"1.000": 1},
        day(1): {"1.000": 1000, "1,000": 1, "2.500": 2500, "1.234.567": 1234567},
        day(2): {"1.000": 1, "1,000": 1000, "1,234,567": 1234567},
    }


def test_a_day_is_read_the_same_alone_and_with_others(house: House):
    house.land("crm/customers", DAY, told_dobs("31/12/1980", "01/02/1980"))
    house.land("crm/customers", day(1), told_dobs("12/31/1980", "12/30/1980", "01/02/1980"))
    house.land("crm/customers", day(2), told_dobs("01/02/1980"))
    house.write("bronze.crm_customers", DAY, day(1), day(2))
    together = house.write("silver.customers", DAY, day(1), day(2))
    for arrival in (day(2), DAY, day(1)):
        assert house.write("silver.customers", arrival).slices[arrival].checksum == together.slices[arrival].checksum


def with_form(monkeypatch: pytest.MonkeyPatch, table: str, column: str, form: Any) -> Contract:
    """The contract with another form of a column, in the catalog for the length of the test."""
    contract = CATALOG[table]
    columns = tuple(replace(c, form=form) if c.name == column else c for c in contract.columns)
    changed = replace(contract, columns=columns)
    monkeypatch.setitem(CATALOG._by_name, table, changed)
    return changed


@pytest.mark.parametrize(("day_first", "expected"), [(True, date(1980, 2, 1)), (False, date(1980, 1, 2))])
def test_the_contract_says_the_order_where_the_file_does_not(
    house: House, monkeypatch: pytest.MonkeyPatch, *, day_first: bool, expected: date
):
    with_form(monkeypatch, "silver.customers", "dob", Days(day_first=day_first))
    house.land("crm/customers", DAY, told_dobs("01/02/1980"))
    house.land("crm/customers", day(1), told_dobs("01/02/1980", "31/12/1980"))
    house.land("crm/customers", day(2), told_dobs("01/02/1980", "12/31/1980"))
    for arrival in (DAY, day(1), day(2)):
        house.load("crm/customers", arrival)
    found = house.fetch("select dob from silver.customers where customer_id = '01/02/1980' order by arrival_day")
    assert found == [(expected,), (date(1980, 2, 1),), (date(1980, 1, 2),)]


def test_addresses_and_numbers_come_to_their_form_or_stay_as_told(house: House):
    mails = {
        "ADA@B\u00dcCHER.example": "ada@b\u00fccher.example",
        "Ada@xn--bcher-kva.example": "ada@b\u00fccher.example",
        "Jos\u00e9@Example.org": "jos\u00e9@example.org",
        "not\tan@address\\": "not\tan@address\\",
        "Nobody": "Nobody",
    }
    phones = {
        ("+44 (0)20 7123 4567", ""): "+442071234567",
        ("0044 20 7123 4567", "NY"): "+442071234567",
        ("(555) 123-4567", "New York"): "+15551234567",
        ("(555) 123-4567", ""): "(555) 123-4567",
        ("(212) 555-0100", ""): "+12125550100",
        ("212 555 0100 x5", "NY"): "212 555 0100 x5",
    }
    house.land(
        "crm/customers",
        DAY,
        [
            *(customer(f"M{n}", email=told) for n, told in enumerate(mails)),
            *(customer(f"P{n}", phone=told, state=state, zip="") for n, (told, state) in enumerate(phones)),
        ],
    )
    house.load("crm/customers", DAY)
    warned = "{0}, '{0}_valid' = any(broken_rules) from silver.customers where left(customer_id, 1) = '{1}'"
    found = house.fetch(f"select {warned.format('email', 'M')} order by customer_id")
    assert found == [(form, told == form) for told, form in mails.items()]
    found = house.fetch(f"select {warned.format('phone', 'P')} order by customer_id")
    assert found == [(form, told == form) for (told, _), form in phones.items()]
    assert house.problems() == []


def test_a_library_is_asked_for_each_value_once_in_chunks(house: House, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    def judge(told: str) -> str | None:
        asked.append(told)
        return forms.email_form(told)

    monkeypatch.setattr(second_reading, "email_form", judge)
    monkeypatch.setattr(second_reading, "_CHUNK_ROWS", 2)
    odd = [f"z\u00f6e{n % 7}@example.org" for n in range(30)]
    usual = ["ada@example.org", "no address", ""]
    house.land("crm/customers", DAY, [customer(f"C{n}", email=told) for n, told in enumerate([*odd, *usual])])
    house.load("crm/customers", DAY)
    assert sorted(asked) == sorted(set(odd))
    assert house.value("select count(*) from silver.customers where 'email_valid' = any(broken_rules)") == 1


_TOLD = {
    "order_date": st.sampled_from(
        ["2024-03-09", "09/03/2024", "3/9/2024", "13/02/2024", "02/13/2024", "9 Mar 2024", "x", ""]
    ),
    "price_per_unit": st.sampled_from(["1.5", "1,5", "1.234", "1,234", "\u20ac 1.234", "1.234,5", "n/a", "", "0.1"]),
    "quantity": st.sampled_from(["1", "2.0", "1.000", "1,000", "1,234", "1.234.567", "1.5"]),
}
_files = st.lists(st.lists(st.fixed_dictionaries(_TOLD), max_size=5), min_size=1, max_size=3)


@given(files=_files)
@settings(max_examples=15, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_readings_end_as_one_reading_of_everything(house: House, files: Sequence[Sequence[Mapping[str, str]]]):
    contract = CATALOG["silver.orders"]
    for number, told in enumerate(files):
        rows = [order(f"O{number}-{n}", **row) for n, row in enumerate(told)]
        house.land("erp/orders", DAY, [*rows, order(f"O{number}")], name=f"{number}.csv")
    for number in range(len(files), 3):
        house.land("erp/orders", DAY, [order(f"O{number}")], name=f"{number}.csv")
    house.write("bronze.erp_orders", DAY, allow_shrink=True)
    seen = ", ".join(f"staged.{name}" for name in contract.column_names if name != "quality_score")
    everything = f"select {seen}, _failed, _outcome from {{}} as staged order by source_file_id, source_line"
    with house.database.transaction() as cursor:
        staging.stage_select(cursor, contract, [DAY], house.settings)
        cursor.execute(everything.format(staging.STAGE))
        found = cursor.fetchall()
        cursor.connection.rollback()
    with house.database.transaction() as cursor, pytest.MonkeyPatch.context() as patch:
        patch.setattr("metalayer_assets.warehouse.readings.is_open", lambda _: "true")
        staging.stage_select(cursor, contract, [DAY], house.settings)
        cursor.execute(everything.format(staging.STAGE))
        assert cursor.fetchall() == found
        cursor.connection.rollback()
    assert len(found) == sum(map(len, files)) + 3


def test_usual_rows_are_read_once(house: House):
    house.land("erp/orders", DAY, [order("O1"), order("O2", price_per_unit="n/a"), order("O3", price_per_unit="1,5")])
    house.write("bronze.erp_orders", DAY)
    contract = CATALOG["silver.orders"]
    binds = {"slices": [DAY], "calendar_start": house.settings.start_date}
    with house.database.transaction(readonly=True) as cursor:
        cursor.execute(bind(judged_select(contract, model_of(contract))), binds)
        names = [column.name for column in cursor.description]
        outcomes = {row[0]: row[names.index("_outcome")] for row in cursor.fetchall()}
    assert {key for key, outcome in outcomes.items() if outcome == OPEN} == {"O3"}


def test_both_readings_are_of_one_state_of_the_source(house: House, monkeypatch: pytest.MonkeyPatch):
    house.land("erp/orders", DAY, [order("O1", price_per_unit="1,5"), order("O2", price_per_unit="7")])
    house.write("bronze.erp_orders", DAY)
    real = second_reading.read_open_rows
    times = []

    def read(*arguments: Any) -> int:
        if not times:
            house.land("erp/orders", DAY, [order("O1", price_per_unit="2,5"), order("O2", price_per_unit="8")])
            house.write("bronze.erp_orders", DAY)
        times.append(1)
        return real(*arguments)

    monkeypatch.setattr(staging, "read_open_rows", read)
    house.write("silver.orders", DAY)
    assert len(times) == 2
    prices = dict(house.fetch("select order_id, unit_price from silver.orders"))
    assert prices == {"O1": Decimal("2.5"), "O2": Decimal(8)}


def test_another_library_or_form_is_another_version(house: House, monkeypatch: pytest.MonkeyPatch):
    def version(table: str) -> str:
        return versions.code_version(CATALOG[table], house.settings)

    tables = ("silver.customers", "silver.orders")
    before = {table: version(table) for table in tables}
    with monkeypatch.context() as patch:
        patch.setattr(forms, "version", lambda _: "99.0")
        assert version("silver.customers") != before["silver.customers"]
        assert version("silver.orders") == before["silver.orders"]
    with monkeypatch.context() as patch:
        patch.setattr("metalayer_assets.warehouse.casts._CURRENCY", "XXX")
        assert version("silver.orders") != before["silver.orders"]
    with_form(monkeypatch, "silver.customers", "dob", Days(day_first=True))
    assert version("silver.customers") != before["silver.customers"]


def test_moments_of_orders_are_read_with_their_time_of_day(house: House):
    told = {
        "13/02/2024 11:30 PM": datetime(2024, 2, 13, 23, 30, tzinfo=UTC),
        "03/02/2024 09:05": datetime(2024, 2, 3, 9, 5, tzinfo=UTC),
        "Feb 3, 2024 9:05 am": datetime(2024, 2, 3, 9, 5, tzinfo=UTC),
    }
    house.land("erp/orders", DAY, [order(text, order_date=text) for text in told])
    house.load("erp/orders", DAY)
    assert dict(house.fetch("select order_id, ordered_at from silver.orders")) == told


def test_a_second_stage_of_a_transaction_knows_nothing_of_the_first(house: House):
    contract = CATALOG["silver.orders"]
    house.land("erp/orders", DAY, [order("O1", price_per_unit="1,5")])
    house.land("erp/orders", day(1), [order("O1", price_per_unit="2,5")])
    house.write("bronze.erp_orders", DAY, day(1))
    with house.database.transaction() as cursor:
        for arrival, price in ((DAY, "1.5"), (day(1), "2.5")):
            staging.stage_select(cursor, contract, [arrival], house.settings)
            cursor.execute(f"select unit_price from {staging.STAGE}")
            assert cursor.fetchall() == [(Decimal(price),)]
