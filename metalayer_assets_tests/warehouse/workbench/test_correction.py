import os
import re
import threading
from pathlib import Path

import pytest

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse import new_files, rebuild
from metalayer_assets.warehouse.errors import LandingError, MetaLayerError, SettingError
from metalayer_assets.warehouse.landing import scan_days
from metalayer_assets.warehouse.workbench import correction_file, waiver
from metalayer_assets.warehouse.workbench.actions import acting
from metalayer_assets.warehouse.workbench.correction import Correction, correct
from metalayer_assets.warehouse.workbench.desk import Selection, desk_of
from metalayer_assets.warehouse.workbench.sheet import CorrectionRefused
from metalayer_assets.warehouse.writer import SliceWriter
from metalayer_assets_tests.house import Crash, CrashingDatabase, House
from metalayer_assets_tests.scenario import DAY, day, order
from metalayer_assets_tests.warehouse.workbench.people import EVERYTHING, Sheet, correct_rows, export, listed

HEADER = "order_id,customer_id,product_code,quantity,price_per_unit,order_date,status\n"
FOLDER = f"erp/orders/{DAY}"


@pytest.fixture
def kept(house: House) -> House:
    """Two days with orders that are kept out."""
    house.land("erp/orders", DAY, [order("O1", quantity="two"), order("O2"), order("O3", status="LOST")])
    house.land("erp/orders", day(1), [order("O4", quantity="")])
    assert house.update() == []
    return house


def facts(house: House) -> list[tuple[str, int]]:
    return house.fetch("select order_id, quantity from gold.fact_orders order by 1")


def corrections(house: House, arrival=DAY) -> list[Path]:
    return sorted((house.settings.landing / "erp/orders" / str(arrival)).glob("*correction*"))


def refused(house: House, path: Path) -> str:
    before = house.state(ledger=True)
    lying = corrections(house)
    with pytest.raises(CorrectionRefused, match=re.escape(path.name)) as error:
        correct(house.writer, path, by="eve")
    assert house.state(ledger=True) == before
    assert corrections(house) == lying
    return str(error.value)


def test_what_is_corrected_loads_and_the_original_stays_kept_out_and_is_not_listed_any_more(
    kept: House, tmp_path: Path
):
    done = correct_rows(
        kept, "orders", tmp_path / "q.csv", lambda sheet: sheet.edit("O1", quantity="2").edit("O4", quantity="4")
    )
    assert (done.corrected, done.unchanged) == (2, 1)
    assert [(c.source_line, c.column, c.old, c.new) for c in done.changes] == [
        (2, "quantity", "two", "2"),
        (2, "quantity", None, "4"),
    ]
    (first,), (second,) = corrections(kept), corrections(kept, day(1))
    assert done.files == (f"{FOLDER}/{first.name}", f"erp/orders/{day(1)}/{second.name}")
    assert first.read_text() == (
        '{"order_id":"O1","customer_id":"C1","product_code":"P1","quantity":"2","price_per_unit":"10.50",'
        '"order_date":"2024-03-09","status":"PAID"}\n'
    )
    assert [row["order_id"] for row in listed(kept, "orders")] == ["O3"]
    assert kept.update() == []
    assert facts(kept) == [("O1", 2), ("O2", 2), ("O4", 4)]
    rows = {row["order_id"]: row for row in listed(kept, "orders", EVERYTHING)}
    assert {name: (row["state"], row["resolution"], row["resolved_by"]) for name, row in rows.items()} == {
        "O1": ("open", "corrected", "ada"),
        "O3": ("open", None, None),
        "O4": ("open", "corrected", "ada"),
    }
    assert (rows["O1"]["corrected_in"], rows["O1"]["corrected_line"]) == (done.files[0], 1)
    assert rows["O1"]["raw"]["quantity"] == "two"
    assert kept.fetch(
        "select action_id, action, acted_by, arrival_day, rows, source_lines, corrected_in, given"
        " from meta.quarantine_actions order by arrival_day"
    ) == [
        (done.action_id, "corrected", "ada", DAY, 1, [2], done.files[0], "q.csv"),
        (done.action_id, "corrected", "ada", day(1), 1, [2], done.files[1], "q.csv"),
    ]
    assert kept.problems() == []
    assert rebuild.check(kept.writer).equal


def test_a_correction_that_is_wrong_is_kept_out_itself_and_can_be_corrected(kept: House, tmp_path: Path):
    correct_rows(kept, "orders", tmp_path / "a.csv", lambda sheet: sheet.edit("O1", quantity="0"))
    assert kept.update() == []
    rows = {row["file"]: row for row in listed(kept, "orders") if row["order_id"] == "O1"}
    (file,) = rows
    assert file == f"{FOLDER}/{corrections(kept)[0].name}"
    correct_rows(kept, "orders", tmp_path / "b.csv", lambda sheet: sheet.edit("O1", quantity="5"))
    assert kept.update() == []
    assert ("O1", 5) in facts(kept)
    assert [row["order_id"] for row in listed(kept, "orders")] == ["O4", "O3"]
    assert kept.problems() == []


