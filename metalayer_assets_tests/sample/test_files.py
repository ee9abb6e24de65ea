"""Hold the writer of one file to whole files, and to lines that are broken in the way that was asked."""

from pathlib import Path

import pytest

from metalayer_assets.sample.files import SheetWriter
from metalayer_assets.sample.rows import ACCOUNTS, Row
from metalayer_assets.sample.sheets import Sheet
from metalayer_assets_tests.sample.naive import records

GOOD = ["1", 'Zoë "Zo" Smith', "zoe@example.com", "Canada"]


def write(folder: Path, sheet: Sheet, *broken: str | None) -> Path:
    with SheetWriter(folder, ACCOUNTS, sheet) as writer:
        for how in broken:
            writer.write(Row(list(GOOD), "1", broken=how))
    return folder / sheet.file_name


@pytest.mark.parametrize("form", ["csv", "csv.gz"])
def test_a_failed_writing_leaves_the_earlier_file_and_no_part(tmp_path, form):
    sheet = Sheet("accounts", ACCOUNTS.columns, form=form)
    before = write(tmp_path, sheet, None).read_bytes()
    with pytest.raises(KeyError, match="upside down"):
        write(tmp_path, sheet, None, "upside down")
    assert [path.name for path in tmp_path.iterdir()] == [sheet.file_name]
    assert (tmp_path / sheet.file_name).read_bytes() == before


@pytest.mark.parametrize("form", ["csv", "csv.gz"])
@pytest.mark.parametrize("how", ["too many fields", "unclosed quote", "NUL byte", "invalid UTF-8"])
def test_a_broken_line_breaks_alone_in_a_delimited_file(tmp_path, form, how):
    path = write(tmp_path, Sheet("accounts", ACCOUNTS.columns, form=form), None, how, None)
    assert [record is None for record in records(path)] == [False, True, False]


@pytest.mark.parametrize("how", ["unclosed quote", "NUL byte"])
def test_a_broken_line_breaks_alone_in_a_json_file(tmp_path, how):
    path = write(tmp_path, Sheet("accounts", ACCOUNTS.columns, form="jsonl"), None, how, None)
    assert [record is None for record in records(path)] == [False, True, False]


@pytest.mark.parametrize(
    "sheet",
    [
        Sheet("a", ACCOUNTS.columns),
        Sheet("a", ACCOUNTS.columns, delimiter=";"),
        Sheet("a", ACCOUNTS.columns[::-1]),
        Sheet("a", ACCOUNTS.columns, encoding="latin-1"),
        Sheet("a", ACCOUNTS.columns, encoding="utf-8-sig", line_end="\r\n"),
        Sheet("a", ACCOUNTS.columns, form="csv.gz"),
        Sheet("a", ACCOUNTS.columns, form="jsonl"),
        Sheet("a", ACCOUNTS.columns, form="parquet"),
    ],
)
def test_every_form_carries_the_same_values(tmp_path, sheet):
    assert list(records(write(tmp_path, sheet, None))) == [dict(zip(ACCOUNTS.columns, GOOD, strict=True))]


def test_a_drifted_column_comes_last(tmp_path):
    path = write(tmp_path, Sheet("a", ACCOUNTS.columns, drifted="tier"), None, None)
    assert [list(record.items())[-1] for record in records(path)] == [("tier", "silver"), ("tier", "")]
