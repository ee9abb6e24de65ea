"""Define where lines that cannot be read wait here; keep the reasons and the SQL out."""

import tempfile
from collections.abc import Iterator
from typing import Self

from metalayer_assets.warehouse.loading.fields import quoted
from metalayer_assets.warehouse.loading.source import CHUNK_BYTES

_HELD_BYTES = 1024 * 1024
_REASON_CHARACTERS = 500


class RejectSpool:
    """Unreadable lines, kept aside (on disk beyond 1 MB) until the connection is free to take them.

    Attributes:
        count: Lines kept.
    """

    columns = ("_line", "raw", "reason")

    def __init__(self) -> None:
        self._spool = tempfile.SpooledTemporaryFile(max_size=_HELD_BYTES)  # noqa: SIM115  # closed by close()
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()

    def add(self, line: int, raw: bytes, reason: str) -> None:
        """Keep one line: its number in the file, its bytes as landed and why it cannot be read."""
        text = quoted(reason[:_REASON_CHARACTERS].replace("\0", "?").encode("utf-8", "backslashreplace"))
        self._spool.write(b"%d,\\x%b,%b\n" % (line, raw.hex().encode(), text))
        self.count += 1

    def stream(self) -> Iterator[bytes]:
        """All lines as CSV of `columns` for COPY."""
        self._spool.seek(0)
        while chunk := self._spool.read(CHUNK_BYTES):
            yield chunk
