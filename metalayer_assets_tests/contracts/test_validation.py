from dataclasses import replace
from typing import Any

import pytest

from metalayer_assets.contracts import (
    CATALOG,
    Catalog,
    Column,
    Contract,
    Grain,
    Guard,
    Judged,
    Landed,
    Modelled,
    Reads,
    Rule,
    Stored,
    Type,
)
from metalayer_assets.contracts.predicate import Col
from metalayer_assets.contracts.validation import LAYERS, problems
from metalayer_assets.definitions import build_defs
from metalayer_assets.warehouse import ddl
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.errors import ContractError
from metalayer_assets_tests.contracts.changes import catalog_with, told, with_column

ORDERS = CATALOG["silver.orders"]
FACTS = CATALOG["gold.fact_orders"]


def test_the_contracts_of_the_warehouse_have_no_problem():
    assert problems(CATALOG) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"rules": (*ORDERS.rules, ORDERS.rules[0])},
            "the rule order_id_given is declared 2 times.",
        ),
        (
            {"rules": (Rule("weight_given", "", Col("weight").present),)},
            "the rule weight_given asks for the column weight, which a row does not have when judged.",
        ),
        (
            {"rules": (Rule("score_high", "", Col("quality_score") > 0),)},
            "the rule score_high asks for the column quality_score, which a row does not have when judged.",
        ),
        (
            {"rules": (Rule("both", "", Col("quantity") > 0, readable="quantity"),)},
            "the rule both says either what holds or what is readable, not both or neither.",
        ),
        (
            {"rules": (Rule("nothing", ""),)},
            "the rule nothing says either what holds or what is readable, not both or neither.",
        ),
        (
            {"rules": (Rule("r", "", readable="weight"),)},
            "the rule r asks whether weight is readable, but there is no such column.",
        ),
        (
            {"rules": (Rule("r", "", readable="order_date"),)},
            "the rule r asks whether order_date is readable, but it is not read from text.",
        ),
        (
            {"rules": (Rule("r", "", readable="status"),)},
            "the rule r asks whether status is readable, but it is not read from text.",
        ),
        (
            {"rules": (Rule("r", "", Col("quantity") > 0, dimension="beauty"),)},
            (
                "the rule r has the dimension 'beauty'; known are accuracy, completeness, consistency, timeliness,"
                " uniqueness, validity."
            ),
        ),
        (
            {"rules": (Rule("r", "", Col("quantity") > 0, weight=0),)},
            "no rule has a weight, so no row could have a score.",
        ),
        (
            {"rules": (Rule("r; drop", "", Col("quantity") > 0),)},
            "the rule 'r; drop' is not named with lower-case letters, digits and underscores only.",
        ),
        (
            {"key": ("order_number", "arrival_day")},
            "the key (order_number, arrival_day) needs the column order_number, which the table does not have.",
        ),
        ({"key": ("customer_id", "arrival_day")}, "the key column customer_id may be NULL."),
        ({"key": ("order_id",)}, "the table is partitioned by arrival_day, so its key must contain it."),
        ({"key": ()}, "a table has a key."),
        (
            {"indexes": (("colour",),)},
            "the index (colour) needs the column colour, which the table does not have.",
        ),
        ({"slice_by": None}, "the table says no column that its slices are named by (slice_by)."),
        ({"slice_by": "day"}, "slice_by needs the column day, which the table does not have."),
        ({"slice_by": "order_id"}, "the column order_id names slices, so it is a date and never NULL."),
        ({"grain": Grain.YEAR}, "a slice of a year does not fit into a month: drop by_month."),
        ({"guard": Guard(max_loss=5)}, "the guard's max_loss 5 is not a share from 0 to 1."),
        ({"columns": (*ORDERS.columns, ORDERS.columns[0])}, "the column order_id is declared twice."),
        (
            {"columns": (*ORDERS.columns, Column("_outcome", Type.TEXT, ""))},
            "the column _outcome has the name of a column of the stage.",
        ),
        (
            {"columns": with_column(ORDERS, "status", name="Status")},
            "the column 'Status' is not named with lower-case letters, digits and underscores only.",
        ),
        (
            {"columns": (*ORDERS.columns, Column("x" * 64, Type.TEXT, ""))},
            f"the column '{'x' * 64}' has a name of 64 characters; PostgreSQL keeps 63.",
        ),
        (
            {"columns": with_column(ORDERS, "status", optional=True)},
            "the column status says how a file spells it, but the table is not landed.",
        ),
        (
            {"columns": with_column(ORDERS, "status", ordinal=True)},
            "the column status is ordinal, which only version of a dimension can be.",
        ),
        (
            {"columns": ORDERS.columns[:-1]},
            "a judged table needs the column source_line, which the table does not have.",
        ),
        (
            {"reads": (Reads("bronze.orders", slice_by="_arrival_day"),)},
            "it reads bronze.orders, which no contract declares.",
        ),
        (
            {"reads": (Reads("bronze.erp_orders", slice_by="day"),)},
            "it reads bronze.erp_orders by the column day, which that table does not have.",
        ),
        (
            {"reads": (Reads("bronze.erp_orders", slice_by="order_date"),)},
            "it reads bronze.erp_orders by the column order_date, which is not a date.",
        ),
        (
            {"reads": (Reads("silver.sales", slice_by="sale_date"),)},
            "a judged table reads exactly one landed table.",
        ),
        (
            {"source": Judged(quarantine="quarantine.order")},
            "its quarantine table quarantine.order is not declared.",
        ),
        (
            {"source": Modelled()},
            "the column order_date is derived, which only a column of a judged table can be.",
        ),
    ],
)
def test_a_contradiction_is_one_sentence_with_table_and_column(changes: dict[str, Any], problem: str):
    assert f"silver.orders: {problem}" in told(ORDERS, **changes)


