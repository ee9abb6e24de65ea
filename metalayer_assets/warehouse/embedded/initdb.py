"""Create a data directory and write files into it here, so that a crash in between leaves none by half."""

import os
import shutil
import tempfile
from pathlib import Path

from metalayer_assets.warehouse.embedded import config
from metalayer_assets.warehouse.embedded.place import Place
from metalayer_assets.warehouse.embedded.process import run
from metalayer_assets.warehouse.errors import DatabaseError


def make_data_directory(place: Place, programs: Path, major: int) -> None:
    """Run initdb beside the final name, then rename.

    Args:
        place: Where; its `data` does not exist yet.
        programs: Directory of `initdb`.
        major: Version of the programs.

    Raises:
        DatabaseError: initdb fails; the message ends with its last words.
    """
    for unfinished in place.base.glob("data.new-*"):
        shutil.rmtree(unfinished, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix="data.new-", dir=place.base))
    place.user.take(staging)
    for options in config.initdb_options(major):
        result = run([programs / "initdb", *options, f"--pgdata={staging}"], place.user)
        if result.returncode == 0:
            break
    else:
        shutil.rmtree(staging, ignore_errors=True)
        raise DatabaseError(f"PostgreSQL's initdb cannot create {place.data}. Its last words:\n{tail(result.stdout)}")
    main = (staging / "postgresql.conf").read_text(encoding="utf-8")
    write_file(place, staging / "postgresql.conf", f"{main}\ninclude_if_exists '{config.SETTINGS_FILE}'\n")
    write_file(place, staging / "pg_hba.conf", config.ACCESS_RULES)
    staging.rename(place.data)
    _sync(place.base)


def write_file(place: Place, path: Path, text: str) -> None:
    """Replace a file as a whole; a link planted under its name is not followed."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    place.user.take(new)
    new.replace(path)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def tail(text: str) -> str:
    """Give the last lines of a program's output."""
    return "\n".join(text.strip().splitlines()[-12:])
