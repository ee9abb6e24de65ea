"""Define physical lines here: how a stream of bytes is cut at line ends; keep fields and records out.

A physical line ends with LF, CRLF or a lone CR, wherever it stands, so that a line number means the same to
every editor. The numbering never depends on quotes.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_LINE_BYTES = 10 * 1024 * 1024
KEPT_BYTES = 1024 * 1024
LINE_ENDS = b"\r\n"

_TERMINATOR = re.compile(rb"\r\n?|\n")


@dataclass(frozen=True)
class OverLongLine:
    """A line beyond `MAX_LINE_BYTES`, of which only the head is held.

    Attributes:
        head: Its first `KEPT_BYTES` bytes.
        length: Its whole length in bytes, without the line end.
    """

    head: bytes
    length: int


def line_blocks(chunks: Iterable[bytes]) -> Iterator[bytes | OverLongLine]:
    """Cut a stream into blocks of whole physical lines, each with its line end.

    Only the last block can lack a line end. An over-long line comes as one `OverLongLine` in place of its
    bytes. Holds at most one chunk and `MAX_LINE_BYTES`.
    """
    held = b""
    rest = iter(chunks)
    for chunk in rest:
        held = held + chunk if held else chunk
        if len(held) > MAX_LINE_BYTES and not 0 < _first_end(held) <= MAX_LINE_BYTES:
            line, held = _over_long(held, rest)
            yield line
        # A CR in last place may be the first half of a CRLF that the next chunk completes.
        end = held.rfind(b"\n") + 1 or held.rfind(b"\r", 0, max(len(held) - 1, 0)) + 1
        if end:
            yield held[:end]
            held = held[end:]
    if held:
        yield held


def _first_end(data: bytes) -> int:
    """Where the first line of `data` ends, past its line end; 0 when that is not in `data` for certain."""
    found = _TERMINATOR.search(data)
    if found is None or (found.group() == b"\r" and found.end() == len(data)):
        return 0
    return found.end()


def _over_long(held: bytes, rest: Iterator[bytes]) -> tuple[OverLongLine, bytes]:
    """Pass over the over-long line that `held` begins with; also what follows it."""
    head = held[:KEPT_BYTES]
    length = 0
    while not (end := _first_end(held)):
        tail = held[-1:] if held.endswith(b"\r") else b""
        length += len(held) - len(tail)
        chunk = next(rest, None)
        if chunk is None:
            return OverLongLine(head, length), b""
        held = tail + chunk
    length += len(held[:end].rstrip(LINE_ENDS))
    return OverLongLine(head, length), held[end:]