def test_a_file_that_changes_nothing_lands_nothing(kept: House, tmp_path: Path):
    before = kept.state(ledger=True)
    sheet = export(kept, "orders", tmp_path / "q.csv")
    assert correct(kept.writer, sheet.path, by="ada") == Correction("silver.orders", 0, 3, ())
    # A spreadsheet knows no difference between nothing and an empty text, and ends lines its own way.
    assert correct(kept.writer, sheet.save(), by="ada").corrected == 0
    # What would be changed can be seen before.
    sheet.edit("O1", quantity="2")
    tried = correct(kept.writer, sheet.save(), by="ada", dry_run=True)
    assert (tried.corrected, len(tried.changes), tried.files) == (1, 1, ())
    assert kept.state(ledger=True) == before
    assert corrections(kept) == []


def test_values_left_as_they_are_land_as_they_were(house: House, tmp_path: Path):
    house.land("erp/orders", DAY, HEADER + 'O1,"",P1,none,"1,0 ",,"a ""b""\nc"\n')
    assert house.update() == []
    correct_rows(house, "orders", tmp_path / "q.csv", lambda sheet: sheet.edit("O1", quantity="3"))
    assert house.update() == []
    columns = "customer_id, price_per_unit, order_date, status, is_deleted"
    original, corrected = house.fetch(f"select {columns}, quantity from bronze.erp_orders order by quantity desc")
    assert original[:-1] == corrected[:-1] == ("", "1,0 ", None, 'a "b"\nc', None)


def test_a_spreadsheet_of_another_country_is_taken_in(kept: House, tmp_path: Path):
    sheet = export(kept, "orders", tmp_path / "q.csv").edit("O1", quantity="2", customer_id="Zoë")
    path = sheet.save(delimiter=";")
    path.write_bytes(path.read_text(encoding="utf-8").encode("cp1252"))
    assert correct(kept.writer, path, by="ada").corrected == 1
    assert kept.update() == []
    assert kept.value("select customer_id from silver.orders where order_id = 'O1'") == "Zoë"


def test_lines_that_cannot_be_read_are_filled_in(house: House, tmp_path: Path):
    house.land("erp/orders", DAY, (HEADER + "O1,C1\nO2,\\x41 \u00e9\nO3,").encode() + b"\xff\\\n")
    assert house.update() == []
    sheet = export(house, "erp_orders", tmp_path / "l.csv")
    assert [(row["_raw"], row["_raw_form"]) for row in sheet.rows] == [
        ("O1,C1", "text"),
        ("O2,\\x41 é", "text"),
        (r"O3,\377\\", "escape"),
    ]
    assert house.value("select decode(%(told)s, 'escape')", told=sheet.rows[2]["_raw"]).tobytes() == b"O3,\xff\\"
    sheet.rows[0] |= order("O1")
    done = correct(house.writer, sheet.save(), by="ada")
    assert (done.table, done.corrected, done.unchanged) == ("bronze.erp_orders", 1, 2)
    assert house.update() == []
    assert facts(house) == [("O1", 2)]
    assert [row["source_line"] for row in listed(house, "erp_orders")] == [3, 4]
    assert house.problems() == []
    assert rebuild.check(house.writer).equal


def test_a_row_that_is_not_open_any_more_is_refused(kept: House, tmp_path: Path):
    sheet = export(kept, "orders", tmp_path / "q.csv")
    kept.land("erp/orders", DAY, [order("O1"), order("O2"), order("O3", status="LOST")])
    assert kept.update() == []
    told = refused(kept, sheet.edit("O1", quantity="2").save())
    assert re.search(r"line 2 names a row that is not kept out any more, since 20.* UTC: .*part-0\.csv line 2\.", told)


def test_two_people_who_correct_the_same_row_do_not_both_land(kept: House, tmp_path: Path):
    ours = export(kept, "orders", tmp_path / "a.csv").edit("O1", quantity="2")
    theirs = export(kept, "orders", tmp_path / "b.csv").edit("O1", quantity="3").edit("O3", status="PAID")
    outcomes: list[object] = []

    def take_in(sheet: Sheet, by: str) -> None:
        try:
            outcomes.append(correct(kept.writer, sheet.path, by=by))
        except CorrectionRefused as error:
            outcomes.append(error)

    people = [threading.Thread(target=take_in, args=(sheet, by)) for sheet, by in ((ours, "ada"), (theirs, "bob"))]
    for sheet in (ours, theirs):
        sheet.save()
    for person in people:
        person.start()
    for person in people:
        person.join()
    (done,) = [outcome for outcome in outcomes if isinstance(outcome, Correction)]
    (error,) = [outcome for outcome in outcomes if isinstance(outcome, CorrectionRefused)]
    first = kept.value("select resolved_by from quarantine.orders where order_id = 'O1'")
    assert f"names a row that {first} has corrected on " in str(error)
    assert f"in {done.files[0]}: {FOLDER}/part-0.csv line 2" in str(error)
    assert len(corrections(kept)) == 1
    # Whoever was refused goes on with the rest.
    if first == "ada":
        assert kept.value("select count(*) from quarantine.orders where resolution is not null") == 1
    assert kept.update() == []
    assert kept.problems() == []


