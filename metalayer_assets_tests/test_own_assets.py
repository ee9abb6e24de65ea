from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from metalayer_assets.assets.factory import table_assets
from metalayer_assets.contracts import CATALOG, Column, Contract, Grain, Reads, Stored, Type
from metalayer_assets.io_manager import FROM_MODEL, Relation, RowSource, SliceIOManager
from metalayer_assets.partitions import partitions_of
from metalayer_assets.resources import Warehouse
from metalayer_assets.warehouse.ddl import ensure
from metalayer_assets_tests.dagster_scenario import (
    BRONZE_TO_SILVER,
    ORDERS,
    Site,
    day,
    failures,
    materializations,
    open_site,
    orders,
    told,
)

TOTALS = Contract(
    name="gold.order_totals",
    description="Quantities per order, for the test of frames.",
    columns=(
        Column("order_id", Type.TEXT, "Order.", nullable=False),
        Column("arrival_day", Type.DATE, "Day.", nullable=False),
        Column("quantity", Type.INTEGER, "Units."),
        Column("amount", Type.NUMERIC, "Exact amount."),
    ),
    key=("order_id", "arrival_day"),
    # A table made in Python has no SQL model.
    source=Stored(),
    slice_by="arrival_day",
    reads=(Reads("silver.orders", slice_by="arrival_day"),),
)


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    create_database: Callable[[str], str],
    drop_database: Callable[[str], None],
) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("site"), create_database, drop_database) as site:
        yield site


@pytest.fixture(scope="module")
def own_table(site: Site) -> Iterator[Contract]:
    """A contract that the catalog of this process holds for this module, its table standing in the database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CATALOG._by_name, TOTALS.name, TOTALS)
        patch.setattr(CATALOG, "_order", (*CATALOG._order, TOTALS.name))
        with site.warehouse.database.transaction() as cursor:
            ensure(cursor)
        yield TOTALS


def with_own_asset(site: Site, asset: dg.AssetsDefinition) -> dg.Definitions:
    return dg.Definitions(
        assets=[*table_assets(site.settings), asset],
        resources={"warehouse": site.warehouse, "io_manager": SliceIOManager(warehouse=site.warehouse)},
        executor=dg.in_process_executor,
    )


def own_asset(
    site: Site, compute: Callable[..., object], name: str, *, days_before: int = 0, columns: list[str] | None = None
) -> dg.AssetsDefinition:
    """An asset that is given the orders of its day, or of a day before, as its function's annotation says."""
    mapping = dg.TimeWindowPartitionMapping(
        start_offset=-days_before, end_offset=-days_before, allow_nonexistent_upstream_partitions=True
    )
    return dg.asset(
        key=["gold", name],
        ins={
            "told": dg.AssetIn(
                key=["silver", "orders"],
                partition_mapping=mapping if days_before else None,
                metadata={"columns": columns} if columns else None,
            )
        },
        partitions_def=partitions_of(Grain.DAY, site.settings),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=dg.RetryPolicy(max_retries=1),
    )(compute)


def test_an_asset_that_asks_for_a_relation_is_given_the_name_and_the_slices(site: Site) -> None:
    given: list[Relation] = []

    def reader(told: Relation) -> None:
        given.append(told)

    defs = with_own_asset(site, own_asset(site, reader, "reader"))
    assert site.materialize(("gold.reader",), day(0), defs=defs).success
    assert site.materialize(("gold.reader",), day(0), day(2), defs=defs).success
    assert given == [Relation("silver.orders", (day(0),)), Relation("silver.orders", (day(0), day(1), day(2)))]


def test_an_asset_that_asks_for_a_frame_is_given_just_its_slices_and_columns_with_declared_types(site: Site) -> None:
    for number in range(90, 93):
        site.land(ORDERS, day(number), orders(day(number), 2, price_per_unit="0.1"))
    site.materialize(BRONZE_TO_SILVER, day(90), day(92))
    given: list[pd.DataFrame] = []

    def reader(told: pd.DataFrame) -> None:
        given.append(told)

    columns = ["order_id", "quantity", "unit_price", "arrival_day"]
    defs = with_own_asset(site, own_asset(site, reader, "reader", columns=columns))
    assert site.materialize(("gold.reader",), day(91), defs=defs).success
    (frame,) = given
    assert list(frame.columns) == columns
    assert list(frame["order_id"]) == [f"o-{day(91)}-0", f"o-{day(91)}-1"]
    assert list(frame["unit_price"]) == [Decimal("0.1"), Decimal("0.1")]
    assert [str(dtype) for dtype in frame.dtypes] == [
        kind.pandas for kind in (Type.TEXT, Type.INTEGER, Type.NUMERIC, Type.DATE)
    ]
    # Before the first slice there is nothing, and nothing is not everything.
    before = with_own_asset(site, own_asset(site, reader, "reader", days_before=1))
    first = date.fromisoformat(site.environment["METALAYER_START_DATE"])
    assert site.materialize(("gold.reader",), first, defs=before).success
    assert len(given[1]) == 0
    assert "total_amount" in given[1].columns
    assert site.materialize(("gold.reader",), day(91), day(92), defs=before).success
    assert sorted({moment.date() for moment in given[2]["arrival_day"]}) == [day(90), day(91)]


