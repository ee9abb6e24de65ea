import errno
import os
from pathlib import Path

import pytest

from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.new_files import new_file


def write(path: Path, content: bytes = b"whole") -> None:
    with new_file(path) as stream:
        stream.write(content)


@pytest.fixture(params=["links", "no links"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on a file system that knows links, or on one that does not."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if request.param == "no links":
        monkeypatch.setattr(os, "link", refuse)
    return tmp_path


def test_a_file_is_there_once_it_is_whole(place: Path):
    with new_file(place / "a.csv") as stream:
        stream.write(b"half")
        stream.flush()
        assert not (place / "a.csv").exists()
        stream.write(b" and half")
    assert (place / "a.csv").read_bytes() == b"half and half"
    assert list(place.iterdir()) == [place / "a.csv"]


def test_what_goes_wrong_leaves_no_file(place: Path):
    def stop() -> None:
        with new_file(place / "a.csv") as stream:
            stream.write(b"half")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        stop()
    assert list(place.iterdir()) == []


def test_a_file_that_stands_or_comes_meanwhile_is_not_written_over(place: Path):
    def meet() -> None:
        with new_file(place / "a.csv") as stream:
            stream.write(b"ours")
            (place / "a.csv").write_bytes(b"theirs")

    with pytest.raises(SettingError, match="exists and is not written over"):
        meet()
    with pytest.raises(SettingError, match="exists and is not written over"):
        write(place / "a.csv")
    assert (place / "a.csv").read_bytes() == b"theirs"
    assert list(place.iterdir()) == [place / "a.csv"]


def test_a_folder_that_is_not_there_is_named(place: Path):
    with pytest.raises(SettingError, match=r"none/a\.csv cannot be written: No such file or directory"):
        write(place / "none" / "a.csv")
