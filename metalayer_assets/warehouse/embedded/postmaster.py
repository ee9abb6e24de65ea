"""Ask a server that was started what it is and whether it accepts connections; keep starting it out."""

from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 -- psycopg2 names its class in lower case

from metalayer_assets.warehouse.embedded.config import DATABASE, USER
from metalayer_assets.warehouse.embedded.process import is_postmaster


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
            arguments = psutil.Process(self.pid).cmdline()
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            return True
        return is_postmaster(arguments, data_dir)

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
        """Create the warehouse's database, empty."""
        with closing(self._connect("postgres")) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))

    def measure(self) -> tuple[str, int, timedelta]:
        """Give the server's version, the size of all its databases in bytes, and the time since its start."""
        with closing(self._connect(DATABASE)) as connection, connection.cursor() as cursor:
            cursor.execute(
                "select current_setting('server_version'),"
                " (select sum(pg_database_size(oid))::bigint from pg_database),"
                " now() - pg_postmaster_start_time()"
            )
            version, size, uptime = cursor.fetchall()[0]
        return version, size, uptime

    def _connect(self, database: str) -> Connection:
        return psycopg2.connect(
            host=str(self.socket_dir),
            port=self.port,
            user=USER,
            dbname=database,
            connect_timeout=10,
            application_name="metalayer",
        )
