# ruff: noqa: INP001 -- a script of the image, not a module of a package
"""Tell a container's health check whether the Dagster daemon is alive; keep everything else out.

`dagster-daemon liveness-check` forgives half an hour of silence, so the age of each heartbeat is read here.
"""

import sys
import time

from dagster import DagsterInstance

# A healthy daemon writes a heartbeat every 30 seconds.
SILENCE_ALLOWED_SECONDS = 120


def silent_daemons(instance: DagsterInstance, now: float) -> list[str]:
    """Name the required daemons that were silent for SILENCE_ALLOWED_SECONDS at `now` (epoch seconds)."""
    heartbeats = instance.get_daemon_heartbeats()
    return sorted(
        daemon
        for daemon in instance.get_required_daemon_types()
        if daemon not in heartbeats or now - heartbeats[daemon].timestamp > SILENCE_ALLOWED_SECONDS
    )


if __name__ == "__main__":
    with DagsterInstance.get() as current:
        silent = silent_daemons(current, time.time())
    if silent:
        sys.exit(f"No heartbeat for {SILENCE_ALLOWED_SECONDS} seconds: {', '.join(silent)}")
