from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse import ledger, replaced
from metalayer_assets.warehouse.as_of import PastUnknown
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.ledger import WriteContext
from metalayer_assets.warehouse.rollback import RollbackRefused, roll_back
from metalayer_assets.warehouse.writer import SliceWriter
from metalayer_assets_tests.house import Crash, CrashingDatabase, House
from metalayer_assets_tests.scenario import DAY, day, order
from metalayer_assets_tests.warehouse.moving_rows import MEMBERS, with_members, write_members
from metalayer_assets_tests.warehouse.recorded import RecordedHouse

SILVER, KEPT_OUT, FACTS, DAILY = "silver.orders", "quarantine.orders", "gold.fact_orders", "gold.agg_daily_sales"
BUSINESS_DAY = date(2024, 3, 9)


@pytest.fixture
def house(house: House) -> Iterator[RecordedHouse]:
    """A warehouse that copies its tables after each write."""
    with closing(RecordedHouse(house.database, house.settings)) as recorded:
        yield recorded


@pytest.fixture
def corrected(house: RecordedHouse) -> RecordedHouse:
    """A day of orders that was landed twice: other rows are kept out now, and there is one row more."""
    house.land("erp/orders", DAY, [order("O1"), order("O2"), order("O3", quantity="two"), order("O4", quantity="x")])
    house.land("erp/orders", day(1), [order("O9", order_date="2024-03-08")])
    assert house.update() == []
    rows = [order("O1", quantity="7"), order("O3"), order("O5", status="?"), order("O4", quantity="x"), order("O6")]
    house.land("erp/orders", DAY, rows)
    assert house.update() == []
    return house


def writes_of(house: RecordedHouse, table: str) -> list[int]:
    """Writes of a table that were copied."""
    return [copy.write_id for copy in house.copies[table]]


def test_a_slice_and_what_is_kept_out_of_it_stand_as_after_an_earlier_write(corrected: RecordedHouse):
    first, second = corrected.copies[SILVER]
    # The other slice of the first write is not touched.
    elsewhere = corrected.fetch(
        "select ctid, xmin, t::text from silver.orders as t where arrival_day = %(d)s", d=day(1)
    )
    report = corrected.roll_back(SILVER, DAY, first.write_id)
    assert report.published == {DAY}
    assert corrected.copies[SILVER][-1].rows == first.rows != second.rows
    assert (
        corrected.copies[KEPT_OUT][-1].rows == corrected.copies[KEPT_OUT][0].rows != corrected.copies[KEPT_OUT][1].rows
    )
    assert corrected.fetch("select order_id, state from quarantine.orders order by 1") == [
        ("O3", "open"),
        ("O4", "open"),
        ("O5", "closed"),
    ]
    assert elsewhere == corrected.fetch(
        "select ctid, xmin, t::text from silver.orders as t where arrival_day = %(d)s", d=day(1)
    )
    assert corrected.problems() == []


def test_a_rollback_is_entered_in_the_ledger_with_what_the_slice_holds(corrected: RecordedHouse):
    first, second = writes_of(corrected, SILVER)
    report = corrected.roll_back(SILVER, DAY, first)
    columns = (
        "rows_read, rows_written, rows_collapsed, rows_quarantined, checksum, quarantine_checksum, quality_score"
        ", code_version"
    )
    entries = {
        write_id: counts
        for write_id, *counts in corrected.fetch(
            f"select write_id, {columns} from meta.slice_ledger where table_name = 'silver.orders' and slice = %(day)s",
            day=DAY,
        )
    }
    assert entries[report.write_id] == entries[first] != entries[second]
    assert corrected.fetch(
        "select status, reason from meta.slice_ledger where write_id = %(id)s", id=report.write_id
    ) == [("published", f"rolled back to write {first}")]
    counts = {
        write_id: corrected.fetch(
            "select rule_id, severity, rows_examined, rows_broken, sample_keys from meta.rule_results"
            " where write_id = %(id)s and slice = %(day)s order by 1",
            id=write_id,
            day=DAY,
        )
        for write_id in (first, second, report.write_id)
    }
    assert counts[report.write_id] == counts[first] != counts[second]


def test_what_follows_from_the_slice_is_restated_and_the_slice_stays(corrected: RecordedHouse):
    before = {table: corrected.copies[table][0].rows for table in (FACTS, DAILY)}
    report = corrected.roll_back(SILVER, DAY, writes_of(corrected, SILVER)[0])
    assert report.touched[FACTS] == [BUSINESS_DAY]
    assert corrected.problems() == []
    assert corrected.update() == []
    assert {table: corrected.copies[table][-1].rows for table in before} == before
    assert corrected.copies[SILVER][-1].write_id == report.write_id
    assert corrected.plan() == []
    assert corrected.problems() == []


