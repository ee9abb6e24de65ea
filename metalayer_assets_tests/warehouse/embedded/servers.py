"""Start, look at and kill embedded servers for tests here."""

import os
import sys
import textwrap
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg2

from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.embedded import EmbeddedServer
from metalayer_assets.warehouse.embedded import place as places
from metalayer_assets.warehouse.embedded.process import ServerUser
from metalayer_assets.warehouse.errors import DatabaseError
from metalayer_assets_tests.conftest import TEST_SERVER

ROOT = os.geteuid() == 0
MYSELF = ServerUser(os.geteuid(), os.getegid())


def serve(home: Path, **options: int) -> EmbeddedServer:
    return EmbeddedServer(home, overrides=TEST_SERVER | {"shared_buffers": "32MB"}, **options)


def place_of(server: EmbeddedServer) -> places.Place:
    place = places.find(server.home)
    assert place is not None
    return place


def processes(server: EmbeddedServer) -> list[psutil.Process]:
    """Every process of the server, the postmaster first."""
    place = place_of(server)
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            line = " ".join(process.cmdline())
            if f"-D {place.data}" in line:
                found.insert(0, process)
            elif line.startswith(f"postgres: {place.cluster}: "):
                found.append(process)
    return found


def kill(victims: list[psutil.Process]) -> None:
    for victim in victims:
        with suppress(psutil.NoSuchProcess):
            victim.kill()
    while any(lives(victim) for victim in victims):
        time.sleep(0.01)


def lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    with Database(url).transaction() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def starter(home: Path, tail: str = "") -> list[str]:
    """Command line of a Python process that starts the server of `home`."""
    code = f"""
    from pathlib import Path
    from metalayer_assets.warehouse.embedded import EmbeddedServer
    url = EmbeddedServer(Path({str(home)!r}), overrides={TEST_SERVER!r}).ensure_running()
    print(url, flush=True)
    {tail}
    """
    return [sys.executable, "-c", textwrap.dedent(code)]


def suppress_errors(action: Callable[[], object]) -> None:
    with suppress(psycopg2.Error, DatabaseError):
        action()
