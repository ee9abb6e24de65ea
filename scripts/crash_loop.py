"""Kill the load and PostgreSQL at random moments, again and again; the warehouse must end as if nothing had happened.

    METALAYER_LANDING=… python scripts/crash_loop.py --kills 20 --folder /tmp/crash-loop

An undisturbed load of the same landing gives the checksums to compare with. Each round starts `metalayer run`, waits
for a random moment, and sends SIGKILL to the run, to every process of PostgreSQL, or to both. When a load gets through
unharmed the warehouse is emptied, so that every kill hits a load. At the end one run finishes what is left.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from metalayer_assets.warehouse.embedded import EmbeddedServer

METALAYER = str(Path(sys.executable).parent / "metalayer")


class Warehouse:
    """One embedded warehouse in a folder of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.server = EmbeddedServer(home)
        self.environment = {**os.environ, "METALAYER_HOME": str(home)}
        self.environment.pop("METALAYER_DATABASE_URL", None)

    def empty(self) -> None:
        """Start from nothing."""
        if self.home.exists():
            self.server.destroy()
            shutil.rmtree(self.home)
        self.home.mkdir(mode=0o755, parents=True)

    def metalayer(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [METALAYER, *arguments], env=self.environment, capture_output=True, text=True, check=False
        )

    def start_run(self) -> subprocess.Popen[bytes]:
        """Start a load."""
        return subprocess.Popen(
            [METALAYER, "run"],
            env=self.environment,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill_postgres(self) -> int:
        """Send SIGKILL to the postmaster and all its children; how many were hit."""
        pid = self.server.status().pid
        if pid is None:
            return 0
        postmaster = psutil.Process(pid)
        victims = [postmaster, *postmaster.children(recursive=True)]
        for process in victims:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        return len(victims)

    def checksums(self) -> dict[str, Any]:
        """Rows and checksum of every table, from the data."""
        done = self.metalayer("verify", "--json")
        found = json.loads(done.stdout)
        if not found["ok"]:
            sys.exit(f"the warehouse does not verify: {done.stdout}")
        return {name: (table["rows"], table["checksum"]) for name, table in found["tables"].items()}


def main() -> None:
    """Run the loop; exit 1 when the checksums differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, required=True, help="an empty folder to work in")
    options = parser.parse_args()
    rng = random.Random(options.seed)  # noqa: S311 -- moments, not secrets

    calm = Warehouse(options.folder / "calm")
    calm.empty()
    started = time.monotonic()
    done = calm.metalayer("run")
    seconds = time.monotonic() - started
    if done.returncode:
        sys.exit(f"the undisturbed load failed: {done.stderr}")
    expected = calm.checksums()
    calm.metalayer("down")
    print(f"undisturbed load: {seconds:.0f} s, {sum(rows for rows, _ in expected.values()):,} rows", flush=True)

    shaken = Warehouse(options.folder / "shaken")
    shaken.empty()
    kills = 0
    while kills < options.kills:
        run = shaken.start_run()
        moment = rng.uniform(1.0, seconds * 0.9)
        victim = rng.choice(["run", "postgres", "both"])
        try:
            run.wait(timeout=moment)
            if run.returncode == 0:
                shaken.empty()
            continue
        except subprocess.TimeoutExpired:
            pass
        if victim in ("run", "both"):
            os.killpg(run.pid, signal.SIGKILL)
        hit = shaken.kill_postgres() if victim in ("postgres", "both") else 0
        code = run.wait()
        kills += 1
        print(
            f"{kills:3} after {moment:5.1f} s: {victim}, {hit} server processes; the run ended with {code}", flush=True
        )
    done = shaken.metalayer("run")
    print(f"last run: exit code {done.returncode}\n{done.stdout}{done.stderr}", flush=True)
    found = shaken.checksums()
    different = [name for name in expected if expected[name] != found[name]]
    shaken.metalayer("down")
    print("checksums differ: " + ", ".join(different) if different else "all checksums equal the undisturbed load's")
    sys.exit(1 if different or done.returncode else 0)


if __name__ == "__main__":
    main()
