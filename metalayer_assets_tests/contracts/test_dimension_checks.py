from dataclasses import replace
from typing import Any

import pytest

from metalayer_assets.contracts import (
    CATALOG,
    Catalog,
    Column,
    Extracts,
    Grain,
    Historised,
    Joins,
    Judged,
    Landed,
    Reads,
    Rule,
    Stored,
    Type,
)
from metalayer_assets.contracts.dimensions import ENGINE_COLUMNS, history_of
from metalayer_assets.contracts.predicate import Col
from metalayer_assets.contracts.validation import problems
from metalayer_assets_tests.contracts.changes import catalog_with, told, with_column, without

CUSTOMER = CATALOG["gold.dim_customer"]
# Its rules look into the dimensions that it is joined to, which are taken from it here.
FACTS = replace(CATALOG["gold.fact_orders"], set_rules=())
KEY_COLUMN = Column("tenant", Type.INTEGER, "", nullable=False)


def reads_with(number: int, **changes: Any) -> tuple[Reads, ...]:
    """How gold.dim_customer reads its sources, one of them changed."""
    return tuple(replace(reads, **changes) if place == number else reads for place, reads in enumerate(CUSTOMER.reads))


def history_with(**changes: Any) -> Historised:
    """What gold.dim_customer says of its history, changed."""
    return replace(history_of(CUSTOMER), **changes)


