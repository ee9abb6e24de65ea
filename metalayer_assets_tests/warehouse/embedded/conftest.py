"""Give tests of the embedded server a home, and a server that survives being killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from metalayer_assets.warehouse.embedded import EmbeddedServer
from metalayer_assets_tests.conftest import make_home, remove_home
from metalayer_assets_tests.warehouse.embedded.servers import serve


@pytest.fixture
def home() -> Iterator[Path]:
    home = make_home()
    yield home
    remove_home(home)


@pytest.fixture(scope="module")
def shared() -> Iterator[EmbeddedServer]:
    """A server, in a folder of an unusual name, for tests that kill, stop and start but do not destroy it."""
    home = make_home()
    server = serve(home / "a b'c (ü) %n #")
    server.ensure_running()
    yield server
    server.destroy()
    remove_home(home)


@pytest.fixture
def server(shared: EmbeddedServer) -> EmbeddedServer:
    shared.ensure_running()
    return shared
