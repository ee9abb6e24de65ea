from dataclasses import replace
from datetime import date

import pytest

from metalayer_assets.contracts import (
    CATALOG,
    Catalog,
    Column,
    Contract,
    Extracts,
    Grain,
    Historised,
    Joins,
    Judged,
    Landed,
    Reads,
    Stored,
    Type,
    contract_named,
)

DAY_COLUMN = Column("day", Type.DATE, "Day.", nullable=False)


def table(name: str, *reads: str) -> Contract:
    """A sound contract of one column that reads these tables."""
    return Contract(
        name=name,
        description="A table.",
        columns=(DAY_COLUMN,),
        key=("day",),
        source=Stored(),
        slice_by="day",
        reads=tuple(Reads(source, slice_by="day") for source in reads),
    )


def naming(contract: Contract) -> tuple[Reads, ...]:
    """How a dimension reads the tables that only name its members."""
    return contract.source.named_by if isinstance(contract.source, Historised) else ()


def test_every_table_stands_after_the_tables_that_it_reads():
    order = list(CATALOG)
    for contract in CATALOG.values():
        joined = [joins.table for joins in contract.joins]
        for upstream in [*(reads.table for reads in (*contract.reads, *naming(contract))), *joined]:
            assert order.index(upstream) < order.index(contract.name)


def test_the_order_follows_the_reads_and_not_the_declaration():
    catalog = Catalog((table("gold.c", "gold.b"), table("gold.b", "gold.a"), table("gold.a")))
    assert list(catalog) == ["gold.a", "gold.b", "gold.c"]


def test_every_judged_table_has_a_quarantine_that_knows_its_business_key():
    for contract in CATALOG.values():
        if isinstance(contract.source, Judged):
            quarantine = CATALOG[contract.source.quarantine]
            assert contract.key[0] in quarantine.column_names
            assert not quarantine.is_asset


def test_the_readers_of_a_table_are_found_with_how_they_read_it():
    readers = {contract.name: reads for contract, reads in CATALOG.readers_of("silver.orders")}
    assert readers == {
        "gold.fact_orders": Reads("silver.orders", slice_by="order_date", key=("order_id",)),
        # Of an order, a dimension takes in only whom it names.
        "gold.dim_customer": Reads("silver.orders", slice_by="arrival_day", key=("customer_id",)),
        "gold.dim_product": Reads("silver.orders", slice_by="arrival_day", key=("product_code",)),
    }
    assert [contract.name for contract, _ in CATALOG.readers_of("silver.products")] == ["gold.dim_product"]
    assert CATALOG.readers_of("gold.agg_daily_sales") == ()


def test_the_joiners_of_a_dimension_are_found_with_how_they_are_joined():
    joiners = {contract.name: joins for contract, joins in CATALOG.joiners_of("gold.dim_product")}
    assert joiners == dict.fromkeys(
        ("gold.fact_orders", "gold.fact_sales"),
        Joins("gold.dim_product", key=("product_code",), surrogate="product_key"),
    )
    assert CATALOG.joiners_of("gold.dim_date") == ()
    # Being joined is no reading: a fact has no row of a dimension to account for.
    assert CATALOG.readers_of("gold.dim_product") == ()


def test_what_a_table_depends_on_is_told_once_each():
    assert CATALOG["gold.dim_customer"].upstream == (
        "silver.customers",
        "silver.accounts",
        "silver.orders",
        "silver.sales",
    )
    assert CATALOG["gold.fact_sales"].upstream == ("silver.sales", "gold.dim_customer", "gold.dim_product")
    twice = table("gold.b", "gold.a", "gold.a")
    assert twice.upstream == ("gold.a",)


def test_what_extracts_say_is_known_of_the_table_that_judges_them():
    assert CATALOG.extracts_of("silver.accounts") is Extracts.CHANGES
    landed = CATALOG["bronze.crm_accounts"]
    assert isinstance(landed.source, Landed)
    snapshots = replace(landed, source=replace(landed.source, extracts=Extracts.SNAPSHOT))
    others = [contract for contract in CATALOG.declared if contract.name != landed.name]
    catalog = Catalog((*others, snapshots))
    assert catalog.extracts_of("silver.accounts") is Extracts.SNAPSHOT
    assert catalog.extracts_of("silver.customers") is Extracts.CHANGES


def test_assets_are_the_tables_that_the_warehouse_makes_of_landed_data_and_of_its_audits():
    assert {contract.layer for contract in CATALOG.assets()} == {"bronze", "silver", "gold", "meta"}
    assert [contract.name for contract in CATALOG.assets() if contract.layer == "meta"] == ["meta.data_quality_audit"]


def test_a_bare_name_means_the_asset_and_not_its_quarantine():
    assert contract_named("orders").name == "silver.orders"
    assert contract_named("quarantine.orders").name == "quarantine.orders"
    assert contract_named("slice_ledger").name == "meta.slice_ledger"


def test_an_unknown_name_is_told_with_the_names_there_are():
    with pytest.raises(KeyError, match=r"there is no table 'gold\.fact_order'.*gold\.fact_orders"):
        contract_named("gold.fact_order")


def test_a_name_of_two_assets_is_ambiguous(monkeypatch: pytest.MonkeyPatch):
    second = replace(CATALOG["gold.agg_daily_sales"], name="gold.crm_customers")
    monkeypatch.setitem(CATALOG._by_name, second.name, second)
    monkeypatch.setattr(CATALOG, "_order", (*CATALOG._order, second.name))
    with pytest.raises(KeyError, match="'crm_customers' is ambiguous"):
        contract_named("crm_customers")


def test_a_fingerprint_changes_with_any_clause_and_with_nothing_else():
    one, same = table("gold.a"), table("gold.a")
    assert one.fingerprint() == same.fingerprint()
    changed = Contract(
        name="gold.a",
        description="A table.",
        columns=(Column("day", Type.DATE, "The day.", nullable=False),),
        key=("day",),
        source=Stored(),
        slice_by="day",
    )
    assert one.fingerprint() != changed.fingerprint()


def test_a_column_and_a_slice_that_are_not_there_are_named():
    with pytest.raises(KeyError, match=r"gold\.a has no column night"):
        table("gold.a").column("night")
    unsliced = Contract(name="meta.a", description="", columns=(DAY_COLUMN,), key=("day",), source=Stored())
    with pytest.raises(ValueError, match=r"meta\.a has no slices"):
        _ = unsliced.sliced_by


@pytest.mark.parametrize(
    ("grain", "day", "first", "following"),
    [
        (Grain.DAY, date(2024, 2, 28), date(2024, 2, 28), date(2024, 2, 29)),
        (Grain.MONTH, date(2024, 2, 29), date(2024, 2, 1), date(2024, 3, 1)),
        (Grain.MONTH, date(2023, 12, 31), date(2023, 12, 1), date(2024, 1, 1)),
        (Grain.YEAR, date(2024, 12, 31), date(2024, 1, 1), date(2025, 1, 1)),
    ],
)
def test_a_day_lies_in_one_slice_of_each_length(grain: Grain, day: date, first: date, following: date):
    assert grain.first_day(day) == first
    assert grain.next_slice(day) == following
