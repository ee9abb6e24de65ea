"""Hold two countings of the same thing against one another here, day by day; the countings are `sql/checks/*.sql`."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from metalayer_assets.contracts import CATALOG, Grain
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.kept_findings import replace_days
from metalayer_assets.warehouse.shipped import checks_statement
from metalayer_assets.warehouse.statements import bind

Cursor = Any

TABLE = "meta.reconciliations"
SAMPLE = 5


@dataclass(frozen=True)
class Reconciliation:
    """Two sides that say the same in different places.

    Attributes:
        id: Name, and that of its statement.
        left: What the first side is.
        right: What the second side is.
        must_agree: Whether a difference is a fault of the warehouse; where not, it is one between the sources.
        is_cheap: Whether it reads no more than the ledger and the facts of the days asked for.
    """

    id: str
    left: str
    right: str
    must_agree: bool = True
    is_cheap: bool = False


RECONCILIATIONS = (
    Reconciliation("hop_rows", "rows that a slice was read from", "rows that it kept", is_cheap=True),
    Reconciliation("bronze_to_silver_orders", "landed orders", "orders in silver"),
    Reconciliation("bronze_to_silver_sales", "landed sales lines", "sales lines in silver"),
    Reconciliation("silver_to_gold_orders", "last tellings of orders", "gold.fact_orders"),
    Reconciliation("silver_to_gold_sales", "last tellings of sales lines", "gold.fact_sales"),
    Reconciliation("facts_to_daily", "sums of facts", "gold.agg_daily_sales", is_cheap=True),
    Reconciliation("orders_to_sales", "orders that money moved for", "sales lines", must_agree=False),
    Reconciliation("customers_erp_to_crm", "customers of one side", "those that the other knows", must_agree=False),
    Reconciliation("products_erp_to_master", "products of one side", "those that the other knows", must_agree=False),
)
_BY_ID = {check.id: check for check in RECONCILIATIONS}


@dataclass(frozen=True)
class Comparison:
    """What one reconciliation found for one measure of a day: a row of `meta.reconciliations`."""

    check_id: str
    measure: str
    day: date
    left_value: Decimal
    right_value: Decimal
    explained: Decimal
    difference: Decimal
    differing_keys: int
    sample_keys: list[str]

    @property
    def agrees(self) -> bool:
        """Whether nothing is left to explain."""
        return self.difference == 0 and self.differing_keys == 0

    @property
    def must_agree(self) -> bool:
        """Whether a difference is a fault of the warehouse."""
        return _BY_ID[self.check_id].must_agree


def named_checks(ids: Sequence[str]) -> list[Reconciliation]:
    """The reconciliations of these ids, all of them where none is named.

    Raises:
        SettingError: There is none of that id.
    """
    unknown = [name for name in ids if name not in _BY_ID]
    if unknown:
        raise SettingError(f"there is no reconciliation '{unknown[0]}'. Known are: {', '.join(_BY_ID)}.")
    return [check for check in RECONCILIATIONS if not ids or check.id in ids]


def span(cursor: Cursor) -> tuple[date, date] | None:
    """The first and the last day that any table holds rows of; None in an empty warehouse.

    A day of which only bronze holds anything counts: what a refused slice of silver does not hold is a difference.
    """
    days = [name for name, contract in CATALOG.items() if contract.layer != "meta" and contract.grain is Grain.DAY]
    cursor.execute(
        bind(
            "select min(slice), max(slice) from meta.slice_ledger"
            " where table_name = any(:tables) and status <> 'refused' and rows_read > 0"
        ),
        {"tables": days},
    )
    first, last = cursor.fetchone()
    return None if first is None else (first, last)


def compare(cursor: Cursor, checks: Iterable[Reconciliation], first: date, last: date) -> list[Comparison]:
    """What the reconciliations find for the days from the first to the last."""
    found = []
    for check in checks:
        cursor.execute(bind(checks_statement(check.id)), {"first": first, "last": last, "sample": SAMPLE})
        for measure, day, *values, keys, sample in cursor.fetchall():
            left, right, explained = (Decimal(value) for value in values)
            difference = left - right - explained
            found.append(Comparison(check.id, measure, day, left, right, explained, difference, keys, list(sample)))
    return found


def keep(
    cursor: Cursor, found: Sequence[Comparison], checks: Iterable[Reconciliation], first: date, last: date
) -> None:
    """Make these what was last found of the reconciliations for the days."""
    replace_days(cursor, CATALOG[TABLE], found, first, last, of=("check_id", [check.id for check in checks]))


def differences_kept(cursor: Cursor, days: Collection[date]) -> list[Comparison]:
    """What `metalayer reconcile` last found of these days that does not agree."""
    columns = ", ".join(Comparison.__dataclass_fields__)
    cursor.execute(
        bind(
            f"select {columns} from meta.reconciliations"
            " where day = any(:days) and (difference <> 0 or differing_keys > 0) order by day, check_id, measure"
        ),
        {"days": sorted(days)},
    )
    kept = [Comparison(*row) for row in cursor.fetchall()]
    return [comparison for comparison in kept if comparison.check_id in _BY_ID]
