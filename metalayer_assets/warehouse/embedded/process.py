"""Run, find and end the processes of the embedded server here; keep what they are run for out.

PostgreSQL refuses to run as root. When root starts it, its processes are those of another user, and
everything that is run on its behalf is run as that user too.
"""

import os
import pwd
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True)
class ServerUser:
    """Owner of the server's processes and data."""

    uid: int
    gid: int

    @property
    def name(self) -> str:
        """Name of the user, or its number when it has no name here."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return f"with id {self.uid}"

    def take(self, path: Path) -> None:
        """Make the user the owner of a file or directory that this process created."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def run(
    command: Sequence[str | Path], user: ServerUser, *, new_session: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a command as `user` and give its exit code and its output (both streams, as stdout).

    The output goes through a file without a name, not a pipe: a server that outlives its starter would
    keep a pipe open and whoever reads it waiting.

    Args:
        command: Program and arguments.
        user: Whose process it is; has an effect only when this process is root's.
        new_session: Detach it from the terminal and process group, so that Ctrl-C does not reach it.
    """
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:
        as_user = {"user": user.uid, "group": user.gid, "extra_groups": []}
    # Only what the programs need: the environment of a process can be read by all processes of its user.
    environment = {"PATH": _PATH, "LC_ALL": "C", "TZ": "UTC"}
    environment |= {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    with tempfile.TemporaryFile() as output:
        finished = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
            # The caller's directory may be closed to the user.
            cwd="/",
            env=environment,
            umask=0o077,
            start_new_session=new_session,
            **as_user,
        )
        output.seek(0)
        text = output.read().decode(errors="replace").strip()
    return subprocess.CompletedProcess(finished.args, finished.returncode, stdout=text)


def kill_leftovers(*, cluster: str, data_dir: Path, user: ServerUser, patience: float = 0.0) -> int:
    """Kill the processes of a server whose postmaster was killed or has lost its `postmaster.pid`.

    A backend in the middle of a long statement outlives its postmaster and would keep the next one from
    starting. Nothing that it does can be committed twice or by half: recovery starts from the WAL.

    Args:
        cluster: Name of the server in the titles of its processes.
        data_dir: Its data directory.
        user: Whose processes they are; those of others are left alone.
        patience: Seconds to wait for them to end by themselves.

    Returns:
        Number of processes killed.
    """
    deadline = time.monotonic() + patience
    while killed := list(_processes(cluster=cluster, data_dir=data_dir, user=user)):
        if time.monotonic() >= deadline:
            break
        time.sleep(0.01)
    for process in killed:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(_runs(process) for process in killed):
        time.sleep(0.01)
    return len(killed)


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _processes(*, cluster: str, data_dir: Path, user: ServerUser) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if process.uids().real != user.uid:
                continue
            arguments = process.cmdline()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        is_child = " ".join(arguments).startswith(f"postgres: {cluster}: ")
        if is_child or ("-D" in arguments and is_postmaster(arguments, data_dir)):
            yield process


def is_postmaster(arguments: Sequence[str], data_dir: Path) -> bool:
    """Judge by its command line whether a process is the postmaster of `data_dir`.

    A zombie has no command line; a postmaster without `-D` was started by hand and may well be ours.
    """
    if not arguments or Path(arguments[0]).name != "postgres":
        return False
    paths = [part for part in arguments[1:] if part.startswith("/")]
    return "-D" not in arguments or any(Path(path).resolve() == data_dir for path in paths)
