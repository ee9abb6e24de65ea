"""Tests that no file of the hostile corpus is loaded wrongly, and what becomes of each kind of defect."""

import gzip
from collections import Counter

import pytest

from metalayer_assets.warehouse.errors import LandingError
from metalayer_assets_tests.warehouse.loading.bench import Bench
from metalayer_assets_tests.warehouse.loading.judging import IN_PART, OUTCOMES, REFUSED, RIGHT, WRONG, judge
from metalayer_assets_tests.warehouse.loading.pollution import COLUMNS, Polluted
from metalayer_assets_tests.warehouse.loading.pollution_of_files import polluted_files
from metalayer_assets_tests.warehouse.loading.pollution_of_lines import polluted_lines

# Files right, in part, refused and wrong. A change of a number is a change of what is loaded: look at it, then here.
OF_FILES = {
    "payload": (9, 4, 3, 0),
    "field delimiters": (26, 10, 5, 0),
    "quotes and escapes": (3, 17, 3, 0),
    "record delimiters": (8, 0, 7, 0),
    "headers": (10, 24, 30, 0),
    "row lengths": (1, 10, 0, 0),
    "preambles": (0, 10, 2, 0),
    "footers": (4, 18, 0, 0),
    "several tables": (4, 23, 1, 0),
    "encodings": (8, 8, 5, 0),
    "bytes": (14, 5, 1, 0),
}
OF_LINES = {
    "header, delimiter doubled": (0, 9, 0, 0),
    "header, quote before a field": (0, 0, 9, 0),
    "header, quote behind a field": (0, 0, 9, 0),
    "header, a field in apostrophes": (0, 0, 9, 0),
    "header, apostrophes as quotes": (0, 0, 2, 0),
    "header, blank before a quote": (0, 0, 9, 0),
    "header, blank behind a quote": (0, 0, 9, 0),
    "header, record broken off": (1, 2, 6, 0),
    "header, NUL": (0, 0, 9, 0),
    "header, delimiter lost": (0, 1, 7, 0),
    "header, other delimiter": (0, 6, 0, 0),
    "header, other delimiter, no quotes": (0, 5, 1, 0),
    "header, too many fields": (0, 1, 0, 0),
    "header, byte order mark": (1, 0, 0, 0),
    "record delimiters mixed": (40, 0, 0, 0),
    "delimiter doubled": (0, 81, 0, 0),
    "quote before a field": (0, 81, 0, 0),
    "quote behind a field": (0, 81, 0, 0),
    "a field in apostrophes": (23, 0, 0, 0),
    "apostrophes as quotes": (2, 30, 0, 0),
    "blank before a quote": (0, 23, 0, 0),
    "blank behind a quote": (0, 23, 0, 0),
    "record broken off": (9, 72, 0, 0),
    "NUL": (0, 27, 0, 0),
    "delimiter lost": (0, 72, 0, 0),
    "closing quote lost": (0, 7, 0, 0),
    "opening quote lost": (0, 7, 0, 0),
    "quotes not doubled": (5, 2, 0, 0),
    "quotes lost": (0, 7, 0, 0),
    "other delimiter": (0, 54, 0, 0),
    "other delimiter, no quotes": (0, 54, 0, 0),
    "too many fields": (0, 9, 0, 0),
    "byte order mark": (0, 9, 0, 0),
}


def outcomes(bench: Bench, files: list[Polluted]) -> dict[str, tuple[int, ...]]:
    """Load every file; the outcomes by category, with the reasons of the wrong ones shown."""
    counts: dict[str, Counter[str]] = {}
    wrong = []
    for file in files:
        found = judge(bench, "orders.csv", file.content, COLUMNS, [file.truth])
        counts.setdefault(file.category, Counter())[found.outcome] += 1
        if found.outcome == WRONG:
            wrong.append((file.category, file.name, found.reasons))
        # Whatever is not loaded in full says why, to a person.
        assert found.outcome == RIGHT or all(map(str.strip, found.reasons)), file.name
        assert found.outcome != REFUSED or "orders.csv: " in found.reasons[0], file.name
        assert found.outcome != IN_PART or found.rejected > 0, file.name
    assert wrong == []
    return {category: tuple(counted[outcome] for outcome in OUTCOMES) for category, counted in counts.items()}


def test_no_file_with_a_defect_of_the_whole_is_loaded_wrongly(bench: Bench):
    assert outcomes(bench, list(polluted_files())) == OF_FILES


def test_no_file_with_a_defect_on_one_line_is_loaded_wrongly(bench: Bench):
    assert outcomes(bench, list(polluted_lines())) == OF_LINES


@pytest.mark.parametrize("lost", ["row", "reject"])
def test_the_judge_sees_what_is_lost_or_changed(bench: Bench, lost: str):
    # The corpus proves nothing if its judge cannot find a fault.
    files = {file.name: file for file in polluted_files()}
    clean, short = files["clean"], files["a line"]
    assert judge(bench, "a.csv", clean.content, COLUMNS, [clean.truth]).outcome == RIGHT
    assert judge(bench, "a.csv", short.content, COLUMNS, [short.truth]).outcome == IN_PART
    table = "stage" if lost == "row" else "rejects"
    bench.cursor.execute(
        "create function pg_temp.lose() returns trigger language plpgsql as $$ begin delete from"
        f" {table} where _line = (select max(_line) from {table}); return null; end $$;"
        f" create trigger lose after insert on {table} execute function pg_temp.lose()"
    )
    found = judge(bench, "a.csv", short.content, COLUMNS, [short.truth])
    assert found.outcome == WRONG
    changed = tuple((*row[:8], "other") for row in clean.truth)
    bench.cursor.execute(f"drop trigger lose on {table}")
    assert judge(bench, "a.csv", clean.content, COLUMNS, [changed]).outcome == WRONG


def test_a_compressed_file_fares_as_the_plain_one(bench: Bench):
    for file in polluted_files():
        if file.category not in {"several tables", "preambles", "footers"}:
            continue
        plain = judge(bench, "orders.csv", file.content, COLUMNS, [file.truth])
        try:
            packed = bench.load(bench.file("orders.csv.gz", gzip.compress(file.content)), COLUMNS)
        except LandingError:
            assert plain.outcome == REFUSED
            continue
        assert (len(packed.rows), len(packed.rejects)) == (plain.loaded, plain.rejected)
