"""Try to get a score for what nobody examined, or a better one than the rows deserve."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metalayer_assets.warehouse.ledger import RuleCount
from metalayer_assets.warehouse.scores import score

_counts = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10**7), st.integers(0, 10**7)), max_size=5)


def rules(*counts: tuple[int, int, int]) -> list[RuleCount]:
    """Rules by weight, rows examined and rows broken."""
    return [RuleCount("r", "warn", examined, broken, weight=weight) for weight, examined, broken in counts]


@pytest.mark.parametrize(
    ("counted", "expected"),
    [
        ([], None),
        ([(1, 0, 0)], None),
        ([(0, 10, 5)], None),
        ([(1, 10, 0)], "1"),
        ([(1, 10, 10)], "0"),
        ([(1, 10, 1)], "0.9"),
        # A rule that was asked of few rows counts for few.
        ([(1, 100, 0), (1, 1, 1)], "0.9900"),
        ([(3, 10, 1), (1, 10, 0)], "0.925"),
        # One row of a million is told.
        ([(1, 10**6, 1)], "0.9999"),
    ],
)
def test_a_score_is_the_share_of_what_was_examined(counted: Sequence[tuple[int, int, int]], expected: str | None):
    assert score(rules(*counted)) == (None if expected is None else Decimal(expected))


@given(counted=_counts)
def test_only_what_was_examined_and_held_scores_one(counted: list[tuple[int, int, int]]):
    told = [(weight, examined, min(examined, broken)) for weight, examined, broken in counted]
    found = score(rules(*told))
    examined = sum(weight * rows for weight, rows, _ in told)
    if not examined:
        assert found is None
        return
    exact = 1 - Fraction(sum(weight * broken for weight, _, broken in told), examined)
    assert found is not None
    assert 0 <= exact - Fraction(found) < Fraction(1, 10_000)
    assert (found == 1) == (exact == 1)
