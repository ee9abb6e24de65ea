"""Hold what the containers promise: one image and one environment, secrets kept, health that tells the truth."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import DagsterInstance
from dagster._daemon.types import DaemonHeartbeat

from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.settings import dagster_storage_url

ROOT = Path(__file__).resolve().parent.parent
ENTRYPOINT = ROOT / "docker" / "entrypoint.py"
HEARTBEAT = ROOT / "docker" / "daemon_heartbeat.py"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("init", "code", "webserver", "daemon")

URL = "postgresql+psycopg2://metalayer@postgres:5432/metalayer"
# A password with every character that a URL, a shell or a trimming reader would change.
AWKWARD = " p@ss/w:rd%20$HOME'\"` "


def enter(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command through the entrypoint, with the given variables of MetaLayer, libpq and Dagster only."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("METALAYER_", "DAGSTER_", "PG"))
    }
    return subprocess.run(
        [sys.executable, str(ENTRYPOINT), *command],
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def shown(name: str) -> list[str]:
    return [sys.executable, "-c", f"import os; print(repr(os.environ.get({name!r})))"]


def test_the_password_reaches_the_command_as_it_stands_in_the_file(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(AWKWARD + "\n", encoding="utf-8")
    done = enter(*shown("PGPASSWORD"), METALAYER_DATABASE_URL=URL, PGPASSWORD_FILE=str(secret))
    assert done.stdout == f"{AWKWARD!r}\n"
    assert done.stderr == ""


def test_a_database_url_that_cannot_be_used_stops_the_container_with_a_sentence(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("mysql://somewhere", encoding="utf-8")
    done = enter("true", METALAYER_DATABASE_URL_FILE=str(secret))
    assert done.returncode == 1
    assert done.stderr.startswith("METALAYER_DATABASE_URL is not a PostgreSQL URL")


def test_the_instance_follows_the_dagster_yaml_of_the_image(tmp_path: Path) -> None:
    home = tmp_path / "state" / "dagster"
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text("of an older image", encoding="utf-8")
    done = enter("true", METALAYER_DATABASE_URL=URL, DAGSTER_HOME=str(home))
    assert done.returncode == 0
    assert [path.name for path in home.iterdir()] == ["dagster.yaml"]
    assert (home / "dagster.yaml").read_bytes() == (ROOT / "dagster.yaml").read_bytes()


def test_the_command_gives_the_exit_code_of_the_container() -> None:
    assert enter(sys.executable, "-c", "raise SystemExit(7)").returncode == 7


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: No such file or directory."),
        ("\n", "is empty."),
    ],
)
def test_a_secret_that_cannot_be_used_stops_the_container_with_one_sentence(
    tmp_path: Path, content: str | None, sentence: str
) -> None:
    secret = tmp_path / "password"
    if content is not None:
        secret.write_text(content, encoding="utf-8")
    done = enter("true", METALAYER_DATABASE_URL=URL, PGPASSWORD_FILE=str(secret))
    assert done.returncode == 1
    assert done.stderr.startswith(f"PGPASSWORD_FILE={secret} {sentence}")
    assert len(done.stderr.splitlines()) == 1


def test_a_url_that_cannot_be_used_is_refused_without_showing_its_password() -> None:
    done = enter("true", METALAYER_DATABASE_URL="mysql://somebody:hidden@host/db")
    assert done.returncode == 1
    assert done.stderr.startswith("METALAYER_DATABASE_URL is not a PostgreSQL URL")
    assert "hidden" not in done.stderr + done.stdout


def beat(instance: DagsterInstance, daemons: set[str], now: float) -> None:
    for daemon in daemons:
        instance.add_daemon_heartbeat(DaemonHeartbeat(now, daemon, daemon_id="test", errors=None))


def test_the_daemon_is_healthy_only_while_each_part_of_it_writes_heartbeats(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent_daemons = runpy.run_path(str(HEARTBEAT))["silent_daemons"]
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    monkeypatch.setenv("METALAYER_DATABASE_URL", database.url)
    monkeypatch.setenv("METALAYER_DAGSTER_URL", dagster_storage_url(database.url))
    with database.transaction() as cursor:
        cursor.execute("create schema dagster")
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        required = set(instance.get_required_daemon_types())
        assert set(silent_daemons(instance, now=1000.0)) == required

        beat(instance, required, now=1000.0)
        assert silent_daemons(instance, now=1120.0) == []
        assert set(silent_daemons(instance, now=1121.0)) == required

        beat(instance, required - {"SENSOR"}, now=1100.0)
        assert silent_daemons(instance, now=1121.0) == ["SENSOR"]

    done = enter(sys.executable, str(HEARTBEAT), METALAYER_DATABASE_URL=database.url, DAGSTER_HOME=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("No heartbeat for 120 seconds: ")


@pytest.mark.parametrize("key", ["image", "environment", "secrets", "volumes", "networks", "security_opt"])
def test_the_services_of_metalayer_share_one_image_and_its_settings(key: str) -> None:
    assert [SERVICES[name][key] for name in OURS] == [SERVICES["code"][key]] * len(OURS)


def test_every_service_is_limited_and_restarts_and_tells_its_health() -> None:
    lasting = {name: service for name, service in SERVICES.items() if name != "init"}
    assert [n for n, s in SERVICES.items() if set(s["deploy"]["resources"]["limits"]) != {"cpus", "memory"}] == []
    assert [n for n, s in lasting.items() if s["restart"] != "unless-stopped" or "healthcheck" not in s] == []
    assert SERVICES["init"]["restart"] == "no"


def test_only_the_ui_is_open_and_only_to_this_machine() -> None:
    assert {n: s["ports"] for n, s in SERVICES.items() if "ports" in s} == {"webserver": ["127.0.0.1:3000:3000"]}


def test_the_password_stands_in_a_secret_file_only() -> None:
    environments = {name: service["environment"] for name, service in SERVICES.items()}
    named = {key for environment in environments.values() for key in environment if "PASS" in key}
    assert named == {"PGPASSWORD_FILE", "POSTGRES_PASSWORD_FILE"}
    assert SERVICES["code"]["environment"]["METALAYER_DATABASE_URL"] == URL
    (secret,) = COMPOSE["secrets"].values()
    ignored = (ROOT / "docker" / ".gitignore").read_text(encoding="utf-8").split()
    assert Path(secret["file"]).parent.name + "/" in ignored
