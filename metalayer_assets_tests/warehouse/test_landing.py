import os
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse.errors import LandingError
from metalayer_assets.warehouse.landing import file_id_of, last_arrival_day, scan, scan_days
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets_tests.scenario import DAY, START, day, land, order


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def settings(landing: Path) -> Settings:
    return Settings(landing=landing, start_date=START)


def touch(landing: Path, name: str) -> Path:
    """An empty file at this path below the landing folder."""
    path = landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_files_are_found_by_table_and_day_in_the_order_of_their_names(landing: Path, settings: Settings):
    for name in ("part-10.csv", "part-2.csv.gz", "part-1.jsonl", "z.jsonl.gz", "A.parquet"):
        touch(landing, f"erp/orders/2024-03-10/{name}")
    touch(landing, "crm/accounts/2024-03-10/one.csv")
    found = scan(settings)
    assert found.problems == ()
    assert set(found.files) == {"bronze.erp_orders", "bronze.crm_accounts"}
    files = found.of("bronze.erp_orders", DAY)
    assert [file.name.rpartition("/")[2] for file in files] == [
        "A.parquet",
        "part-1.jsonl",
        "part-10.csv",
        "part-2.csv.gz",
        "z.jsonl.gz",
    ]
    assert [file.file_no for file in files] == [1, 2, 3, 4, 5]
    assert found.of("bronze.erp_orders", day(1)) == found.of("bronze.erp_sales", DAY) == ()


def test_a_file_is_known_by_its_path_below_the_folder_and_not_by_its_place_or_content(
    landing: Path, settings: Settings
):
    path = land(landing, "erp/orders", DAY, [order()])
    before = scan(settings).of("bronze.erp_orders", DAY)[0]
    land(landing, "erp/orders", DAY, [order("O2")])
    after = scan(settings).of("bronze.erp_orders", DAY)[0]
    assert before.file_id == after.file_id == file_id_of("erp/orders/2024-03-10/part-0.csv")
    assert before.modified_ns != after.modified_ns
    assert after.size_bytes == path.stat().st_size
    assert 0 <= before.file_id < 2**63


TOO_SOON = last_arrival_day() + timedelta(days=1)
NO_DAY = "the folder is not an arrival day; name it YYYY-MM-DD."


@pytest.mark.parametrize(
    ("place", "name", "problem"),
    [
        ("erp/orders/today", "/a.csv", NO_DAY),
        ("erp/orders/20240310", "/a.csv", NO_DAY),
        ("erp/orders/2024-W10-7", "/a.csv", NO_DAY),
        ("erp/orders/2024-02-30", "/a.csv", NO_DAY),
        (
            "erp/orders/2022-12-31",
            "/a.csv",
            "the day is before the first slice; set METALAYER_START_DATE to 2022-12-31 or earlier.",
        ),
        (f"erp/orders/{TOO_SOON}", "/a.csv", f"the day is in the future; it is loaded once {TOO_SOON} has come."),
        (
            "erp/orders/2024-03-10/a.xlsx",
            "",
            "not a kind of file that can be read; expected .csv, .csv.gz, .jsonl, .jsonl.gz, .parquet.",
        ),
        (
            "erp/order",
            "/2024-03-10/a.csv",
            "no contract declares it; known are crm/accounts, crm/customers, erp/orders, erp/products, erp/sales.",
        ),
        *(
            (name, "", "the file lies in no day's folder; move it to <system>/<dataset>/<YYYY-MM-DD>/.")
            for name in ("erp/orders/a.csv", "erp/a.parquet", "a.jsonl.gz")
        ),
        (
            "erp/orders/2024-03-10/part",
            "/a.csv",
            "a folder inside a day's folder is not read; land the files in the day's folder itself.",
        ),
    ],
)
def test_what_cannot_be_placed_is_told_with_the_fix_and_stops_nothing_else(
    landing: Path, settings: Settings, place: str, name: str, problem: str
):
    touch(landing, place + name)
    land(landing, "erp/orders", day(1), [order()])
    found = scan(settings)
    assert found.problems == (f"{place}: {problem}",)
    assert found.of("bronze.erp_orders", day(1))


def test_tomorrow_may_have_come_elsewhere(landing: Path, settings: Settings):
    land(landing, "erp/orders", last_arrival_day(), [order()])
    assert scan(settings).problems == ()
    assert scan(settings).of("bronze.erp_orders", last_arrival_day())


@pytest.mark.parametrize(
    "name", ["a.csv.tmp", "a.csv.part", ".a.csv", "_a.csv", "a.csv.crdownload", ".csv", "_SUCCESS"]
)
def test_a_file_that_is_still_being_written_is_none_yet(landing: Path, settings: Settings, name: str):
    touch(landing, f"erp/orders/2024-03-10/{name}")
    assert scan(settings).problems == ()
    assert scan(settings).files == {}


def test_what_is_hidden_or_no_data_is_passed_over(landing: Path, settings: Settings):
    touch(landing, "README.md")
    touch(landing, ".git/config")
    touch(landing, "erp/notes.txt")
    touch(landing, "erp/orders/_archive/a.csv")
    touch(landing, "erp/orders/2024-03-10/.folder/a.csv")
    (landing / "erp/orders/2024-03-11").mkdir()
    assert scan(settings).problems == ()
    assert scan(settings).files == {}


@pytest.mark.parametrize("place", ["erp/orders/{}/a.csv", "erp/orders/2024-03-10/{}.csv", "erp/{}/2024-03-10/a.csv"])
@pytest.mark.parametrize("ending", ["", ".txt"])
def test_a_name_that_is_not_utf8_is_told_in_characters_that_can_be_printed(
    landing: Path, settings: Settings, place: str, ending: str
):
    path = os.fsencode(landing) + b"/" + place.encode().replace(b"{}", b"caf\xe9") + ending.encode()
    os.makedirs(os.path.dirname(path))  # noqa: PTH103, PTH120 -- pathlib takes no bytes
    with open(path, "wb"):  # noqa: PTH123
        pass
    (problem,) = scan(settings).problems
    assert "caf\\udce9" in problem
    assert problem.encode()


def test_a_landing_folder_that_is_not_there_is_named_with_the_setting(settings: Settings):
    missing = replace(settings, landing=settings.landing / "nowhere")
    with pytest.raises(LandingError, match=r"nowhere cannot be read: No such file.*METALAYER_LANDING"):
        scan(missing)
    with pytest.raises(LandingError, match=r"nowhere does not exist\. Set METALAYER_LANDING"):
        scan_days(missing, CATALOG["bronze.erp_orders"], [DAY])


def test_days_asked_for_are_found_without_the_others(landing: Path, settings: Settings):
    land(landing, "erp/orders", DAY, [order()])
    land(landing, "erp/orders", day(2), [order()])
    found = scan_days(settings, CATALOG["bronze.erp_orders"], [DAY, day(1)])
    assert {arrival: [file.name for file in files] for arrival, files in found.items()} == {
        DAY: ["erp/orders/2024-03-10/part-0.csv"]
    }
    with pytest.raises(TypeError, match=r"silver\.orders is not made from landed files"):
        scan_days(settings, CATALOG["silver.orders"], [DAY])


def test_a_file_number_is_the_same_on_every_machine():
    assert file_id_of("erp/orders/2024-03-10/part-0.csv") == 529286246421141486
    assert date(2024, 3, 10) == DAY
