"""Define the quality score here: of a slice, and of any sum of slices; keep the counting out (`measuring`)."""

from collections.abc import Iterable
from decimal import ROUND_FLOOR, Decimal

from metalayer_assets.warehouse.ledger import RuleCount

_PLACES = Decimal("0.0001")


def score(rules: Iterable[RuleCount]) -> Decimal | None:
    """Share of what was examined that held, 0 to 1 to four decimals, each rule by its weight.

    A row counts for a rule only where the rule could be asked of it. None where nothing was examined, or nothing with a
    weight: of what nobody looked at, no score is told.
    """
    examined = broken = 0
    for rule in rules:
        examined += rule.weight * rule.rows_examined
        broken += rule.weight * rule.rows_broken
    if not examined:
        return None
    # Rounded down, so that one broken row among a million is not told as none.
    return ((Decimal(examined) - broken) / examined).quantize(_PLACES, rounding=ROUND_FLOOR)
