"""Start, watch and stop the embedded PostgreSQL here; keep what runs inside it out.

`EmbeddedServer(home).ensure_running()` gives the URL of a server that accepts connections, whatever state it
was left in: never created, half created, stopped, killed, or running already, and whoever else asks for it at
the same moment. The server is nobody's child: it outlives the process that started it until `stop()`.
"""

import fcntl
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from subprocess import CompletedProcess

from metalayer_assets.warehouse.embedded import config
from metalayer_assets.warehouse.embedded import place as places
from metalayer_assets.warehouse.embedded.initdb import make_data_directory, tail, write_file
from metalayer_assets.warehouse.embedded.place import Place
from metalayer_assets.warehouse.embedded.postmaster import Postmaster
from metalayer_assets.warehouse.embedded.process import kill_leftovers, run
from metalayer_assets.warehouse.errors import DatabaseError

logger = logging.getLogger(__name__)

# Recovery replays up to max_wal_size of WAL before the server accepts connections.
_START_SECONDS = 300
_LOCK_SECONDS = _START_SECONDS + 60
_POLL_SECONDS = 0.02


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


class EmbeddedServer:
    """The PostgreSQL server that belongs to one home folder."""

    def __init__(
        self, home: Path, *, major: int = config.DEFAULT_MAJOR, overrides: Mapping[str, str] | None = None
    ) -> None:
        """Describe a server; nothing is created or started.

        Args:
            home: Folder of `METALAYER_HOME`; created when the server is first started.
            major: Major version of the binaries, 16 or 18.
            overrides: Server settings (`postgresql.conf` names) in place of ours, from the next start on.
        """
        self.home = home.resolve()
        self.major = major
        self.overrides = dict(overrides or {})

    def ensure_running(self) -> str:
        """Start the server unless it runs, and give its SQLAlchemy URL.

        Raises:
            DatabaseError: It cannot be created or started; the message names the cause and the fix.
        """
        with _readable_errors(self.home):
            place = places.find(self.home)
            if place is not None:
                self._check_major(place)
                postmaster = Postmaster.read(place.data)
                if postmaster and not postmaster.refusal():
                    return postmaster.url
            with self._lock():
                place = places.find(self.home) or self._create()
                self._check_major(place)
                return self._wait(place) or self._start(place)

    def stop(self) -> bool:
        """Stop the server, ending all its sessions; tell whether there was one to stop.

        Raises:
            DatabaseError: It does not stop.
        """
        with _readable_errors(self.home):
            if not self.home.is_dir() or places.find(self.home) is None:
                return False
            with self._lock():
                place = places.find(self.home)
                return place is not None and self._stop(place)

    def status(self) -> ServerStatus:
        """Look at the server without changing anything.

        Raises:
            DatabaseError: Its files belong to another user.
        """
        with _readable_errors(self.home):
            place = places.find(self.home)
            if place is None:
                return ServerStatus(running=False)
            postmaster = Postmaster.read(place.data)
            if postmaster is None or not postmaster.is_alive(place.data) or postmaster.refusal():
                return ServerStatus(running=False, version=str(place.major), data_dir=place.data, log_dir=place.log)
            version, size, uptime = postmaster.measure()
            return ServerStatus(
                running=True,
                version=version,
                pid=postmaster.pid,
                data_dir=place.data,
                url=postmaster.url,
                size_bytes=size,
                uptime=uptime,
                log_dir=place.log,
            )

    def destroy(self) -> None:
        """Stop the server and delete its data for good.

        Raises:
            DatabaseError: It does not stop, or its files cannot be deleted.
        """
        with _readable_errors(self.home):
            if not self.home.is_dir():
                return
            with self._lock():
                place = places.find(self.home)
                if place is not None:
                    self._stop(place)
                    for folder in place.short_socket_directories():
                        if folder.is_dir() and folder.lstat().st_uid == place.user.uid:
                            shutil.rmtree(folder, ignore_errors=True)
                    shutil.rmtree(place.base)
                shutil.rmtree(self.home / "postgres", ignore_errors=True)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one process at a time create, start or stop the server; the kernel frees a dead one's lock."""
        if not self.home.is_dir():
            self.home.mkdir(parents=True, exist_ok=True)
            # With a strict umask the server's user could not pass through.
            self.home.chmod(0o755)
        descriptor = os.open(self.home / "postgres.lock", os.O_RDONLY | os.O_CREAT, 0o644)
        try:
            deadline = time.monotonic() + _LOCK_SECONDS
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise DatabaseError(
                            f"Another process has been starting or stopping the embedded PostgreSQL of"
                            f" {self.home} for {_LOCK_SECONDS} s. End it, then try again."
                        ) from None
                    time.sleep(_POLL_SECONDS)
            yield
        finally:
            os.close(descriptor)

    def _check_major(self, place: Place) -> None:
        if place.major != self.major:
            raise DatabaseError(
                f"The data in {place.data} is of PostgreSQL {place.major}, the programs are of {self.major}."
                f" Set METALAYER_EMBEDDED_POSTGRES={place.major} to go on with it, or set METALAYER_HOME to"
                " another folder and load the landing files again."
            )

    def _create(self) -> Place:
        """Make a data directory beside its final name, so that a crash leaves no half one."""
        for forgotten in places.leftovers(self.home):
            logger.warning(
                "%s holds an embedded PostgreSQL whose home %s was deleted. Delete it if it is not needed.",
                forgotten.base,
                self.home,
            )
            self._stop(forgotten)
        place = places.create(self.home)
        make_data_directory(place, places.binaries(self.major, place), self.major)
        return place

    def _start(self, place: Place) -> str:
        programs = places.binaries(self.major, place)
        if not places.can_enter(place):
            raise DatabaseError(
                f"The user {place.user.name}, who runs the embedded PostgreSQL, cannot enter {place.data}."
                " Let others pass through the folders above it (chmod o+x), or run as another user than root."
            )
        killed = kill_leftovers(cluster=place.cluster, data_dir=place.data, user=place.user)
        if killed:
            logger.info("Killed %d processes that a dead PostgreSQL server left in %s.", killed, place.data)
        sockets = place.socket_directory()
        # No process of this server lives. What its lock files say could fit a stranger that has got the same
        # process id since, for instance after a reboot.
        for stale in (place.data / "postmaster.pid", *sockets.glob(".s.PGSQL.*")):
            stale.unlink(missing_ok=True)
        startup_log = place.own_folder(place.log) / "startup.log"
        startup_log.unlink(missing_ok=True)
        settings = config.server_settings(
            cluster=place.cluster, socket_dir=sockets, log_dir=place.log, overrides=self.overrides
        )
        write_file(place, place.data / config.SETTINGS_FILE, config.settings_text(settings))
        started = time.time() - 1
        result = _pg_ctl(programs, place, "start", "-l", startup_log)
        url = self._wait(place)
        if url is None:
            written = [log for log in place.log.glob("server-*.log") if log.stat().st_mtime >= started]
            words = "\n".join(log.read_text(errors="replace") for log in (*written, startup_log) if log.is_file())
            raise DatabaseError(
                f"The embedded PostgreSQL in {place.data} does not start. The last lines of its log"
                f" ({place.log}):\n{tail(words.strip() or result.stdout)}"
            )
        return url

    def _wait(self, place: Place) -> str | None:
        """Wait until the server that runs accepts connections and give its URL; None if none runs."""
        deadline = time.monotonic() + _START_SECONDS
        while (postmaster := Postmaster.read(place.data)) and postmaster.is_alive(place.data):
            refusal = postmaster.refusal()
            if not refusal:
                return postmaster.url
            if f'database "{config.DATABASE}" does not exist' in refusal:
                postmaster.create_database()
                continue
            if postmaster.has_lost_its_socket():
                logger.warning("The socket in %s was deleted: restarting PostgreSQL.", postmaster.socket_dir)
                self._stop(place)
                return None
            if time.monotonic() > deadline:
                raise DatabaseError(
                    f"The embedded PostgreSQL in {place.data} (process {postmaster.pid}) has not accepted a"
                    f" connection for {_START_SECONDS} s: {refusal}."
                    f" See its log in {place.log}."
                )
            time.sleep(_POLL_SECONDS)
        return None

    def _stop(self, place: Place) -> bool:
        postmaster = Postmaster.read(place.data)
        was_alive = postmaster is not None and postmaster.is_alive(place.data)
        if was_alive:
            programs = places.binaries(place.major, place)
            # Immediate: no checkpoint, as after a crash, so the next start recovers and loses nothing.
            for mode in ("fast", "immediate"):
                result = _pg_ctl(programs, place, "stop", "-m", mode)
                if result.returncode == 0:
                    break
            else:
                raise DatabaseError(f"The embedded PostgreSQL in {place.data} does not stop: {tail(result.stdout)}")
        kill_leftovers(cluster=place.cluster, data_dir=place.data, user=place.user)
        return was_alive


def _pg_ctl(programs: Path, place: Place, *arguments: str | Path) -> CompletedProcess[str]:
    """Run pg_ctl until its work is done, out of reach of a Ctrl-C that ends its caller."""
    command = [programs / "pg_ctl", "-D", place.data, "-w", "-t", "60", *arguments]
    return run(command, place.user, new_session=True)


@contextmanager
def _readable_errors(home: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or home
        raise DatabaseError(
            f"The embedded PostgreSQL of {home} cannot use {where}: {error.strerror or error}."
            " Free space or give yourself the right to write there, or set METALAYER_HOME to another folder."
        ) from error