def test_a_waived_row_is_not_corrected_before_that_is_taken_back(kept: House, tmp_path: Path):
    sheet = export(kept, "orders", tmp_path / "q.csv").edit("O1", quantity="2")
    desk = desk_of(CATALOG["silver.orders"])
    waiver.waive(kept.writer, desk, Selection(first=DAY, last=DAY), by="bob", note="x")
    assert "names a row that bob has waived on" in refused(kept, sheet.save())
    waiver.reopen(kept.writer, desk, Selection(), by="bob", note=None)
    assert correct(kept.writer, sheet.path, by="ada").corrected == 1


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda sheet: sheet.rows[0].update(_line="99"), "line 2 names no row that was kept out of silver.orders"),
        (lambda sheet: sheet.rows[0].update(_row_hash="0"), "line 2 names no row that was kept out of silver.orders"),
        (lambda sheet: sheet.rows[0].update(_file="elsewhere.csv"), "names no row that was kept out"),
        (lambda sheet: sheet.rows.append(dict(sheet.rows[0])), "line 2 names the same row as another line"),
        (lambda sheet: sheet.rows[-1].update(_table="silver.sales"), "correct one table at a time"),
        (
            lambda sheet: [row.update(_table="gold.dim_date") for row in sheet.rows],
            "is no table that rows are kept out",
        ),
        (lambda sheet: [row.update(_table="silver.sales") for row in sheet.rows], "Give it the columns"),
        (lambda sheet: sheet.names.append("colour"), "colour"),
        (lambda sheet: sheet.rows.clear(), "there is no line in it"),
    ],
)
def test_a_file_that_fits_no_export_is_refused_as_a_whole(kept: House, tmp_path: Path, spoil, told: str):
    sheet = export(kept, "orders", tmp_path / "q.csv").edit("O3", status="PAID")
    spoil(sheet)
    with pytest.raises(MetaLayerError) as error:
        correct(kept.writer, sheet.save(restval="", extrasaction="ignore"), by="eve")
    if told != "Give it the columns":
        assert told in str(error.value)
    assert "q.csv" in str(error.value)
    assert corrections(kept) == []
    assert kept.value("select count(*) from quarantine.orders where resolution is not null") == 0


def test_a_line_that_cannot_be_read_and_a_column_that_is_missing_are_named(kept: House, tmp_path: Path):
    sheet = export(kept, "orders", tmp_path / "q.csv")
    text = sheet.path.read_text()
    sheet.path.write_text(text.replace("LOST", 'LOST,"'))
    assert re.search(r"line 3 cannot be read: .*Nothing was corrected", refused(kept, sheet.path))
    sheet.names.remove("status")
    assert "missing 'status'" in refused(kept, sheet.save(extrasaction="ignore"))


def test_a_day_whose_files_have_left_the_landing_folder_is_not_corrected(kept: House, tmp_path: Path):
    sheet = export(kept, "orders", tmp_path / "q.csv").edit("O1", quantity="2").edit("O4", quantity="1")
    kept.unland("erp/orders", day(1))
    told = refused(kept, sheet.save())
    assert f"the first: erp/orders/{day(1)}/part-0.csv" in told


def test_a_process_that_dies_at_any_statement_leaves_a_sound_warehouse_and_can_be_repeated(kept: House, tmp_path: Path):
    sheet = export(kept, "orders", tmp_path / "q.csv").edit("O1", quantity="2").edit("O4", quantity="4")
    path = sheet.save()
    before = kept.state(ledger=True)
    at = died = 0
    while True:
        at += 1
        writer = SliceWriter(CrashingDatabase(kept.database.url, at=at), kept.settings)
        try:
            correct(writer, path, by="ada")
        except Crash:
            died += 1
            assert kept.state(ledger=True) == before
            assert corrections(kept) == corrections(kept, day(1)) == []
        else:
            break
    assert died > 10
    assert kept.update() == []
    assert facts(kept) == [("O1", 2), ("O2", 2), ("O4", 4)]
    assert kept.problems() == []


