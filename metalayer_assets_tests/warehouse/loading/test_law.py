"""Tests of what must hold for every file: nothing lost, nothing invented, both paths alike."""

import csv
import gzip
import io
from itertools import pairwise
from unittest import mock

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from metalayer_assets.warehouse.errors import LandingError
from metalayer_assets.warehouse.loading import source
from metalayer_assets.warehouse.loading.clean import DoubtError
from metalayer_assets_tests.warehouse.loading.bench import FOUR, ONE, THREE, Bench, Loaded

LINE_ENDS = (b"\n", b"\r\n", b"\r")
DELIMITERS = (b",", b";", b"\t", b"|")

a_few = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

chunk_sizes = st.sampled_from((3, 11, 64, 256 * 1024))
# What makes files hard, more often than chance would have it.
snippets = st.sampled_from(
    [b'"', b'""', b",", b"\n", b"\r\n", b"\r", b"a", b"b c", b"\\.", b"\\", b"\0", b"\xc3\xab", b"\xff", b"1,2,3\n"]
)
soups = st.lists(snippets, max_size=40).map(b"".join)

texts = st.text(
    st.one_of(
        st.sampled_from("\",;\t|\\.' ab\N{NO-BREAK SPACE}\N{LINE SEPARATOR}\x0b\x1c\x85é🙂"),
        st.characters(exclude_categories=("Cs",), exclude_characters="\0\r\n"),
    ),
    max_size=8,
)
values = st.one_of(st.none(), texts)


def cell(value: str | None, delimiter: bytes, *, quote: bool) -> bytes:
    if value is None:
        return b""
    content = value.encode()
    if quote or not value or delimiter in content or b'"' in content or content.startswith(b"'"):
        return b'"' + content.replace(b'"', b'""') + b'"'
    return content


@st.composite
def tidy_files(draw: st.DrawFn, fields: int) -> tuple[bytes, list[tuple[object, ...]]]:
    """A file as RFC 4180 has it, one record on each line, and the rows that it holds."""
    # A header of one column shows no delimiter; it then is the comma.
    delimiter = draw(st.sampled_from(DELIMITERS if fields > 1 else DELIMITERS[:1]))
    end = draw(st.sampled_from(LINE_ENDS))
    rows = draw(st.lists(st.tuples(*[values] * fields), max_size=6))
    rows = [row for row in rows if any(value is not None for value in row)]  # a line of nothing is no record
    records = [delimiter.join(cell(value, delimiter, quote=draw(st.booleans())) for value in row) for row in rows]
    header = delimiter.join((b"id", b"name", b"note")[:fields])
    content = end.join([header, *records]) + draw(st.sampled_from((b"", end)))
    return content, [(number, *row) for number, row in enumerate(rows, 2)]


def load(bench: Bench, content: bytes, columns: object, chunk: int, route: str) -> Loaded:
    with mock.patch.object(source, "CHUNK_BYTES", chunk):
        return bench.load(bench.file("file.csv", content), columns, route=route)


@pytest.mark.parametrize("columns", [ONE, THREE], ids=["one_column", "three_columns"])
def test_both_paths_read_a_tidy_file_as_it_was_written(bench: Bench, columns: tuple[object, ...]):
    @a_few
    @given(file=tidy_files(len(columns)), chunk=chunk_sizes)
    def holds(file: tuple[bytes, list[tuple[object, ...]]], chunk: int) -> None:
        content, rows = file
        careful = load(bench, content, columns, chunk, "careful")
        assert careful.rows == rows
        assert careful.rejects == []
        if b"\\." in content:
            return
        fast = load(bench, content, columns, chunk, "fast")
        assert fast.rows == rows
        assert fast.report.header == careful.report.header

    holds()


TIDY = {
    1: [b"a", b'"b"', b'""'],
    3: [b"a,b,c", b'"a","b",""', b",,", b'1,"x ""y""",z'],
    # Among these are all that four fields make doubtful.
    4: [
        b"1,b,c,4",
        b'"a, 2","b",3,',
        b"1,a;b;c;d,,",
        b"a, b, c, d",
        b"Total,1,2,3",
        b"x,,,",
        b"a,b,c,d",
        b"Note,id,x,y",
    ],
}


