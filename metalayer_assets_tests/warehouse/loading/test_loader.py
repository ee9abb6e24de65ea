"""Tests of what a load does to its tables, its transaction and its report."""

import hashlib
import os
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import TRANSACTION_STATUS_INTRANS
from psycopg2.extensions import connection as Connection  # noqa: N812

from metalayer_assets.warehouse.errors import ContractError, LandingError
from metalayer_assets.warehouse.loading import SourceColumn, load_file, sha256_of, source
from metalayer_assets.warehouse.loading.lines import MAX_LINE_BYTES
from metalayer_assets_tests.warehouse.loading.bench import FOUR, THREE, Bench

CLEAN = b"id,name,note\n1,Ann,x\n2,Bob,y\n"
DIRTY = b'id,name,note\n1,Ann,x\n2,5" nail,y\n3,Cy\n'


def load(bench: Bench, path: Path, **changes: object) -> object:
    target = {
        "stage": (None, "stage"),
        "rejects": (None, "rejects"),
        "columns": THREE,
        "constants": bench.constants,
    }
    return load_file(bench.cursor, path, **(target | changes))


def everything(bench: Bench, table: str = "stage") -> list[tuple[object, ...]]:
    bench.cursor.execute(f"select _file_id, _arrival_day, _line from {table} order by 1, 3")
    return bench.cursor.fetchall()


@pytest.mark.parametrize("content", [CLEAN, DIRTY], ids=["fast", "careful"])
def test_each_file_has_its_own_constants_and_line_numbers(bench: Bench, content: bytes):
    path = bench.file("a.csv", content)
    days = [date(2024, 1, day) for day in range(1, 6)]
    for number, day in enumerate(days):
        load(bench, path, constants={"_arrival_day": day, "_file_id": number})
    assert everything(bench) == [(number, day, line) for number, day in enumerate(days) for line in (2, 3)]
    rejected = [] if content is CLEAN else [(number, day, 4) for number, day in enumerate(days)]
    assert everything(bench, "rejects") == rejected


@pytest.mark.parametrize("value", [None, "", "50% of 'it'\\"], ids=["null", "empty", "percent"])
def test_a_constant_is_what_was_given(bench: Bench, value: str | None):
    bench.cursor.execute("alter table stage add column place text; alter table rejects add column place text")
    load(bench, bench.file("a.csv", DIRTY), constants={"place": value})
    bench.cursor.execute("select place from stage union all select place from rejects")
    assert bench.cursor.fetchall() == [(value,)] * 3


def test_a_table_of_another_schema_with_months_under_it_is_filled(bench: Bench):
    bench.cursor.execute(
        'create schema "odd schema"; create table "odd schema"."odd table"'
        " (id text, name text, note text, _line bigint, _file_id bigint, _arrival_day date)"
        ' partition by range (_arrival_day); create table "odd schema".month partition of'
        " \"odd schema\".\"odd table\" for values from ('2024-02-01') to ('2024-03-01')"
    )
    for content in (CLEAN, DIRTY):
        load(bench, bench.file("a.csv", content), stage=("odd schema", "odd table"))
    bench.cursor.execute('select _line, id from "odd schema".month order by _line, id')
    assert bench.cursor.fetchall() == [(2, "1"), (2, "1"), (3, "2"), (3, "2")]


def test_thousands_of_files_load_in_one_transaction(bench: Bench):
    # A lock or a dead catalog row for each file would end or slow this down.
    clean, dirty = bench.file("a.csv", CLEAN), bench.file("b.csv", DIRTY)
    bench.cursor.execute("select count(*) from pg_locks")
    (before,) = bench.cursor.fetchone()
    for number in range(300):
        load(bench, dirty if number % 10 == 0 else clean, constants={"_file_id": number, "_arrival_day": None})
    bench.cursor.execute("select count(*), count(distinct _file_id) from stage")
    assert bench.cursor.fetchone() == (600, 300)
    bench.cursor.execute("select count(*) from pg_locks")
    assert bench.cursor.fetchone()[0] - before < 100


def test_a_refused_file_leaves_the_files_before_it_and_the_transaction(bench: Bench):
    load(bench, bench.file("a.csv", CLEAN))
    with pytest.raises(LandingError):
        load(bench, bench.file("b.csv", b"other\n1\n"))
    with pytest.raises(LandingError):
        load(bench, bench.file("c.jsonl", b'{"id":1}\n'))
    assert bench.cursor.connection.get_transaction_status() == TRANSACTION_STATUS_INTRANS
    load(bench, bench.file("d.csv", DIRTY))
    assert len(everything(bench)) == 4


def test_doubt_in_the_last_of_many_blocks_undoes_the_fast_path(bench: Bench):
    lines = b"1,Ann,x\n" * 100_000
    loaded = bench.load(bench.file("a.csv", b"id,name,note\n" + lines + b'2,5" nail,y\n'))
    report = loaded.report
    assert (report.path, report.rows_loaded, report.rows_rejected) == ("careful", 100_001, 0)
    assert [line for line, *_ in loaded.rows] == list(range(2, 100_003))