def test_a_name_must_leave_room_for_its_months():
    long = replace(ORDERS, name=f"silver.{'o' * 55}")
    assert problems(catalog_with(long)) == [
        f"silver.{'o' * 55}: the table '{'o' * 55}_y2024m01' has a name of 64 characters; PostgreSQL keeps 63.",
        f"silver.{'o' * 55}: the index '{'o' * 55}_arrival_day_idx' has a name of 71 characters; PostgreSQL keeps 63.",
        f"silver.{'o' * 55}: the index '{'o' * 55}_order_date_idx' has a name of 70 characters; PostgreSQL keeps 63.",
    ]


def test_a_layer_that_nobody_creates_is_a_problem():
    assert told(FACTS, name="platinum.fact") == [
        f"platinum.fact: a table is named layer.table, with a layer of {', '.join(LAYERS)}."
    ]


def test_two_columns_that_a_file_could_mean_are_a_problem():
    landed = CATALOG["bronze.erp_orders"]
    columns = with_column(landed, "status", source_names=("quantity",))
    assert told(landed, columns=columns) == ["bronze.erp_orders: two columns are spelled 'quantity' in files."]


def test_a_table_that_is_declared_twice_is_told_and_not_lost():
    catalog = Catalog((*CATALOG.declared, replace(ORDERS, source=Stored())))
    assert "silver.orders is declared 2 times; a table has one contract." in problems(catalog)


def test_tables_that_read_one_another_are_a_problem():
    day = Column("day", Type.DATE, "", nullable=False)
    one, other = (
        Contract(name, "", (day,), ("day",), Stored(), slice_by="day", reads=(Reads(source, slice_by="day"),))
        for name, source in (("gold.one", "gold.other"), ("gold.other", "gold.one"))
    )
    (problem,) = problems(Catalog((one, other)))
    assert problem.endswith("a table cannot be made from itself.")
    assert "gold.one" in problem
    assert "gold.other" in problem


def test_a_landed_table_names_its_place_in_the_file():
    landed = CATALOG["bronze.erp_orders"]
    assert isinstance(landed.source, Landed)
    (problem,) = told(landed, columns=landed.columns[:-2] + landed.columns[-1:], key=("_arrival_day", "_file_id"))
    assert problem == "bronze.erp_orders: a landed table needs the column _line, which the table does not have."


@pytest.fixture
def broken_catalog(monkeypatch: pytest.MonkeyPatch) -> str:
    """The one catalog of this process with a rule over a column that is not there; the sentence that names it."""
    broken = replace(ORDERS, rules=(Rule("weight_given", "", Col("weight").present),))
    monkeypatch.setitem(CATALOG._by_name, broken.name, broken)
    return "silver.orders: the rule weight_given asks for the column weight"


def test_a_bad_rule_stops_the_schema_before_anything_is_created(database: Database, broken_catalog: str):
    with pytest.raises(ContractError, match=broken_catalog), database.transaction() as cursor:
        ddl.ensure(cursor)
    with database.transaction() as cursor:
        cursor.execute("select count(*) from pg_namespace where nspname in ('bronze', 'silver', 'gold', 'meta')")
        assert cursor.fetchone() == (0,)


def test_a_bad_rule_stops_the_asset_graph(broken_catalog: str):
    with pytest.raises(ContractError, match=broken_catalog):
        build_defs()
