"""Try to make the two readings of a rule about a slice differ: the one within a write, and the one over frames."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import pandera.errors
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metalayer_assets.contracts import (
    Agrees,
    Catalog,
    Column,
    Complete,
    Contract,
    Holds,
    Known,
    SetRule,
    Severity,
    Stored,
    Type,
    Unique,
)
from metalayer_assets.contracts.predicate import Col
from metalayer_assets.warehouse import set_rules
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.frames import pandera_schema, typed
from metalayer_assets.warehouse.staging import STAGE, stage_frame
from metalayer_assets_tests.scenario import DAY, day

OTHER = Contract(
    name="gold.others",
    description="What rows name, and what they add up to.",
    columns=(
        Column("n", Type.INTEGER, "Row."),
        Column("code", Type.TEXT, "Code."),
        Column("kind", Type.TEXT, "Kind."),
        Column("amount", Type.NUMERIC, "Amount."),
        Column("day", Type.DATE, "Day.", nullable=False),
    ),
    key=("n",),
    source=Stored(),
    slice_by="day",
)
KINDS = {
    "holds": Holds((Col("amount") > 0) | Col("kind").one_of("A")),
    "unique": Unique(("code", "kind")),
    "unique_of": Unique(("code",), of=("kind", "amount")),
    "known": Known(("code",), OTHER.name, ("code",)),
    "known_where": Known(("code", "kind"), OTHER.name, ("code", "kind"), where=Col("amount") > 0),
    "complete": Complete("kind", 0.6),
    "complete_all": Complete("code", 1.0),
    "counts": Agrees("n", OTHER.name, "day"),
    "amounts": Agrees("amount", OTHER.name, "day", of="amount"),
    "amounts_where": Agrees("amount", OTHER.name, "day", of="amount", where=Col("kind").present),
}
TABLE = replace(
    OTHER, name="gold.told", set_rules=tuple(SetRule(name, f"{name}.", kind) for name, kind in KINDS.items())
)
_rows = st.lists(
    st.fixed_dictionaries(
        {
            "code": st.sampled_from([None, "", "a", "A", "b"]),
            "kind": st.sampled_from([None, "A", "B"]),
            "amount": st.sampled_from([None, Decimal(-1), Decimal(0), Decimal("1.10"), Decimal("1.1")]),
            "day": st.sampled_from([DAY, DAY, day(1)]),
        }
    ),
    min_size=1,
    max_size=8,
)


def frame_of(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a frame with its row number as key."""
    frame = pd.DataFrame([{"n": number, **row} for number, row in enumerate(rows)], columns=list(OTHER.column_names))
    return typed(frame, OTHER)


@pytest.fixture(scope="module")
def cursor(server_url: str) -> Iterator[Any]:
    """A cursor on tables that are never committed, with a catalog that knows them."""
    with (
        pytest.MonkeyPatch.context() as patch,
        closing(Database(server_url).connect()) as connection,
        connection.cursor() as cursor,
    ):
        patch.setattr(set_rules, "CATALOG", Catalog((OTHER, TABLE)))
        yield cursor
        connection.rollback()


def counted(cursor: Any, rows: pd.DataFrame, others: pd.DataFrame) -> dict[tuple[str, date], tuple[int, int]]:
    """Rows examined and broken by rule and slice, as PostgreSQL counts them."""
    # What a rule looks into is named by schema and table: the stage of the other one gets that name.
    cursor.execute("create schema if not exists gold")
    cursor.execute("drop table if exists gold.others")
    stage_frame(cursor, OTHER, others)
    cursor.execute(f"create table gold.others as select * from {STAGE}")
    stage_frame(cursor, TABLE, rows)
    found = set_rules.count(cursor, TABLE, STAGE, [DAY, day(1)])
    return {
        (rule.rule_id, slice_): (rule.rows_examined, rule.rows_broken)
        for slice_, rules in found.items()
        for rule in rules
    }


@given(rows=_rows, others=_rows)
@settings(max_examples=60, deadline=None, database=None)
def test_pandera_and_postgresql_give_one_verdict_on_every_slice(
    cursor: Any, rows: list[dict[str, Any]], others: list[dict[str, Any]]
):
    frame, other = frame_of(rows), frame_of(others)
    broken: dict[tuple[str, date], int] = {}
    try:
        pandera_schema(TABLE, others={OTHER.name: other}).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases
        for rule, row in (
            cases[cases["check"].isin(KINDS)][["check", "index"]].drop_duplicates().itertuples(index=False)
        ):
            place = (rule, rows[int(row)]["day"])
            broken[place] = broken.get(place, 0) + 1
    found = counted(cursor, frame, other)
    assert broken == {place: rows_broken for place, (_, rows_broken) in found.items() if rows_broken}
    assert all(examined >= rows_broken for examined, rows_broken in found.values())
    assert {rule for rule, _ in found} == KINDS.keys()


def test_of_what_cannot_be_asked_nothing_is_counted(cursor: Any):
    nothing = frame_of([{"code": None, "kind": None, "amount": None, "day": DAY}])
    found = counted(cursor, nothing, frame_of([]))
    asked = {rule for (rule, slice_), (examined, _) in found.items() if slice_ == DAY and examined}
    assert asked == {"complete", "complete_all", "counts", "amounts", "amounts_where"}
    assert found["complete", DAY] == found["complete_all", DAY] == (1, 1)
    # An empty slice was not examined at all.
    assert {found[rule, day(1)] for rule in KINDS} == {(0, 0)}


def test_a_rejecting_rule_refuses_its_slice_and_names_what_it_found(cursor: Any):
    frame = frame_of([{"code": "a", "kind": "A", "amount": None, "day": DAY}] * 2)
    stage_frame(cursor, TABLE, frame)
    found = set_rules.count(cursor, TABLE, STAGE, [DAY])
    assert set_rules.refused(TABLE, found) == {}
    strict = replace(TABLE, set_rules=(SetRule("unique", "No code is told twice.", KINDS["unique"], Severity.REJECT),))
    assert set_rules.refused(strict, set_rules.count(cursor, strict, STAGE, [DAY])) == {
        DAY: "it breaks unique (No code is told twice): 2 of 2 rows, such as 0, 1. Mend the source or the model, or"
        " declare the rule as a warning."
    }
