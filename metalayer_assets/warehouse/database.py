"""Open connections and transactions here, all alike; keep statements about tables out."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from typing import Any

import psycopg2
from psycopg2.extensions import (
    ISOLATION_LEVEL_READ_COMMITTED,
    ISOLATION_LEVEL_REPEATABLE_READ,
    TRANSACTION_STATUS_INERROR,
)
from psycopg2.extensions import connection as Connection  # noqa: N812 -- psycopg2 names its classes in lower case
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from sqlalchemy import create_engine
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.pool import NullPool

from metalayer_assets.warehouse.embedded import EmbeddedServer
from metalayer_assets.warehouse.errors import DatabaseError
from metalayer_assets.warehouse.settings import Settings, safe_url

OLDEST_MAJOR = 16
_CONNECT_SECONDS = 10

# What a server, database or role may set otherwise and what a result depends on. Every name of ours carries
# its schema, so that a search path with more than the system's own could only hide a mistake.
_SESSION = {
    "TimeZone": "UTC",
    "DateStyle": "ISO,MDY",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "search_path": "pg_catalog",
}

# Pattern in libpq's or the server's words -> the sentence for the person, with the names from the URL.
_REASONS = (
    ("could not translate host name", "the host {host} is not known. Correct the host."),
    (
        "Connection refused",
        "nothing answers at {host}, port {port}. Start the server, or correct host and port.",
    ),
    (
        "No such file or directory",
        "no server listens in {host} on port {port}. Start it, or correct the folder.",
    ),
    ("timeout expired", "{host} does not answer. Correct the host, or open the way to it."),
    ("password authentication failed", "the password of the user {user} is wrong. Correct it."),
    ("no password supplied", "the user {user} needs a password. Add it to the URL."),
    ("authentication failed", "the server does not accept the user {user}. Correct the user."),
    ("no pg_hba.conf entry", "the server does not admit {user} from here. Admit them in its pg_hba.conf."),
    ('role ".*" does not exist', "there is no user {user}. Create it, or correct the name."),
    ('database ".*" does not exist', "there is no database {database}. Create it, or correct the name."),
    (
        "too many clients|slots are reserved",
        "all its connections are taken. Close some, or raise max_connections.",
    ),
)


class Database:
    """One PostgreSQL database; every session of it has the same settings.

    Attributes:
        url: SQLAlchemy URL, with the password if there is one.
    """

    def __init__(self, url: str) -> None:
        """Describe a database; nothing is opened."""
        self.url = url
        self._parsed = make_url(url)

    @classmethod
    def from_settings(cls, settings: Settings) -> "Database":
        """Give the database that the settings name, starting the embedded server if they name none.

        Raises:
            DatabaseError: The embedded server cannot be started.
        """
        if settings.database_url is not None:
            return cls(settings.database_url)
        return cls(EmbeddedServer(settings.home, major=settings.embedded_postgres).ensure_running())

    def __repr__(self) -> str:
        return f"Database({self.safe_url!r})"

    @property
    def safe_url(self) -> str:
        """The URL for people, its password masked."""
        return safe_url(self.url)

    @cached_property
    def engine(self) -> Engine:
        """SQLAlchemy engine without a pool, for pandas."""
        return create_engine(self.url, creator=self.connect, poolclass=NullPool)

    def connect(self) -> Connection:
        """Open a connection; who asked for it closes it.

        Raises:
            DatabaseError: It cannot be opened; the message names the cause and the fix, never the password.
        """
        try:
            connection: Connection = psycopg2.connect(**self._arguments())
        except psycopg2.Error as error:
            raise DatabaseError(self._explain(str(error))) from None
        connection.set_session(isolation_level=ISOLATION_LEVEL_READ_COMMITTED)
        return connection

    @contextmanager
    def transaction(self, *, readonly: bool = False) -> Iterator[Cursor]:
        """Run one transaction in a session of its own: commit at the end of the block, roll back on an error.

        Args:
            readonly: Let the server refuse every statement that would change something, and show all statements the
                same moment, whatever others commit in between.

        Yields:
            A cursor; `cursor.copy_expert` streams, `cursor.connection` is the psycopg2 connection.

        Raises:
            DatabaseError: The connection cannot be opened, or an error of a statement was caught inside the
                block, which leaves nothing to commit.
        """
        with closing(self.connect()) as connection:
            if readonly:
                connection.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ, readonly=True)
            try:
                with connection.cursor() as cursor:
                    yield cursor
                # PostgreSQL answers a commit after an error with a silent rollback.
                if connection.info.transaction_status == TRANSACTION_STATUS_INERROR:
                    raise DatabaseError(
                        "A statement failed inside the transaction and its error was caught: nothing is"
                        " committed. Let the error pass, or guard the statement with a savepoint."
                    )
                connection.commit()
            except BaseException:
                # Closing would roll back too, but a moment later: the locks must be gone when this returns.
                with suppress(psycopg2.Error):
                    connection.rollback()
                raise

    def check(self) -> None:
        """Verify that the server can be reached and hold the warehouse.

        Raises:
            DatabaseError: It cannot be reached, is older than PostgreSQL 16, is a read-only standby, or the
                database is not in UTF-8.
        """
        with closing(self.connect()) as connection:
            version = connection.server_version
            encoding = connection.info.parameter_status("server_encoding")
            standby = connection.info.parameter_status("in_hot_standby") == "on"
        name = f"PostgreSQL at {self.safe_url}"
        if version < OLDEST_MAJOR * 10_000:
            raise DatabaseError(f"{name} is of version {version // 10_000}. MetaLayer needs {OLDEST_MAJOR} or newer.")
        if encoding != "UTF8":
            raise DatabaseError(
                f"{name}: the database is in {encoding}, not in UTF8. Create one with: create database"
                " name encoding 'UTF8' template template0"
            )
        if standby:
            raise DatabaseError(f"{name} is a standby, which nobody can write to. Give the URL of the primary.")

    def _arguments(self) -> dict[str, Any]:
        """Translate the URL to psycopg2's arguments; the session's settings come after those of the URL."""
        query = self._parsed.normalized_query
        session = [f"-c {name}={value}" for name, value in _SESSION.items()]
        options = " ".join([*query.get("options", ()), *session])
        url = self._parsed.update_query_dict({"options": options})
        dialect = url.get_dialect()()
        _, arguments = dialect.create_connect_args(url)
        return {
            "application_name": "metalayer",
            "connect_timeout": _CONNECT_SECONDS,
            **arguments,
            "client_encoding": "UTF8",
        }

    def _explain(self, words: str) -> str:
        url = self._parsed
        query = url.normalized_query
        names = {
            "host": ", ".join(query.get("host", ())) or url.host or "the local socket",
            "port": ", ".join(query.get("port", ())) or url.port or 5432,
            "user": url.username or "of this process",
            "database": url.database or "of the user's name",
        }
        found = next((sentence for pattern, sentence in _REASONS if re.search(pattern, words)), None)
        sentence = found.format_map(names) if found else " ".join(words.split())
        return f"PostgreSQL at {self.safe_url} cannot be used: {sentence}"
