r"""Define when PostgreSQL reads a block of CSV exactly as it is meant here; keep the statements out.

PostgreSQL's CSV reader takes out quotes in the middle of an unquoted field, swallows lines behind a quote
that is never closed, ends at a line `\.` (up to version 17) and makes a row of a blank line in a table of one
column, all without a word. What it does complain of (field counts, mixed line ends) is not judged in full.
"""

import numpy as np
import numpy.typing as npt

from metalayer_assets.warehouse.loading.doubts import Doubts
from metalayer_assets.warehouse.loading.fields import QUOTE
from metalayer_assets.warehouse.loading.lines import LINE_ENDS, OverLongLine
from metalayer_assets.warehouse.loading.text import sound

_LF, _CRLF, _CR = b"\n", b"\r\n", b"\r"
_BACKSLASH = b"\\"
_END_OF_COPY = b"\\."


class DoubtError(Exception):
    """The fast path cannot promise to read the file rightly; says why."""


class BlockJudge:
    """Judges the blocks of one file, in order; each is whole physical lines.

    Attributes:
        records: Records in the blocks so far, one for each line.
    """

    def __init__(self, delimiter: bytes, line_end: bytes, doubts: Doubts) -> None:
        self._delimiter = delimiter
        self._doubts = doubts
        self._per_line = len(doubts.names) - 1
        self._end = line_end
        self._blank = False
        self._beside_quote: npt.NDArray[np.bool_] = np.zeros(256, dtype=np.bool_)
        self._beside_quote[list(QUOTE + LINE_ENDS + delimiter)] = True
        self._last_line = b""
        self.records = 0

    @property
    def ends_in_doubt(self) -> bool:
        """Whether the last line so far may be a footer."""
        return self._doubts.footers.possible_on(self._last_line)

    def passed(self, block: bytes | OverLongLine) -> bytes:
        """The block as it may go to PostgreSQL: blank lines at its end are taken off.

        Raises:
            DoubtError: PostgreSQL may read the block otherwise than line by line as RFC 4180 has it.
        """
        if isinstance(block, OverLongLine):
            raise DoubtError("an over-long line")
        body = block.rstrip(LINE_ENDS)
        if not body:
            self._blank = True
            return b""
        if self._blank:
            raise DoubtError("a blank line stands between records")
        tail = block[len(body) :]
        self._blank = len(tail) > len(self._end)
        self._check_bytes(block, body)
        lines = body.count(self._end) + 1
        if QUOTE in body:
            self._check_quotes(body)
        elif not self.records and body.count(self._delimiter) != lines * self._per_line:
            # PostgreSQL says so, too; found in the first block it costs no statement.
            raise DoubtError("a line has too many or too few fields")
        if not self._doubts.clear(body):
            raise DoubtError("a record may be meant otherwise")
        first_two = [self._last_line] * self.records + body.split(self._end, 2)[:2] if self.records < 2 else []
        if len(first_two) > 1 and self._doubts.is_caption(*first_two[:2]):
            raise DoubtError("the first line may belong to the header")
        self._last_line = body[body.rfind(self._end) + len(self._end) :] if lines > 1 else body
        self.records += lines
        return body + self._end if tail else body

    def _check_bytes(self, block: bytes, body: bytes) -> None:
        if not sound(block):
            raise DoubtError("not valid UTF-8, or NUL in it")
        if not self._uniform_ends(block):
            raise DoubtError("line ends are mixed")
        # Only in a table of one column is a blank line a row to PostgreSQL; in others it is an error.
        if body.startswith((_LF, _CR)) or (not self._per_line and self._end * 2 in body):
            raise DoubtError("a blank line stands between records")
        # One byte is found many times faster than two.
        if _BACKSLASH in body and (body.startswith(_END_OF_COPY) or self._end + _END_OF_COPY in body):
            raise DoubtError("a line begins with the end-of-data mark")

    def _uniform_ends(self, block: bytes) -> bool:
        if self._end == _LF:
            return _CR not in block
        if self._end == _CR:
            return _LF not in block
        return block.count(_CRLF) == block.count(_LF) == block.count(_CR)

    def _check_quotes(self, body: bytes) -> None:
        """Every quote opens, closes or is doubled, and no line ends inside quotes."""
        content = np.frombuffer(body, dtype=np.uint8)
        places = np.flatnonzero(content == QUOTE[0])
        if len(places) % 2:
            raise DoubtError("a quote is not closed on its line")
        before = places[0::2] - 1
        after = places[1::2] + 1
        before = before[1:] if before[0] < 0 else before
        after = after[:-1] if after[-1] == len(content) else after
        if not (self._beside_quote[content[before]].all() and self._beside_quote[content[after]].all()):
            raise DoubtError("a quote stands in the middle of a field")
        ends = np.flatnonzero(content == self._end[-1])
        if (np.searchsorted(places, ends) % 2).any():
            raise DoubtError("a line end stands inside quotes")
