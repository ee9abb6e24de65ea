"""Write files that people or the landing scan look for here: whole or not at all, and never over another file."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from metalayer_assets.warehouse.errors import SettingError


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write that is there under its name once the block ends well; until then nobody takes it for one.

    Raises:
        SettingError: There is a file of that name, or it cannot be written.
    """
    waiting = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.tmp")
    refuse_standing(path)
    try:
        with waiting.open("xb") as stream:
            yield stream
            settle(stream)
        put_in_place(waiting, path)
    except OSError as error:
        raise SettingError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(OSError):
            waiting.unlink(missing_ok=True)


def refuse_standing(path: Path) -> None:
    """Verify that no file stands where one is to be written.

    Raises:
        SettingError: One does.
    """
    if path.exists():
        raise SettingError(f"{path} exists and is not written over: name another file, or move it away.")


def settle(stream: IO[bytes]) -> None:
    """Have everything that was written on the disk."""
    stream.flush()
    os.fsync(stream.fileno())


def put_in_place(waiting: Path, path: Path) -> None:
    """Give a finished file its name, unless another has it by now.

    Raises:
        SettingError: Another file has the name.
        OSError: The file system fails.
    """
    try:
        os.link(waiting, path)
    except FileExistsError:
        refuse_standing(path)
    except OSError:
        # Not every file system knows links; what is left is a moment between looking and renaming.
        refuse_standing(path)
        waiting.rename(path)
    else:
        waiting.unlink()
    _settle_folder(path.parent)


def _settle_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
