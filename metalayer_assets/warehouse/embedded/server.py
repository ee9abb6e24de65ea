"""Start, watch and stop the embedded PostgreSQL here; keep what runs inside it out.

`EmbeddedServer(home).ensure_running()` gives the URL of a server that accepts connections, whatever state it
was left in: never created, half created, stopped, killed, or running already, and whoever else asks for it at
the same moment. The server is nobody's child: it outlives the process that started it until `stop()`.
"""

import errno
import fcntl
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from metalayer_assets.warehouse.embedded import config
from metalayer_assets.warehouse.embedded import place as places
from metalayer_assets.warehouse.embedded.initdb import make_data_directory, tail, write_file
from metalayer_assets.warehouse.embedded.place import Place
from metalayer_assets.warehouse.embedded.postmaster import FAST, IMMEDIATE, Postmaster, ServerStatus
from metalayer_assets.warehouse.embedded.process import ServerUser, kill_leftovers, run
from metalayer_assets.warehouse.errors import DatabaseError

logger = logging.getLogger(__name__)

# Recovery replays up to max_wal_size of WAL before the server accepts connections.
_START_SECONDS = 300
_STOP_SECONDS = 60
_LOCK_SECONDS = _START_SECONDS + 2 * _STOP_SECONDS
_POLL_SECONDS = 0.02
_FIXES = {
    errno.ENOSPC: "Free space",
    errno.EDQUOT: "Free space",
    errno.EACCES: "Give yourself the right to write there",
    errno.EPERM: "Give yourself the right to write there",
    errno.EROFS: "Make it writable",
    errno.EEXIST: "Make it a folder",
    errno.ENOTDIR: "Make it a folder",
}


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
            stopped = ServerStatus(running=False, version=str(place.major), data_dir=place.data, log_dir=place.log)
            postmaster = Postmaster.read(place.data)
            if postmaster is None or not postmaster.is_alive(place.data):
                return stopped
            return postmaster.measure(stopped)

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
                for folder in places.folders(self.home):
                    shutil.rmtree(folder)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one process at a time create, start or stop the server; the kernel frees a dead one's lock."""
        if not self.home.is_dir():
            self.home.mkdir(parents=True, exist_ok=True)
            # With a strict umask the server's user could not pass through.
            self.home.chmod(0o755)
        path = self.home / "postgres.lock"
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            owner = self.home.stat()
            ServerUser(owner.st_uid, owner.st_gid).take(path)
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
        result = run(
            [programs / "pg_ctl", "-D", place.data, "-l", startup_log, "-w", "-t", "60", "start"],
            place.user,
            # Out of reach of a Ctrl-C that ends this process.
            new_session=True,
        )
        url = self._wait(place)
        if url is None:
            words = _last_words(place, startup_log) or result.stdout
            raise DatabaseError(
                f"The embedded PostgreSQL in {place.data} does not start. The last lines of its log"
                f" ({place.log}):\n{tail(words)}"
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
            elif postmaster.has_lost_its_socket():
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
        if postmaster is not None and was_alive:
            # Immediate: no checkpoint, as after a crash, so the next start recovers and loses nothing.
            for mode in (FAST, IMMEDIATE):
                postmaster.shut_down(mode)
                if self._ends(postmaster, place):
                    break
            else:
                raise DatabaseError(
                    f"The embedded PostgreSQL in {place.data} (process {postmaster.pid}) does not stop."
                    f" See its log in {place.log}."
                )
        # After an orderly end only the logger is left, writing the last lines.
        patience = 1.0 if was_alive else 0.0
        kill_leftovers(cluster=place.cluster, data_dir=place.data, user=place.user, patience=patience)
        return was_alive

    def _ends(self, postmaster: Postmaster, place: Place) -> bool:
        deadline = time.monotonic() + _STOP_SECONDS
        while postmaster.is_alive(place.data):
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True


def _last_words(place: Place, startup_log: Path) -> str:
    """Read why a server went down: from its first log, or from the one that it went over to."""
    words = startup_log.read_text(errors="replace") if startup_log.is_file() else ""
    logs = sorted(place.log.glob("server-*.log"), key=lambda log: log.stat().st_mtime)
    if "redirecting log output" in words and logs:
        return logs[-1].read_text(errors="replace")
    return words


@contextmanager
def _readable_errors(home: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or home
        raise DatabaseError(
            f"The embedded PostgreSQL of {home} cannot use {where}: {error.strerror or error}."
            f" {_FIXES.get(error.errno or 0, 'Put that right')}, or set METALAYER_HOME to another folder."
        ) from error
