"""Tests of files with one JSON object on each line."""

import codecs
import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metalayer_assets.warehouse.errors import LandingError
from metalayer_assets.warehouse.loading import source
from metalayer_assets_tests.warehouse.loading.bench import THREE, Bench

# name -> (line, id, name, note) of one line, where the id is the text looked at.
VALUES = {
    "text": ('{"id":"a","name":"x"}', "a"),
    "empty_text": ('{"id":"","name":"x"}', ""),
    "null": ('{"id":null,"name":"x"}', None),
    "missing_key": ('{"name":"x"}', None),
    "integer": ('{"id":1,"name":"x"}', "1"),
    "decimal_keeps_its_digits": ('{"id":1.10,"name":"x"}', "1.10"),
    "exponent": ('{"id":-1E+3,"name":"x"}', "-1E+3"),
    "more_digits_than_a_float_has": ('{"id":0.12345678901234567890,"name":"x"}', "0.12345678901234567890"),
    "more_digits_than_python_parses": ('{"id":' + "9" * 5000 + ',"name":"x"}', "9" * 5000),
    "booleans": ('{"id":true,"name":"x"}', "true"),
    "object": ('{"id":{"b": [1.10, false, null], "a\\"": "ë"},"name":"x"}', '{"b":[1.10,false,null],"a\\"":"ë"}'),
    "list": ('{"id":[ ],"name":"x"}', "[]"),
    "quotes_and_commas": ('{"id":"a,\\"b\\"","name":"x"}', 'a,"b"'),
    "line_end_in_a_text": ('{"id":"a\\r\\nb","name":"x"}', "a\r\nb"),
    "end_of_data_mark": ('{"id":"\\\\.","name":"x"}', "\\."),
    "escaped_pair": ('{"id":"\\ud83d\\ude42","name":"x"}', "🙂"),
    "other_case": ('{" ID ":"a","Full-Name":"x"}', "a"),
}

