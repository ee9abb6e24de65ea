import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg2.errors import RaiseException

from metalayer_assets.contracts import CATALOG
from metalayer_assets.contracts.replaced import history_table, pasts_of
from metalayer_assets.warehouse import ddl
from metalayer_assets.warehouse.as_of import Point
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.past_sums import broken_past
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, day, order
from metalayer_assets_tests.warehouse.conftest import new_house
from metalayer_assets_tests.warehouse.moving_rows import MEMBERS, Members, with_members, write_members
from metalayer_assets_tests.warehouse.recorded import Event, RecordedHouse, pasts

A_MICROSECOND = timedelta(microseconds=1)
PASTS = [past for asset in CATALOG.assets() for past in pasts_of(asset, CATALOG)]


@given(past=pasts)
@settings(
    max_examples=8,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_every_past_state_is_what_a_copy_taken_then_holds(
    prepared_databases: tuple[Database, Database], past: Sequence[Event]
):
    with (
        tempfile.TemporaryDirectory() as folder,
        new_house(prepared_databases[0], Path(folder) / "landing") as made,
        closing(RecordedHouse(made.database, made.settings)) as house,
    ):
        for event in past:
            event.happen(house)
        for kept in PASTS:
            before = {}
            at = f"{kept.history.name}_at_write(%(write)s)"
            as_of = f"{kept.history.name}_as_of(%(moment)s)"
            for copy in house.copies.get(kept.table.name, ()):
                assert house.rows(kept, at, write=copy.write_id) == copy.rows
                assert house.rows(kept, as_of, moment=copy.moment - A_MICROSECOND) == before
                before = copy.rows
                last = copy
            if before:
                assert house.rows(kept, as_of, moment=last.moment) == before
        # Write by write, too, what is kept is what the ledger tells.
        assert [problem for problem in house.problems() if "history." in problem] == []


_states = st.dictionaries(st.sampled_from("ABC"), st.tuples(st.integers(1, 2), st.integers(0, 2)), max_size=3)


@pytest.fixture
def members(house: House) -> Iterator[House]:
    """A warehouse with a table whose rows move between slices."""
    with with_members(house):
        yield house


@given(states=st.lists(_states, min_size=2, max_size=8))
@settings(
    max_examples=15,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_rows_that_move_between_slices_are_found_where_they_were(members: House, states: list[Members]):
    members.execute("delete from gold.members")
    members.execute("delete from history.members")
    members.execute("delete from meta.slice_ledger where table_name = 'gold.members'")
    written = []
    for old, new in zip([{}, *states], states, strict=False):
        written.append((write_members(members, old, new), new))
    (past,) = pasts_of(MEMBERS, CATALOG)
    for write_id, state in written:
        moment = members.value("select min(finished_at) from meta.slice_ledger where write_id = %(id)s", id=write_id)
        for asked in (f"at_write({write_id})", f"as_of('{moment.isoformat()}')"):
            found = members.fetch(f"select member, rank, day from {past.history.name}_{asked}")
            assert sorted(found) == sorted((member, rank, day(number)) for member, (rank, number) in state.items())
    with members.database.transaction(readonly=True) as cursor:
        assert broken_past(cursor, MEMBERS) == []


@pytest.mark.parametrize("past", PASTS, ids=lambda past: past.table.name)
def test_every_table_can_be_asked_for_its_past_by_write_and_by_moment(house: House, past):
    declared = [
        (column.name, column.type.sql)
        for column in past.table.columns
        if column.name in past.column_names or column.ordinal
    ]
    for asked in ("at_write(9)", "as_of(now())"):
        with house.database.transaction() as cursor:
            cursor.execute(f"create temporary table found on commit drop as select * from {past.history.name}_{asked}")
            assert ddl.relation_columns(cursor, "pg_temp.found") == declared


def test_a_question_for_one_slice_reads_no_other(house: House):
    house.land("erp/orders", DAY, [order("O1", order_date="2024-02-09"), order("O2")])
    assert house.update() == []
    for asked in ("at_write(100)", "as_of(now())"):
        plan = "\n".join(
            line
            for (line,) in house.fetch(
                f"explain select * from history.fact_orders_{asked} where order_date = '2024-02-09'"
            )
        )
        assert "Function Scan" not in plan
        assert "fact_orders_y2024m02" in plan
        assert "fact_orders_y2024m03" not in plan


@pytest.mark.parametrize("asked", ["at_write(null)", "as_of(null)"])
def test_a_past_without_a_point_is_an_error_even_of_an_empty_table(house: House, asked: str):
    with pytest.raises(RaiseException, match=r"gold\.fact_orders held is asked for without a write or a moment"):
        house.fetch(f"select * from history.fact_orders_{asked}")


@pytest.mark.parametrize("asked", ["at_write(6)", "as_of('2024-01-31 23:59+00')"])
def test_an_unknown_past_is_an_error_even_of_an_empty_table(house: House, asked: str):
    house.execute("insert into meta.forgotten_writes values ('gold.fact_orders', 7, '2024-02-01 00:00+00')")
    unknown = (
        r"gold\.fact_orders held before write 7 \(2024-02-01 00:00:00 UTC\) is not known: its replaced rows are not"
    )
    with pytest.raises(RaiseException, match=unknown):
        house.fetch(f"select * from history.fact_orders_{asked}")
    # Nor is that of another table, and what came after is.
    for known in (f"orders_{asked}", "fact_orders_at_write(7)", "fact_orders_as_of('2024-02-01 00:00+00')"):
        assert house.fetch(f"select * from history.{known}") == []


def test_the_functions_follow_a_table_that_got_other_columns(database: Database, monkeypatch: pytest.MonkeyPatch):
    with database.transaction() as cursor:
        ddl.ensure(cursor)
    standing = CATALOG["gold.agg_daily_sales"]
    changed = replace(standing, columns=standing.columns[:3], set_rules=standing.set_rules[:2])
    monkeypatch.setitem(CATALOG._by_name, changed.name, changed)
    monkeypatch.setitem(CATALOG._by_name, "history.agg_daily_sales", history_table(changed))
    with database.transaction() as cursor:
        cursor.execute("drop table gold.agg_daily_sales, history.agg_daily_sales")
        assert ddl.ensure(cursor)
        cursor.execute("select * from history.agg_daily_sales_at_write(1)")
        assert [column.name for column in cursor.description] == list(changed.column_names)


@pytest.mark.parametrize(
    ("text", "point", "shown"),
    [
        ("17", Point(17), "write 17"),
        ("2024-03-10", Point(moment=datetime(2024, 3, 10, tzinfo=UTC)), "2024-03-10"),
        ("2024-03-10T12:30", Point(moment=datetime(2024, 3, 10, 12, 30, tzinfo=UTC)), "2024-03-10 12:30:00+00:00"),
        (
            "2024-03-10 00:00:00+02:00",
            Point(moment=datetime(2024, 3, 9, 22, tzinfo=UTC)),
            "2024-03-10 00:00:00+02:00",
        ),
    ],
)
def test_a_point_is_read_as_people_write_it(text: str, point: Point, shown: str):
    assert Point.read(text) == point
    assert str(Point.read(text)) == shown


@pytest.mark.parametrize("text", ["", "yesterday", "-1", "2024-02-30", "1e3", "99999999999999999999"])
def test_what_is_no_point_in_time_is_told(text: str):
    with pytest.raises(SettingError, match="is no point in time: write a write's number, a day as YYYY-MM-DD"):
        Point.read(text)
