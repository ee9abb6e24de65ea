from datetime import date
from typing import Any

from metalayer_assets.warehouse import registry
from metalayer_assets.warehouse.landing import scan
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, day, order

TABLE = "bronze.erp_orders"


def files(house: House) -> list[tuple[Any, ...]]:
    """Every content of every file that was ever loaded: name, state, rows, place in its day."""
    return house.fetch(
        "select split_part(path, '/', 4), state, rows_loaded, file_no from meta.landed_files order by 1, loaded_at"
    )


def test_a_file_is_known_with_what_was_found_in_it(house: House):
    house.land(
        "erp/orders",
        DAY,
        "status;order_id;product_code;quantity;price_per_unit;order_date;customer_id;Note\n"
        "PAID;O1;P1;1;1;2024-03-09;C1;é\nPAID\n".encode("latin-1"),
    )
    house.write(TABLE, DAY)
    told = house.fetch(
        "select path, arrival_day, table_name, format, encoding, delimiter, read_path, header, rows_loaded,"
        " rows_rejected, state, size_bytes from meta.landed_files"
    )
    header = ["status", "order_id", "product_code", "quantity", "price_per_unit", "order_date", "customer_id", "Note"]
    path = house.settings.landing / "erp/orders/2024-03-10/part-0.csv"
    assert told == [
        (
            "erp/orders/2024-03-10/part-0.csv",
            DAY,
            TABLE,
            "csv",
            "latin-1",
            ";",
            "careful",
            header,
            1,
            1,
            "loaded",
            path.stat().st_size,
        )
    ]
    drift = house.value("select drift from meta.landed_files")
    assert {(found["kind"], found["column"]) for found in drift} == {
        ("extra_column", "Note"),
        ("missing_optional", "is_deleted"),
    }


def test_what_stood_before_is_replaced_or_missing_and_never_forgotten(house: House):
    house.land("erp/orders", DAY, [order("O1")], name="a.csv")
    house.land("erp/orders", DAY, [order("O2"), order("O3")], name="b.csv")
    assert house.update() == []
    house.land("erp/orders", DAY, [order("O4")], name="a.csv")
    house.unland("erp/orders", DAY, name="b.csv")
    house.land("erp/orders", DAY, [order("O5")], name="c.csv")
    assert house.update() == []
    assert files(house) == [
        ("a.csv", "replaced", 1, 1),
        ("a.csv", "loaded", 1, 1),
        ("b.csv", "missing", 2, 2),
        ("c.csv", "loaded", 1, 2),
    ]
    # The first content comes back: its entry stands again.
    house.land("erp/orders", DAY, [order("O1")], name="a.csv")
    assert house.update() == []
    assert [entry[:2] for entry in files(house)] == [
        ("a.csv", "replaced"),
        ("a.csv", "loaded"),
        ("b.csv", "missing"),
        ("c.csv", "loaded"),
    ]
    assert house.value("select count(*) from bronze.erp_orders") == 2
    assert house.problems() == []


def test_days_that_are_new_or_look_changed_are_found(house: House):
    house.land("erp/orders", DAY, [order("O1")], name="a.csv")
    house.land("erp/orders", day(1), [order("O2")])

    def changed() -> dict[str, list[date]]:
        with house.database.transaction(readonly=True) as cursor:
            return registry.new_or_changed(cursor, scan(house.settings))

    assert changed() == {TABLE: [DAY, day(1)]}
    assert house.update() == []
    assert changed() == {}
    # Of a file that was only touched, nobody knows before it is read.
    house.land("erp/orders", DAY, [order("O1")], name="a.csv")
    house.land("erp/orders", day(2), [order("O3")])
    assert changed() == {TABLE: [DAY, day(2)]}
    assert house.write(TABLE, DAY).published == frozenset()
    assert changed() == {TABLE: [day(2)]}


def test_a_day_that_is_written_by_hand_holds_what_lies_there_now(house: House):
    house.land("erp/orders", DAY, [order("O1")], name="a.csv")
    house.land("erp/orders", DAY, [order("O2")], name="b.csv")
    assert house.update() == []
    house.unland("erp/orders", DAY, name="b.csv")
    assert house.plan() == []
    assert house.write(TABLE, DAY).published == {DAY}
    assert files(house) == [("a.csv", "loaded", 1, 1), ("b.csv", "missing", 1, 2)]
    assert house.update() == []
    assert house.fetch("select order_id from gold.fact_orders") == [("O1",)]


def test_a_new_file_takes_its_place_among_those_of_its_day(house: House):
    house.land("erp/orders", DAY, [order("O1")], name="b.csv")
    house.land("erp/orders", DAY, [order("O1", quantity="9")], name="c.csv")
    assert house.update() == []
    assert house.value("select quantity from silver.orders") == 9
    house.land("erp/orders", DAY, [order("O7")], name="a.csv")
    assert house.update() == []
    assert [(name, place) for name, state, _, place in files(house) if state == "loaded"] == [
        ("a.csv", 1),
        ("b.csv", 2),
        ("c.csv", 3),
    ]
    assert house.value("select quantity from silver.orders where order_id = 'O1'") == 9


def test_files_are_named_by_their_numbers(house: House):
    house.land("erp/orders", DAY, [order("O1")])
    assert house.update() == []
    number = house.file_id("erp/orders", DAY)
    with house.database.transaction(readonly=True) as cursor:
        assert registry.file_names(cursor, [number, 1]) == {number: "erp/orders/2024-03-10/part-0.csv"}
        assert registry.file_names(cursor, []) == {}
