"""Hold what is stored of an extract's columns against the rows that landed."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metalayer_assets.contracts import CATALOG, Type
from metalayer_assets.warehouse.profiles import Profile, latest, sample_mask
from metalayer_assets.warehouse.silver_readings import readings_of
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, csv_text, customer, day, order

ORDERS, CUSTOMERS = "bronze.erp_orders", "bronze.crm_customers"


def profiled(house: House, table: str, arrival: date | None = None) -> dict[str, Profile]:
    """The latest profile of a table, by column."""
    with house.database.transaction(readonly=True) as cursor:
        return {profile["column_name"]: profile for profile in latest(cursor, table, arrival)}


def test_a_column_is_told_by_counts_types_lengths_values_and_shapes(house: House):
    told = ["1", "2", "2", "2.50", "", "  ", "many", "$1,000", "0x1f", "NaN"]
    house.land("erp/orders", DAY, [order(f"O{number}", quantity=text) for number, text in enumerate(told)])
    house.write(ORDERS, DAY)
    found = profiled(house, ORDERS)
    quantity = found["quantity"]
    assert (quantity["rows"], quantity["rows_profiled"]) == (10, 10)
    assert (quantity["nulls"], quantity["blanks"], quantity["distinct_values"]) == (1, 1, 8)
    assert (quantity["min_value"], quantity["max_value"]) == ("$1,000", "many")
    assert (quantity["min_length"], quantity["max_length"]) == (1, 6)
    assert quantity["types"] == {"integer": 3, "numeric": 5, "date": 0, "timestamp": 0, "boolean": 1, "text": 3}
    assert quantity["top_values"][:2] == [["2", 2], ["$1,000", 1]]
    assert quantity["patterns"][0] == ["9", 3]
    assert [value for value, _ in quantity["patterns"][1:]] == ["$9,999", "9.99", "9a9a", "AaA"]
    assert found["order_date"]["types"]["date"] == found["order_date"]["types"]["timestamp"] == 10
    assert found["is_deleted"]["nulls"] == 10
    assert list(found) == [column.name for column in CATALOG[ORDERS].columns if not column.name.startswith("_")]


def test_nothing_of_personal_data_is_kept_but_lengths_and_shapes(house: House):
    people = [
        customer(f"C{n}", first_name=name, email="ada@example.org") for n, name in enumerate(["Ada", "Zoë", "Ωρα"])
    ]
    house.land("crm/customers", DAY, people)
    house.write(CUSTOMERS, DAY)
    found = profiled(house, CUSTOMERS)
    for column in CATALOG[CUSTOMERS].columns:
        if column.pii:
            kept = found[column.name]
            assert (kept["min_value"], kept["max_value"], kept["top_values"]) == (None, None, None)
    assert found["first_name"]["patterns"] == [["Aaa", 2], ["aaa", 1]]
    assert found["email"]["patterns"] == [["aaa@aaaaaaa.aaa", 3]]
    everything = house.value("select string_agg(p::text, ' ') from meta.source_profiles as p")
    assert not any(secret in everything for secret in ("Ada", "Zoë", "Ωρα", "ada@", "Lovelace", "12201"))


def test_a_large_extract_is_profiled_by_a_sample_that_is_always_the_same(house: House):
    rows = [order(f"O{number:05}", quantity=str(number % 7 + 1)) for number in range(3000)]
    house.land("erp/orders", DAY, rows)
    house.land("erp/orders", day(1), rows[:50])
    few = house.with_settings(profile_rows=500)
    few.write(ORDERS, DAY)
    few.write(ORDERS, day(1))
    large, small = profiled(few, ORDERS, DAY), profiled(few, ORDERS, day(1))
    assert large["quantity"]["rows"] == 3000
    assert 250 <= large["quantity"]["rows_profiled"] <= 550
    assert large["quantity"]["distinct_values"] == 7
    assert small["quantity"]["rows_profiled"] == 50
    # Written again, into a month that stands.
    few.execute("delete from bronze.erp_orders; delete from meta.slice_ledger; delete from meta.landed_files")
    few.write(ORDERS, DAY)
    ignored = {"write_id": 0}
    assert {name: told | ignored for name, told in profiled(few, ORDERS, DAY).items()} == {
        name: told | ignored for name, told in large.items()
    }


def test_extracts_that_are_loaded_at_once_share_the_rows_that_are_looked_at(house: House):
    for number in range(5):
        house.land("erp/orders", day(number), [order(f"O{number}-{n:05}") for n in range(2000)])
    house.with_settings(profile_rows=600).write(ORDERS, *map(day, range(5)))
    looked_at = house.fetch("select distinct slice, rows, rows_profiled from meta.source_profiles order by 1")
    assert [(arrival, rows) for arrival, rows, _ in looked_at] == [(day(number), 2000) for number in range(5)]
    assert all(30 <= profiled <= 150 for *_, profiled in looked_at)
    house.land("erp/orders", day(9), [order(f"O{n}") for n in range(40)])
    house.with_settings(profile_rows=600).write(ORDERS, *map(day, range(5, 10)))
    assert profiled(house, ORDERS)["order_id"]["rows_profiled"] == 40


def test_a_setting_turns_profiles_off_and_an_unchanged_extract_keeps_its_own(house: House):
    house.land("erp/orders", DAY, [order()])
    assert house.with_settings(profile_rows=0).write(ORDERS, DAY).observed[DAY].profile == ()
    assert profiled(house, ORDERS) == {}
    house.land("erp/orders", day(1), [order()])
    report = house.write(ORDERS, day(1))
    assert [told["column_name"] for told in report.observed[day(1)].profile] == list(profiled(house, ORDERS, day(1)))
    house.land("erp/orders", day(1), [order()])
    assert house.write(ORDERS, day(1)).observed == {}
    assert profiled(house, ORDERS)["order_id"]["write_id"] == report.write_id


@pytest.mark.parametrize(("rows", "mask"), [(1, 0), (2000, 0), (2001, 1), (4001, 3), (300_000, 255)])
def test_a_sample_halves_until_it_is_small_enough(rows: int, mask: int):
    assert sample_mask(rows, 2000) == mask


def test_silver_says_as_what_a_column_is_read():
    found = readings_of(CATALOG[ORDERS])
    assert (found["price_per_unit"].column, found["price_per_unit"].type) == ("silver.orders.unit_price", Type.NUMERIC)
    assert (found["status"].type, found["status"].is_code) == (Type.TEXT, True)
    assert not found["order_id"].is_code
    assert "_line" not in {name for name, reading in found.items() if reading.is_code}
    unread = replace(CATALOG[ORDERS], name="bronze.of_nobody")
    assert readings_of(unread) == {}


text = st.one_of(
    st.sampled_from(["", " ", "0", "-1", "1e5", "2024-02-30", "2024-02-29", "1999-1-1", "yes", "(5)", "9" * 200]),
    st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0\r\n"), max_size=60),
)


@given(told=st.lists(text, min_size=1, max_size=30))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_column_holds_its_counts_add_up_and_agree_with_silvers_casts(house: House, told: list[str]):
    rows = [order(f"O{number}", quantity=value) for number, value in enumerate(told)]
    house.execute("delete from meta.slice_ledger; delete from meta.landed_files; delete from meta.source_profiles")
    house.land("erp/orders", DAY, csv_text(rows, order()))
    house.write(ORDERS, DAY, allow_shrink=True)
    found = profiled(house, ORDERS)["quantity"]
    # An unquoted empty field is no value; everything else that is only white space is blank.
    assert found["nulls"] == sum(value == "" for value in told)
    assert found["distinct_values"] == len({value for value in told if value})
    values = found["rows_profiled"] - found["nulls"] - found["blanks"]
    assert sum(rows for _, rows in found["top_values"]) <= values
    assert found["types"]["text"] <= values
    assert all(
        0 <= found["types"][narrow] <= found["types"][wide] <= values
        for narrow, wide in (("integer", "numeric"), ("date", "timestamp"))
    )
    house.write("silver.orders", DAY, allow_shrink=True)
    unreadable = "select count(*) from quarantine.orders where state = 'open' and 'quantity_given' = any(failed_rules)"
    read = len(told) - house.value(unreadable)
    assert found["types"]["integer"] <= read
    # What two notations write alike is read by what the file shows of its own, and told as what nobody can read alone.
    if not any(set(".,' ") & set(value.strip()) for value in told):
        assert found["types"]["integer"] == read
