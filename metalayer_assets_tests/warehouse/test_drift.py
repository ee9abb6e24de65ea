"""Land extracts that differ from their contract or from the one before: what is loaded, refused, kept out and told."""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from metalayer_assets.contracts import CATALOG, DriftPolicy, Landed
from metalayer_assets.warehouse.audit import Refusal
from metalayer_assets.warehouse.drift import changes
from metalayer_assets.warehouse.extract_differences import compare_headers, compare_profiles
from metalayer_assets.warehouse.silver_readings import readings_of
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, csv_text, day, order
from metalayer_assets_tests.warehouse.changed_contracts import changed_contracts

ORDERS = "bronze.erp_orders"
PLAIN = tuple(order())


def told(house: House, *, every: bool = False) -> list[dict[str, Any]]:
    """What differs."""
    with house.database.transaction(readonly=True) as cursor:
        return changes(cursor, every=every)


def kinds(house: House) -> list[tuple[str, str, str]]:
    """Kind, column and action of everything that differs, in order."""
    return sorted((row["kind"], row["column"], row["action"]) for row in told(house))


@contextmanager
def policy(tmp_path: Path, drift: DriftPolicy) -> Iterator[None]:
    """Let the contract of orders have this policy."""
    contract = CATALOG[ORDERS]
    assert isinstance(contract.source, Landed)
    with changed_contracts(
        tmp_path / f"sql-{drift.value}", replace(contract, source=replace(contract.source, drift=drift))
    ):
        yield


def rows(count: int = 30, **values: str) -> list[Any]:
    """Orders with these values."""
    return [order(f"O{number}", **values) for number in range(count)]


def test_columns_that_come_go_and_change_their_place_are_told_once_and_loaded(house: House):
    house.land("erp/orders", DAY, rows(is_deleted="false"))
    house.land("erp/orders", day(1), rows(channel="web"))
    house.land("erp/orders", day(2), csv_text(rows(channel="web"), (*PLAIN[::-1], "channel")))
    report = house.write(ORDERS, DAY, day(1), day(2))
    assert kinds(house) == [
        ("column_added", "channel", "loaded"),
        ("column_removed", "is_deleted", "loaded"),
        ("extra_column", "channel", "loaded"),
        ("extra_column", "channel", "loaded"),
        ("header_reordered", "", "loaded"),
    ]
    assert [change.kind for change in report.observed[day(2)].changes] == ["extra_column", "header_reordered"]
    assert report.observed[DAY].changes == ()
    added = next(row for row in told(house) if row["kind"] == "column_added")
    assert (added["slice"], added["policy"], added["write_id"]) == (day(1), "evolve", report.write_id)
    assert str(DAY) in added["detail"]
    assert report.total("rows_written") == 90


def test_a_renamed_column_is_suggested(house: House):
    house.land("erp/orders", DAY, rows(is_deleted="false"))
    house.land("erp/orders", day(1), rows(is_delete="false"))
    house.write(ORDERS, DAY, day(1))
    assert ("renamed_guess", "is_deleted", "loaded") in kinds(house)
    renamed = next(row["detail"] for row in told(house) if row["kind"] == "renamed_guess")
    assert "is_delete" in renamed


def test_values_that_change_are_told_and_never_refused(house: House):
    house.land("erp/orders", DAY, rows())
    house.land("erp/orders", day(1), rows(customer_id="", price_per_unit="ten", status="ON HOLD"))
    house.land("erp/orders", day(2), rows(status=" paid "))
    house.land("erp/orders", day(3), rows(status="on hold"))
    assert house.write(ORDERS, DAY, day(1), day(2), day(3)).total("rows_written") == 120
    found = {(row["kind"], row["column"]): (row["slice"], row["detail"]) for row in told(house)}
    assert {key: slice_ for key, (slice_, _) in found.items()} == dict.fromkeys(
        [("nulls_jumped", "customer_id"), ("type_dropped", "price_per_unit"), ("codes_grown", "status")], day(1)
    )
    assert "100% of the rows have no value, after 0%" in found["nulls_jumped", "customer_id"][1]
    assert "silver.orders.unit_price needs it" in found["type_dropped", "price_per_unit"][1]
    assert "'ON HOLD' were not told before" in found["codes_grown", "status"][1]


def test_a_difference_is_past_once_the_extract_is_loaded_without_it(house: House):
    house.land("erp/orders", DAY, rows(channel="web"))
    house.write(ORDERS, DAY)
    (first,) = told(house)
    house.land("erp/orders", DAY, rows(29, channel="web"))
    house.write(ORDERS, DAY)
    (again,) = told(house)
    assert again["write_id"] > first["write_id"]
    assert again["first_seen_at"] == first["first_seen_at"]
    house.land("erp/orders", DAY, rows())
    house.write(ORDERS, DAY)
    assert told(house) == []
    assert [row["is_past"] for row in told(house, every=True)] == [True]