@pytest.mark.parametrize(
    ("changes", "told_of"),
    [
        (
            {"key": ("customer_id", "version")},
            ["the key of a dimension is its natural key and valid_from: customer_id, valid_from."],
        ),
        (
            {"key": ("customer_id", "valid_from", "arrival_day")},
            ["the key of a dimension is its natural key and valid_from: customer_id, valid_from."],
        ),
        (
            {"source": history_with(surrogate="customer_number")},
            [
                # What was the key of a version is taken for a part of what a member is like.
                "a dimension needs the column customer_number, which the table does not have.",
                "the column customer_key is never NULL, but nothing is known of an inferred member.",
            ],
        ),
        (
            {"columns": with_column(CUSTOMER, "customer_key", type=Type.TEXT)},
            ["the column customer_key holds hashes, so it is a bigint and never NULL."],
        ),
        (
            {"columns": with_column(CUSTOMER, "customer_key", nullable=True)},
            ["the column customer_key holds hashes, so it is a bigint and never NULL."],
        ),
        (
            {"slice_by": "facts_from"},
            ["a version belongs to the day that told of it, so a dimension has slices of a day named by arrival_day."],
        ),
        (
            {"grain": Grain.MONTH},
            ["a version belongs to the day that told of it, so a dimension has slices of a day named by arrival_day."],
        ),
        ({"by_month": True}, ["the table is partitioned by arrival_day, so its key must contain it."]),
        (
            {"rules": (Rule("city_given", "", Col("city").present),)},
            ["a dimension judges no rows: its rules belong to the tables that it reads."],
        ),
        *(
            (
                {"columns": without(CUSTOMER, column.name)},
                [f"a dimension needs the column {column.name}, which the table does not have."],
            )
            for column in ENGINE_COLUMNS
            if column.name not in {*CUSTOMER.key, CUSTOMER.slice_by}
        ),
        (
            {"columns": with_column(CUSTOMER, "version", type=Type.BIGINT)},
            ["the column version is made by the engine, as integer."],
        ),
        (
            {"columns": with_column(CUSTOMER, "valid_to", nullable=False)},
            ["the column valid_to is made by the engine, and may be NULL."],
        ),
        (
            {"columns": with_column(CUSTOMER, "version", ordinal=False)},
            ["the column version is a version's place among others: declare it as ordinal."],
        ),
        (
            {"columns": with_column(CUSTOMER, "region", ordinal=True)},
            ["the column region is ordinal, which only version of a dimension can be."],
        ),
        (
            {"columns": with_column(CUSTOMER, "region", nullable=False)},
            ["the column region is never NULL, but nothing is known of an inferred member."],
        ),
        (
            {"columns": with_column(CUSTOMER, "region", nullable=False), "source": history_with(named_by=())},
            ["the column region is never NULL, but of a member one of the sources alone may tell."],
        ),
        (
            {
                "columns": with_column(CUSTOMER, "region", nullable=False),
                "source": history_with(named_by=()),
                "reads": CUSTOMER.reads[:1],
            },
            [],
        ),
        (
            {"columns": (*CUSTOMER.columns, Column("_at", Type.TEXT, ""))},
            ["the column _at begins with an underscore, as what the engine adds does."],
        ),
        ({"columns": (*CUSTOMER.columns, Column("c" * 57, Type.TEXT, ""))}, []),
        ({"columns": (*CUSTOMER.columns, Column("c" * 56, Type.TEXT, "", tracked=False))}, []),
        (
            {"columns": (*CUSTOMER.columns, Column("c" * 57, Type.TEXT, "", tracked=False))},
            [f"the untracked column '{'c' * 57}' has a name of 57 characters, to which the engine adds some."],
        ),
        (
            {"columns": with_column(CUSTOMER, "version", tracked=False)},
            ["the column version is untracked, which only what a dimension says of its members can be."],
        ),
        (
            {"columns": with_column(CUSTOMER, "customer_id", tracked=False)},
            ["the column customer_id is untracked, which only what a dimension says of its members can be."],
        ),
        ({"reads": ()}, ["a dimension reads at least one table that tells of its members."]),
        ({"reads": (*CUSTOMER.reads, CUSTOMER.reads[0])}, ["it reads silver.customers 2 times."]),
        (
            {"reads": reads_with(0, key=())},
            ["it reads silver.customers by (), but its members are known by (customer_id)."],
        ),
        (
            {"reads": reads_with(1, key=("customer_id", "region"))},
            [
                "it reads silver.accounts by (customer_id, region), but its members are known by (customer_id).",
                "it reads silver.accounts by region, which may be NULL: of whom would such a row tell?",
            ],
        ),
        (
            {"reads": reads_with(0, key=("created_date",))},
            [
                "it reads silver.customers by (created_date), but created_date is date and customer_id is text.",
                "it reads silver.customers by created_date, which may be NULL: of whom would such a row tell?",
            ],
        ),
        (
            {"reads": reads_with(0, slice_by="dob")},
            ["it reads silver.customers by dob, but what is told of a member counts by arrival_day."],
        ),
        (
            {"reads": (*CUSTOMER.reads, Reads("silver.clients", slice_by="arrival_day", key=("customer_id",)))},
            ["it reads silver.clients, which no contract declares."],
        ),
        (
            {"reads": (*CUSTOMER.reads, Reads("gold.dim_date", slice_by="date", key=("day_name",)))},
            [
                "it reads gold.dim_date by date, but what is told of a member counts by arrival_day.",
                "it reads gold.dim_date, which does not have the column arrival_day.",
                "it reads gold.dim_date, which does not have the column source_file_id.",
                "it reads gold.dim_date, which does not have the column source_line.",
                "it reads gold.dim_date, which does not have the column changed_at.",
                "it reads gold.dim_date, which does not have the column is_deleted.",
            ],
        ),
        (
            {"source": history_with(sequence="updated_at")},
            [
                f"it reads silver.{name}, where the column updated_at must be timestamp with time zone and never NULL."
                for name in ("customers", "accounts")
            ],
        ),
        (
            {"source": history_with(deleted="is_gone"), "reads": CUSTOMER.reads[:1]},
            [
                "it reads silver.customers, which does not have the column is_gone.",
                (
                    "it reads silver.customers, which does not let a deletion stand among the rows of one key"
                    " (deletion='is_gone')."
                ),
            ],
        ),
        (
            {"source": history_with(named_by=(Reads("silver.orders", slice_by="order_date", key=("customer_id",)),))},
            ["it reads silver.orders by order_date, but what is told of a member counts by arrival_day."],
        ),
        (
            {"source": history_with(named_by=(Reads("silver.orders", slice_by="arrival_day", key=("quantity",)),))},
            ["it reads silver.orders by (quantity), but quantity is integer and customer_id is text."],
        ),
        (
            {"source": history_with(named_by=(Reads("silver.orders", slice_by="arrival_day", key=("buyer",)),))},
            ["it reads silver.orders by the column buyer, which that table does not have."],
        ),
        (
            {"source": history_with(named_by=(Reads("silver.order", slice_by="arrival_day", key=("customer_id",)),))},
            ["it reads silver.order, which no contract declares."],
        ),
        # Who buys and who is billed may both be customers.
        (
            {"source": history_with(named_by=2 * (Reads("silver.orders", "arrival_day", ("customer_id",)),))},
            [],
        ),
    ],
)
def test_a_contradiction_of_a_dimension_is_told_and_no_other(changes: dict[str, Any], told_of: list[str]):
    # Rules of the facts ask for a column of the engine's as well.
    found = [problem for problem in told(CUSTOMER, **changes) if not problem.startswith("gold.fact_")]
    assert found == [f"gold.dim_customer: {problem}" for problem in told_of]


def test_a_dimension_without_natural_key_has_no_members():
    found = told(CUSTOMER, key=("valid_from",), source=history_with(natural_key=()))
    assert found[0] == "gold.dim_customer: a dimension has a natural key."