@pytest.mark.parametrize("columns", [ONE, THREE, FOUR], ids=["one_column", "three_columns", "four_columns"])
def test_what_the_fast_path_dares_to_load_the_careful_path_reads_alike(bench: Bench, columns: tuple[object, ...]):
    header = b",".join((b"id", b"name", b"note", b"place")[: len(columns)])
    tidy = st.sampled_from(TIDY[len(columns)])
    # Mostly tidy lines with little soup among them, for soup alone is never loaded by the fast path.
    lines = st.lists(st.one_of(tidy, tidy, tidy, soups), max_size=6)

    @settings(a_few, max_examples=300)
    @given(lines=lines, end=st.sampled_from(LINE_ENDS), final=st.sampled_from((b"", b"\n")), chunk=chunk_sizes)
    def holds(lines: list[bytes], end: bytes, final: bytes, chunk: int) -> None:
        content = end.join([header, *lines]) + final
        try:
            fast = load(bench, content, columns, chunk, "fast")
        except DoubtError as doubt:
            event(f"doubt: {str(doubt).split(chr(10))[0][:40]}")
            return
        event("fast")
        careful = load(bench, content, columns, chunk, "careful")
        assert fast.rows == careful.rows
        assert careful.rejects == []

    holds()


def unread(line: bytes) -> bytes:
    return line.rstrip(b"\r\n")


@pytest.mark.parametrize("columns", [ONE, THREE], ids=["one_column", "three_columns"])
def test_every_line_is_loaded_or_rejected_once_and_nothing_is_invented(bench: Bench, columns: tuple[object, ...]):
    header = b",".join((b"id", b"name", b"note")[: len(columns)]) + b"\n"
    tidy = st.sampled_from([b"a,b,c\n", b'"a","b\nc",""\r\n', b",,\r", b'1,"x ""y""",z\n', b'1,5" nail,"\n'])

    @settings(a_few, max_examples=300)
    @given(body=st.lists(st.one_of(tidy, soups), max_size=8).map(b"".join), chunk=chunk_sizes)
    def holds(body: bytes, chunk: int) -> None:
        loaded = load(bench, header + body, columns, chunk, "careful")
        lines = [header, *body.splitlines(keepends=True)]
        encoding = "cp1252" if loaded.report.encoding in {"latin-1", "cp1252"} else "utf-8"
        # Each row and each reject begins on a line of its own; up to the next one it is the only one.
        begun = {line: row for line, *row in loaded.rows}
        kept = {line: raw for line, raw, _ in loaded.rejects}
        assert len(begun) == len(loaded.rows)
        assert len(kept) == len(loaded.rejects)
        assert not begun.keys() & kept.keys()
        starts = sorted(begun.keys() | kept.keys())
        assert not b"".join(lines[1 : (starts or [len(lines) + 1])[0] - 1]).strip(b"\r\n")
        for start, following in pairwise([*starts, len(lines) + 1]):
            content = b"".join(lines[start - 1 : following - 1])
            if start in kept:
                assert unread(content).startswith(kept[start])
                assert not content[len(kept[start]) :].strip(b"\r\n")
            else:
                # The standard library reads the same record in these lines, and nothing behind it.
                first, *behind = csv.reader(io.StringIO(content.decode(encoding), newline=""))
                assert [value or "" for value in begun[start]] == first
                assert not any(behind)

    holds()


def test_a_truncated_gzip_loads_its_whole_lines_and_keeps_what_is_left(bench: Bench):
    body = [b'%d,"name %d",%d\n' % (n, n * 7919 % 1000, n**5) for n in range(300)]
    plain = b"id,name,note\n" + b"".join(body)
    packed = gzip.compress(plain, mtime=0)
    for cut in range(60, len(packed), 97):
        path = bench.file("file.csv.gz", packed[:cut])
        try:
            loaded = bench.load(path)
        except LandingError as refusal:
            assert f"breaks off at byte {cut}" in str(refusal)  # noqa: PT017
            continue
        ((line, raw, reason),) = loaded.rejects
        assert f"breaks off at byte {cut} of the file" in reason
        assert line == len(loaded.rows) + 2
        assert [int(row[1]) for row in loaded.rows] == list(range(len(loaded.rows)))
        assert body[len(loaded.rows)].startswith(raw) if raw or len(loaded.rows) < len(body) else not raw
        assert loaded.report.size_bytes == cut


def test_what_a_truncated_gzip_holds_inside_quotes_is_not_taken_for_records(bench: Bench):
    # Stored, not deflated, so that the cut shows where the content breaks off.
    packed = gzip.compress(b'id,name,note\n1,Ann,x\n2,"Bob\n3,Cy,z\n4,Di,z\n5,E', compresslevel=0, mtime=0)[:-8]
    loaded = bench.load(bench.file("file.csv.gz", packed))
    assert loaded.rows == [(2, "1", "Ann", "x")]
    assert [(line, raw) for line, raw, _ in loaded.rejects] == [
        (3, b'2,"Bob'),
        (4, b"3,Cy,z"),
        (5, b"4,Di,z"),
        (6, b"5,E"),
    ]
