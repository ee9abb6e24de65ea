"""Hold the written sample to its promises: equal bytes, every reader shown, nobody else's file touched."""

import gc
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import tracemalloc
import unicodedata
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from metalayer_assets.sample import PRESETS, SampleOptions, write_sample
from metalayer_assets.sample.marker import MARKER_FILE
from metalayer_assets.sample.truth import TRUTH_FILE, SampleTruth
from metalayer_assets.warehouse.errors import LandingError
from metalayer_assets_tests.sample.naive import STATUS_OF, encoding_of, read_landing, records

SMALL = PRESETS["small"]
TINY = SampleOptions(days=4, customers=20, products=5, orders_per_day=10, changes=2)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("small")
    write_sample(root, SMALL)
    return root


def digests(root: Path) -> dict[str, str]:
    """The hash of every file below the root, the hidden ones included."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_equal_options_write_equal_bytes_in_another_process(small, tmp_path):
    code = (
        "import sys; from pathlib import Path; from metalayer_assets.sample import PRESETS, write_sample; "
        "write_sample(Path(sys.argv[1]), PRESETS['small'])"
    )
    environment = os.environ | {"PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, env=environment)
    assert digests(tmp_path) == digests(small)


def test_another_seed_writes_other_content_of_the_same_kind(small, tmp_path):
    write_sample(tmp_path, replace(SMALL, seed=8))
    ours, theirs = digests(small), digests(tmp_path)
    assert ours.keys() == theirs.keys()
    assert not {name for name in ours if ours[name] == theirs[name]}


def test_the_layout_is_system_dataset_day_and_file(small):
    files = [path.relative_to(small).parts for path in small.rglob("*") if path.is_file()]
    hidden = {parts for parts in files if parts[-1].startswith(".")}
    assert hidden == {(MARKER_FILE,), (TRUTH_FILE,)}
    assert {parts[:2] for parts in files if parts not in hidden} == {
        ("crm", "customers"),
        ("crm", "accounts"),
        ("erp", "products"),
        ("erp", "orders"),
        ("erp", "sales"),
    }
    assert all(len(parts) == 4 for parts in files if parts not in hidden)
    assert len({parts[2] for parts in files if parts not in hidden}) == SMALL.days


def test_every_reader_is_shown(small):
    assert {"".join(path.suffixes) for path in (small / "erp").rglob("*.*")} == {
        ".csv",
        ".csv.gz",
        ".jsonl",
        ".parquet",
    }
    head = {path: path.read_bytes().splitlines(keepends=True)[0] for path in small.rglob("*.csv")}
    semicolons = [path for path, line in head.items() if b";" in line]
    assert [str(path.parent.relative_to(small)) for path in semicolons] == ["erp/orders/2024-01-11"]
    marked = [path for path, line in head.items() if line.startswith(b"\xef\xbb\xbf") and line.endswith(b"\r\n")]
    assert [str(path.parent.relative_to(small)) for path in marked] == ["erp/sales/2024-01-12"]
    latin = [path for path in head if encoding_of(path.read_bytes()) == "latin-1"]
    assert [str(path.parent.relative_to(small)) for path in latin] == ["erp/products/2024-01-06"]
    assert "é" in latin[0].read_text(encoding="latin-1")


def test_columns_are_shuffled_added_and_missing_on_some_days(small):
    headers = read_landing(small).headers
    orders = headers["orders"]
    full = max((header for header in orders if header[0] == "order_id"), key=len)
    assert any(set(header) == set(full) and header != full for header in orders)
    assert full[:-1] in orders
    customers = headers["customers"]
    drifted = [header for header in customers if "loyalty_tier" in header]
    assert len(drifted) == 1
    assert any("updated_at" not in header for header in customers)
    assert any("is_deleted" not in header for header in customers)


def test_one_day_has_two_files_and_one_file_lands_again_on_the_next_day(small):
    days = small / "erp" / "orders"
    names = {path.name: sorted(file.name for file in path.iterdir()) for path in days.iterdir()}
    assert names["2024-01-17"] == ["orders_1.csv", "orders_2.csv"]
    assert names["2024-01-19"] == ["copy_of_orders.csv", "orders.csv"]
    copy = days / "2024-01-19" / "copy_of_orders.csv"
    assert copy.read_bytes() == (days / "2024-01-18" / "orders.csv").read_bytes()


def test_compressed_files_carry_no_time_and_no_name(small):
    for path in small.rglob("*.gz"):
        header = path.read_bytes()[:10]
        assert header[3] == 0
        assert header[4:8] == bytes(4)
        assert gzip.decompress(path.read_bytes()).count(b"\n") > 1


def test_the_dirt_is_in_the_bytes(small):
    data = {path: path.read_bytes() for path in small.rglob("*.csv")}
    everything = b"\n".join(data.values())
    for trace in (
        b"\x00",
        b"Zo\xc3,",
        b",surplus,0",
        b"N/A",
        b"$",
        b"1899-12-30",
        b"2009-12-31",
        b"0x1F",
        b"NaN",
        b"yesterday",
    ):
        assert trace in everything, trace
    customers = everything.decode(errors="replace")
    for name in ("McDonald", "O'Neil", "van der Berg", "Łukasz", "王"):
        assert name in customers
    assert unicodedata.normalize("NFC", customers) != customers
    assert re.search(r'"\$\d{1,3},\d{3}\.\d\d"', customers)
    assert "\nBuilding B" in customers
    assert '"""The Mill"", ' in customers


