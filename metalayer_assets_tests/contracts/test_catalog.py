from dataclasses import replace
from datetime import date

import pytest

from metalayer_assets.contracts import (
    CATALOG,
    Catalog,
    Column,
    Contract,
    Grain,
    Judged,
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


def test_every_table_stands_after_the_tables_that_it_reads():
    order = list(CATALOG)
    for contract in CATALOG.values():
        for reads in contract.reads:
            assert order.index(reads.table) < order.index(contract.name)


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
    readers = {contract.name: reads.slice_by for contract, reads in CATALOG.readers_of("silver.orders")}
    assert readers == {"gold.fact_orders": "order_date"}
    assert CATALOG.readers_of("gold.agg_daily_sales") == ()


def test_assets_are_the_tables_that_the_warehouse_makes_of_landed_data():
    assert {contract.layer for contract in CATALOG.assets()} == {"bronze", "silver", "gold"}


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
