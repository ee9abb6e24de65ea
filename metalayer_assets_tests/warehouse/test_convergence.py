"""Try to break the second law: whatever the order, repetition, ranges and crashes, the warehouse ends the same."""

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from metalayer_assets.warehouse.audit import Refusal
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.plan import Scope
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DATASETS, Row
from metalayer_assets_tests.warehouse.conftest import new_house
from metalayer_assets_tests.warehouse.contents import slices

EXAMPLES = 10

# Over the end of a month and of a year, with a gap.
ARRIVALS = (date(2023, 12, 30), date(2023, 12, 31), date(2024, 1, 1), date(2024, 1, 2), date(2024, 2, 5))
# Late by a day, by months, on the first day of all; after the arrival of some; never readable.
BUSINESS_DAYS = (
    "2023-12-29",
    "2023-12-31 23:59:59",
    "2024-01-01",
    "2024-01-02",
    "2023-03-01",
    "2023-01-01",
    "soon",
    "",
)
# Told once, twice, deleted; a column that a file may lack altogether.
DELETED = ({}, {}, {}, {"is_deleted": ""}, {"is_deleted": "true"}, {"is_deleted": "perhaps"})
# A change told on its arrival day, late by days or months, twice in a day, at the moment that a day begins, never.
CHANGED = ("", "", "2023-12-30 08:00:00+02", "2023-12-30 09:00Z", "2024-01-01T00:00:00Z", "2023-02-01", "never")

_some = st.sampled_from


def _rows(dataset: str) -> st.SearchStrategy[list[Row]]:
    told = {
        "erp/orders": {
            "order_id": _some(["O1", "O2", "O3", " O1 ", ""]),
            "customer_id": _some(["C1", "C2", "C3", ""]),
            "product_code": _some(["P1", "P2"]),
            "quantity": _some(["1", "2", "-1", "0", "x", "3.0"]),
            "price_per_unit": _some(["1.10", "$2,000.00", "-1", "1e3"]),
            "order_date": _some(BUSINESS_DAYS),
            "status": _some(["PAID", "cancelled", "SHIPPED", "lost"]),
        },
        "erp/sales": {
            "sales_id": _some(["S1", "S2"]),
            "customer_id": _some(["C1", "C2", ""]),
            "product_id": _some(["P1", "P3"]),
            "quantity": _some(["1", "-1", "0"]),
            "sale_amount": _some(["5.50", "-5.50", ""]),
            "sale_date": _some(BUSINESS_DAYS),
        },
        "crm/customers": {
            "customer_id": _some(["C1", "C1", "C2", ""]),
            "city": _some(["Oslo", "Rome"]),
            "email": _some(["ada@example.org", "ada@", ""]),
            "created_date": _some(["2023-01-01", "2024-02-06", "once"]),
            "updated_at": _some(CHANGED),
        },
        "crm/accounts": {
            "customer_id": _some(["C1", "C1", "C3"]),
            "region": _some(["EMEA", "Atlantis"]),
            "updated_at": _some(CHANGED),
        },
        "erp/products": {
            "product_code": _some(["P1", "P2", ""]),
            "list_price": _some(["9.99", "9.990", "12", "-1", "free"]),
            "updated_at": _some(CHANGED),
        },
    }[dataset]
    row = st.builds(
        lambda values, deleted: DATASETS[dataset][2]() | values | deleted, st.fixed_dictionaries(told), _some(DELETED)
    )
    return st.lists(row, max_size=4)


@dataclass(frozen=True)
class Land:
    """A file comes, or comes again with other content; one without rows is a header only."""

    dataset: str
    arrival: date
    name: str
    rows: Sequence[Row]

    def happen(self, house: House) -> None:
        """Write the file."""
        house.land(self.dataset, self.arrival, self.rows, name=self.name)


@dataclass(frozen=True)
class Spoil:
    """A file comes that cannot be loaded at all; in the end a whole one takes its place."""

    dataset: str
    arrival: date
    name: str

    def happen(self, house: House) -> None:
        """Write the file."""
        house.land(self.dataset, self.arrival, "this,is\nanother,table\n", name=self.name)


