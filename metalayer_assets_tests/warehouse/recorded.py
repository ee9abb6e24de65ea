"""Give tests a warehouse here that takes a copy of every table after every write, and random pasts for it to live."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from hypothesis import strategies as st

from metalayer_assets.contracts import CATALOG
from metalayer_assets.contracts.replaced import Past, pasts_of
from metalayer_assets.warehouse.audit import Refusal
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.ledger import WriteReport
from metalayer_assets.warehouse.rollback import roll_back
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.slices import slice_of
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import Row, customer, order

Rows = dict[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class Copy:
    """What a table held after a write.

    Attributes:
        write_id: The write.
        moment: When it was finished.
        rows: The rows by slice and key.
    """

    write_id: int
    moment: datetime
    rows: Rows


class RecordedHouse(House):
    """A warehouse with a copy of each table after each write of it.

    Attributes:
        copies: The copies in order, by table; quarantine tables too.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        super().__init__(database, settings)
        self.copies: dict[str, list[Copy]] = {}

    def write(self, table: str, *days: date, allow_shrink: bool = False, run_id: str | None = None) -> WriteReport:
        """Write slices of a table, and copy it."""
        return self._copied(super().write(table, *days, allow_shrink=allow_shrink, run_id=run_id))

    def roll_back(self, table: str, day: date, to_write: int) -> WriteReport:
        """Roll a slice back, and copy the table."""
        return self._copied(roll_back(self.writer, CATALOG[table], day, to_write))

    def _copied(self, report: WriteReport) -> WriteReport:
        moment = self.value(
            "select min(finished_at) from meta.slice_ledger where write_id = %(id)s", id=report.write_id
        )
        for past in pasts_of(CATALOG[report.table], CATALOG):
            condition = "true" if past.table is past.asset else "state = 'open'"
            rows = self.rows(past, f"{past.table.name} where {condition}")
            self.copies.setdefault(past.table.name, []).append(Copy(report.write_id, moment, rows))
        return report

    def rows(self, past: Past, relation: str, **values: object) -> Rows:
        """Rows of a relation with the table's columns, by slice and key."""
        day = slice_of(past.table)
        found = self.fetch(f"select {day}, {', '.join(past.column_names)} from {relation}", **values)
        named = [(first, dict(zip(past.column_names, row, strict=True))) for first, *row in found]
        rows = {(first, *(row[name] for name in past.table.key)): row for first, row in named}
        assert len(rows) == len(found), "a row is there twice"
        return rows


# Few, over the end of a month, so that one thing changes many times.
ARRIVALS = (date(2023, 12, 31), date(2024, 1, 1))
BUSINESS_DAYS = ("2023-12-31", "2024-01-01", "never")
TABLES_TO_ROLL_BACK = ("silver.orders", "silver.customers", "gold.fact_orders", "gold.agg_daily_sales")
TABLES = ("bronze.erp_orders", "gold.dim_customer", *TABLES_TO_ROLL_BACK)


@dataclass(frozen=True)
class Land:
    """A file comes, or comes again with other content, and is brought in, through all tables or the first ones.

    One without rows is a header only.
    """

    dataset: str
    arrival: date
    rows: Sequence[Row]
    passes: int | None

    def happen(self, house: RecordedHouse) -> None:
        """Write the file and do what the plan says."""
        house.land(self.dataset, self.arrival, self.rows)
        house.update(allow_shrink=True, passes=self.passes)


@dataclass(frozen=True)
class Write:
    """Somebody writes slices of a table by hand, whatever its sources hold by now."""

    table: str
    days: tuple[date, ...]

    def happen(self, house: RecordedHouse) -> None:
        """Write them."""
        with suppress(Refusal):
            house.write(self.table, *self.days, allow_shrink=True)


@dataclass(frozen=True)
class RollBack:
    """Somebody rolls a slice back to one of its writes; `place` counts them from the latest, round and round."""

    table: str
    day: date
    place: int

    def happen(self, house: RecordedHouse) -> None:
        """Roll it back; to a refused write it cannot be."""
        writes = house.fetch(
            "select write_id from meta.slice_ledger where table_name = %(table)s and slice = %(day)s order by 1 desc",
            table=self.table,
            day=self.day,
        )
        if writes:
            with suppress(SettingError):
                house.roll_back(self.table, self.day, writes[self.place % len(writes)][0])


Event = Land | Write | RollBack

_some = st.sampled_from
_orders = st.builds(
    order,
    _some(["O1", "O2", "O3"]),
    customer_id=_some(["C1", "C2"]),
    quantity=_some(["1", "2", "two"]),
    order_date=_some(BUSINESS_DAYS),
)
# A customer's change may come late, or be taken back, and so move versions from one slice to another.
_customers = st.builds(
    customer,
    _some(["C1", "C2"]),
    city=_some(["Albany", "Troy"]),
    updated_at=_some(["2023-12-30", "2024-01-01", ""]),
)
_days = st.lists(_some(ARRIVALS), min_size=1, unique=True).map(tuple)
_passes = _some([None, None, None, 0, 1])
_lands = st.builds(Land, st.just("erp/orders"), _some(ARRIVALS), st.lists(_orders, max_size=3), _passes)
_tellings = st.builds(Land, st.just("crm/customers"), _some(ARRIVALS), st.lists(_customers, max_size=2), _passes)
pasts = st.lists(
    st.one_of(
        _lands,
        _lands,
        _lands,
        _tellings,
        st.builds(Write, _some(TABLES), _days),
        st.builds(RollBack, _some(TABLES_TO_ROLL_BACK), _some(ARRIVALS), st.integers(0, 4)),
    ),
    min_size=6,
    max_size=12,
)