@pytest.mark.parametrize("landed", [1, 2])
@pytest.mark.parametrize("loaded", [False, True])
def test_a_correction_that_landed_before_the_process_died_is_recorded_by_repeating_it(
    kept: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, landed: int, *, loaded: bool
):
    sheet = export(kept, "orders", tmp_path / "q.csv").edit("O1", quantity="2").edit("O4", quantity="4")
    path = sheet.save()
    placed = []

    def die(waiting: Path, to: Path) -> None:
        new_files.put_in_place(waiting, to)
        placed.append(to)
        if len(placed) == landed:
            raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(correction_file, "put_in_place", die)
        with pytest.raises(Crash):
            correct(kept.writer, path, by="ada")
    assert [row["resolution"] for row in listed(kept, "orders")] == [None] * 3
    if loaded:
        # The sensor was faster than the person: what landed counts, and is not yet said to correct anything.
        assert kept.update() == []
        assert kept.problems() == []
    done = correct(kept.writer, path, by="ada")
    assert done.corrected == 2
    assert len(corrections(kept)) == len(corrections(kept, day(1))) == 1
    assert kept.update() == []
    assert facts(kept) == [("O1", 2), ("O2", 2), ("O4", 4)]
    assert [row["order_id"] for row in listed(kept, "orders")] == ["O3"]
    assert kept.problems() == []


def test_a_correction_that_cannot_be_written_leaves_nothing(kept: House, tmp_path: Path, monkeypatch):
    sheet = export(kept, "orders", tmp_path / "q.csv").edit("O1", quantity="2")
    path = sheet.save()

    def fail(waiting: Path, to: Path) -> None:
        raise OSError(28, "No space left on device")

    before = kept.state(ledger=True)
    monkeypatch.setattr(correction_file, "put_in_place", fail)
    with pytest.raises(LandingError, match="No space left on device"):
        correct(kept.writer, path, by="ada")
    assert kept.state(ledger=True) == before
    assert os.listdir(kept.settings.landing / FOLDER) == ["part-0.csv"]  # noqa: PTH208 -- hidden files too


def test_a_correction_whose_file_is_gone_can_be_taken_back(kept: House, tmp_path: Path):
    desk = desk_of(CATALOG["silver.orders"])
    correct_rows(kept, "orders", tmp_path / "a.csv", lambda sheet: sheet.edit("O1", quantity="2"))
    assert waiver.reopen(kept.writer, desk, Selection(), by="ada", note=None) == 0
    assert kept.update() == []
    assert waiver.reopen(kept.writer, desk, Selection(), by="ada", note=None) == 0
    corrections(kept)[0].unlink()
    kept.write("bronze.erp_orders", DAY, allow_shrink=True)
    assert kept.update(allow_shrink=True) == []
    assert waiver.reopen(kept.writer, desk, Selection(), by="ada", note="lost") == 1
    assert correct_rows(kept, "orders", tmp_path / "b.csv", lambda sheet: sheet.edit("O1", quantity="2")).corrected == 1
    assert kept.update() == []
    assert kept.problems() == []


def test_of_several_corrections_with_one_key_the_last_stands(house: House, tmp_path: Path):
    house.land("erp/orders", DAY, [order("O1", quantity="x"), order("O1", quantity="y")])
    assert house.update() == []
    for number, quantity in enumerate(["7", "8"]):
        sheet = export(house, "orders", tmp_path / f"{number}.csv")
        sheet.rows[0]["quantity"] = quantity
        correct(house.writer, sheet.save(), by="ada")
    assert house.update() == []
    assert facts(house) == [("O1", 8)]


def test_a_correction_comes_after_all_files_of_its_day(kept: House, tmp_path: Path):
    for standing in ("zz.csv", "zz-correction-000001-0123456789abcdef.jsonl", "zzz.csv", "été.csv", "\U0001f600.csv"):
        name = correction_file.correction_name(["a.csv", standing], "f" * 64)
        assert name > standing
        assert correction_file.correction_name(["a.csv", standing, name], "f" * 64) == name
        assert correction_file.correction_name(["a.csv", standing, name], "e" * 64) > name
    kept.land("erp/orders", DAY, [order("O1", quantity="0")], name="zzz.csv")
    assert kept.update() == []
    correct_rows(kept, "orders", tmp_path / "q.csv", lambda sheet: [row.update(quantity="3") for row in sheet.rows])
    files = scan_days(kept.settings, CATALOG["bronze.erp_orders"], [DAY])[DAY]
    assert "correction" in files[-1].name


def test_who_acts_is_the_one_named_or_set_or_logged_in(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOGNAME", "cy")
    assert acting(house.settings, None) == "cy"
    named = house.with_settings(user="bob").settings
    assert (acting(named, None), acting(named, "ada")) == ("bob", "ada")
    with pytest.raises(SettingError, match="--by is not a name"):
        acting(named, "a\nb")
