"""Define how the embedded server is set up here: initdb options, server settings, access rules, as data.

Running processes belongs to `embedded.py`, finding folders and binaries to `embedded_place.py`.
"""

import os
from collections.abc import Mapping
from pathlib import Path

DATABASE = "metalayer"
USER = "metalayer"
# The server listens on a Unix socket only; there the port is no more than a part of the file's name.
PORT = 5432
SETTINGS_FILE = "metalayer.conf"
DEFAULT_MAJOR = 18

# The fast shared memory of parallel queries lives in /dev/shm, which containers often limit to 64 MB.
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 -- its size is read, nothing is written
_SHARED_MEMORY_NEEDED = 1 << 29

_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    # One statement may touch every monthly partition of several tables.
    "max_locks_per_transaction": "1024",
    # Sized for two cores and a few gigabytes of memory.
    "shared_buffers": "256MB",
    "work_mem": "64MB",
    "maintenance_work_mem": "256MB",
    "max_parallel_workers_per_gather": "2",
    "random_page_cost": "1.1",
    "jit": "off",
    # Bulk loads write much WAL: fewer, larger checkpoints, compressed page images.
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "pglz",
    # What the ledger calls published and Dagster's event log calls materialized is on disk: with
    # synchronous_commit = off a crash of the server takes up to 0.6 s of commits back, and the two could
    # disagree. docs: https://www.postgresql.org/docs/current/wal-async-commit.html
    "synchronous_commit": "on",
    "fsync": "on",
    "full_page_writes": "on",
    # A killed client's statement ends within a second instead of holding its locks to the end.
    "client_connection_check_interval": "1s",
    "timezone": "UTC",
    "lc_messages": "C",
    "logging_collector": "on",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
    "log_lock_waits": "on",
    # One file per day of the week, each started afresh a week later.
    "log_filename": "server-%a.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_file_mode": "0600",
}

# Whoever can enter the socket's directory (0700) is let in; nobody else can reach the server.
ACCESS_RULES = "local all all trust\nlocal replication all trust\n"


def initdb_options(major: int) -> list[list[str]]:
    """Give the options of `initdb` without `-D`, as alternatives to be tried in turn.

    Every alternative sorts by code point in UTF-8, so that an order is the same on every machine.
    """
    common = [
        f"--username={USER}",
        "--encoding=UTF8",
        "--auth=trust",
        "--data-checksums",
        "--no-instructions",
    ]
    if major >= 17:
        return [[*common, "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]]
    # Before 17 letters beyond ASCII have an upper and lower case only through a locale of the system.
    return [[*common, "--locale=C", f"--lc-ctype={ctype}"] for ctype in ("C.UTF-8", "en_US.UTF-8")]


def server_settings(*, cluster: str, socket_dir: Path, log_dir: Path, overrides: Mapping[str, str]) -> dict[str, str]:
    """Give every setting of one server by name.

    Args:
        cluster: Name that the server's processes carry in their titles.
        socket_dir: Directory of the Unix socket.
        log_dir: Directory of the server's log.
        overrides: Settings that take the place of ours.
    """
    quoted = str(socket_dir).replace('"', '""')
    return {
        **_SETTINGS,
        "dynamic_shared_memory_type": _shared_memory_type(),
        "cluster_name": cluster,
        "unix_socket_directories": f'"{quoted}"',
        "log_directory": str(log_dir),
        **overrides,
    }


def settings_text(settings: Mapping[str, str]) -> str:
    """Write settings in the form of `postgresql.conf`."""
    lines = ["# Written anew at every start; use ALTER SYSTEM for settings of your own."]
    for name, value in settings.items():
        quoted = value.replace("\\", "\\\\").replace("'", "''")
        lines.append(f"{name} = '{quoted}'")
    return "\n".join(lines) + "\n"


def _shared_memory_type() -> str:
    try:
        space = os.statvfs(_SHARED_MEMORY)
    except OSError:
        return "posix"
    return "posix" if space.f_bavail * space.f_frsize >= _SHARED_MEMORY_NEEDED else "mmap"
