"""Know here which files of a folder are the sample's own; keep inventing and writing rows out.

The marker lies in the root of the landing under a name that starts with a dot, as do the truth and the parts of
files being written: a scanner of the landing passes over such names.
"""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from metalayer_assets.sample.options import SampleOptions
from metalayer_assets.warehouse.errors import LandingError

MARKER_FILE = ".metalayer-sample.json"


class Marker:
    """The claim of the sample on a folder: the options, and the files that are its own.

    Args:
        root: The landing folder; it need not exist.
        options: What will be written.
        planned: Every path, relative to the root, that writing may create.

    Raises:
        LandingError: The root is no folder, holds files that no sample wrote, or a foreign file is in the way.
    """

    def __init__(self, root: Path, options: SampleOptions, planned: Iterable[str]) -> None:
        self._root = root
        self._options = options
        if root.exists() and not root.is_dir():
            raise LandingError(f"{root} is a file: give a folder, new or empty, for the sample landing.")
        present = _files_below(root)
        self._old = self._owned(present)
        foreign = present - self._old
        in_the_way = sorted(foreign.intersection(planned))
        if in_the_way:
            raise LandingError(
                f"{root / in_the_way[0]} was not written by a sample and would be replaced: "
                "move it away or give another folder."
            )
        self._planned = set(planned)

    def claim(self) -> None:
        """Write the marker before the first file, so that a broken attempt can be written over.

        Raises:
            LandingError: The folder cannot be created or written.
        """
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            self._store(self._old | self._planned, complete=False)
        except OSError as error:
            raise LandingError(
                f"{self._root} cannot be written ({error.strerror}): give a folder of yours for the sample landing."
            ) from error

    def complete(self, written: set[str]) -> None:
        """Remove what an earlier sample left and this one did not write, and close the marker."""
        for name in sorted(self._old - written):
            (self._root / name).unlink(missing_ok=True)
            self._prune((self._root / name).parent)
        self._store(written, complete=True)

    def _owned(self, present: set[str]) -> set[str]:
        path = self._root / MARKER_FILE
        if not path.exists():
            if present:
                raise LandingError(
                    f"{self._root} is not empty and holds no sample ({min(present)} is there): "
                    "give a new or empty folder for the sample landing."
                )
            return set()
        try:
            return present.intersection(json.loads(path.read_text(encoding="utf-8"))["files"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LandingError(
                f"{path} cannot be read ({error}): remove the folder, or give another one for the sample landing."
            ) from error

    def _prune(self, folder: Path) -> None:
        with suppress(OSError):
            while folder != self._root:
                folder.rmdir()
                folder = folder.parent

    def _store(self, files: set[str], *, complete: bool) -> None:
        content = {
            "written_by": "metalayer sample",
            "complete": complete,
            "options": self._options.as_dict(),
            "files": sorted(files),
        }
        write_whole(self._root / MARKER_FILE, json.dumps(content, indent=1) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Write a small file so that no reader ever sees a part of it."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8", newline="\n")
    os.replace(part, path)  # noqa: PTH105 - the one atomic rename on every system


def _files_below(root: Path) -> set[str]:
    """Every visible file, relative to the root with forward slashes; none when the root does not exist."""
    paths = (path for path in root.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(root).as_posix() for path in paths}
