"""Try to break the third law: whatever people do with what is kept out, every line is in one place, in any order."""

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from metalayer_assets.contracts import contract_named
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.workbench import waiver
from metalayer_assets.warehouse.workbench.correction import correct
from metalayer_assets.warehouse.workbench.desk import Selection, desk_of
from metalayer_assets.warehouse.workbench.sheet import CorrectionRefused
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DATASETS, Row, customer, order
from metalayer_assets_tests.warehouse.conftest import new_house
from metalayer_assets_tests.warehouse.contents import slices
from metalayer_assets_tests.warehouse.workbench.people import export, replay

EXAMPLES = 6
DATASET_ROWS = {"erp/orders": order, "crm/customers": customer}
ARRIVALS = (date(2024, 1, 31), date(2024, 2, 1), date(2024, 2, 5))
_some = st.sampled_from


def _rows(dataset: str) -> st.SearchStrategy[list[Row]]:
    told = {
        "erp/orders": {
            "order_id": _some(["O1", "O2", "O3", ""]),
            "quantity": _some(["1", "0", "x", "-1"]),
            "status": _some(["PAID", "lost", "CANCELLED"]),
            "order_date": _some(["2024-01-15", "2024-02-01", "soon"]),
        },
        "crm/customers": {
            "customer_id": _some(["C1", "C2", ""]),
            "updated_at": _some(["", "never", "2024-01-20T00:00:00Z"]),
        },
    }[dataset]
    return st.lists(
        st.builds(DATASET_ROWS[dataset]).flatmap(
            lambda row: st.fixed_dictionaries(told).map(lambda values: row | values)
        ),
        min_size=1,
        max_size=4,
    )


@dataclass(frozen=True)
class Land:
    dataset: str
    arrival: date
    name: str
    rows: Sequence[Row]
    torn: bool

    def happen(self, house: House) -> None:
        path = house.land(self.dataset, self.arrival, self.rows, name=self.name)
        if self.torn:
            house.land(self.dataset, self.arrival, path.read_bytes() + b"torn,line\n", name=self.name)


@dataclass(frozen=True)
class Update:
    passes: int | None

    def happen(self, house: House) -> None:
        house.update(allow_shrink=True, passes=self.passes)


@dataclass(frozen=True)
class Correct:
    """Somebody corrects some of what is kept out by now, well or not."""

    table: str
    every: int
    values: Row

    def happen(self, house: House) -> None:
        with tempfile.TemporaryDirectory() as folder:
            sheet = export(house, self.table, Path(folder) / "q.csv")
            for row in sheet.rows[:: self.every]:
                row.update({name: value for name, value in self.values.items() if name in row})
            if sheet.rows:
                with suppress(CorrectionRefused):
                    correct(house.writer, sheet.save(), by="ada")


@dataclass(frozen=True)
class Replay:
    table: str

    def happen(self, house: House) -> None:
        replay(house, [self.table])


@dataclass(frozen=True)
class Waive:
    table: str

    def happen(self, house: House) -> None:
        waiver.waive(house.writer, desk_of(contract_named(self.table)), Selection(), by="bob", note="so be it")


_datasets = _some(["erp/orders", "erp/orders", "crm/customers"])
_lands = _datasets.flatmap(
    lambda dataset: st.builds(
        Land, st.just(dataset), _some(ARRIVALS), _some(["a.csv", "b.csv"]), _rows(dataset), st.booleans()
    )
)
_corrects = st.builds(
    Correct,
    _some(["silver.orders", "silver.orders", "silver.customers", "bronze.erp_orders"]),
    st.integers(1, 2),
    st.one_of(
        st.fixed_dictionaries(
            {"order_id": _some(["O1", "O9"]), "customer_id": _some(["C1", "C9"])},
            optional={
                "quantity": _some(["3", "0"]),
                "status": st.just("PAID"),
                "order_date": st.just("2024-01-30"),
                "product_code": st.just("P1"),
                "price_per_unit": st.just("1.5"),
                "updated_at": st.just(""),
            },
        )
    ),
)
_events = st.lists(
    st.one_of(
        _lands,
        st.builds(Update, st.none()),
        st.builds(Update, st.integers(1, 2)),
        _corrects,
        _corrects,
        st.builds(Replay, _some(["silver.orders", "silver.customers"])),
        st.builds(Waive, _some(["silver.orders", "bronze.erp_orders"])),
    ),
    min_size=3,
    max_size=9,
)

_EVERY_LINE = """
    with places as (
        select _file_id as file_id, _line as line, 'bronze' as place from {bronze}
        union all
        select source_file_id, source_line, 'unreadable' from quarantine.bronze_lines
        where state = 'open' and table_name = '{bronze}'
    )
    select file.path, places.line, count(*), min(place)
    from places inner join meta.landed_files as file on file.file_id = places.file_id and file.state = 'loaded'
    group by 1, 2
"""
_JUDGED = """
    select file_id, line, sum(n) from (
        select _file_id as file_id, _line as line, 1 as n from {bronze}
        union all
        select source_file_id, source_line, -1 from {quarantine} where state = 'open'
        union all
        select source_file_id, source_line, -1 from {silver}
    ) as hops
    group by 1, 2 having sum(n) not in (0, 1)
"""


def landed_lines(house: House, dataset: str) -> set[tuple[str, int]]:
    """Every line of a dataset's files that is a record, or should have been one."""
    landing = house.settings.landing
    return {
        (path.relative_to(landing).as_posix(), number)
        for path in (landing / dataset).glob("*/*")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if line and (path.suffix == ".jsonl" or number > 1)
    }


@given(history=st.tuples(_lands, _lands, _events))
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_whatever_is_done_with_what_is_kept_out_every_line_is_in_one_place_and_a_rebuild_ends_there(
    prepared_databases: tuple[Database, Database], history: tuple[Land, Land, Sequence[object]]
):
    lived_in, rebuilt_in = prepared_databases
    first, second, events = history
    with (
        tempfile.TemporaryDirectory() as folder,
        new_house(lived_in, Path(folder) / "landing") as lived,
        new_house(rebuilt_in, Path(folder) / "landing") as rebuilt,
    ):
        for event in (first, second, Update(None), *events):
            event.happen(lived)
        assert lived.update(allow_shrink=True) == []
        for dataset in DATASET_ROWS:
            bronze, silver, _ = DATASETS[dataset]
            quarantine = f"quarantine.{silver.split('.')[1]}"
            places = lived.fetch(_EVERY_LINE.format(bronze=bronze))
            assert {(path, line) for path, line, *_ in places} == landed_lines(lived, dataset)
            assert all(count == 1 for _, _, count, _ in places)
            # A row is written, kept out, or folded into another; never two of these.
            assert lived.fetch(_JUDGED.format(bronze=bronze, quarantine=quarantine, silver=silver)) == []
        assert lived.problems() == []
        # Whoever loads the folder from nothing, corrections and all, ends at the same.
        assert rebuilt.update() == []
        assert lived.checksums() == rebuilt.checksums()
        assert slices(lived) == slices(rebuilt)