def test_field_counts_that_only_postgresql_finds_wrong_undo_the_fast_path(bench: Bench):
    loaded = bench.load(bench.file("a.csv", b"id,name,note\n1,Ann\n2,Bob,y,z\n3,Cy,z\n"))
    assert loaded.report.path == "careful"
    assert [line for line, *_ in loaded.rejects] == [2, 3]


def test_an_over_long_line_is_rejected_by_its_head(bench: Bench):
    long = b"2," + b"x" * (MAX_LINE_BYTES + 5) + b",y"
    for end in (b"\n", b"\r\n", b"\r"):
        content = end.join([b"id,name,note", b"1,Ann,x", long, b"3,Cy,z", b""])
        loaded = bench.load(bench.file("a.csv", content))
        assert loaded.rows == [(2, "1", "Ann", "x"), (4, "3", "Cy", "z")]
        ((line, raw, reason),) = loaded.rejects
        assert line == 3
        assert long.startswith(raw)
        assert len(raw) > 100_000
        assert f"{len(long)} bytes long" in reason


def test_an_over_long_json_line_is_rejected_by_its_head(bench: Bench):
    long = b'{"id":"' + b"x" * MAX_LINE_BYTES + b'"}'
    content = b'{"id":1,"name":2}\n' + long + b'\n{"id":3,"name":4}\n'
    loaded = bench.load(bench.file("a.jsonl", content))
    assert [line for line, *_ in loaded.rows] == [1, 3]
    assert [line for line, *_ in loaded.rejects] == [2]


def test_a_line_just_within_the_limit_is_loaded(bench: Bench):
    content = b"id,name,note\n1," + b"x" * (MAX_LINE_BYTES - 10) + b",y\n2,Bob,y\n"
    for route in ("fast", "careful"):
        assert bench.load(bench.file("a.csv", content), route=route).report.rows_loaded == 2


def test_a_file_that_changes_while_it_is_read_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    path = bench.file("a.csv", CLEAN * 40)
    monkeypatch.setattr(source, "CHUNK_BYTES", 32)
    chunks = source.LandedBytes.chunks

    def growing(self: source.LandedBytes) -> object:
        for chunk in chunks(self):
            with path.open("ab") as file:
                file.write(b"9,Zed,z\n" if path.stat().st_size < 5000 else b"")
            yield chunk

    monkeypatch.setattr(source.LandedBytes, "chunks", growing)
    with pytest.raises(LandingError, match="changed while it was read"):
        load(bench, path)
    assert everything(bench) == []


def test_a_file_that_cannot_be_opened_is_refused(bench: Bench):
    for path in (bench.folder / "missing.csv", bench.folder / "missing.parquet"):
        with pytest.raises(LandingError, match="cannot be read"):
            load(bench, path)
    (bench.folder / "folder.csv").mkdir()
    with pytest.raises(LandingError, match="cannot be read"):
        load(bench, bench.folder / "folder.csv")


def test_columns_that_contradict_themselves_are_refused(bench: Bench):
    columns = [SourceColumn("id", ("key",), required=True), SourceColumn("name", ("KEY",), required=True)]
    with pytest.raises(ContractError, match="both id and name"):
        load(bench, bench.file("a.csv", CLEAN), columns=columns)


@pytest.mark.parametrize("state", ["53100", "57014", "40001"], ids=["disk_full", "cancelled", "serialization"])
def test_a_failure_of_the_database_is_raised_and_not_loaded_around(bench: Bench, state: str):
    bench.cursor.execute(
        "create function pg_temp.fail() returns trigger language plpgsql as"
        f" $$ begin raise exception 'failed' using errcode = '{state}'; end $$;"
        " create trigger fail before insert on stage for each row execute function pg_temp.fail()"
    )
    for content in (CLEAN, DIRTY):
        with pytest.raises(psycopg2.Error) as failure:
            load(bench, bench.file("a.csv", content))
        assert failure.value.pgcode == state


def test_a_lost_connection_is_raised(connect: Callable[[], Connection], bench: Bench):
    with closing(connect()) as other, other.cursor() as cursor:
        lost = Bench(cursor, bench.folder)
        cursor.execute(
            "create function pg_temp.die() returns trigger language plpgsql as"
            " $$ begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$;"
            " create trigger die before insert on stage for each row execute function pg_temp.die()"
        )
        with pytest.raises(psycopg2.OperationalError):
            load(lost, bench.file("a.csv", CLEAN))
        assert other.closed


def test_a_value_that_the_database_cannot_store_refuses_the_file(bench: Bench):
    bench.cursor.execute("alter table stage alter column name type varchar(2)")
    with pytest.raises(LandingError, match="PostgreSQL refuses a record") as refusal:
        load(bench, bench.file("a.csv", CLEAN))
    assert "a.csv" in str(refusal.value)
    assert everything(bench) == []


