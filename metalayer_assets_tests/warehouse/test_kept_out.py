from datetime import datetime
from typing import Any

from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, day, order

HEADER = "order_id,customer_id,product_code,quantity,price_per_unit,order_date,status\n"


def rows(house: House, table: str = "quarantine.orders") -> list[tuple[Any, ...]]:
    """Business key or line, raw quantity, state, and whether it was closed."""
    shown = "order_id, raw ->> 'quantity'" if table == "quarantine.orders" else "source_line, encode(raw, 'escape')"
    return house.fetch(f"select {shown}, state, closed_at is not null from {table} order by 1, 2, 3")


def seen(house: House, table: str = "quarantine.orders") -> datetime:
    return house.value(f"select min(first_seen_at) from {table}")


def test_a_row_that_comes_again_well_is_closed_and_never_deleted(house: House):
    house.land("erp/orders", DAY, [order("O1", quantity="0"), order("O2", quantity="none")])
    assert house.update() == []
    assert rows(house) == [("O1", "0", "open", False), ("O2", "none", "open", False)]
    house.land("erp/orders", DAY, [order("O1", quantity="1"), order("O2", quantity="none")])
    assert house.update() == []
    assert rows(house) == [("O1", "0", "closed", True), ("O2", "none", "open", False)]
    assert house.problems() == []


def test_a_row_that_comes_again_with_other_text_is_another_row(house: House):
    house.land("erp/orders", DAY, [order("O1", quantity="abc"), order("O2", quantity="0")])
    assert house.update() == []
    # Read as nothing before and after, on the same line, for the same reason.
    house.land("erp/orders", DAY, [order("O1", quantity="abd"), order("O2", quantity="0.0")])
    assert house.update() == []
    assert rows(house) == [
        ("O1", "abc", "closed", True),
        ("O1", "abd", "open", False),
        ("O2", "0", "closed", True),
        ("O2", "0.0", "open", False),
    ]
    assert house.problems() == []


def test_a_row_that_is_kept_out_again_keeps_the_moment_it_was_first_seen(house: House):
    house.land("erp/orders", DAY, [order("O1", quantity="0")])
    assert house.update() == []
    first = seen(house)
    house.land("erp/orders", DAY, [order("O1", quantity="0"), order("O2")])
    assert house.update() == []
    assert (seen(house), rows(house)) == (first, [("O1", "0", "open", False)])
    house.land("erp/orders", DAY, [order("O1"), order("O2")])
    assert house.update() == []
    assert rows(house) == [("O1", "0", "closed", True)]
    # The mistake is made once more: the row is open again, and as old as it is.
    house.land("erp/orders", DAY, [order("O1", quantity="0"), order("O2")])
    assert house.update() == []
    assert (seen(house), rows(house)) == (first, [("O1", "0", "open", False)])
    assert house.problems() == []


def test_another_reason_for_the_same_row_is_told(house: House):
    house.land("erp/orders", DAY, [order("O1", order_date="2022-06-01")])
    assert house.update() == []
    assert house.value("select failed_rules from quarantine.orders") == ["order_date_after_start"]
    earlier = house.with_settings(start_date=day(-30))
    assert earlier.update() == []
    assert earlier.fetch("select failed_rules, state from quarantine.orders") == [(["order_date_after_start"], "open")]
    lenient = house.with_settings(start_date=day(-1000))
    assert lenient.update() == []
    assert lenient.fetch("select state from quarantine.orders") == [("closed",)]
    assert lenient.problems() == []


def test_other_days_and_other_tables_are_left_alone(house: House):
    for number in range(2):
        house.land("erp/orders", day(number), [order(f"O{number}", quantity="0")])
        house.land("erp/orders", day(number), HEADER + "short\n", name="part-1.csv")
        house.land("erp/sales", day(number), "sales_id,product_id,customer_id,quantity,sale_date,sale_amount\nshort\n")
    assert house.update() == []
    house.land("erp/orders", day(0), [order("O0")])
    house.land("erp/orders", day(0), HEADER + "O9,C1,P1,1,1,2024-03-09,PAID\n", name="part-1.csv")
    assert house.update() == []
    assert rows(house) == [("O0", "0", "closed", True), ("O1", "0", "open", False)]
    assert house.fetch("select table_name, arrival_day, state from quarantine.bronze_lines order by 1, 2") == [
        ("bronze.erp_orders", day(0), "closed"),
        ("bronze.erp_orders", day(1), "open"),
        ("bronze.erp_sales", day(0), "open"),
        ("bronze.erp_sales", day(1), "open"),
    ]
    assert house.problems() == []


def test_a_line_that_cannot_be_read_is_kept_and_closed_like_a_row(house: House):
    house.land("erp/orders", DAY, HEADER + "O1,C1\nO2,C1,P1,1,1,2024-03-09,PAID\n")
    assert house.update() == []
    first = seen(house, "quarantine.bronze_lines")
    house.land("erp/orders", DAY, HEADER + "O1,C1\nO2,C1,P1,2,1,2024-03-09,PAID\n")
    assert house.update() == []
    assert rows(house, "quarantine.bronze_lines") == [(2, "O1,C1", "open", False)]
    assert seen(house, "quarantine.bronze_lines") == first
    house.land("erp/orders", DAY, HEADER + "O1,C9\nO2,C1,P1,2,1,2024-03-09,PAID\n")
    assert house.update() == []
    assert rows(house, "quarantine.bronze_lines") == [(2, "O1,C1", "closed", True), (2, "O1,C9", "open", False)]
    assert house.problems() == []


def test_another_reason_for_the_same_line_is_told(house: House):
    house.land("erp/orders", DAY, HEADER + "O1,C1\n")
    assert house.update() == []
    (before,) = house.fetch("select row_hash, reason from quarantine.bronze_lines")
    # No row and no raw byte differs, only how many fields the header asks for.
    house.land("erp/orders", DAY, HEADER.replace("\n", ",further\n") + "O1,C1\n")
    assert house.update() == []
    (after,) = house.fetch("select row_hash, reason from quarantine.bronze_lines")
    assert before[0] == after[0]
    assert before[1] != after[1]
    assert house.problems() == []
