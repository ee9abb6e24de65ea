"""Try to break the first, third and fourth law with what one writer is given; crashes and contention go on."""

from datetime import date

import pytest

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse.audit import Refusal
from metalayer_assets.warehouse.errors import LandingError, SettingError
from metalayer_assets_tests.house import QUALITY, House
from metalayer_assets_tests.scenario import AWKWARD, DATASETS, DAY, day, order, orders, product

BRONZE, SILVER, FACTS, DAILY = "bronze.erp_orders", "silver.orders", "gold.fact_orders", "gold.agg_daily_sales"
BUSINESS_DAY = date(2024, 3, 9)


@pytest.fixture
def loaded(house: House) -> House:
    """A warehouse with 30 orders on one day and every awkward row on the next."""
    house.land("erp/orders", DAY, orders(30))
    for dataset, (_, _, clean) in DATASETS.items():
        house.land(dataset, day(1), [clean("fine"), *AWKWARD[dataset].values()])
    assert house.update() == []
    return house


# Every table but those that tell of writes.
OF_DATA = [name for name, contract in CATALOG.items() if contract.is_asset or contract.layer != "meta"]


def test_writing_an_unchanged_slice_writes_no_row_and_says_so(loaded: House):
    where_rows_lie = {name: loaded.physical(name) for name in OF_DATA}
    for contract in CATALOG.assets():
        assert where_rows_lie[contract.name]
        written = loaded.fetch(
            "select distinct slice from meta.slice_ledger where table_name = %(table)s", table=contract.name
        )
        slices = [found for (found,) in written]
        report = loaded.write(contract.name, *slices)
        assert report.published == frozenset()
        assert report.touched == {}
        assert {report.status(found) for found in slices} == {"unchanged"}
        assert loaded.fetch(
            "select distinct status from meta.slice_ledger where write_id = %(id)s", id=report.write_id
        ) == [("unchanged",)]
    assert {name: loaded.physical(name) for name in where_rows_lie} == where_rows_lie
    assert loaded.touched() == {}
    assert loaded.problems() == []


def test_landing_equal_content_again_changes_nothing(loaded: House):
    where_rows_lie = {name: loaded.physical(name) for name in OF_DATA}
    loaded.land("erp/orders", DAY, orders(30))
    assert loaded.plan() != []
    assert loaded.update() == []
    assert {name: loaded.physical(name) for name in where_rows_lie} == where_rows_lie
    # The new modification time is remembered, so that the next look need not read the file.
    assert loaded.plan() == []
    assert loaded.value("select count(*) from meta.landed_files where path like 'erp/orders/2024-03-10/%%'") == 1


def test_other_bytes_that_hold_equal_rows_change_nothing_below(loaded: House):
    path = loaded.settings.landing / "erp/orders" / DAY.isoformat() / "part-0.csv"
    where_rows_lie = {name: loaded.physical(name) for name in OF_DATA}
    loaded.land("erp/orders", DAY, path.read_bytes().replace(b"\n", b"\r\n"))
    assert loaded.update() == []
    assert {name: loaded.physical(name) for name in where_rows_lie} == where_rows_lie
    assert loaded.fetch(
        "select state, count(*) from meta.landed_files where path like 'erp/orders/2024-03-10/%%' group by 1 order by 1"
    ) == [("loaded", 1), ("replaced", 1)]


def test_other_content_replaces_its_day_and_leaves_the_others(house: House):
    for number in range(3):
        house.land("erp/orders", day(number), [order(f"O{number}"), order("X")])
    assert house.update() == []
    kept = {
        name: house.fetch(
            f"select ctid, xmin, t::text from {name} as t where {column} <> %(day)s order by 1", day=day(1)
        )
        for name, column in ((BRONZE, "_arrival_day"), (SILVER, "arrival_day"))
    }
    house.land("erp/orders", day(1), [order("O1"), order("Y")])
    assert house.update() == []
    assert kept == {
        name: house.fetch(
            f"select ctid, xmin, t::text from {name} as t where {column} <> %(day)s order by 1", day=day(1)
        )
        for name, column in ((BRONZE, "_arrival_day"), (SILVER, "arrival_day"))
    }
    assert house.fetch(
        "select order_id, arrival_day from silver.orders where order_id in ('X', 'Y') order by 1, 2"
    ) == [
        ("X", day(0)),
        ("X", day(2)),
        ("Y", day(1)),
    ]
    assert house.problems() == []


def test_a_broken_file_names_its_day_and_takes_the_whole_range_back(house: House):
    for number in range(3):
        house.land("erp/orders", day(number), [order(f"O{number}")])
    house.land("erp/orders", day(1), "order_id,quantity\nO1,1\n", name="part-1.csv")
    before = house.state()
    with pytest.raises(Refusal, match=r"bronze\.erp_orders .* 2024-03-11: .*part-1\.csv") as refused:
        house.write(BRONZE, *(day(number) for number in range(3)))
    assert set(refused.value.reasons) == {day(1)}
    assert house.state() == before
    # The run goes on without that day, and once the file is whole nothing is left behind.
    (refusal,) = house.update()
    assert "2024-03-11" in refusal
    assert house.fetch("select order_id from gold.fact_orders order by 1") == [("O0",), ("O2",)]
    house.land("erp/orders", day(1), [order("O1b")], name="part-1.csv")
    assert house.update() == []
    assert house.value("select count(*) from gold.fact_orders") == 4
    assert house.problems() == []


