# ruff: noqa: INP001 -- a script of the image, not a module of a package
"""Turn the secrets of a container into its environment here, then become the command; keep settings out.

Dagster and libpq read environment variables only, while a container is given its secrets as files. What is
set here is seen by the command and its children, not by `docker inspect`, and is never printed.
"""

import os
import shutil
import sys
from pathlib import Path

from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.settings import Settings

DAGSTER_YAML = Path(__file__).resolve().parent.parent / "dagster.yaml"


def read_password() -> None:
    """Set PGPASSWORD, which every client of libpq reads, from the file that PGPASSWORD_FILE names.

    Raises:
        SettingError: The file cannot be read or is empty.
    """
    path = os.environ.get("PGPASSWORD_FILE")
    if not path:
        return
    try:
        password = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise SettingError(
            f"PGPASSWORD_FILE={path} cannot be read: {error.strerror}. Let the user of the container read the file."
        ) from None
    if not password:
        raise SettingError(f"PGPASSWORD_FILE={path} is empty. Write the password of the database into it.")
    os.environ["PGPASSWORD"] = password


def prepare_dagster() -> None:
    """Put the dagster.yaml of this image into DAGSTER_HOME.

    Raises:
        SettingError: A setting cannot be used.
    """
    Settings.from_environment()
    home = os.environ.get("DAGSTER_HOME")
    if home:
        Path(home).mkdir(parents=True, exist_ok=True)
        # Several containers share the folder and start at once: each puts a whole file in place.
        written = Path(home) / f".dagster.yaml.{os.uname().nodename}"
        shutil.copyfile(DAGSTER_YAML, written)
        written.replace(Path(home) / "dagster.yaml")


def main(command: list[str]) -> None:
    """Replace this process by `command`; exit with one sentence when a setting cannot be used."""
    try:
        read_password()
        prepare_dagster()
    except SettingError as error:
        sys.exit(str(error))
    os.execvp(command[0], command)  # noqa: S606 -- the command is the image's own


if __name__ == "__main__":
    main(sys.argv[1:])
