"""Find or make the Dagster instance that the command line and the UI share, here; keep runs out (`runner`)."""

import os
import shutil
from pathlib import Path

import dagster as dg

from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.shipped import shipped

_HOME = "DAGSTER_HOME"
_BATCH = "DAGSTER_EVENT_BATCH_SIZE"
_CONFIGURATION = "dagster.yaml"


def instance_environment(settings: Settings) -> dict[str, str]:
    """The variables with which any Dagster process finds the instance of this warehouse.

    DAGSTER_HOME is kept where it is set; else it is a folder of METALAYER_HOME with the project's dagster.yaml.

    Raises:
        SettingError: DAGSTER_HOME names no folder.
    """
    home = os.environ.get(_HOME) or str(_own_home(settings))
    if not Path(home).is_dir():
        raise SettingError(f"{_HOME}={home!r} is not a folder: create it, or unset {_HOME}.")
    return {_HOME: home}


def _own_home(settings: Settings) -> Path:
    home = settings.home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    source, target = shipped(_CONFIGURATION), home / _CONFIGURATION
    if not target.is_file() or target.read_bytes() != source.read_bytes():
        partial = home / f".{_CONFIGURATION}.{os.getpid()}"
        shutil.copyfile(source, partial)
        partial.replace(target)
    return home


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance, its storage ready; sets the variables for this process and its children."""
    os.environ.update(instance_environment(settings))
    # A range run stores an event per slice; one insert for many is what keeps its bookkeeping small.
    os.environ.setdefault(_BATCH, "500")
    return dg.DagsterInstance.get()