def test_what_reading_raises_during_the_copy_is_raised(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(source, "CHUNK_BYTES", 16)
    chunks = source.LandedBytes.chunks

    def failing(self: source.LandedBytes) -> object:
        for number, chunk in enumerate(chunks(self)):
            if number == 3:
                raise KeyboardInterrupt
            yield chunk

    monkeypatch.setattr(source.LandedBytes, "chunks", failing)
    with pytest.raises(KeyboardInterrupt):
        load(bench, bench.file("a.csv", CLEAN * 20))
    assert everything(bench) == []


def test_hash_and_size_are_those_of_the_bytes_as_landed(bench: Bench):
    content = os.urandom(700_000)
    path = bench.file("a.bin", content)
    assert sha256_of(path) == (hashlib.sha256(content).hexdigest(), 700_000)


@pytest.mark.parametrize(
    ("header", "drift"),
    [
        (b"id,name,note", []),
        (b"id,name", [("missing_optional", "note")]),
        (b"id,name,note,age,", [("extra_column", "age"), ("extra_column", "")]),
        (b"id,name,age,note,age", [("extra_column", "age"), ("duplicate_header", "age")]),
        (
            b"id,name,notes",
            [("extra_column", "notes"), ("missing_optional", "note"), ("renamed_guess", "note")],
        ),
    ],
    ids=["none", "missing", "extra", "duplicate", "renamed"],
)
def test_drift_of_a_header_is_reported(bench: Bench, header: bytes, drift: list[tuple[str, str]]):
    loaded = bench.load(bench.file("a.csv", header + b"\n"))
    assert [(found.kind, found.column) for found in loaded.report.drift] == drift
    assert all(found.detail.endswith((".", "?")) for found in loaded.report.drift)
    assert loaded.report.header == tuple(header.decode().split(","))


def test_names_that_cannot_be_stored_are_reported_in_a_form_that_can(bench: Bench):
    long = b"x" * 5000
    report = bench.load(bench.file("a.csv", b"id,name,mo\0re," + long + b"\n1,2,3,4\n")).report
    assert report.header == ("id", "name", "mo?re", "x" * 100)
    assert {found.column for found in report.drift} == {"mo?re", "x" * 100, "note"}
    loaded = bench.load(bench.file("a.jsonl", b'{"id":1,"name":2}\n{"a\\u0000":1,"a\\u0000":2}\n{"b\\ud83d":1}\n'))
    assert loaded.report.header == ("id", "name", "b?")
    ((_, _, reason),) = loaded.rejects
    assert reason == "the key 'a?' is there twice"


def test_a_header_of_very_many_columns_is_read_in_reasonable_time(bench: Bench):
    names = [b"id", b"name", *(b"column_%d" % number for number in range(30_000))]
    loaded = bench.load(bench.file("a.csv", b",".join(names) + b"\n" + b"1,Ann" + b"," * (len(names) - 2) + b"\n"))
    assert loaded.rows == [(2, "1", "Ann", None)]
    assert len(loaded.report.drift) < 600
    assert "29500 more" in " ".join(found.detail for found in loaded.report.drift)


def test_records_of_one_field_are_held_back_only_as_far_as_a_footer_may_reach(bench: Bench):
    content = b"id,name,note,place\n1,Ann,x,here\n" + b"the end,,,\n" * 500
    for chunk in (b"", b"3,Cy,z,\n"):
        loaded = bench.load(bench.file("a.csv", content + chunk), FOUR)
        assert len(loaded.rejects) == (0 if chunk else 100)
        assert len(loaded.rows) + len(loaded.rejects) == 501 + bool(chunk)
        assert [line for line, *_ in loaded.rejects] == ([] if chunk else list(range(403, 503)))


def test_an_extract_of_keys_alone_is_loaded_whole(bench: Bench):
    head, row = b"id,name,note,place\n", b"C7,Ann,x,here\n"
    keys = b"".join(b"C%d,,,\n" % number for number in range(250, 0, -1))
    for above, quoted in ((b"", False), (row, False), (b"", True)):
        content = head + above + (keys.replace(b",,,", b',"","",""') if quoted else keys)
        loaded = bench.load(bench.file("a.csv", content), FOUR)
        assert loaded.rejects == []
        assert [line for line, *_ in loaded.rows] == list(range(2, 252 + bool(above)))
        loaded = bench.load(bench.file("a.csv", content + b"250,,,\n"), FOUR)
        assert [raw for _, raw, _ in loaded.rejects] == [b"250,,,"]


def test_a_header_below_a_line_that_cannot_be_read_is_another_table(bench: Bench):
    head = b"id,name,note\n"
    for line in (b'1,"A"nn,x\n', b"1,Ann\n", b"1," + b"x" * MAX_LINE_BYTES + b",y\n"):
        loaded = bench.load(bench.file("a.csv", head + line + head + b"2,Bob,y\n"))
        assert loaded.rows == []
        assert [number for number, *_ in loaded.rejects] == [2, 3, 4]