@dataclass(frozen=True)
class Update:
    """Somebody runs what is to do, all of it or the part in scope, to the end or for some passes."""

    first: date | None = None
    last: date | None = None
    tables: frozenset[str] | None = None
    passes: int | None = None

    def happen(self, house: House) -> None:
        """Do what the plan says."""
        house.update(Scope(self.first, self.last, self.tables), allow_shrink=True, passes=self.passes)


@dataclass(frozen=True)
class Write:
    """Somebody materialises slices of a table by hand, whatever their sources hold by now."""

    table: str
    days: tuple[date, ...]

    def happen(self, house: House) -> None:
        """Write them; a day with a file that cannot be loaded is refused."""
        with suppress(Refusal):
            house.write(self.table, *self.days, allow_shrink=True)


@dataclass(frozen=True)
class Die:
    """The process of such a write dies at some statement."""

    table: str
    days: tuple[date, ...]
    at: int

    def happen(self, house: House) -> None:
        """Write and die."""
        with suppress(Refusal):
            house.crash(self.table, *self.days, at=self.at)


Event = Land | Spoil | Update | Write | Die

_datasets = _some(["erp/orders", "erp/orders", "crm/customers", "crm/customers", "crm/accounts", *DATASETS])
_lands = _datasets.flatmap(
    lambda dataset: st.builds(Land, st.just(dataset), _some(ARRIVALS), _some(["a.csv", "b.csv"]), _rows(dataset))
)
_spoils = st.builds(Spoil, _datasets, _some(ARRIVALS), _some(["a.csv", "b.csv"]))
_updates = st.one_of(
    st.just(Update()),
    st.builds(Update, passes=st.integers(1, 2)),
    st.builds(lambda days: Update(min(days), max(days)), st.tuples(_some(ARRIVALS), _some(ARRIVALS))),
    st.builds(
        Update,
        tables=_some(
            [
                frozenset({"bronze.erp_orders"}),
                frozenset({"bronze.erp_orders", "silver.orders", "bronze.crm_customers"}),
                frozenset({"gold.fact_orders", "gold.agg_daily_sales"}),
                frozenset({"bronze.crm_customers", "silver.customers", "gold.dim_customer", "gold.fact_orders"}),
            ]
        ),
    ),
)
_tables = _some(
    [
        "bronze.erp_orders",
        "silver.orders",
        "silver.sales",
        "silver.customers",
        "silver.accounts",
        "gold.dim_customer",
        "gold.dim_customer",
        "gold.dim_product",
        "gold.fact_orders",
        "gold.fact_sales",
        "gold.agg_daily_sales",
    ]
)
_days = st.lists(_some((*ARRIVALS, date(2023, 12, 29), date(2023, 3, 1))), min_size=1, max_size=3, unique=True).map(
    tuple
)
_events = st.lists(
    st.one_of(
        _lands,
        _lands,
        _lands,
        _updates,
        _spoils,
        st.builds(Write, _tables, _days),
        st.builds(Die, _tables, _days, st.integers(1, 60)),
    ),
    min_size=3,
    max_size=11,
)


@given(history=_events)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_any_history_ends_where_one_load_of_the_landing_folder_ends(
    prepared_databases: tuple[Database, Database], history: Sequence[Event]
):
    lived_in, rebuilt_in = prepared_databases
    with (
        tempfile.TemporaryDirectory() as folder,
        new_house(lived_in, Path(folder) / "landing") as lived,
        new_house(rebuilt_in, Path(folder) / "landing") as rebuilt,
    ):
        for event in history:
            event.happen(lived)
        for event in history:
            if isinstance(event, Spoil):
                lived.land(event.dataset, event.arrival, [], name=event.name)
        assert lived.update(allow_shrink=True) == []
        assert rebuilt.update() == []

        assert lived.checksums() == rebuilt.checksums()
        assert slices(lived) == slices(rebuilt)
        assert lived.problems() == []
        assert rebuilt.problems() == []
        assert lived.touched() == {}
