"""Define how the bytes of a landed file are read, inflated and hashed here; keep their meaning out."""

import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path

from metalayer_assets.warehouse.errors import LandingError

CHUNK_BYTES = 256 * 1024
LONGEST_MARK = 3

_FORMATS = {
    ".csv": ("csv", False),
    ".csv.gz": ("csv", True),
    ".jsonl": ("jsonl", False),
    ".jsonl.gz": ("jsonl", True),
    ".parquet": ("parquet", False),
}


def format_of(path: Path) -> tuple[str, bool]:
    """The format of a file by its name, and whether it is gzip-compressed.

    Raises:
        LandingError: The extension is none of the supported ones.
    """
    name = path.name.lower()
    for extension, found in _FORMATS.items():
        if name.endswith(extension):
            return found
    raise LandingError(f"{path}: the extension is not one that can be loaded; expected one of {', '.join(_FORMATS)}.")


def sha256_of(path: Path) -> tuple[str, int]:
    """Hex SHA-256 and length in bytes of a file as landed.

    Raises:
        LandingError: The file cannot be read.
    """
    source = LandedBytes(path, compressed=False)
    for _ in source.chunks():
        pass
    return source.sha256, source.size_bytes


class LandedBytes:
    """The content of one landed file, chunk by chunk, hashed as landed while it is read.

    Attributes:
        early_end: Set when the content stops before its proper end (a truncated gzip): a sentence with the
            byte offset. None as long as nothing is amiss.
    """

    def __init__(self, path: Path, *, compressed: bool) -> None:
        self._path = path
        self._compressed = compressed
        self._hash = hashlib.sha256()
        self.size_bytes = 0
        self.early_end: str | None = None

    @property
    def sha256(self) -> str:
        """Hex digest of what was read so far; of the whole file once `chunks` is exhausted."""
        return self._hash.hexdigest()

    def chunks(self) -> Iterator[bytes]:
        """Non-empty pieces of the content, about `CHUNK_BYTES` each, inflated where compressed.

        Raises:
            LandingError: The file cannot be read, or is not gzip where its name says so, or is damaged.
        """
        pieces = self._inflated() if self._compressed else self._raw()
        head = b""
        for piece in pieces:
            # A first piece too short to hold a byte order mark would hide it.
            head += piece
            if len(head) >= LONGEST_MARK:
                break
        if head:
            yield head
        yield from pieces

    def _raw(self) -> Iterator[bytes]:
        try:
            with self._path.open("rb", buffering=0) as file:
                while chunk := file.read(CHUNK_BYTES):
                    self._hash.update(chunk)
                    self.size_bytes += len(chunk)
                    yield chunk
        except OSError as error:
            raise LandingError(f"{self._path}: the file cannot be read ({error.strerror or error}).") from error

    def _inflated(self) -> Iterator[bytes]:
        decoder = None
        padding = b""
        for chunk in self._raw():
            waiting = chunk
            # Between the members of a gzip file, and after the last, zero padding may stand.
            while waiting := waiting if decoder else waiting.lstrip(padding):
                decoder = decoder or zlib.decompressobj(wbits=31)
                yield from self._pieces(decoder, waiting)
                waiting = decoder.unused_data
                if decoder.eof:
                    decoder = None
                    padding = b"\0"
        if decoder is not None:
            self.early_end = f"the gzip data breaks off at byte {self.size_bytes} of the file, before its end"

    def _pieces(self, decoder: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
        """What `data` inflates to, in pieces, so that a small file cannot become a large buffer."""
        while True:
            try:
                piece = decoder.decompress(data, CHUNK_BYTES)
            except zlib.error as error:
                raise LandingError(
                    f"{self._path}: not gzip data, or damaged, within its first {self.size_bytes} bytes "
                    f"({error}). Nothing of it is loaded; land the file again."
                ) from error
            data = decoder.unconsumed_tail
            if piece:
                yield piece
            if decoder.eof or not data:
                return
