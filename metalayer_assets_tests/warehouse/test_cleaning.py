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
    # In mixed case somebody has thought about it.
    "MacLeod": "MacLeod",
    "O\u2019Neil": "O\u2019Neil",
    "DeWitt": "DeWitt",
    "Dr. Ada Lovelace": "Dr. Ada Lovelace",
    # Hyphens, apostrophes, suffixes, particles, titles.
    "JEAN-LUC PICARD": "Jean-Luc Picard",
    "o\u2019neil": "O\u2019Neil",
    "D'ANGELO-MCDONALD": "D'Angelo-McDonald",
    "JOHN SMITH JR.": "John Smith Jr.",
    "john smith iii": "John Smith III",
    "III": "Iii",
    "DE LA CRUZ": "de la Cruz",
    "LA ROCHE": "La Roche",
    "VON UND ZU GUTTENBERG": "von Und zu Guttenberg",
    "DR. ADA LOVELACE": "Dr. Ada Lovelace",
    "J. R. R. TOLKIEN": "J. R. R. Tolkien",
    "MEN'S SHOP": "Men's Shop",
    "JOHN E SMITH": "John E Smith",
    # Every script with capitals.
    "GROß": "Groß",
    "ØYVIND": "Øyvind",
    "ΓΙΏΡΓΟΣ": "Γιώργος",
    "ΑΛΈΞΗΣ-ΝΊΚΟΣ Σ": "Αλέξης-Νίκος Σ",
    "ИВАН ГРОЗНЫЙ": "Иван Грозный",
}
STREETS = {
    "123 MAIN ST": "123 Main St",
    "1 N. MCDONALD AVE, APT 4B": "1 N. McDonald Ave, Apt 4B",
    "PO BOX 12": "PO Box 12",
    "5 NE 2ND ST": "5 NE 2nd St",
    "42 VAN NESS BLVD\nSUITE  7": "42 Van Ness Blvd\nSuite 7",
    "1 MAIN ST\r\nNW": "1 Main St\nNW",
    "ÉCOLE-STRAßE 3": "École-Straße 3",
    "O'FARRELL ST": "O'Farrell St",
    # Not all in capitals, or not written with letters: as told.
    "12  Main St": "12 Main St",
    "12 main st": "12 main st",
    "742 Evergreen Terrace": "742 Evergreen Terrace",
    '"The Mill", 5 Oak Avenue': '"The Mill", 5 Oak Avenue',
    "1 Main St\n\nBuilding B": "1 Main St\n\nBuilding B",
    "123-45": "123-45",
}
# Postal code and state as code.
ZIPS = {
    ("12201", "NY"): "12201",
    ("122011234", "NY"): "12201-1234",
    ("12201 1234", "NY"): "12201-1234",
    ("12201-1234", "NY"): "12201-1234",
    # A spreadsheet has taken the zeros away, and every code of the state begins with them.
    ("2134", "MA"): "02134",
    ("7030-1234", "NJ"): "07030-1234",
    ("901", "PR"): "00901",
    # New York has codes with a zero and codes without, Wyoming has none: nobody knows what is missing.
    ("6390", "NY"): None,
    ("8200", "WY"): None,
    ("901", "MA"): None,
    ("12201-123", "NY"): None,
    ("SW1A 1AA", "NY"): None,
    ("2134", None): "2134",
    ("2134", "ON"): "2134",
    ("122011234", None): "122011234",
    # Elsewhere.
    ("sw1a  1aa", None): "SW1A 1AA",
    ("M5V 2T6", None): "M5V 2T6",
    ("30-059", None): "30-059",
    (None, "MA"): None,
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
    [("clean_text", CLEANED), ("name_form", NAMES), ("street_form", STREETS)],
    ids=lambda value: str(value)[:10],
)
def test_a_text_comes_to_its_normal_form(prepared: Database, function: str, table: dict[str, str | None]):
    assert dict(zip(table, of_each(prepared, function, list(table)), strict=True)) == table
    assert of_each(prepared, function, [None]) == [None]


