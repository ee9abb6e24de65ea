"""Ask a server that was started what it is and whether it accepts connections; keep starting it out."""

import os
import signal
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg2
from psycopg2 import sql
from psycopg2.errors import DuplicateDatabase, UniqueViolation
from psycopg2.extensions import connection as Connection  # noqa: N812 -- psycopg2 names its class in lower case

from metalayer_assets.warehouse.embedded.config import DATABASE, USER
from metalayer_assets.warehouse.embedded.process import is_postmaster

# docs: https://www.postgresql.org/docs/current/server-shutdown.html
FAST, IMMEDIATE = signal.SIGINT, signal.SIGQUIT


@dataclass(frozen=True)
class ServerStatus:
    """State of an embedded server at one moment.

    Attributes:
        running: Whether it accepts connections.
        version: Version of the running server (`18.4`), else the major version of its data, if any.
        pid: Process id of the postmaster, if running.
        data_dir: Data directory, if one was made.
        url: SQLAlchemy URL, if running.
        size_bytes: Size of all databases, if running.
        uptime: Time since its start, if running.
        log_dir: Directory of the server's log, if a data directory was made.
    """

    running: bool
    version: str | None = None
    pid: int | None = None
    data_dir: Path | None = None
    url: str | None = None
    size_bytes: int | None = None
    uptime: timedelta | None = None
    log_dir: Path | None = None


@dataclass(frozen=True)
class Postmaster:
    """What `postmaster.pid` says about the server that wrote it, which may be gone.

    Attributes:
        pid: Process id of the postmaster.
        port: Port number within the socket's name.
        socket_dir: Directory of the socket; None while the server has not got that far.
        status: `starting`, `ready`, `stopping` or `standby`; empty while unknown.
    """

    pid: int
    port: int
    socket_dir: Path | None
    status: str

    @classmethod
    def read(cls, data_dir: Path) -> "Postmaster | None":
        """Read the file; None when there is none or it is not written yet."""
        try:
            text = (data_dir / "postmaster.pid").read_text(encoding="utf-8", errors="surrogateescape")
        except (FileNotFoundError, NotADirectoryError):
            return None
        # Lines: pid, data directory, start time, port, socket directory, TCP address, shared memory, status.
        pid, _, _, port, socket_dir, _, _, status, *_ = [*text.split("\n"), *[""] * 8]
        if not pid.isdigit():
            return None
        return cls(
            pid=int(pid),
            port=int(port) if port.isdigit() else 0,
            socket_dir=Path(socket_dir) if socket_dir else None,
            status=status.strip(),
        )

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the warehouse's database."""
        folder = quote(str(self.socket_dir), safe="/")
        return f"postgresql+psycopg2://{USER}@/{DATABASE}?host={folder}&port={self.port}"

    def is_alive(self, data_dir: Path) -> bool:
        """Tell whether the process exists and serves `data_dir`, and its id was not given to another."""
        try:
            process = psutil.Process(self.pid)
            if is_postmaster(process.cmdline(), data_dir):
                return True
            # Its folder was moved since its start: it works there, under another name than it was told.
            return process.name() == "postgres" and Path(process.cwd()) == data_dir
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False

    def shut_down(self, mode: signal.Signals) -> None:
        """Tell the server to end all sessions and itself."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, mode)

    def has_lost_its_socket(self) -> bool:
        """Tell whether the server is up and nobody can reach it, because its socket was deleted."""
        if self.status != "ready" or self.socket_dir is None:
            return False
        return not (self.socket_dir / f".s.PGSQL.{self.port}").exists()

    def refusal(self) -> str:
        """Try to connect; give the words of refusal, empty if the server accepts."""
        if self.status != "ready":
            return f"it is {self.status or 'starting'}"
        try:
            self._connect(DATABASE).close()
        except psycopg2.OperationalError as error:
            words = str(error).strip()
            # A server that is full is one that runs.
            return "" if "too many clients" in words or "slots are reserved" in words else words
        return ""

    def create_database(self) -> None:
        """Create the warehouse's database, empty; leave it to the next try if the server cannot now."""
        # The session of a process killed in between may still be creating it.
        with (
            suppress(psycopg2.OperationalError, DuplicateDatabase, UniqueViolation),
            closing(self._connect("postgres")) as connection,
            connection.cursor() as cursor,
        ):
            connection.autocommit = True
            statement = sql.SQL("create database {} template template0")
            cursor.execute(statement.format(sql.Identifier(DATABASE)))

    def measure(self, stopped: ServerStatus) -> ServerStatus:
        """Complete the status of a server with what it says itself; as it is if the server says nothing."""
        try:
            with closing(self._connect(DATABASE)) as connection, connection.cursor() as cursor:
                cursor.execute(
                    "select current_setting('server_version'),"
                    " (select sum(pg_database_size(oid))::bigint from pg_database),"
                    " now() - pg_postmaster_start_time()"
                )
                version, size, uptime = cursor.fetchall()[0]
        except psycopg2.Error:
            return stopped
        return replace(
            stopped,
            running=True,
            version=version,
            pid=self.pid,
            url=self.url,
            size_bytes=size,
            uptime=uptime,
        )

    def _connect(self, database: str) -> Connection:
        return psycopg2.connect(
            host=str(self.socket_dir),
            port=self.port,
            user=USER,
            dbname=database,
            connect_timeout=10,
            application_name="metalayer",
        )
