"""Define a text file as a stream of physical lines in UTF-8 here; keep what the lines mean out."""

from collections.abc import Iterator
from pathlib import Path

from metalayer_assets.warehouse.loading.encoding import (
    UTF_8,
    Encoding,
    Transcoder,
    decide_encoding,
    encoding_by_mark,
    original,
)
from metalayer_assets.warehouse.loading.lines import LINE_ENDS, OverLongLine, line_blocks
from metalayer_assets.warehouse.loading.rejects import RejectSpool
from metalayer_assets.warehouse.loading.source import LandedBytes

NUL = b"\0"


def encoding_of(path: Path, *, compressed: bool) -> Encoding:
    """The encoding of a whole file, see `decide_encoding`; reads the file once where it must.

    Raises:
        LandingError: The file cannot be read or inflated.
    """
    return decide_encoding(LandedBytes(path, compressed=compressed).chunks())


class TextFile:
    """One pass over a text file: its lines as UTF-8 in blocks, and the way back to its own bytes.

    Attributes:
        source: The bytes as landed, with hash and size once the blocks are exhausted.
        encoding: The encoding it is read in; when none was given, what its mark says, or UTF-8 (known from
            the first block on).
    """

    def __init__(self, path: Path, *, compressed: bool, encoding: Encoding | None = None) -> None:
        self.source = LandedBytes(path, compressed=compressed)
        self.encoding = encoding or UTF_8
        self._given = encoding is not None
        self._leftover = b""
        self._cut_off = b""

    def blocks(self) -> Iterator[bytes | OverLongLine]:
        """Blocks of whole physical lines, see `line_blocks`; a line cut off by an early end is kept back.

        Raises:
            LandingError: The file cannot be read or inflated.
        """
        for block in line_blocks(self._utf8()):
            if isinstance(block, OverLongLine) or block.endswith((b"\n", b"\r")) or not self.early_end:
                yield block
                continue
            whole = max(block.rfind(b"\n"), block.rfind(b"\r")) + 1
            self._cut_off = block[whole:]
            if whole:
                yield block[:whole]

    @property
    def early_end(self) -> str | None:
        """Why the content stops before its end, known once it is exhausted; None if it does not."""
        if self.source.early_end:
            return self.source.early_end
        if self._leftover:
            return f"the file ends in the middle of a {self.encoding.label} character"
        return None

    def reject_end(self, number: int, rejects: RejectSpool) -> None:
        """Where the content ends early: reject what there is of line `number`, the first that is not whole."""
        if self.early_end:
            state = "this line is incomplete and the rest" if self._cut_off else "the rest, from this line on,"
            rejects.add(number, self.raw(self._cut_off) + self._leftover, f"{self.early_end}: {state} is missing")

    def raw(self, content: bytes) -> bytes:
        """The bytes that the file has where `content` was read."""
        return original(content, self.encoding)

    def problem(self, content: bytes) -> str | None:
        """Why PostgreSQL cannot hold `content`, by the byte, from 1, in the file's own bytes; else None."""
        if (at := content.find(NUL)) >= 0:
            return f"NUL at byte {len(self.raw(content[:at])) + 1}, which PostgreSQL text cannot hold"
        try:
            content.decode()
        except UnicodeDecodeError as error:
            return f"not valid {self.encoding.label} at byte {len(self.raw(content[: error.start])) + 1}"
        return None

    def _utf8(self) -> Iterator[bytes]:
        chunks = self.source.chunks()
        first = next(chunks, b"")
        if not self._given:
            self.encoding = encoding_by_mark(first) or UTF_8
        transcoder = Transcoder(self.encoding)
        yield from filter(None, transcoder.utf8(first, chunks))
        self._leftover = transcoder.leftover


def sound(content: bytes) -> bool:
    """Whether PostgreSQL can hold all of `content`: valid UTF-8 without NUL."""
    if NUL in content:
        return False
    if content.isascii():
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def bare(line: bytes) -> bytes:
    """A physical line without its line end."""
    return line.rstrip(LINE_ENDS)