def test_statuses_come_in_source_spellings(small):
    told = set()
    for path in (small / "erp" / "orders").glob("*/*"):
        told |= {record["status"].strip() for record in records(path) if record is not None}
    spelled = {text for text in told if STATUS_OF.get(text.upper())}
    assert len(spelled) > 10
    assert {"N/A", "UNKNOWN"} & told


def test_the_json_day_has_numbers_and_nulls_and_the_parquet_day_text(small):
    lines = (small / "erp" / "orders" / "2024-01-07" / "orders.jsonl").read_text(errors="replace").splitlines()
    assert '"quantity": 1, ' in lines[0] or any('"quantity": 1, ' in line for line in lines)
    assert any('"customer_id": null' in line for line in lines)
    assert any('"is_deleted": false' in line for line in lines)
    table = pq.read_table(small / "erp" / "sales" / "2024-01-09" / "sales.parquet")
    assert {str(column.type) for column in table.columns} == {"string"}
    assert table.column("customer_id").null_count > 0


def test_weekdays_and_seasons_move_the_orders_but_not_their_average(tmp_path):
    truth = write_sample(tmp_path, replace(SMALL, days=56, dirt=0, late=0, variety=False))
    keys = {
        record["order_id"] for day in (tmp_path / "erp" / "orders").iterdir() for record in records(day / "orders.csv")
    }
    assert len(keys) == 56 * SMALL.orders_per_day
    fridays = (tmp_path / "erp" / "sales" / "2024-01-05" / "sales.csv").read_bytes().count(b"\n")
    sundays = (tmp_path / "erp" / "sales" / "2024-01-07" / "sales.csv").read_bytes().count(b"\n")
    assert fridays > 1.5 * sundays
    assert truth.fact_orders.business_days == 56


def test_a_sample_is_written_over_its_own_files_only(tmp_path):
    write_sample(tmp_path, replace(TINY, days=6))
    own = tmp_path / "erp" / "orders" / "2024-02-01" / "orders.csv"
    own.parent.mkdir()
    own.write_text("mine")
    write_sample(tmp_path, TINY)
    assert own.read_text() == "mine"
    assert not (tmp_path / "erp" / "orders" / "2024-01-05").exists()
    own.unlink()
    own.parent.rmdir()
    fresh = tmp_path.parent / f"{tmp_path.name}-fresh"
    write_sample(fresh, TINY)
    assert digests(tmp_path) == digests(fresh)


def test_a_file_that_was_changed_by_hand_is_written_anew(tmp_path):
    write_sample(tmp_path, TINY)
    before = digests(tmp_path)
    (tmp_path / "erp" / "orders" / "2024-01-02" / "orders.csv").write_text("order_id\n")
    write_sample(tmp_path, TINY)
    assert digests(tmp_path) == before


