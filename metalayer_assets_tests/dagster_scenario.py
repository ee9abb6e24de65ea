"""Make a warehouse of its own for a test here: landing folder, database, and a Dagster instance in that database."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from metalayer_assets.automation import range_tags
from metalayer_assets.contracts import CATALOG, Grain, contract_named
from metalayer_assets.definitions import build_defs
from metalayer_assets.metadata import asset_key
from metalayer_assets.partitions import key_of_slice
from metalayer_assets.resources import Warehouse
from metalayer_assets.runner import Runner
from metalayer_assets.warehouse import shipped
from metalayer_assets.warehouse.plan import Work
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.writer import open_writer
from metalayer_assets_tests.scenario import Row, land, order, sale

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
FIRST = date(2024, 3, 1)
ORDERS, SALES = "erp/orders", "erp/sales"
BRONZE_TO_GOLD = ("bronze.erp_orders", "silver.orders", "gold.fact_orders", "gold.agg_daily_sales")
BRONZE_TO_SILVER = BRONZE_TO_GOLD[:2]
# The tables whose members orders and sales name.
DIMENSIONS = ("gold.dim_customer", "gold.dim_product")


def day(number: int) -> date:
    """Day of the scenario, from 0."""
    return FIRST + timedelta(days=number)


def orders(arrival: date, count: int = 3, *, prefix: str = "o", **told: str) -> list[Row]:
    """Orders of one arrival day, 5.00 each, that break no rule; what is told otherwise stands for every one."""
    values = {"quantity": "2", "price_per_unit": "2.50", "order_date": arrival.isoformat()} | told
    return [order(f"{prefix}-{arrival}-{number}", customer_id=f"c{number}", **values) for number in range(count)]


def sales(arrival: date, count: int = 2) -> list[Row]:
    """Sales lines of one arrival day that break no rule."""
    return [sale(f"s-{arrival}-{number}", sale_date=arrival.isoformat()) for number in range(count)]


@dataclass
class Site:
    """A warehouse, its landing folder and its Dagster instance.

    Attributes:
        environment: The variables that name it, for `build_defs` and for child processes.
        landing: The landing folder.
    """

    environment: dict[str, str]
    landing: Path

    @cached_property
    def settings(self) -> Settings:
        return Settings.from_environment(self.environment)

    @cached_property
    def warehouse(self) -> Warehouse:
        return Warehouse(environment=self.environment)

    @cached_property
    def defs(self) -> dg.Definitions:
        return build_defs(self.environment)

    @cached_property
    def instance(self) -> dg.DagsterInstance:
        # The storage of dagster.yaml reads the variables of the process, once.
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            return dg.DagsterInstance.from_config(self.environment["DAGSTER_HOME"])

    def runner(self) -> Runner:
        return Runner(open_writer(self.settings), self.instance, self.defs)

    def land(self, dataset: str, arrival: date, rows: Sequence[Row], name: str = "part.csv") -> Path:
        """Write a CSV file of these rows; it replaces the one of the same name."""
        return land(self.landing, dataset, arrival, rows, name=name)

    def land_unreadable(self, dataset: str, arrival: date, name: str = "part.parquet") -> Path:
        """Write a file that no reader can open, so that its day is refused."""
        return land(self.landing, dataset, arrival, b"this is no parquet file", name=name)

    def materialize(
        self,
        tables: Sequence[str],
        first: date,
        last: date | None = None,
        *,
        as_range: bool = False,
        tags: Mapping[str, str] | None = None,
        defs: dg.Definitions | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Run these assets on one partition key, or on a range in one run; failures do not raise."""
        single = last is None and not as_range
        between = range_tags(Work(tuple(tables), Grain.DAY, first, last or first, 0))
        job = (defs or self.defs).resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=self.instance,
            asset_selection=[asset_key(table) for table in tables],
            partition_key=key_of_slice(first) if single else None,
            tags={**(tags or {}), **({} if single else between)},
            run_config=QUIET,
            raise_on_error=False,
        )

    def fetch(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        """Rows of a statement with psycopg2's named placeholders."""
        with self.warehouse.database.transaction(readonly=True) as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    def slice_rows(self, table: str) -> dict[date, int]:
        """Rows of the table per slice."""
        column = contract_named(table).sliced_by
        return dict(self.fetch(f"select {column}, count(*) from {table} group by 1 order by 1"))

    def checksums(self, table: str) -> dict[date, str]:
        """Checksum per slice as the ledger last told it."""
        return dict(
            self.fetch(
                "select distinct on (slice) slice, checksum from meta.slice_ledger"
                " where table_name = %(table)s and status <> 'refused' order by slice, write_id desc",
                table=table,
            )
        )

    def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that must stay as it is when something fails: rows of every asset, files and outbox."""
        rows = " union all ".join(
            f"select '{contract.name}', count(*), sum(hashtextextended(told::text, 0)) from {contract.name} as told"
            for contract in CATALOG.assets()
        )
        return {
            "rows": self.fetch(f"{rows} order by 1"),
            "files": self.fetch("select path, sha256, state from meta.landed_files order by 1, 2, 3"),
            "touched": self.fetch("select table_name, slice from meta.touched_slices order by 1, 2"),
        }

    def command(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a program of this project's environment as a child process in the landing folder's parent."""
        return subprocess.run(
            [str(Path(sys.executable).parent / arguments[0]), *arguments[1:]],
            env={**os.environ, **self.environment, **environment},
            cwd=self.landing.parent,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def materializations(result: dg.ExecuteInProcessResult, table: str) -> dict[str, dg.AssetMaterialization]:
    """What a run told of a table, by partition key."""
    return {
        str(event.partition): event.materialization
        for event in result.get_asset_materialization_events()
        if event.asset_key == asset_key(table)
    }


def told(materialization: dg.AssetMaterialization, name: str) -> object:
    """One value of a materialization's metadata."""
    return materialization.metadata[name].value


def failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Why steps failed, by step, as the UI shows it."""
    return {
        str(event.step_key): str(event.step_failure_data.user_failure_data.description)
        for event in result.filter_events(lambda event: event.is_step_failure)
        if event.step_failure_data.user_failure_data
    }


@contextmanager
def model_that_loses(order_id: str, folder: Path) -> Iterator[None]:
    """While it lasts, the model of silver.orders drops the row of one order, as a wrong join would."""
    shutil.copytree(shipped.sql_folder(), folder / "sql")
    model = folder / "sql" / "silver" / "orders.sql"
    text, every = model.read_text(encoding="utf-8"), "told._arrival_day = any(:slices)"
    assert text.count(every) == 1
    model.write_text(text.replace(every, f"{every} and told.order_id is distinct from '{order_id}'"), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shipped, "_PLACES", (folder,))
        yield


@contextmanager
def open_site(
    folder: Path, create_database: Callable[[str], str], drop_database: Callable[[str], None]
) -> Iterator[Site]:
    """A site on an empty database, its files below the folder; the database is dropped afterwards."""
    url = create_database("")
    landing, dagster_home = folder / "landing", folder / "dagster"
    landing.mkdir(parents=True)
    dagster_home.mkdir()
    shutil.copyfile(shipped.shipped("dagster.yaml"), dagster_home / "dagster.yaml")
    site = Site(
        {
            "METALAYER_DATABASE_URL": url,
            "METALAYER_LANDING": str(landing),
            "METALAYER_HOME": str(folder / "home"),
            "METALAYER_START_DATE": "2024-01-01",
            "METALAYER_REJECT_LIMIT": "1",
            "DAGSTER_HOME": str(dagster_home),
        },
        landing,
    )
    try:
        yield site
    finally:
        if "instance" in vars(site):
            site.instance.dispose()
        drop_database(url)