def test_a_slice_without_sources_is_written_with_zero_counts(house: House):
    for contract in CATALOG.assets():
        # The calendar has no sources, and the audits of empty slices have counted something.
        if contract.name == "gold.dim_date" or contract.name in QUALITY:
            continue
        report = house.write(contract.name, DAY, day(1))
        assert report.published == {DAY, day(1)}
        assert [entry[:6] for entry in house.ledger(contract.name)] == [
            (DAY, "published", 0, 0, 0, 0),
            (day(1), "published", 0, 0, 0, 0),
        ]
        assert house.write(contract.name, DAY).published == frozenset()
    assert house.touched() == {}
    assert house.problems() == []


def test_no_slices_and_a_range_that_runs_backwards_change_nothing(house: House):
    house.land("erp/orders", DAY, [order()])
    with pytest.raises(SettingError, match=r"no slice of bronze\.erp_orders was asked for"):
        house.write(BRONZE)
    with pytest.raises(SettingError, match="is not a slice"):
        house.write("gold.dim_date", DAY)
    assert house.fetch("select * from meta.slice_ledger") == []
    # A slice asked for twice is written once.
    assert list(house.write(BRONZE, DAY, DAY).slices) == [DAY]


def test_a_landing_folder_that_is_gone_empties_nothing(house: House):
    house.land("erp/orders", DAY, [order()])
    assert house.update() == []
    before = house.state()
    house.settings.landing.rename(house.settings.landing.with_name("moved"))
    with pytest.raises(LandingError, match="does not exist"):
        house.write(BRONZE, DAY)
    assert house.state() == before


def test_a_key_that_no_index_can_hold_is_kept_out_and_stops_nothing(house: House):
    # A quote left open: the rest of the file is one field, and not of the kind that compresses.
    long = "".join(chr(33 + number * 7919 % 90) for number in range(9000)).replace('"', "'")
    house.land("erp/orders", DAY, [order(long), order("O2")])
    house.land("crm/customers", DAY, [DATASETS["crm/customers"][2](long)])
    assert house.update() == []
    assert house.fetch("select order_id from gold.fact_orders") == [("O2",)]
    assert house.fetch("select failed_rules, raw ->> 'order_id' from quarantine.orders") == [(["order_id_short"], long)]
    assert house.problems() == []


def test_a_price_beyond_all_numbers_is_kept_out_and_stops_nothing(house: House):
    house.land("erp/orders", DAY, [order("O1", price_per_unit="9" * 131_072, quantity="2147483647"), order("O2")])
    assert house.update() == []
    assert house.fetch("select order_id from gold.fact_orders") == [("O2",)]
    assert house.fetch("select failed_rules from quarantine.orders") == [(["unit_price_given"],)]


def test_a_frame_is_written_like_a_model(house: House):
    house.land("erp/orders", DAY, orders(3))
    assert house.update() == []
    contract = CATALOG[FACTS]
    frame = house.frame(FACTS, BUSINESS_DAY)
    context = house.writer.context(contract)
    assert house.writer.write(contract, [BUSINESS_DAY], context, frame=frame).published == frozenset()
    report = house.writer.write(contract, [BUSINESS_DAY], context, frame=frame.assign(status="SHIPPED"))
    assert report.published == {BUSINESS_DAY}
    assert report.touched == {DAILY: [BUSINESS_DAY]}
    assert house.fetch("select distinct status from gold.fact_orders") == [("SHIPPED",)]
    # Nothing was read of the sources: the ledger tells the rows of the frame, and the next model puts it right.
    house.write(FACTS, BUSINESS_DAY)
    assert house.update() == []
    assert house.problems() == []


def test_every_hop_accounts_for_every_row(loaded: House):
    entries = loaded.fetch(
        "select table_name, slice, rows_read, rows_written, rows_collapsed, rows_quarantined from meta.slice_ledger"
    )
    assert all(read == written + collapsed + kept_out for _, _, read, written, collapsed, kept_out in entries)
    by_table: dict[str, int] = {}
    for table, _, read, *_ in entries:
        by_table[table] = by_table.get(table, 0) + read
    for dataset, (bronze, silver, _) in DATASETS.items():
        lines = sum(path.read_text().count("\n") - 1 for path in (loaded.settings.landing / dataset).rglob("*.csv"))
        assert by_table[bronze] == by_table[silver] == lines


def test_a_write_tells_what_it_did(house: House):
    house.land("erp/products", DAY, [product(), product(), product("P2", list_price="free")])
    house.write("bronze.erp_products", DAY, run_id="run-1")
    report = house.write("silver.products", DAY, day(1), run_id="run-1")
    assert {name: report.total(f"rows_{name}") for name in ("read", "written", "collapsed", "quarantined")} == {
        "read": 3,
        "written": 1,
        "collapsed": 1,
        "quarantined": 1,
    }
    assert house.fetch(
        "select distinct run_id, code_version from meta.slice_ledger where table_name = 'silver.products'"
    ) == [("run-1", house.writer.context(CATALOG["silver.products"]).code_version)]
    assert house.value("select count(*) from meta.slice_ledger where finished_at < started_at") == 0


def test_bytes_that_are_no_record_are_counted_and_kept(house: House):
    house.land(
        "erp/orders",
        DAY,
        b"order_id,customer_id,product_code,quantity,price_per_unit,order_date,status\n"
        b"O1,C1,P1,1,1.00,2024-03-09,PAID\nO2,C1\n\xff\xfe,C1,P1,1,1,2024-03-09,PAID,more,more\n",
    )
    assert house.update() == []
    assert house.ledger(BRONZE)[0][:6] == (DAY, "published", 3, 1, 0, 2)
    assert house.fetch("select source_line, encode(raw, 'escape'), state from quarantine.bronze_lines order by 1") == [
        (3, "O2,C1", "open"),
        (4, r"\377\376,C1,P1,1,1,2024-03-09,PAID,more,more", "open"),
    ]
    assert house.problems() == []
