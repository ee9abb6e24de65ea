"""Define the connection and the bench of the loader's tests here."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from metalayer_assets.warehouse.database import Database
from metalayer_assets_tests.warehouse.loading.bench import Bench


@pytest.fixture(scope="session")
def connect(
    create_database: Callable[[str], str], drop_database: Callable[[str], None]
) -> Iterator[Callable[[], Connection]]:
    """Function that opens a connection to a database of the loader's tests."""
    url = create_database("")
    yield Database(url).connect
    drop_database(url)


@pytest.fixture(scope="session")
def connection(connect: Callable[[], Connection]) -> Iterator[Connection]:
    """One connection for all tests, each of which leaves its transaction rolled back."""
    with closing(connect()) as opened:
        yield opened


@pytest.fixture
def bench(connection: Connection, tmp_path: Path) -> Iterator[Bench]:
    with connection.cursor() as cursor:
        yield Bench(cursor, tmp_path)
    connection.rollback()