def test_a_rollback_can_be_undone(corrected: RecordedHouse):
    first, second = writes_of(corrected, SILVER)
    state = corrected.checksums()
    for to_write in (first, second, first, second):
        corrected.roll_back(SILVER, DAY, to_write)
        assert corrected.update() == []
        assert corrected.problems() == []
        assert (corrected.checksums() == state) == (to_write == second)


def test_a_slice_that_holds_that_already_is_not_written(corrected: RecordedHouse):
    where_rows_lie = {name: corrected.physical(name) for name in CATALOG if not name.startswith("meta.")}
    second = writes_of(corrected, SILVER)[1]
    report = corrected.roll_back(SILVER, DAY, second)
    assert (report.published, report.touched) == (frozenset(), {})
    assert {name: corrected.physical(name) for name in where_rows_lie} == where_rows_lie
    assert corrected.fetch(
        "select status, reason from meta.slice_ledger where write_id = %(id)s", id=report.write_id
    ) == [("unchanged", f"rolled back to write {second}")]


def test_a_slice_that_was_to_be_restated_is_left_alone_until_it_is_touched_again(corrected: RecordedHouse):
    corrected.land("erp/orders", DAY, [order("O1", quantity="9")])
    corrected.write("bronze.erp_orders", DAY)
    assert corrected.touched() == {SILVER: [DAY]}
    first = writes_of(corrected, SILVER)[0]
    corrected.roll_back(SILVER, DAY, first)
    assert SILVER not in corrected.touched()
    assert corrected.update() == []
    assert corrected.copies[SILVER][-1].rows == corrected.copies[SILVER][0].rows
    assert corrected.problems() == []
    corrected.land("erp/orders", DAY, [order("O1", quantity="11")])
    assert corrected.update(allow_shrink=True) == []
    assert [row["quantity"] for key, row in corrected.copies[SILVER][-1].rows.items() if key[0] == DAY] == [11]
    assert corrected.problems() == []


def test_an_empty_slice_can_be_come_back_to(house: RecordedHouse):
    for rows in ([], [order("O1"), order("O2", quantity="two")]):
        house.land("erp/orders", DAY, rows)
        house.load("erp/orders", DAY)
    house.roll_back(SILVER, DAY, writes_of(house, SILVER)[0])
    assert house.copies[SILVER][-1].rows == house.copies[KEPT_OUT][-1].rows == {}
    house.roll_back(SILVER, DAY, writes_of(house, SILVER)[1])
    assert len(house.copies[SILVER][-1].rows) == len(house.copies[KEPT_OUT][-1].rows) == 1


def test_facts_can_be_rolled_back_alone(corrected: RecordedHouse):
    report = corrected.roll_back(FACTS, BUSINESS_DAY, writes_of(corrected, FACTS)[0])
    assert report.touched == {DAILY: [BUSINESS_DAY]}
    assert corrected.problems() == []
    assert corrected.update() == []
    assert corrected.copies[FACTS][-1].rows == corrected.copies[FACTS][0].rows
    assert corrected.copies[DAILY][-1].rows == corrected.copies[DAILY][0].rows
    assert corrected.problems() == []


@pytest.mark.parametrize(("table", "slice_"), [(SILVER, DAY), (FACTS, BUSINESS_DAY)])
def test_a_process_that_dies_at_any_statement_leaves_the_slice_as_it_was(
    corrected: RecordedHouse, table: str, slice_: date
):
    before = corrected.state(ledger=True)
    first = writes_of(corrected, table)[0]
    at = 0
    while True:
        at += 1
        writer = SliceWriter(CrashingDatabase(corrected.database.url, at=at), corrected.settings)
        try:
            roll_back(writer, CATALOG[table], slice_, first)
        except Crash:
            assert corrected.state(ledger=True) == before, f"it died at statement {at}"
        else:
            break
    assert at > 10
    assert corrected.state() != before
    assert corrected.problems() == []


def test_writers_of_the_slice_wait_for_a_rollback(corrected: RecordedHouse, monkeypatch: pytest.MonkeyPatch):
    counted = ledger.next_write_id
    locked: list[tuple[int, ...]] = []

    def look(cursor: Any) -> int:
        locked.extend(
            corrected.fetch(
                "select objid::bigint from pg_locks"
                " where locktype = 'advisory' and pid = %(pid)s and mode = 'ExclusiveLock'",
                pid=cursor.connection.info.backend_pid,
            )
        )
        return counted(cursor)

    monkeypatch.setattr(ledger, "next_write_id", look)
    corrected.roll_back(SILVER, DAY, writes_of(corrected, SILVER)[0])
    assert (DAY.toordinal(),) in locked