def test_a_foreign_file_in_the_way_is_refused_and_kept(tmp_path):
    write_sample(tmp_path, TINY)
    foreign = tmp_path / "erp" / "orders" / "2024-01-06" / "orders.csv"
    foreign.parent.mkdir()
    foreign.write_text("mine")
    before = digests(tmp_path)
    with pytest.raises(LandingError, match=r"2024-01-06/orders\.csv was not written by a sample"):
        write_sample(tmp_path, replace(TINY, days=6))
    assert digests(tmp_path) == before


def test_a_folder_of_somebody_else_is_refused_and_left_as_it_is(tmp_path):
    (tmp_path / "erp").mkdir()
    (tmp_path / "erp" / "notes.txt").write_text("mine")
    with pytest.raises(LandingError, match=r"is not empty and holds no sample \(erp/notes\.txt is there\)"):
        write_sample(tmp_path, TINY)
    assert digests(tmp_path).keys() == {"erp/notes.txt"}


def test_a_root_that_is_a_file_or_below_one_is_refused(tmp_path):
    file = tmp_path / "landing"
    file.write_text("mine")
    with pytest.raises(LandingError, match="is a file"):
        write_sample(file, TINY)
    with pytest.raises(LandingError, match="cannot be written"):
        write_sample(file / "deeper", TINY)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"files": 3}', "\x00"])
def test_a_broken_marker_is_refused(tmp_path, content):
    (tmp_path / MARKER_FILE).write_text(content)
    with pytest.raises(LandingError, match="cannot be read"):
        write_sample(tmp_path, TINY)


def test_a_marker_cannot_claim_files_outside_its_folder(tmp_path):
    outside = tmp_path / "precious.csv"
    outside.write_text("mine")
    root = tmp_path / "landing"
    write_sample(root, TINY)
    marker = json.loads((root / MARKER_FILE).read_text())
    marker["files"] += ["../precious.csv", str(outside)]
    (root / MARKER_FILE).write_text(json.dumps(marker))
    write_sample(root, TINY)
    assert outside.read_text() == "mine"


def test_a_broken_attempt_leaves_no_part_of_a_file_and_can_be_repeated(tmp_path):
    class Stop(Exception):
        pass

    def stop(day: int, _: int) -> None:
        if day == 2:
            raise Stop

    with pytest.raises(Stop):
        write_sample(tmp_path, TINY, on_day=stop)
    assert not json.loads((tmp_path / MARKER_FILE).read_text())["complete"]
    assert not list(tmp_path.rglob("*.part"))
    truth = write_sample(tmp_path, TINY)
    assert SampleTruth.read(tmp_path) == truth
    marker = json.loads((tmp_path / MARKER_FILE).read_text())
    assert marker["complete"]
    assert set(marker["files"]) == {name for name in digests(tmp_path) if not name.startswith(".")}


def test_a_missing_truth_is_told_with_the_fix(tmp_path):
    with pytest.raises(LandingError, match="metalayer sample"):
        SampleTruth.read(tmp_path)


def test_every_day_is_announced(tmp_path):
    seen = []
    write_sample(tmp_path, TINY, on_day=lambda day, days: seen.append((day, days)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_memory_does_not_grow_with_the_days(tmp_path):
    held = {}

    def measure(day: int, _: int) -> None:
        if day in (25, 75):
            # What is garbage is not held, but counts until the collector comes by, which is not when we look.
            gc.collect()
            ours = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*metalayer_assets/sample/*")])
            held[day] = sum(trace.size for trace in ours.traces)

    tracemalloc.start()
    try:
        options = SampleOptions(days=80, customers=50, orders_per_day=150, variety=False)
        write_sample(tmp_path, options, on_day=measure)
    finally:
        tracemalloc.stop()
    # Three times the orders, and as many of them still open.
    assert held[75] < 1.25 * held[25]


def test_memory_does_not_grow_with_the_customers(tmp_path):
    def peak(customers: int) -> int:
        tracemalloc.start()
        try:
            options = SampleOptions(days=1, customers=customers, orders_per_day=0, variety=False)
            write_sample(tmp_path / str(customers), options)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)
    assert peak(9_000) < 1.5 * peak(4_500)


def test_the_import_pulls_in_nothing_heavy():
    code = (
        "import sys, metalayer_assets.sample; "
        "print(sorted({'pandas', 'numpy', 'pyarrow', 'dagster', 'psycopg2', 'sqlalchemy'} & sys.modules.keys()))"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "[]"
