"""Try to break the members that only facts name: when they come, where they begin, when they go."""

from datetime import UTC, datetime

from metalayer_assets.warehouse.plan import Scope
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, day, order, sale
from metalayer_assets_tests.warehouse.members import (
    ACCOUNTS,
    CUSTOMERS,
    ORDERS,
    SALES,
    at,
    company,
    inferred,
    lived,
    person,
    update,
)


def test_members_that_no_source_tells_of_are_inferred_from_orders_and_from_sales(house: House):
    house.land(ORDERS, DAY, [order("O1", customer_id="C1", product_code="P1"), order("O2", customer_id="")])
    house.land(
        SALES, DAY, [sale("S1", customer_id="C2", product_id="P1"), sale("S2", customer_id="C1", product_id="P2")]
    )
    update(house)
    assert inferred(house) == {"C1": (DAY, 2), "C2": (DAY, 2)}
    assert inferred(house, "gold.dim_product") == {"P1": (DAY, 2), "P2": (DAY, 3)}
    # Of one day, an order stands before a sales line.
    assert house.value("select source_file_id from gold.dim_product where product_code = 'P1'") == house.file_id(
        ORDERS, DAY
    )
    assert house.fetch("select order_id, customer_key = 0, customer_id from gold.fact_orders order by 1") == [
        ("O1", False, "C1"),
        ("O2", True, None),
    ]
    assert house.fetch(
        "select customer_id, valid_from, valid_to, version, is_current, customer_name, change_hash"
        " from gold.dim_customer order by 1"
    ) == [(name, datetime(1900, 1, 1, tzinfo=UTC), None, 1, True, None, None) for name in ("C1", "C2")]
    assert house.problems() == []


def test_the_row_that_names_a_member_first_is_its_origin_whenever_it_comes(house: House):
    house.land(ORDERS, day(2), [order("O0"), order("O2", customer_id="C2")])
    update(house)
    assert inferred(house)["C2"] == (day(2), 3)
    house.land(SALES, day(3), [sale("S1", customer_id="C2")])
    update(house)
    assert inferred(house)["C2"] == (day(2), 3)
    house.land(SALES, day(1), [sale("S0"), sale("S2"), sale("S3", customer_id="C2")])
    update(house)
    assert inferred(house)["C2"] == (day(1), 4)
    # That row is taken back: the next of those that name the member stands.
    house.land(SALES, day(1), [sale("S0"), sale("S2"), sale("S3", customer_id="C3")])
    update(house)
    assert inferred(house) == {"C1": (day(1), 2), "C2": (day(2), 3), "C3": (day(1), 4)}
    house.land(ORDERS, day(2), [order("O0")])
    update(house)
    assert inferred(house)["C2"] == (day(3), 2)
    house.land(SALES, day(3), [sale("S1", customer_id="C1")])
    update(house)
    assert "C2" not in inferred(house)
    assert house.problems() == []


def test_a_member_that_becomes_known_and_is_taken_back_is_inferred_again(house: House):
    house.land(ORDERS, day(0), [order("O1", customer_id="C1")])
    update(house)
    key = house.value("select customer_key from gold.fact_orders")
    house.land(CUSTOMERS, day(1), [person("C1"), person("C2")])
    update(house)
    assert inferred(house) == {}
    assert house.value("select customer_key from gold.fact_orders") != key
    house.land(CUSTOMERS, day(1), [person("C2")])
    update(house)
    assert inferred(house) == {"C1": (day(0), 2)}
    assert house.value("select customer_key from gold.fact_orders") == key
    assert house.problems() == []


def test_a_member_of_whom_only_a_deletion_is_told_is_inferred_if_named_and_else_unknown(house: House):
    house.land(CUSTOMERS, DAY, [person("C1", is_deleted="yes"), person("C2", is_deleted="yes")])
    house.land(ORDERS, day(1), [order("O1", customer_id="C1")])
    update(house)
    assert house.fetch("select customer_id, is_inferred from gold.dim_customer") == [("C1", True)]
    # A row that says when it was is history all the same.
    house.land(ACCOUNTS, day(2), [company("C1", updated_at=at(2))])
    update(house)
    assert lived(house) == [(at(2), datetime(2024, 3, 10, tzinfo=UTC), None, "EMEA", "Lady Ada")]
    assert house.problems() == []


def test_a_deleted_order_names_its_customer_still(house: House):
    house.land(ORDERS, DAY, [order("O1", customer_id="C1", is_deleted="true")])
    house.land(ORDERS, day(1), [order("O2", customer_id="C2", quantity="none")])
    update(house)
    assert inferred(house) == {"C1": (DAY, 2)}
    assert house.problems() == []


def test_a_member_is_not_told_by_days_that_the_dimension_has_not_taken_in(house: House):
    house.land(CUSTOMERS, day(0), [person(city="Oslo", updated_at=at(1))])
    house.land(CUSTOMERS, day(1), [person(city="Rome", updated_at=at(2))])
    update(house, Scope(tables=frozenset({"bronze.crm_customers", "silver.customers"})))
    house.write("gold.dim_customer", day(0))
    assert [version[2] for version in lived(house)] == ["Oslo"]
    house.write("gold.dim_customer", day(1))
    assert [version[2] for version in lived(house)] == ["Oslo", "Rome"]
    assert house.problems() == []


def test_sequences_at_the_ends_of_time_are_sequences(house: House):
    told = ["1000-01-01", "1900-01-01", "9998-12-31 23:59:59.999999", "9999-12-31"]
    house.land(CUSTOMERS, DAY, [person(city=f"City {n}", updated_at=moment) for n, moment in enumerate(told)])
    house.land(ORDERS, DAY, [order()])
    update(house)
    assert [version[2] for version in lived(house)] == ["City 0", "City 1", "City 2", "City 3"]
    assert house.value("select city from gold.fact_orders join gold.dim_customer using (customer_key)") == "City 1"
    assert house.problems() == []


def test_an_inferred_members_key_is_that_of_a_version_since_1900_and_both_are_inlined(house: House):
    told = "'C1', 'é', '', '[\"a\", 1]'"
    assert (
        house.fetch(
            f"select meta.inferred_key(told) = meta.version_key(told, '1900-01-01 00:00:00+00')"
            f" from unnest(array[{told}]) as t (told)"
        )
        == [(True,)] * 4
    )
    # A function that is not as immutable as it says is called for each row, at ten times the cost.
    (plan,) = house.fetch(
        "explain (verbose, costs off) select meta.inferred_key(customer_id) + meta.version_key(customer_id, ordered_at)"
        " from gold.fact_orders"
    )[1:2]
    assert "hashtextextended" in plan[0]
    assert "_key(" not in plan[0]