def test_frozen_columns_refuse_the_slice_and_the_old_one_stands(house: House, tmp_path: Path):
    house.land("erp/orders", DAY, rows())
    with policy(tmp_path, DriftPolicy.FREEZE):
        house.write(ORDERS, DAY)
        before = house.state()
        twice = csv_text(rows(), PLAIN).replace("status", "status,Status", 1)
        for extra in (rows(channel="web"), twice):
            house.land("erp/orders", DAY, extra)
            with pytest.raises(Refusal, match=r"part-0.csv: .*freezes its columns \(policy freeze\).*evolve"):
                house.write(ORDERS, DAY)
        assert house.state() == before
        assert {(row["kind"], row["column"], row["action"], row["policy"]) for row in told(house)} == {
            ("extra_column", "channel", "refused", "freeze"),
            ("duplicate_header", "status", "refused", "freeze"),
        }
        # What the contract calls optional may come and go.
        house.land("erp/orders", DAY, rows(29, is_deleted="false"))
        assert house.write(ORDERS, DAY).published == {DAY}
        assert house.problems() == []


def test_a_file_without_a_required_column_is_refused_under_every_policy_but_quarantine(house: House, tmp_path: Path):
    without = [{name: value for name, value in row.items() if name != "status"} for row in rows()]
    house.land("erp/orders", DAY, csv_text(without, PLAIN[:-1]))
    with pytest.raises(Refusal, match="required columns are missing: status"):
        house.write(ORDERS, DAY)
    assert kinds(house) == [("missing_required", "status", "refused")]
    with policy(tmp_path, DriftPolicy.FREEZE), pytest.raises(Refusal, match=r"missing: status.*\(policy freeze\)"):
        house.write(ORDERS, DAY)
    with policy(tmp_path, DriftPolicy.QUARANTINE):
        report = house.write(ORDERS, DAY)
        assert (report.total("rows_read"), report.total("rows_quarantined")) == (30, 30)
        assert kinds(house) == [("missing_required", "status", "kept_out")]


def test_a_file_that_is_kept_out_keeps_every_line_and_its_neighbours_are_loaded(house: House, tmp_path: Path):
    text = csv_text(rows(3, channel="web"), (*PLAIN, "channel")).replace("O1,C1", '"O\n1",C1') + "\n\nno record\n"
    house.land("erp/orders", DAY, text, name="a.csv")
    house.land("erp/orders", DAY, rows(2), name="b.csv")
    with policy(tmp_path, DriftPolicy.QUARANTINE):
        counts = house.write(ORDERS, DAY).slices[DAY]
        assert (counts.rows_read, counts.rows_written, counts.rows_quarantined) == (7, 2, 5)
        kept = house.fetch(
            "select source_line, convert_from(raw, 'UTF8'), reason from quarantine.bronze_lines order by source_line"
        )
        lines = text.splitlines()
        assert [(number, raw) for number, raw, _ in kept] == [
            (number, line) for number, line in enumerate(lines, 1) if line and number > 1
        ]
        assert all("policy quarantine" in reason and "'channel' is not expected" in reason for *_, reason in kept)
        assert house.problems() == []
        assert house.update() == []
    # The policy is another: the file is read once more, and its lines are closed.
    assert house.update() == []
    assert house.fetch("select _file_id, count(*) from bronze.erp_orders group by 1 order by 2 desc")[0][1] == 3
    assert house.value("select count(*) from quarantine.bronze_lines where state = 'open'") == 1
    assert house.problems() == []
    assert house.plan() == []


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv.gz", "a.parquet"])
def test_files_of_every_format_are_kept_out_whole(house: House, tmp_path: Path, name: str):
    landed = rows(4, channel="wéb")
    if name.endswith(".parquet"):
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(landed), sink)
        content = sink.getvalue().to_pybytes()
    elif name.endswith(".gz"):
        import gzip  # noqa: PLC0415 -- of one case

        content = gzip.compress(csv_text(landed, (*PLAIN, "channel")).encode("utf-16"))
    else:
        content = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in landed).encode()
    house.land("erp/orders", DAY, content, name=name)
    with policy(tmp_path, DriftPolicy.QUARANTINE):
        counts = house.write(ORDERS, DAY).slices[DAY]
        assert (counts.rows_read, counts.rows_written, counts.rows_quarantined) == (4, 0, 4)
        encoding = "utf-16-le" if name.endswith(".gz") else "utf-8"
        raw = [bytes(line).decode(encoding) for (line,) in house.fetch("select raw from quarantine.bronze_lines")]
        assert all("wéb" in line for line in raw)
        assert house.problems() == []


