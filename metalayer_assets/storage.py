"""Define how Dagster stores runs and events in the warehouse's database here; keep the instance out (`instance`)."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage

from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.ddl import ensure_dagster_schema
from metalayer_assets.warehouse.locks import lock_catalog
from metalayer_assets.warehouse.settings import Settings, dagster_storage_url

_NO_TIMEOUT = 0
_RECYCLE_SECONDS = 3600
_MOST_CONNECTIONS = 20


class WarehouseEventLog(PostgresEventLogStorage):
    """Dagster's PostgreSQL event log, with the planned events of a range run stored in one statement.

    Dagster hands them over as a batch already, but its PostgreSQL storage writes each by itself: one per table and
    slice, which is most of the bookkeeping of a long range.
    """

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store events; those that say which slices a run will write go in together."""
        planned = [e for e in events if e.dagster_event_type is dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED]
        others = [e for e in events if e.dagster_event_type is not dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED]
        if planned:
            with self.index_transaction() as connection:
                table = self.prepare_insert_event_batch(planned).table
                stored = connection.execute(self.prepare_insert_event_batch(planned).returning(table.c.id))
                numbers = [row[0] for row in stored.fetchall()]
                # The table of assets keeps the last event of each.
                last = {
                    event.get_dagster_event().asset_key: (event, n) for event, n in zip(planned, numbers, strict=True)
                }
                for event, number in last.values():
                    self._store_asset_event(connection, event, number)
        if others:
            super().store_event_batch(others)


class WarehouseStorage(DagsterPostgresStorage):
    """Dagster's PostgreSQL storage in the schema `dagster` of the database that MetaLayer's own settings name.

    dagster.yaml can only name a variable that holds a URL, and dies where it is unset; this way every Dagster command
    works in a fresh checkout, on the embedded server.
    """

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Open the storage at a URL."""
        super().__init__(postgres_url, inst_data=inst_data)
        self._event_log_storage = WarehouseEventLog(postgres_url)
        # Dagster opens a connection for every statement otherwise, which costs more than the statement.
        for part in (self._run_storage, self._event_log_storage, self._schedule_storage):
            part.optimize_for_webserver(_NO_TIMEOUT, _RECYCLE_SECONDS, _MOST_CONNECTIONS)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No settings of its own."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "WarehouseStorage":
        """Open the storage; starts the embedded server where no database is named."""
        del config_value
        database = Database.from_settings(Settings.from_environment())
        with database.transaction() as cursor:
            ensure_dagster_schema(cursor)
        with database.transaction() as cursor:
            # Processes that start together on an empty database would all create Dagster's tables.
            lock_catalog(cursor)
            return cls(dagster_storage_url(database.url), inst_data=inst_data)