REJECTED = {
    "no_json": (b"id,name", "not JSON"),
    "broken": (b'{"id":1,', "not JSON"),
    "two_objects": (b'{"id":1}{"id":2}', "not JSON: Extra data at character 9"),
    "list": (b'[{"id":1}]', "not a JSON object"),
    "number": (b"1", "not a JSON object"),
    "blanks": (b"   ", "not JSON"),
    "nan": (b'{"id":NaN}', "not JSON: NaN"),
    "key_twice": (b'{"id":1,"id":2}', "the key 'id' is there twice"),
    "key_twice_inside": (b'{"id":{"a":1,"a":2}}', "the key 'a' is there twice"),
    "column_twice": (b'{"id":1,"ID":2}', "the keys 'id' and 'ID' both are id"),
    "escaped_nul": (b'{"id":"a\\u0000"}', "U+0000"),
    "nul": (b'{"id":"a\0"}', "NUL at byte 9"),
    "half_a_pair": (b'{"id":"\\ud83d"}', "surrogate"),
    "half_a_pair_in_an_unexpected_key": (b'{"id":1,"a\\ud83d":"b\xff"}', "not valid UTF-8 at byte 21"),
    "damaged_utf8": (b'{"id":"\xff"}', "not valid UTF-8 at byte 8"),
    "too_deep": (b'{"id":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    "deep_object": (b'{"id":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}", "nested too deeply"),
}

GOOD = '{"id": "1", "name": "Zoë"}\n'.encode()


@pytest.mark.parametrize("name", VALUES)
def test_a_value_keeps_its_text(bench: Bench, name: str):
    line, text = VALUES[name]
    loaded = bench.load(bench.file("a.jsonl", b'{"id":0}\n' + line.encode() + b"\n"))
    assert loaded.rejects == []
    assert loaded.rows[1] == (2, text, "x", None)


@pytest.mark.parametrize("name", REJECTED)
def test_a_line_that_is_no_object_is_kept_raw_and_the_rest_loads(bench: Bench, name: str):
    raw, reason = REJECTED[name]
    loaded = bench.load(bench.file("a.jsonl", GOOD + b"\n" + raw + b"\r\n" + GOOD))
    assert loaded.rows == [(1, "1", "Zoë", None), (4, "1", "Zoë", None)]
    ((line, kept, said),) = loaded.rejects
    assert (line, kept) == (3, raw)
    assert reason in said
    assert (loaded.report.records_read, loaded.report.rows_loaded, loaded.report.rows_rejected) == (3, 2, 1)


@pytest.mark.parametrize("chunk", [1, 7, 256 * 1024])
def test_every_encoding_line_end_and_compression_is_read(bench: Bench, chunk: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(source, "CHUNK_BYTES", chunk)
    text = '{"id":1,"name":"Zoë"}\r\n\r\n{"id":2,"name":"Bob"}'
    rows = [(1, "1", "Zoë", None), (3, "2", "Bob", None)]
    for encoding, content in {
        "utf-8": text.encode(),
        "utf-8-sig": codecs.BOM_UTF8 + text.encode(),
        "utf-16": text.encode("utf-16"),
        "latin-1": text.encode("latin-1"),
    }.items():
        for name, landed in (("a.jsonl", content), ("a.jsonl.gz", gzip.compress(content))):
            loaded = bench.load(bench.file(name, landed))
            assert loaded.rows == rows
            assert (loaded.report.encoding, loaded.report.format) == (encoding, "jsonl")


def test_a_truncated_file_loads_its_whole_lines(bench: Bench):
    packed = gzip.compress(GOOD * 3, compresslevel=0, mtime=0)[:-14]
    loaded = bench.load(bench.file("a.jsonl.gz", packed))
    assert [line for line, *_ in loaded.rows] == [1, 2]
    ((line, raw, reason),) = loaded.rejects
    assert (line, raw) == (3, GOOD[:-6])
    assert f"breaks off at byte {len(packed)}" in reason


def test_keys_are_reported_as_drift_over_the_whole_file(bench: Bench):
    loaded = bench.load(bench.file("a.jsonl", b'{"id":1,"age":3}\n{"Full Name":"x","notes":1,"AGE":2}\n'))
    assert [(found.kind, found.column) for found in loaded.report.drift] == [
        ("extra_column", "age"),
        ("extra_column", "notes"),
        ("extra_column", "AGE"),
        ("missing_optional", "note"),
        ("renamed_guess", "note"),
    ]
    assert loaded.report.header == ("id", "age", "Full Name", "notes", "AGE")


def test_unexpected_keys_do_not_fill_the_memory(bench: Bench):
    content = b"".join(b'{"k%d":1,"id":%d,"name":"x"}\n' % (n, n) for n in range(3000))
    loaded = bench.load(bench.file("a.jsonl", content))
    assert loaded.report.rows_loaded == 3000
    assert len(loaded.report.drift) < 600
    assert not any(found.kind == "missing_required" for found in loaded.report.drift)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"id,name\n1,Ann\n", "holds no JSON object (line 1: not JSON"),
        (b'[{"id": 1, "name": "x"}]\n', "not a JSON object"),
        (b'{"id":1,"nam":"x"}\n', "required columns are missing: name. Found: id, nam"),
    ],
    ids=["empty", "csv", "array", "required_missing"],
)
def test_a_file_without_what_is_required_is_refused(bench: Bench, content: bytes, says: str):
    path = bench.file("a.jsonl", content)
    with pytest.raises(LandingError) as refusal:
        bench.load(path)
    assert says in str(refusal.value)
    assert str(path) in str(refusal.value)
    assert bench.rows() == bench.rejects() == []


def test_a_file_of_blank_lines_holds_no_records(bench: Bench):
    report = bench.load(bench.file("a.jsonl", b"\n\r\n")).report
    assert (report.records_read, report.drift) == (0, ())


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
)
nested = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner), max_leaves=5
)


def test_every_line_is_loaded_as_python_reads_it_or_rejected(bench: Bench):
    line = st.one_of(
        st.fixed_dictionaries({"id": nested, "name": nested}, optional={"note": nested}).map(json.dumps),
        st.text(st.sampled_from('{}[]":,\\u0d8 1eE.-\x85'), max_size=12),
    )

    @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(lines=st.lists(line, max_size=6))
    def holds(lines: list[str]) -> None:
        lines = ['{"id":0,"name":0,"note":0}', *lines]
        loaded = bench.load(bench.file("a.jsonl", "\n".join(lines).encode()))
        rows = {number: row for number, *row in loaded.rows}
        rejects = {number: raw.decode() for number, raw, _ in loaded.rejects}
        assert not rows.keys() & rejects.keys()
        for number, line in enumerate(lines, 1):
            if number in rejects:
                assert rejects[number] == line
            elif number in rows:
                for text, value in zip(rows[number], map(json.loads(line).get, ("id", "name", "note")), strict=True):
                    assert text == value if isinstance(value, str) or text is None else json.loads(text) == value
            else:
                assert not line

    holds()


def test_drift_of_a_file_as_expected_is_nothing(bench: Bench):
    report = bench.load(bench.file("a.jsonl", b'{"id":1,"name":2,"note":3}\n'), THREE).report
    assert report.drift == ()