def test_a_write_that_left_the_slice_in_no_state_is_told(corrected: RecordedHouse):
    before = corrected.state(ledger=True)
    first = writes_of(corrected, SILVER)[0]
    for write_id, slice_ in ((999, DAY), (writes_of(corrected, FACTS)[0], DAY), (first, day(5))):
        sentence = rf"write {write_id} did not write slice {slice_} of silver\.orders; see which did: metalayer ledger"
        with pytest.raises(SettingError, match=sentence):
            corrected.roll_back(SILVER, slice_, write_id)
    assert corrected.state(ledger=True) == before


def test_a_refused_write_is_told_with_its_reason(corrected: RecordedHouse):
    _, refused = writes_of(corrected, FACTS)
    corrected.execute(
        "update meta.slice_ledger set status = 'refused', reason = 'too few' where write_id = %(id)s", id=refused
    )
    sentence = rf"write {refused} of slice {BUSINESS_DAY} of gold\.fact_orders was refused, so nothing stood .* too few"
    with pytest.raises(SettingError, match=sentence):
        corrected.roll_back(FACTS, BUSINESS_DAY, refused)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("bronze.erp_orders", "put the old file back into the landing folder, then: metalayer run"),
        ("quarantine.orders", "has no slices to roll back: name a silver or gold table"),
        (
            "gold.dim_customer",
            r"follows from every slice of silver\.customers, silver\.accounts, .* roll back those of",
        ),
        ("meta.slice_ledger", "has no slices to roll back: name a silver or gold table"),
    ],
)
def test_a_table_that_cannot_be_rolled_back_is_told_with_the_way_out(house: RecordedHouse, table: str, sentence: str):
    with pytest.raises(SettingError, match=sentence):
        house.roll_back(table, DAY, 1)


def test_a_day_that_is_no_slice_is_told(house: RecordedHouse):
    with pytest.raises(SettingError, match=r"2024-03-10 is not a slice of gold\.dim_date: a year is named by"):
        house.roll_back("gold.dim_date", DAY, 1)


def test_a_past_that_is_not_kept_cannot_be_come_back_to(corrected: RecordedHouse):
    with corrected.database.transaction() as cursor:
        replaced.forget(cursor, datetime.now(tz=UTC) + timedelta(seconds=1))
    before = corrected.state(ledger=True)
    with pytest.raises(PastUnknown, match=r"what silver\.orders held before write \d+ \(.*\) is not known"):
        corrected.roll_back(SILVER, DAY, writes_of(corrected, SILVER)[0])
    assert corrected.state(ledger=True) == before
    # What stands is known.
    assert corrected.roll_back(SILVER, DAY, writes_of(corrected, SILVER)[1]).published == frozenset()


@pytest.mark.parametrize(
    ("tamper", "sentence"),
    [
        (
            "update history.orders set quantity = 99 where _change = 'removed'",
            r"kept of silver\.orders has the checksum",
        ),
        ("delete from history.quarantine_orders", r"kept of quarantine\.orders has the checksum"),
    ],
)
def test_rows_that_somebody_changed_in_the_history_are_not_restored(
    corrected: RecordedHouse, tamper: str, sentence: str
):
    corrected.execute(tamper)
    before = corrected.state(ledger=True)
    with pytest.raises(RollbackRefused, match=sentence):
        corrected.roll_back(SILVER, DAY, writes_of(corrected, SILVER)[0])
    assert corrected.state(ledger=True) == before
    (problem,) = corrected.problems()
    assert problem.startswith(f"silver.orders: slice {DAY}: write {writes_of(corrected, SILVER)[1]} changed it by")


def test_a_row_that_has_moved_to_another_slice_is_not_taken_from_there(
    house: RecordedHouse, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(SliceWriter, "context", lambda *_, **__: WriteContext("x"))
    with with_members(house):
        first = write_members(house, {}, {"A": (1, 0), "B": (1, 1)})
        write_members(house, {"A": (1, 0), "B": (1, 1)}, {"A": (1, 1), "B": (1, 1)})
        before = house.state(ledger=True)
        with pytest.raises(
            RollbackRefused, match=r"has moved to another slice since. Key \(member\)=\(A\) already exists"
        ):
            house.roll_back(MEMBERS.name, DAY, first)
        assert house.state(ledger=True) == before
