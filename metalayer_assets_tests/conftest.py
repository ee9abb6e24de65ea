"""Give tests a real PostgreSQL here: one server per session, one empty database per test."""

import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from psycopg2 import sql
from sqlalchemy.engine import make_url

from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.embedded import EmbeddedServer
from metalayer_assets.warehouse.settings import Settings

if TYPE_CHECKING:
    from metalayer_assets_tests.dagster_scenario import Site

# The files need to outlive a killed server, not a machine without power.
TEST_SERVER = {"fsync": "off", "full_page_writes": "off", "wal_compression": "off"}

_HOMES = Path(tempfile.gettempdir())
_HOME_NAME = "metalayer-tests-{pid}-"


def make_home() -> Path:
    """Create a home folder that the user who runs PostgreSQL can enter (pytest's own folders are closed)."""
    home = Path(tempfile.mkdtemp(prefix=_HOME_NAME.format(pid=os.getpid()), dir=_HOMES))
    home.chmod(0o755)
    return home


def remove_home(home: Path) -> None:
    EmbeddedServer(home).destroy()
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def _no_old_servers() -> None:
    """Remove the servers of test sessions that were killed."""
    for home in _HOMES.glob(_HOME_NAME.format(pid="*")):
        found = re.search(r"-(\d+)-\w+$", home.name)
        if found and home.stat().st_uid == os.geteuid() and not psutil.pid_exists(int(found[1])):
            remove_home(home)


@pytest.fixture(scope="session")
def server_url(_no_old_servers: None) -> Iterator[str]:
    """URL of a PostgreSQL in which the session may create databases."""
    given = Settings.from_environment(
        {"METALAYER_DATABASE_URL": os.environ.get("METALAYER_TEST_DATABASE_URL", "")}
    ).database_url
    if given is not None:
        yield given
        return
    home = make_home()
    try:
        major = Settings.from_environment().embedded_postgres
        yield EmbeddedServer(home, major=major, overrides=TEST_SERVER).ensure_running()
    finally:
        remove_home(home)


@pytest.fixture(scope="session")
def create_database(server_url: str) -> Callable[[str], str]:
    """Function that creates an empty database with the options given, and gives its URL."""

    def create(options: str = "") -> str:
        name = f"metalayer_test_{uuid.uuid4().hex[:12]}"
        _execute(server_url, sql.SQL("create database {} template template0 " + options), name)
        return make_url(server_url).set(database=name).render_as_string(hide_password=False)

    return create


@pytest.fixture(scope="session")
def drop_database(server_url: str) -> Callable[[str], None]:
    """Function that drops the database of a URL, ending its sessions."""

    def drop(url: str) -> None:
        _execute(server_url, sql.SQL("drop database {} with (force)"), make_url(url).database or "")

    return drop


@pytest.fixture
def database(create_database: Callable[[str], str], drop_database: Callable[[str], None]) -> Iterator[Database]:
    """An empty database of its own for one test."""
    database = Database(create_database(""))
    yield database
    database.engine.dispose()
    drop_database(database.url)


@pytest.fixture
def settings(tmp_path: Path, database: Database) -> Settings:
    """Settings that name the test's database and an empty landing folder."""
    landing = tmp_path / "landing"
    landing.mkdir()
    return Settings(database_url=database.url, landing=landing, home=tmp_path / "home")


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    create_database: Callable[[str], str],
    drop_database: Callable[[str], None],
) -> Iterator["Site"]:
    """A warehouse with its Dagster instance, for the tests of one module."""
    # Tests of the warehouse half need no Dagster, and do not wait for its import.
    from metalayer_assets_tests.dagster_scenario import open_site  # noqa: PLC0415

    with open_site(tmp_path_factory.mktemp("site"), create_database, drop_database) as site:
        yield site


def _execute(server_url: str, statement: sql.SQL, name: str) -> None:
    with closing(Database(server_url).connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement.format(sql.Identifier(name)))