def test_a_postal_code_comes_to_the_form_of_its_country(prepared: Database):
    with prepared.transaction(readonly=True) as cursor:
        for (told, state), form in ZIPS.items():
            for given_text in (told, form):
                cursor.execute("select meta.zip_form(%s, %s, %s)", (given_text, state, state and state != "ON"))
                assert (told, state, *cursor.fetchone()) == (told, state, form)


_texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@given(texts=st.lists(_texts, min_size=1, max_size=30))
@settings(max_examples=25, deadline=None, database=None)
def test_a_normal_form_is_its_own_normal_form(prepared: Database, texts: list[str]):
    cleaned = of_each(prepared, "clean_text", texts)
    assert of_each(prepared, "clean_text", cleaned) == cleaned
    for function in ("street_form", "name_form"):
        formed = of_each(prepared, function, cleaned)
        assert of_each(prepared, function, formed) == formed


def test_two_spellings_of_one_key_are_one_key(house: House):
    house.land("crm/customers", DAY, [customer("Zoe\u0308"), customer("Zo\u00eb "), customer("zo\u00eb")])
    assert house.update() == []
    assert house.fetch("select customer_id, source_line from silver.customers order by 2") == [("Zoë", 3), ("zoë", 4)]


def test_values_are_cleaned_on_their_way_to_silver(house: House):
    house.land(
        "crm/customers",
        DAY,
        [
            customer(
                email=" ADA@Example.ORG ",
                state=" new york",
                city="NEW YORK",
                phone="2125550100",
                address="12 MAIN ST",
                zip="122011234",
            )
        ],
    )
    house.land("crm/accounts", DAY, [account(customer_name="ADA LOVELACE", region=" emea ", email="A@B.CO")])
    house.land("erp/orders", DAY, [order(customer_id="\u00a0C1\t", product_code=" P1")])
    assert house.update() == []
    assert house.fetch("select email, state, city, phone, address, zip, broken_rules from silver.customers") == [
        ("ada@example.org", "NY", "New York", "+12125550100", "12 Main St", "12201-1234", [])
    ]
    assert house.fetch("select customer_name, region, email from silver.accounts") == [
        ("Ada Lovelace", "EMEA", "a@b.co")
    ]
    assert house.fetch("select customer_id, product_code from silver.orders") == [("C1", "P1")]


REGIONS_TOLD = {
    "united kingdom": "United Kingdom",
    "Great Britain": "United Kingdom",
    "GBR": "United Kingdom",
    "UK": "UK",  # in the list by itself
    "eire": "EIRE",
    "U.S.A.": "United States",
    "us": "United States",
    "Deutschland": "Germany",
    "ÖSTERREICH": "Austria",
    "DEU": "Germany",
    "north america": "North America",
    "NA": "NA",  # the region; nothing else of that name is in the list
    # Of a state or of a country? As told, with a warning.
    "DE": "DE",
    "CA": "CA",
    "Atlantis": "Atlantis",
}
STATES_TOLD = {
    "California": "CA",
    "ca": "CA",
    "WASHINGTON": "WA",
    "Washington, D.C.": "DC",
    "puerto rico": "PR",
    "Californication": "Californication",
    "zz": "zz",
}


def test_spellings_of_states_and_regions_come_to_their_code(house: House):
    house.land("crm/accounts", DAY, [account(told, region=told) for told in REGIONS_TOLD])
    house.land("crm/customers", DAY, [customer(told, state=told) for told in STATES_TOLD])
    assert house.update() == []
    assert dict(house.fetch("select customer_id, region from silver.accounts")) == REGIONS_TOLD
    assert dict(house.fetch("select customer_id, state from silver.customers")) == STATES_TOLD
    unknown = house.fetch("select customer_id from silver.accounts where 'region_known' = any(broken_rules)")
    assert {told for (told,) in unknown} == {"DE", "CA", "Atlantis"}
    unknown = house.fetch("select customer_id from silver.customers where 'state_known' = any(broken_rules)")
    assert {told for (told,) in unknown} == {"Californication", "zz"}
