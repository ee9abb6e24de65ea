from datetime import date

import pytest

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse import ledger_reports, tables
from metalayer_assets.warehouse.audit import Refusal
from metalayer_assets.warehouse.ledger_reports import RunRows
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, day, order


@pytest.fixture
def lived(house: House) -> House:
    """A warehouse with three runs: two that wrote, the last of which was refused a slice."""
    house.land("erp/orders", DAY, [order("O1"), order("O1"), order("O2", quantity="0")])
    for table in ("bronze.erp_orders", "silver.orders"):
        house.write(table, DAY, day(1), run_id="first")
    house.write("gold.fact_orders", date(2024, 3, 9), run_id="first")
    house.write("silver.orders", DAY, run_id="second")
    house.land("erp/orders", DAY, [])
    with pytest.raises(Refusal):
        house.write("bronze.erp_orders", DAY, run_id="third")
    return house


def test_a_run_tells_the_rows_of_each_table_upstream_first(lived: House):
    with lived.database.transaction(readonly=True) as cursor:
        assert ledger_reports.rows_of(cursor, ["first"]) == [
            RunRows("bronze.erp_orders", 3, 3, 0, 0, published=2, unchanged=0, refused=0),
            RunRows("silver.orders", 3, 1, 1, 1, published=2, unchanged=0, refused=0),
            RunRows("gold.fact_orders", 1, 1, 0, 0, published=1, unchanged=0, refused=0),
        ]
        assert ledger_reports.rows_of(cursor, ["second", "third"]) == [
            RunRows("bronze.erp_orders", 0, 0, 0, 0, published=0, unchanged=0, refused=1),
            RunRows("silver.orders", 3, 1, 1, 1, published=0, unchanged=1, refused=0),
        ]
        assert ledger_reports.rows_of(cursor, []) == []


def test_a_refusal_is_told_with_its_reason(lived: House):
    with lived.database.transaction(readonly=True) as cursor:
        ((table, refused), reason), *others = ledger_reports.refusals_of(cursor, "third").items()
        assert ledger_reports.refusals_of(cursor, "first") == {}
    assert (table, refused, others) == ("bronze.erp_orders", DAY, [])
    assert "would become empty" in reason


def test_entries_come_latest_first_and_narrowed_as_asked(lived: House):
    with lived.database.transaction(readonly=True) as cursor:
        every = ledger_reports.entries(cursor, None)
        assert [(entry["table_name"], entry["slice"], entry["status"]) for entry in every] == [
            ("bronze.erp_orders", DAY, "refused"),
            ("silver.orders", DAY, "unchanged"),
            ("gold.fact_orders", date(2024, 3, 9), "published"),
            ("silver.orders", day(1), "published"),
            ("silver.orders", DAY, "published"),
            ("bronze.erp_orders", day(1), "published"),
            ("bronze.erp_orders", DAY, "published"),
        ]
        assert ledger_reports.entries(cursor, None, limit=2) == every[:2]
        assert ledger_reports.entries(cursor, "silver.orders", day=DAY) == [every[1], every[4]]
        assert ledger_reports.entries(cursor, "silver.sales") == []


def test_sizes_are_those_of_the_slices_that_stand(lived: House):
    with lived.database.transaction(readonly=True) as cursor:
        sizes = {size["table"]: size for size in ledger_reports.table_sizes(cursor)}
    assert list(sizes) == [contract.name for contract in CATALOG.assets()]
    assert {name: sizes["silver.orders"][name] for name in ("rows", "slices", "first", "last")} == {
        "rows": 1,
        "slices": 2,
        "first": DAY,
        "last": day(1),
    }
    assert sizes["bronze.erp_orders"]["rows"] == 3
    assert sizes["gold.dim_date"] == {
        "table": "gold.dim_date",
        "rows": 0,
        "slices": 0,
        "first": None,
        "last": None,
        "written_at": None,
    }
    assert tables.row_count(lived.database, CATALOG["silver.orders"]) == 1
    assert tables.row_count(lived.database, CATALOG["gold.dim_date"]) == 0
