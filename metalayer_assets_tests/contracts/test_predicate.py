"""Try to make the two readings of a predicate differ: the one in PostgreSQL and the one over a frame."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metalayer_assets.contracts import Type
from metalayer_assets.contracts.predicate import Col, Predicate
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.statements import bind

COLUMNS = {"a": Type.INTEGER, "b": Type.INTEGER, "m": Type.NUMERIC, "s": Type.TEXT, "d": Type.DATE, "e": Type.DATE}
DAY = date(2024, 2, 28)
Rows = Sequence[tuple[Any, ...]]
Ask = Callable[[Predicate, Rows], list[bool | None]]


@pytest.fixture(scope="module")
def in_sql(server_url: str) -> Iterator[Ask]:
    """Function that asks PostgreSQL whether a predicate is true, false or unknown of each row."""
    with closing(Database(server_url).connect()) as connection, connection.cursor() as cursor:
        columns = ", ".join(f"{name} {kind.sql}" for name, kind in COLUMNS.items())
        cursor.execute(f"create temporary table told (n integer, {columns})")

        def ask(predicate: Predicate, rows: Rows) -> list[bool | None]:
            cursor.execute("truncate told")
            for number, row in enumerate(rows):
                cursor.execute("insert into told values (%s, %s, %s, %s, %s, %s, %s)", (number, *row))
            cursor.execute(bind(f"select {predicate.sql({name: name for name in COLUMNS})} from told order by n"), {})
            return [truth for (truth,) in cursor.fetchall()]

        yield ask


def in_pandas(predicate: Predicate, rows: Rows) -> list[bool | None]:
    """What the predicate's mask says of each row of a typed frame."""
    frame = pd.DataFrame(list(rows), columns=list(COLUMNS)).astype({n: kind.pandas for n, kind in COLUMNS.items()})
    return [None if pd.isna(truth) else bool(truth) for truth in predicate.mask(frame)]


_numbers = st.sampled_from([None, -1, 0, 1, 2])
_texts = st.sampled_from([None, "", "A", "B", "a", "A\n", "AB", "ÄB", "%", "A'B", "\u0661"])
_days = st.sampled_from([None, DAY, date(2024, 2, 29), date(2024, 3, 1), date(1066, 10, 14), date(9999, 12, 30)])
_rows = st.lists(
    st.tuples(_numbers, _numbers, _numbers.map(lambda n: None if n is None else Decimal(n) / 4), _texts, _days, _days),
    min_size=1,
    max_size=6,
)
_orders = [Col.__lt__, Col.__le__, Col.__gt__, Col.__ge__, Col.__eq__, Col.__ne__]
_comparisons = st.sampled_from(_orders)
_leaves = st.one_of(
    st.sampled_from([*COLUMNS]).map(lambda name: Col(name).present),
    st.builds(
        lambda compare, name, other: compare(Col(name), other), _comparisons, st.sampled_from("abm"), st.integers(-1, 2)
    ),
    st.builds(lambda compare: compare(Col("a"), Col("b")), _comparisons),
    st.builds(lambda compare: compare(Col("d"), Col("e")), _comparisons),
    st.builds(lambda compare: compare(Col("d"), DAY), _comparisons),
    st.builds(lambda days: Col("d").at_most(Col("e"), plus_days=days), st.integers(0, 2)),
    st.builds(lambda days: Col("d").at_most(DAY, plus_days=days), st.integers(0, 2)),
    st.sampled_from([Col("s").one_of("A", "A'B"), Col("s").one_of("%"), Col("s").one_of("B")]),
    st.sampled_from(["[A-Z]+", "A?", ".*", "A|B", "[^A]", "A'B", "%", "[0-9]"]).map(Col("s").matches),
    st.integers(0, 2).map(Col("s").within),
)
_predicates = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.builds(lambda left, right: left & right, inner, inner),
        st.builds(lambda left, right: left | right, inner, inner),
        st.builds(lambda one: ~one, inner),
    ),
    max_leaves=5,
)


@given(predicate=_predicates, rows=_rows)
@settings(max_examples=150, deadline=None, database=None)
def test_a_frame_and_postgresql_agree_on_every_truth(in_sql: Ask, predicate: Predicate, rows: Rows):
    assert in_pandas(predicate, rows) == in_sql(predicate, rows)


@pytest.mark.parametrize(
    ("predicate", "truth"),
    [
        (Col("a") > 0, None),
        (Col("a").present, False),
        ((Col("a") > 0) | (Col("b") == 1), True),
        ((Col("a") > 0) & (Col("b") == 1), None),
        ((Col("a") > 0) & (Col("b") == 2), False),
        (~(Col("a") > 0), None),
        (Col("s").one_of("A"), None),
        (Col("s").matches("A"), None),
        (Col("s").within(1), None),
    ],
)
def test_of_a_missing_value_a_predicate_knows_nothing(in_sql: Ask, predicate: Predicate, truth: bool | None):
    row = (None, 1, None, None, None, None)
    assert in_sql(predicate, [row]) == in_pandas(predicate, [row]) == [truth]


def test_a_pattern_means_the_whole_text(in_sql: Ask):
    predicate = Col("s").matches("[A-Z]+")
    rows = [(None, None, None, text, None, None) for text in ("AB", "AB\n", " AB", "ABc", "")]
    assert in_sql(predicate, rows) == in_pandas(predicate, rows) == [True, False, False, False, False]


def test_a_point_in_a_pattern_means_any_character(in_sql: Ask):
    predicate = Col("s").matches("A.B?")
    rows = [(None, None, None, text, None, None) for text in ("A\n", "A\nB", "A", "A\n\n", "AéB")]
    assert in_sql(predicate, rows) == in_pandas(predicate, rows) == [True, True, False, False, True]


def test_a_predicate_knows_the_columns_that_it_reads():
    predicate = (Col("a") > Col("b")) & (~Col("s").one_of("A") | Col("d").present)
    assert predicate.columns() == {"a", "b", "s", "d"}
    assert Col("m").within(2).columns() == Col("m").matches("A").columns() == {"m"}
