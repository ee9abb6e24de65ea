"""Tests that every way a delimited file can be broken ends as it should."""

import hashlib

import pytest

from metalayer_assets.warehouse.errors import LandingError
from metalayer_assets.warehouse.loading import source
from metalayer_assets_tests.warehouse.loading.bench import Bench, Loaded
from metalayer_assets_tests.warehouse.loading.corpus import CASES, REFUSED, Case, Refused


def check(case: Case, loaded: Loaded) -> None:
    assert loaded.rows == list(case.rows)
    assert [(line, raw) for line, raw, _ in loaded.rejects] == [(line, raw) for line, raw, _ in case.rejects]
    for (_, _, reason), (_, _, part) in zip(loaded.rejects, case.rejects, strict=True):
        assert part in reason
    report = loaded.report
    assert (report.rows_loaded, report.rows_rejected) == (len(case.rows), len(case.rejects))
    assert report.records_read == report.rows_loaded + report.rows_rejected
    assert report.encoding == case.encoding
    assert report.format == "csv"
    assert report.size_bytes == len(case.content)
    assert report.sha256 == hashlib.sha256(case.content).hexdigest()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_file_loads_as_far_as_it_can_be_read(bench: Bench, case: Case):
    loaded = bench.load(bench.file(case.file, case.content))
    check(case, loaded)
    assert loaded.report.path == case.path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_careful_path_reads_every_file_whatever_its_chunks(
    bench: Bench, case: Case, monkeypatch: pytest.MonkeyPatch
):
    path = bench.file(case.file, case.content)
    for size in (1, 7, 64):
        monkeypatch.setattr(source, "CHUNK_BYTES", size)
        check(case, bench.load(path, route="careful"))


@pytest.mark.parametrize("case", [case for case in CASES if case.path == "fast"], ids=lambda case: case.name)
def test_the_fast_path_reads_a_clean_file_whatever_its_chunks(
    bench: Bench, case: Case, monkeypatch: pytest.MonkeyPatch
):
    path = bench.file(case.file, case.content)
    for size in (1, 7, 64):
        monkeypatch.setattr(source, "CHUNK_BYTES", size)
        check(case, bench.load(path, route="fast"))


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_file_that_cannot_be_loaded_is_refused_by_name_and_loads_nothing(bench: Bench, case: Refused):
    path = bench.file(case.file, case.content)
    with pytest.raises(LandingError) as refusal:
        bench.load(path)
    assert str(path) in str(refusal.value)
    for part in case.says:
        assert part in str(refusal.value)
    assert len(str(refusal.value)) < 4000
    # The transaction goes on, and the tables are as before.
    assert bench.rows() == bench.rejects() == []
