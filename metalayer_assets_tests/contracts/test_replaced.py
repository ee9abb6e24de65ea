from dataclasses import replace

import pytest

from metalayer_assets.contracts import CATALOG, Catalog, Column, Contract, Judged, Type
from metalayer_assets.contracts.replaced import CHANGE, SLICE, WRITE_ID, history_name, history_table, pasts_of
from metalayer_assets.contracts.validation import problems

ASSETS = CATALOG.assets()


@pytest.mark.parametrize("contract", ASSETS, ids=lambda contract: contract.name)
def test_every_asset_has_a_history_of_its_columns_with_their_types_and_what_is_personal(contract: Contract):
    history = CATALOG[history_name(contract)]
    assert history.column_names[:3] == (WRITE_ID, SLICE, CHANGE)
    assert [(c.name, c.type, c.pii, c.description) for c in history.columns[3:]] == [
        (c.name, c.type, c.pii, c.description) for c in contract.columns if not c.ordinal
    ]
    assert history.key == (WRITE_ID, CHANGE, *contract.key)
    # A row that is only told by its key must be storable.
    assert {c.name for c in history.columns[3:] if not c.nullable} == set(contract.key)
    assert not history.is_asset


def test_of_what_is_kept_out_the_history_holds_what_and_why_and_not_since_when():
    for contract in ASSETS:
        if isinstance(contract.source, Judged):
            table, quarantine = pasts_of(contract, CATALOG)
            assert (table.counted, quarantine.counted) == ("rows_written", "rows_quarantined")
            assert quarantine.history.name == f"history.quarantine_{contract.table}"
            columns = quarantine.table.column_names
            assert quarantine.column_names == columns[: columns.index("first_seen_at")]
            assert quarantine.history.column("raw").pii


def test_nothing_else_has_a_history():
    asked_for = {history_name(past.table) for contract in ASSETS for past in pasts_of(contract, CATALOG)}
    assert {name for name in CATALOG if name.startswith("history.")} == asked_for


def test_two_layers_that_share_a_table_name_would_share_its_past():
    second = replace(CATALOG["gold.agg_daily_sales"], name="gold.orders")
    found = problems(Catalog((*CATALOG.declared, second, history_table(second))))
    assert "gold.orders is named like silver.orders; the past of both would be history.orders." in found


def test_a_column_may_not_be_named_like_one_of_the_history():
    contract = replace(CATALOG["gold.agg_daily_sales"], set_rules=())
    column = Column(WRITE_ID, Type.BIGINT, "A write.")
    (problem,) = problems(Catalog((replace(contract, columns=(*contract.columns, column), reads=()),)))
    assert problem == "gold.agg_daily_sales: the column _write_id has the name of a column of the history."


def test_a_name_must_leave_room_for_the_functions_of_its_past():
    long = replace(CATALOG["gold.agg_daily_sales"], name=f"gold.{'o' * 55}", reads=())
    found = problems(Catalog((long, history_table(long))))
    function = f"{'o' * 55}_at_write"
    assert f"history.{'o' * 55}: the table '{function}' has a name of 64 characters; PostgreSQL keeps 63." in found