def test_of_a_column_that_a_parquet_file_has_twice_both_values_are_kept(house: House, tmp_path: Path):
    sink = pa.BufferOutputStream()
    names, values = (*PLAIN, "status"), (*order().values(), "OPEN")
    pq.write_table(pa.Table.from_arrays([pa.array([value]) for value in values], names=list(names)), sink)
    house.land("erp/orders", DAY, sink.getvalue().to_pybytes(), name="a.parquet")
    with policy(tmp_path, DriftPolicy.QUARANTINE):
        assert house.write(ORDERS, DAY).total("rows_quarantined") == 1
        ((raw,),) = house.fetch("select raw from quarantine.bronze_lines")
        assert json.loads(bytes(raw))[-2:] == [["status", "PAID"], ["status", "OPEN"]]
        assert kinds(house) == [("duplicate_header", "status", "kept_out")]


def test_a_declared_column_is_taken_from_files_that_had_it_already(house: House, tmp_path: Path):
    house.land("erp/orders", DAY, rows(removed_flag="true"))
    house.land("erp/orders", day(1), rows())
    assert house.update() == []
    contract = CATALOG[ORDERS]
    columns = (replace(c, source_names=("removed_flag",)) if c.name == "is_deleted" else c for c in contract.columns)
    with changed_contracts(tmp_path / "sql", replace(contract, columns=tuple(columns))):
        assert [(work.first, work.last) for work in house.plan()] == [(DAY, DAY)]
        assert house.update() == []
        assert house.value("select count(*) from bronze.erp_orders where is_deleted = 'true'") == 30
        assert house.problems() == []
        assert house.plan() == []


@pytest.mark.parametrize("drift", DriftPolicy)
def test_what_slices_hold_does_not_depend_on_the_order_of_days(house: House, tmp_path: Path, drift: DriftPolicy):
    house.land("erp/orders", DAY, rows(5))
    house.land("erp/orders", day(1), rows(5, channel="web"))
    house.land("erp/orders", day(2), csv_text(rows(5), PLAIN[::-1]))
    held = set()
    with policy(tmp_path, drift):
        for order_of_days in itertools.permutations([DAY, day(1), day(2)]):
            house.execute("delete from bronze.erp_orders; delete from quarantine.bronze_lines")
            house.execute(
                "delete from meta.slice_ledger; delete from meta.landed_files; delete from meta.source_profiles"
            )
            for arrival in order_of_days:
                try:
                    house.write(ORDERS, arrival)
                except Refusal:
                    assert (drift, arrival) == (DriftPolicy.FREEZE, day(1))
            held.add((house.checksums()[ORDERS], house.checksums()["quarantine.bronze_lines"]))
    assert len(held) == 1


def test_headers_are_compared_by_what_their_names_mean():
    known = {"order_id": "order_id", "id": "order_id", "status": "status"}
    assert compare_headers(["ID", "status"], ["order_id", "Status"], known, ordered=True) == []
    assert [kind for kind, *_ in compare_headers(["id", "status"], ["status", "id"], known, ordered=True)] == [
        "header_reordered"
    ]
    assert compare_headers(["id", "status"], ["status", "id"], known, ordered=False) == []
    found = compare_headers(["id", "order_dat"], ["id", "order_date"], known, ordered=True)
    assert [(kind, column) for kind, column, _ in found] == [
        ("column_added", "order_date"),
        ("column_removed", "order_dat"),
        ("renamed_guess", "order_dat"),
    ]


def test_a_few_rows_and_small_changes_tell_nothing():
    def profile(rows: int, missing: int, readable: int) -> dict[str, Any]:
        return {"rows_profiled": rows, "nulls": missing, "blanks": 0, "types": {"numeric": readable}}

    reading = readings_of(CATALOG[ORDERS])["price_per_unit"]
    assert compare_profiles(profile(19, 0, 19), profile(19, 10, 0), reading) == []
    assert compare_profiles(profile(100, 0, 100), profile(100, 19, 78), reading) == []
    assert compare_profiles(profile(100, 50, 50), profile(100, 0, 100), reading) == []
    found = compare_profiles(profile(100, 0, 100), profile(100, 20, 76), reading)
    assert [kind for kind, _ in found] == ["nulls_jumped", "type_dropped"]
