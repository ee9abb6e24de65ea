import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage
from sqlalchemy import text

from metalayer_assets.instance import instance_environment, open_instance
from metalayer_assets.metadata import asset_key
from metalayer_assets.storage import WarehouseStorage
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.settings import Settings, dagster_storage_url
from metalayer_assets.warehouse.shipped import shipped
from metalayer_assets_tests.dagster_scenario import (
    BRONZE_TO_SILVER,
    ORDERS,
    Site,
    day,
    orders,
)


@pytest.fixture
def named(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is told of the site by its environment."""
    for name, value in site.environment.items():
        monkeypatch.setenv(name, value)


def test_without_a_dagster_home_there_is_one_below_our_own_with_the_project_s_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    settings = Settings(home=tmp_path / "home")
    expected = {"DAGSTER_HOME": str(tmp_path / "home" / "dagster")}
    assert instance_environment(settings) == expected
    kept = tmp_path / "home" / "dagster" / "dagster.yaml"
    assert kept.read_bytes() == shipped("dagster.yaml").read_bytes()
    kept.write_text("telemetry: {enabled: true}", encoding="utf-8")
    assert instance_environment(settings) == expected
    assert kept.read_bytes() == shipped("dagster.yaml").read_bytes()
    assert [path.name for path in kept.parent.iterdir()] == ["dagster.yaml"]


def test_a_dagster_home_that_is_set_is_kept_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    assert instance_environment(Settings(home=tmp_path / "home")) == {"DAGSTER_HOME": str(tmp_path)}
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "nowhere"))
    with pytest.raises(SettingError, match=r"DAGSTER_HOME='.*nowhere' is not a folder: create it, or unset"):
        instance_environment(Settings(home=tmp_path / "home"))


@pytest.mark.usefixtures("named")
def test_the_instance_keeps_its_runs_in_a_schema_of_the_warehouse_s_database(site: Site) -> None:
    instance = open_instance(site.settings)
    assert isinstance(instance.get_ref().storage, WarehouseStorage)
    assert instance.run_coordinator is not None
    assert os.environ["DAGSTER_EVENT_BATCH_SIZE"] == "500"
    tables = site.fetch(
        "select relnamespace::regnamespace::text, count(*) from pg_class"
        " where relname in ('runs', 'event_logs', 'job_ticks') and relkind = 'r' group by 1"
    )
    assert tables == [("dagster", 3)]
    instance.dispose()


@pytest.mark.usefixtures("named")
def test_many_processes_may_open_the_storage_of_an_empty_database_at_once(
    create_database: Callable[[str], str],
    drop_database: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = create_database("")
    monkeypatch.setenv("METALAYER_DATABASE_URL", url)
    with ThreadPoolExecutor(4) as pool:
        storages = list(pool.map(lambda _: WarehouseStorage.from_config_value(None, {}), range(4)))
    assert all(storage.run_storage.get_runs_count() == 0 for storage in storages)
    # Dagster starts over when another process creates its tables too, and gives up after a few times.
    assert "Retrying" not in caplog.text
    drop_database(url)


def test_a_database_that_cannot_be_reached_is_told_in_our_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METALAYER_DATABASE_URL", "postgresql://who:secret@127.0.0.1:9/nowhere")
    with pytest.raises(Exception, match=r"nothing answers at 127\.0\.0\.1, port 9") as told:
        WarehouseStorage.from_config_value(None, {})
    assert "secret" not in str(told.value)


def stored(site: Site, run_id: str) -> list[tuple[object, ...]]:
    """The events of a run as they lie in the event log, in no order."""
    storage = site.instance.event_log_storage
    assert isinstance(storage, PostgresEventLogStorage)
    with storage.index_connection() as connection:
        found = connection.execute(
            text(
                "select dagster_event_type, step_key, asset_key, partition, count(*) from event_logs"
                " where run_id = :run group by 1, 2, 3, 4 order by 1, 2, 3, 4"
            ),
            {"run": run_id},
        )
        return [tuple(row) for row in found.fetchall()]


def test_a_range_run_leaves_the_same_events_as_in_dagster_s_own_storage(
    site: Site, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")
    for number in range(3):
        site.land(ORDERS, day(number), orders(day(number)))
    ours = site.materialize(BRONZE_TO_SILVER, day(0), day(2))
    planned = [row for row in stored(site, ours.run_id) if row[0] == "ASSET_MATERIALIZATION_PLANNED"]
    assert len(planned) == 6
    for table in BRONZE_TO_SILVER:
        assert site.instance.get_materialized_partitions(asset_key(table)) == {str(day(number)) for number in range(3)}
        (record,) = site.instance.get_asset_records([asset_key(table)])
        assert record.asset_entry.last_run_id == ours.run_id

    own = DagsterPostgresStorage(dagster_storage_url(site.settings.database_url or ""))
    monkeypatch.setattr(site.instance, "_event_storage", own.event_log_storage)
    own.event_log_storage.register_instance(site.instance)
    theirs = site.materialize(BRONZE_TO_SILVER, day(0), day(2))
    assert theirs.run_id != ours.run_id
    assert stored(site, theirs.run_id) == stored(site, ours.run_id)
    assert ours.success
    assert theirs.success
    own.event_log_storage.dispose()
