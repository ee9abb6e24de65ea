"""The functions of `sql/init/`: what silver makes of told text before the contract casts it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metalayer_assets.warehouse.database import Database
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, account, customer, order

CLEANED = {
    "  a  b ": "a  b",
    "\t\r\n a\u00a0\ufeff": "a",
    "": None,
    " \u200b\u00a0\t": None,
    "e\u0301": "\u00e9",
    "\u00e9": "\u00e9",
    "\ufb01": "\ufb01",  # a ligature is another letter, not another spelling
    "NULL": "NULL",
    "a\nb": "a\nb",
}
NAMES = {
    "ada lovelace": "Ada Lovelace",
    "ADA LOVELACE": "Ada Lovelace",
    "McDonald": "McDonald",
    "MCDONALD": "McDonald",
    "mcdonald": "McDonald",
    "O'NEIL": "O'Neil",
    "o'neil": "O'Neil",
    "O'Neil": "O'Neil",
    "jean-luc": "Jean-Luc",
    "van der Berg": "van der Berg",
    "VAN DER BERG": "van der Berg",
    "ludwig van beethoven": "Ludwig van Beethoven",
    "deLuca": "deLuca",
    "MAC": "Mac",
    "mc": "Mc",
    "ÉLODIE": "Élodie",
    "Ada   Lovelace": "Ada Lovelace",
    "ada \t lovelace": "Ada Lovelace",
    "李": "李",
    "1234": "1234",
}
PHONES = {
    "+44 20 7123 4567": "+442071234567",
    "0044 20 7123 4567": "+442071234567",
    "(212) 555-0100": "+12125550100",
    "212.555.0100": "+12125550100",
    "1 212 555 0100": "+12125550100",
    "555-0100": "555-0100",
    "212 555 0100 x5": "212 555 0100 x5",
    "+": "+",
    "2 212 555 0100": "2 212 555 0100",
    "call me": "call me",
}


@pytest.fixture(scope="module")
def prepared(prepared_databases: tuple[Database, Database]) -> Database:
    return prepared_databases[0]


def of_each(database: Database, function: str, texts: list[str | None]) -> list[Any]:
    with database.transaction(readonly=True) as cursor:
        cursor.execute(
            f"select meta.{function}(told) from unnest(%(texts)s::text[]) with ordinality as t (told, n) order by n",
            {"texts": texts},
        )
        return [value for (value,) in cursor.fetchall()]


@pytest.mark.parametrize(
    ("function", "table"),
    [("clean_text", CLEANED), ("name_form", NAMES), ("phone_form", PHONES)],
    ids=lambda value: str(value)[:10],
)
def test_a_text_comes_to_its_normal_form(prepared: Database, function: str, table: dict[str, str | None]):
    assert dict(zip(table, of_each(prepared, function, list(table)), strict=True)) == table
    assert of_each(prepared, function, [None]) == [None]


_texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@given(texts=st.lists(_texts, min_size=1, max_size=30))
@settings(max_examples=25, deadline=None, database=None)
def test_a_normal_form_is_its_own_normal_form(prepared: Database, texts: list[str]):
    cleaned = of_each(prepared, "clean_text", texts)
    assert of_each(prepared, "clean_text", cleaned) == cleaned
    for function in ("phone_form", "name_form"):
        formed = of_each(prepared, function, cleaned)
        assert of_each(prepared, function, formed) == formed


def test_two_spellings_of_one_key_are_one_key(house: House):
    house.land("crm/customers", DAY, [customer("Zoe\u0308"), customer("Zo\u00eb "), customer("zo\u00eb")])
    assert house.update() == []
    assert house.fetch("select customer_id, source_line from silver.customers order by 2") == [("Zoë", 3), ("zoë", 4)]


def test_values_are_cleaned_on_their_way_to_silver(house: House):
    house.land(
        "crm/customers", DAY, [customer(email=" ADA@Example.ORG ", state=" ny", city="NEW YORK", phone="2125550100")]
    )
    house.land("crm/accounts", DAY, [account(customer_name="ADA LOVELACE", region=" EMEA ", email="A@B.CO")])
    house.land("erp/orders", DAY, [order(customer_id="\u00a0C1\t", product_code=" P1")])
    assert house.update() == []
    assert house.fetch("select email, state, city, phone, broken_rules from silver.customers") == [
        ("ada@example.org", "NY", "New York", "+12125550100", [])
    ]
    assert house.fetch("select customer_name, region, email from silver.accounts") == [
        ("Ada Lovelace", "EMEA", "a@b.co")
    ]
    assert house.fetch("select customer_id, product_code from silver.orders") == [("C1", "P1")]