def test_a_source_of_a_dimension_says_that_deletions_stand():
    source = CATALOG["silver.accounts"]
    assert told(source, source=Judged("quarantine.accounts")) == [
        (
            "gold.dim_customer: it reads silver.accounts, which does not let a deletion stand among the rows of one key"
            " (deletion='is_deleted')."
        )
    ]
    assert "silver.accounts: deletion needs the column gone, which the table does not have." in told(
        source, source=Judged("quarantine.accounts", deletion="gone")
    )


def test_whoever_is_kept_out_of_a_snapshot_must_be_found_in_the_quarantine():
    landed = CATALOG["bronze.crm_accounts"]
    assert isinstance(landed.source, Landed)
    snapshots = replace(landed, source=replace(landed.source, extracts=Extracts.SNAPSHOT))
    assert problems(catalog_with(snapshots)) == []
    source, dimension = (
        replace(
            contract,
            columns=(*contract.columns, KEY_COLUMN),
            key=("customer_id", "tenant", *contract.key[1:]),
            **changes,
        )
        for contract, changes in (
            (CATALOG["silver.accounts"], {}),
            (
                CUSTOMER,
                {
                    "source": history_with(natural_key=("customer_id", "tenant"), named_by=()),
                    "reads": reads_with(1, key=("customer_id", "tenant"))[1:],
                },
            ),
        )
    )
    facts = [
        replace(contract, joins=contract.joins[1:], set_rules=())
        for contract, _ in CATALOG.joiners_of("gold.dim_customer")
    ]
    changed = {contract.name: contract for contract in (source, dimension, *facts)}
    by_change = Catalog(tuple(changed.get(contract.name, contract) for contract in CATALOG.declared))
    assert problems(by_change) == []
    changed[landed.name] = snapshots
    by_snapshot = Catalog(tuple(changed.get(contract.name, contract) for contract in CATALOG.declared))
    assert problems(by_snapshot) == [
        "gold.dim_customer: it reads snapshots of silver.accounts by tenant, which quarantine.accounts does not have."
    ]


def joined(**changes: Any) -> tuple[Joins, ...]:
    """How gold.fact_orders is joined to its customers, changed."""
    return (replace(FACTS.joins[0], **changes), *FACTS.joins[1:])


@pytest.mark.parametrize(
    ("changes", "told_of"),
    [
        ({"joins": joined(table="gold.dim_client")}, ["it joins gold.dim_client, which no contract declares."]),
        ({"joins": joined(table="gold.dim_date")}, ["it joins gold.dim_date, which has no versions to join."]),
        (
            {"joins": joined(key=())},
            ["it joins gold.dim_customer by (), but its members are known by (customer_id)."],
        ),
        (
            {"joins": joined(key=("customer_id", "status"))},
            ["it joins gold.dim_customer by (customer_id, status), but its members are known by (customer_id)."],
        ),
        (
            {"joins": joined(key=("quantity",))},
            ["it joins gold.dim_customer by (quantity), but quantity is integer and customer_id is text."],
        ),
        (
            {"joins": joined(key=("buyer",))},
            ["it joins gold.dim_customer by the column buyer, which the table does not have."],
        ),
        (
            {"joins": joined(surrogate="buyer_key")},
            ["it joins gold.dim_customer by the column buyer_key, which the table does not have."],
        ),
        (
            {"columns": with_column(FACTS, "customer_key", type=Type.TEXT)},
            ["the column customer_key holds the key of a version, so it is a bigint."],
        ),
        (
            {"joins": joined(surrogate="product_key")},
            ["the column product_key holds the key of 2 joins."],
        ),
        # Two columns may each name a customer.
        (
            {
                "columns": (*FACTS.columns, Column("payer_id", Type.TEXT, ""), Column("payer_key", Type.BIGINT, "")),
                "joins": (*FACTS.joins, Joins("gold.dim_customer", key=("payer_id",), surrogate="payer_key")),
            },
            [],
        ),
        (
            {"columns": without(FACTS, "arrival_day")},
            ["a table that is joined to a dimension needs the column arrival_day, which the table does not have."],
        ),
        ({"source": Stored()}, ["only a table that is made by a model alone can be joined to dimensions."]),
        (
            {"columns": with_column(FACTS, "status", tracked=False)},
            ["the column status is untracked, which only what a dimension says of its members can be."],
        ),
    ],
)
def test_a_contradiction_of_a_join_is_told_and_no_other(changes: dict[str, Any], told_of: list[str]):
    assert told(FACTS, **changes) == [f"gold.fact_orders: {problem}" for problem in told_of]


def test_a_dimension_that_is_named_by_what_is_joined_to_it_is_a_circle():
    naming = Reads("gold.fact_orders", slice_by="arrival_day", key=("customer_id",))
    (problem,) = told(CUSTOMER, source=history_with(named_by=(naming,)))
    assert problem.endswith("a table cannot be made from itself.")
    assert "gold.dim_customer" in problem
    assert "gold.fact_orders" in problem