def test_an_input_of_another_type_is_refused_once_with_the_fix(site: Site) -> None:
    def reader(told: int) -> None:
        raise AssertionError("must not be reached")

    result = site.materialize(("gold.reader",), day(0), defs=with_own_asset(site, own_asset(site, reader, "reader")))
    assert failures(result) == {
        "gold__reader": "silver.orders cannot be handed over as <class 'int'>: annotate the input as "
        "metalayer_assets.io_manager.Relation or pandas.DataFrame."
    }
    assert dg.DagsterEventType.STEP_UP_FOR_RETRY not in {event.event_type for event in result.all_events}


def test_a_server_that_cannot_be_reached_for_a_moment_is_tried_again(site: Site) -> None:
    unreachable = Warehouse(
        environment={**site.environment, "METALAYER_DATABASE_URL": "postgresql://who:secret@127.0.0.1:9/nowhere"}
    )

    @dg.asset(
        key=["gold", "agg_daily_sales"],
        partitions_def=partitions_of(Grain.DAY, site.settings),
        retry_policy=dg.RetryPolicy(max_retries=1),
    )
    def agg_daily_sales() -> RowSource:
        return FROM_MODEL

    defs = dg.Definitions(
        assets=[agg_daily_sales],
        resources={"io_manager": SliceIOManager(warehouse=unreachable)},
        executor=dg.in_process_executor,
    )
    result = site.materialize(("gold.agg_daily_sales",), day(0), defs=defs)
    kinds = [event.event_type for event in result.all_events]
    assert kinds.count(dg.DagsterEventType.STEP_UP_FOR_RETRY) == 1
    assert "nothing answers at 127.0.0.1, port 9" in failures(result)["gold__agg_daily_sales"]
    assert "secret" not in str(result.all_events)


def _totals(told: pd.DataFrame) -> pd.DataFrame:
    frame = told[["order_id", "arrival_day", "quantity"]].copy()
    frame["amount"] = told["total_amount"]
    return frame


def test_a_frame_is_written_as_slices_with_the_same_accounting(site: Site, own_table: Contract) -> None:
    for number in (100, 101):
        site.land(ORDERS, day(number), orders(day(number), 2 + number - 100, price_per_unit="0.123456789012345678901"))
    site.materialize(BRONZE_TO_SILVER, day(100), day(101))

    def order_totals(told: pd.DataFrame) -> pd.DataFrame:
        return _totals(told)

    defs = with_own_asset(site, own_asset(site, order_totals, "order_totals"))
    result = site.materialize((own_table.name,), day(100), day(102), defs=defs)
    assert result.success, failures(result)
    assert site.slice_rows(own_table.name) == {day(100): 2, day(101): 3}
    assert site.fetch("select distinct amount from gold.order_totals") == [(Decimal("0.246913578024691357802"),)]
    events = materializations(result, own_table.name)
    assert {key: told(event, "dagster/partition_row_count") for key, event in events.items()} == {
        str(day(100)): 2,
        str(day(101)): 3,
        str(day(102)): 0,
    }
    again = site.materialize((own_table.name,), day(101), defs=defs)
    (event,) = materializations(again, own_table.name).values()
    assert told(event, "status") == "unchanged"
    assert (event.tags or {})["dagster/data_version"] == site.checksums(own_table.name)[day(101)]


def _of_another_day(told: pd.DataFrame) -> pd.DataFrame:
    frame = _totals(told)
    frame["arrival_day"] = day(7)
    return frame


def _with_a_surprise(told: pd.DataFrame) -> pd.DataFrame:
    return _totals(told).assign(surprise=1)


def _twice(told: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([_totals(told), _totals(told)])


def _unreadable(told: pd.DataFrame) -> pd.DataFrame:
    return _totals(told).astype({"quantity": "object"}).assign(quantity="many")


@pytest.fixture(scope="module")
def standing(site: Site, own_table: Contract) -> list[tuple[str]]:
    """The rows of the own table after a sound run."""
    site.land(ORDERS, day(105), orders(day(105)))

    def order_totals(told: pd.DataFrame) -> pd.DataFrame:
        return _totals(told)

    defs = with_own_asset(site, own_asset(site, order_totals, "order_totals"))
    assert site.materialize((*BRONZE_TO_SILVER, own_table.name), day(105), defs=defs).success
    return site.fetch("select told::text from gold.order_totals as told order by 1")


@pytest.mark.parametrize(
    ("compute", "sentence"),
    [
        (_of_another_day, "3 rows lie outside the slices asked for"),
        (_with_a_surprise, "unknown ['surprise']"),
        (_twice, "two rows have the same key (order_id, arrival_day)"),
        (_unreadable, 'invalid input syntax for type integer: "many"'),
        (lambda _: 42, "return FROM_MODEL, FROM_LANDING or a pandas frame"),
        (lambda _: None, "return FROM_MODEL, FROM_LANDING or a pandas frame"),
    ],
)
def test_a_frame_that_does_not_fit_is_refused_once_and_changes_nothing(
    site: Site, standing: list[tuple[str]], compute: Callable[[pd.DataFrame], object], sentence: str
) -> None:
    def order_totals(told: pd.DataFrame) -> Any:
        return compute(told)

    defs = with_own_asset(site, own_asset(site, order_totals, "order_totals"))
    result = site.materialize((TOTALS.name,), day(105), defs=defs)
    assert sentence in failures(result)["gold__order_totals"]
    assert dg.DagsterEventType.STEP_UP_FOR_RETRY not in {event.event_type for event in result.all_events}
    assert site.fetch("select told::text from gold.order_totals as told order by 1") == standing
