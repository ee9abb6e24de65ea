"""Find or make the Dagster instance that the command line and the UI share, here; keep runs out (`runner`)."""

import os
import shutil
from pathlib import Path

import dagster as dg

from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.models import sql_folder
from metalayer_assets.warehouse.settings import Settings, dagster_storage_url

STORAGE_URL = "METALAYER_DAGSTER_URL"
_HOME = "DAGSTER_HOME"
_BATCH = "DAGSTER_EVENT_BATCH_SIZE"


def instance_environment(settings: Settings, database: Database) -> dict[str, str]:
    """The variables with which any Dagster process finds the instance of this warehouse.

    DAGSTER_HOME is kept where it is set; else it is a folder of METALAYER_HOME with the project's dagster.yaml.
    """
    home = os.environ.get(_HOME) or str(_own_home(settings))
    if not Path(home).is_dir():
        raise SettingError(f"{_HOME}={home!r} is not a folder: create it, or unset {_HOME}.")
    return {_HOME: home, STORAGE_URL: os.environ.get(STORAGE_URL) or dagster_storage_url(database.url)}


def _own_home(settings: Settings) -> Path:
    home = settings.home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shipped = sql_folder().parent / "dagster.yaml"
    target = home / "dagster.yaml"
    if shipped.is_file() and (not target.is_file() or target.read_bytes() != shipped.read_bytes()):
        partial = home / f".dagster.yaml.{os.getpid()}"
        shutil.copyfile(shipped, partial)
        partial.replace(target)
    return home


def open_instance(settings: Settings, database: Database) -> dg.DagsterInstance:
    """The instance, its storage ready; sets the variables for this process and its children."""
    os.environ.update(instance_environment(settings, database))
    # A range run stores an event per slice; one insert for many is what keeps its bookkeeping small.
    os.environ.setdefault(_BATCH, "500")
    return dg.DagsterInstance.get()
