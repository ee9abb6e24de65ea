from dataclasses import replace

import pytest

from metalayer_assets.contracts import CATALOG, Column, Contract, Type
from metalayer_assets.contracts.form_checks import form_problems
from metalayer_assets.contracts.forms import Coded, Days, Email, Form, Phone, Zip
from metalayer_assets.contracts.places import COUNTRY_CODES, REGION, REGIONS, STATE, US_STATES

CUSTOMERS = CATALOG["silver.customers"]


def with_form(contract: Contract, column: str, form: Form) -> Contract:
    columns = tuple(replace(c, form=form) if c.name == column else c for c in contract.columns)
    return replace(contract, columns=columns)


@pytest.mark.parametrize("contract", CATALOG.values(), ids=lambda contract: contract.name)
def test_the_forms_of_the_catalog_fit(contract: Contract):
    assert list(form_problems(contract)) == []


@pytest.mark.parametrize(
    ("contract", "told"),
    [
        (
            with_form(CATALOG["bronze.crm_customers"], "email", Email()),
            "the column email has a form, which only a told column of a judged table can have.",
        ),
        (
            with_form(CUSTOMERS, "changed_at", Days(day_first=True)),
            "the column changed_at has a form, which only a told column of a judged table can have.",
        ),
        (with_form(CUSTOMERS, "dob", Email()), "the column dob is DATE, which its form Email does not fit."),
        (
            with_form(CUSTOMERS, "city", Days(day_first=True)),
            "the column city is TEXT, which its form Days does not fit.",
        ),
        (
            with_form(CATALOG["silver.orders"], "quantity", Days(day_first=True)),
            "the column quantity is INTEGER, which its form Days does not fit.",
        ),
        (
            with_form(CUSTOMERS, "zip", Zip(state="county")),
            "the form of zip asks the column county, which is no told text of the table.",
        ),
        (
            with_form(CUSTOMERS, "phone", Phone("US", country="dob")),
            "the form of phone asks the column dob, which is no told text of the table.",
        ),
        (
            with_form(CUSTOMERS, "phone", Phone("USA")),
            "the form of phone names the region 'USA', which is no two-letter code.",
        ),
        (
            with_form(CUSTOMERS, "phone", Phone("US", state="state", country="city")),
            "the form of phone is told its region by two columns; name one.",
        ),
        (
            with_form(CUSTOMERS, "city", Coded(("A",), (("a1", "A"), ("b1", "B")))),
            "the spellings of city stand for B, which the code list does not hold.",
        ),
    ],
)
def test_a_form_that_does_not_fit_is_told_and_no_other(contract: Contract, told: str):
    assert list(form_problems(contract)) == [told]


def test_a_number_is_no_column_for_a_form():
    column = Column("points", Type.NUMERIC, "", form=Email())
    assert list(form_problems(replace(CUSTOMERS, columns=(*CUSTOMERS.columns, column)))) == [
        "the column points is NUMERIC, which its form Email does not fit."
    ]


@pytest.mark.parametrize("codes", [STATE, REGION], ids=["states", "regions"])
def test_a_spelling_stands_for_one_code_and_a_code_for_itself(codes: Coded):
    assert len(set(codes.values)) == len(codes.values)
    told = [*((code.lower(), code) for code in codes.values), *((word.lower(), code) for word, code in codes.spellings)]
    assert len({word for word, _ in told}) == len(set(told))
    assert codes.pairs() == dict(told)


def test_no_region_is_told_by_the_code_of_a_state():
    assert {code for code in US_STATES if code.lower() in REGION.pairs()} == set()
    assert {name for name in REGIONS if name.lower() in COUNTRY_CODES} > {"Germany", "UK", "USA", "EIRE"}
