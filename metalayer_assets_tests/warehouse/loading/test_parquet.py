"""Tests of Parquet files."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from metalayer_assets.warehouse.errors import LandingError
from metalayer_assets.warehouse.loading import parquet, sha256_of
from metalayer_assets_tests.warehouse.loading.bench import Bench

NOON = datetime(2024, 2, 29, 12, 0, 0, 120000)  # noqa: DTZ001 -- as most files have them

TYPES = {
    "text": (pa.array(["a", "", None]), ["a", "", None]),
    "large_text": (pa.array(["a,\n"], pa.large_string()), ["a,\n"]),
    "integers": (pa.array([1, -(2**63)], pa.int64()), ["1", str(-(2**63))]),
    "decimals": (pa.array([Decimal("1.10"), Decimal("-0.01")], pa.decimal128(20, 2)), ["1.10", "-0.01"]),
    "tiny_decimals": (pa.array([Decimal("0.0000000001"), None], pa.decimal128(30, 10)), ["0.0000000001", None]),
    "wide_decimals": (pa.array([Decimal("1" * 60 + ".5")], pa.decimal256(70, 1)), ["1" * 60 + ".5"]),
    "floats": (pa.array([1.1, 1e20, 1e-7]), ["1.1", "1" + "0" * 20, "0.0000001"]),
    "single_floats": (pa.array([0.1], pa.float32()), ["0.1"]),
    "booleans": (pa.array([True, False]), ["true", "false"]),
    "dates": (pa.array([date(2024, 2, 29)]), ["2024-02-29"]),
    "times": (pa.array([time(1, 2, 3)], pa.time64("us")), ["01:02:03.000000"]),
    "timestamps": (pa.array([NOON], pa.timestamp("ms")), ["2024-02-29 12:00:00.120"]),
    "timestamps_with_zone": (
        # Made from UTC: how pyarrow reads a zoned datetime depends on whether pandera was imported before.
        pa.array([NOON + timedelta(hours=5)], pa.timestamp("us", "UTC")).cast(pa.timestamp("us", "America/New_York")),
        ["2024-02-29 17:00:00.120000Z"],
    ),
    "dictionary": (pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
    "bytes_that_are_text": (pa.array(["ë".encode(), None]), ["ë", None]),
    "lists": (pa.array([[1, None], None]), ["[1,null]", None]),
    "structs": (pa.array([{"a": "x", "b": Decimal("1.10")}]), ['{"a":"x","b":1.10}']),
    "nothing_but_nulls": (pa.nulls(2), [None, None]),
}


def write(path: Path, columns: dict[str, object], **options: object) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


@pytest.mark.parametrize("name", TYPES)
def test_a_value_becomes_its_exact_text(bench: Bench, name: str):
    values, texts = TYPES[name]
    path = write(bench.folder / "a.parquet", {"id": values, "name": pa.array(["x"] * len(values))})
    loaded = bench.load(path)
    assert loaded.rows == [(number, text, "x", None) for number, text in enumerate(texts, 1)]


def test_rows_are_numbered_over_batches_and_columns_are_mapped_by_name(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parquet, "BATCH_ROWS", 7)
    numbers = list(range(50))
    path = write(
        bench.folder / "a.parquet",
        {"extra": numbers, "Full Name": [f"n{n}" for n in numbers], "ID": numbers},
        row_group_size=20,
    )
    loaded = bench.load(path)
    assert loaded.rows == [(n + 1, str(n), f"n{n}", None) for n in numbers]
    assert [(found.kind, found.column) for found in loaded.report.drift] == [
        ("extra_column", "extra"),
        ("missing_optional", "note"),
    ]
    report = loaded.report
    assert (report.format, report.header) == ("parquet", ("extra", "Full Name", "ID"))
    assert (report.sha256, report.size_bytes) == sha256_of(path)


def test_a_row_with_nul_is_kept_and_the_rest_loads(bench: Bench):
    path = write(bench.folder / "a.parquet", {"id": [1, 2, 3], "name": ["a", "b\0", None]})
    loaded = bench.load(path)
    assert loaded.rows == [(1, "1", "a", None), (3, "3", None, None)]
    ((line, raw, reason),) = loaded.rejects
    assert (line, raw) == (2, b'{"id":"2","name":"b\\u0000"}')
    assert "U+0000" in reason
    assert loaded.report.records_read == 3


def test_an_empty_table_loads_no_rows(bench: Bench):
    path = write(bench.folder / "a.parquet", {"id": pa.nulls(0), "name": pa.nulls(0)})
    assert bench.load(path).report.records_read == 0


def test_what_is_no_parquet_is_refused(bench: Bench):
    good = write(bench.folder / "good.parquet", {"id": list(range(9000)), "name": ["x"] * 9000}).read_bytes()
    for content in (b"", b"id,name\n1,2\n", good[:-1], b"PAR1" + b"\0" * 50 + b"PAR1"):
        path = bench.file("a.parquet", content)
        with pytest.raises(LandingError, match="not Parquet that can be read") as refusal:
            bench.load(path)
        assert str(path) in str(refusal.value)
        assert bench.rows() == []


def test_a_damaged_page_loads_nothing(bench: Bench):
    columns = {"id": [f"{n * 7919}" for n in range(40_000)], "name": ["x"] * 40_000}
    path = write(
        bench.folder / "a.parquet",
        columns,
        write_page_checksum=True,
        compression="none",
        use_dictionary=False,
        row_group_size=10_000,
    )
    content = bytearray(path.read_bytes())
    place = content.find(b"%d" % (35_000 * 7919))
    content[place : place + 2] = b"xx"
    path.write_bytes(content)
    with pytest.raises(LandingError, match="not Parquet that can be read"):
        bench.load(path)
    assert bench.rows() == []


def test_bytes_that_are_no_text_are_refused(bench: Bench):
    path = write(bench.folder / "a.parquet", {"id": [b"\xff"], "name": ["x"]})
    with pytest.raises(LandingError, match="not Parquet that can be read"):
        bench.load(path)


def test_a_missing_or_doubled_column_is_refused(bench: Bench):
    with pytest.raises(LandingError, match="required columns are missing: name"):
        bench.load(write(bench.folder / "a.parquet", {"id": [1]}))
    with pytest.raises(LandingError, match="the column id is in the file 2 times"):
        bench.load(write(bench.folder / "b.parquet", {"id": [1], "ID": [2], "name": [3]}))
