"""Define the careful reader of delimited text here: every record judged, none lost; keep SQL out.

It passes records on as CSV for COPY with the line number as first field. A record that stands on one line
with sound quotes goes through as it is; blocks of nothing else go through whole, at a fraction of a
microsecond a line.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter

from metalayer_assets.warehouse.loading.fields import QUOTE, MalformedError, RecordFields, clean_record
from metalayer_assets.warehouse.loading.lines import KEPT_BYTES, LINE_ENDS, MAX_LINE_BYTES, OverLongLine
from metalayer_assets.warehouse.loading.rejects import RejectSpool
from metalayer_assets.warehouse.loading.text import TextFile, bare, sound

LOOK_AHEAD_LINES = 100
LOOK_AHEAD_BYTES = 1024 * 1024

_BATCH = 4096


class RecordReader:
    """Reads the records of a delimited file and rejects what is none.

    A record carries the number of the physical line on which it begins. Blank lines between records are no
    records. A record with the wrong number of fields, or that PostgreSQL cannot hold, is rejected with all its
    lines; where a quote is never closed, or text follows a closing quote, only the first line is, and reading
    resumes behind it.

    Attributes:
        records: Records passed on.
    """

    def __init__(
        self,
        file: TextFile,
        blocks: Iterable[bytes | OverLongLine],
        *,
        first_line: int,
        delimiter: bytes,
        fields: int,
        kept: Sequence[int],
        rejects: RejectSpool,
    ) -> None:
        """Prepare to read.

        Args:
            file: The file that the blocks are of.
            blocks: The physical lines behind the header.
            first_line: Number of the first of them.
            delimiter: One byte.
            fields: Fields of a record.
            kept: Positions of the fields to pass on, in this order.
            rejects: Where unreadable lines go.
        """
        self._file = file
        self._blocks = iter(blocks)
        self._number = first_line
        self._delimiter = delimiter
        self._fields = fields
        self._clean = clean_record(delimiter, fields)
        self._row = b"%d" + delimiter + b"%b\n"
        self._pick = None if list(kept) == list(range(fields)) else _picker(kept)
        self._rejects = rejects
        self._queue: list[bytes | OverLongLine] = []
        self._at = 0
        self._sound = True
        self.records = 0

    def stream(self) -> Iterator[bytes]:
        """The readable records as blocks of CSV for COPY: line number, then the kept fields."""
        out: list[bytes] = []
        for block in self._blocks:
            whole = self._whole(block)
            if whole is not None:
                yield whole
                continue
            self._enqueue(block)
            # Looking ahead from a block's last record puts the next block into the queue, too.
            while self._at < len(self._queue):
                self._plain_run(out)
                if self._at < len(self._queue):
                    self._record(out)
                if len(out) >= _BATCH:
                    yield b"".join(out)
                    out.clear()
            yield b"".join(out)
            out.clear()
        self._file.reject_end(self._number, self._rejects)

    def _whole(self, block: bytes | OverLongLine) -> bytes | None:
        """The output for a block in which every line is a record; None when it must be read line by line."""
        if isinstance(block, OverLongLine) or not sound(block):
            return None
        lines = block.splitlines()
        if QUOTE in block:
            if self._pick or not all(map(self._clean.fullmatch, lines)):
                return None
        elif {line.count(self._delimiter) for line in lines} != {self._fields - 1}:
            return None
        # In a file of one column a blank line has the right number of fields and still is no record.
        if self._fields == 1 and b"" in lines:
            return None
        first = self._number
        self._number += len(lines)
        self.records += len(lines)
        if self._pick:
            lines = [self._delimiter.join(self._pick(line.split(self._delimiter))) for line in lines]
        return b"".join(map(self._row.__mod__, enumerate(lines, first)))

    def _plain_run(self, out: list[bytes]) -> None:
        """Pass on the records from here to the first line that is not, plainly, one record of its own."""
        if not self._sound:
            return
        # Most lines of most files pass through this loop: what it uses is local, and it calls no method of ours.
        row, pick, delimiter, others, clean = self._row, self._pick, self._delimiter, self._fields - 1, self._clean
        first = number = self._number
        for line in islice(self._queue, self._at, self._at + _BATCH):
            if isinstance(line, OverLongLine):
                break
            body = line.rstrip(LINE_ENDS)
            if QUOTE in body:
                if pick or not clean.fullmatch(body):
                    break
            elif not body or body.count(delimiter) != others:
                break
            out.append(row % (number, delimiter.join(pick(body.split(delimiter))) if pick else body))
            number += 1
        self.records += number - first
        self._advance(number - first)

    def _record(self, out: list[bytes]) -> None:
        """Read the record, blank line or unreadable line at which the queue stands."""
        line = self._queue[self._at]
        if isinstance(line, OverLongLine):
            self._rejects.add(self._number, self._file.raw(line.head), over_long(line))
            self._advance(1)
            return
        body = bare(line)
        if not body:
            self._advance(1)
        elif QUOTE in body:
            self._quoted(body, out)
        elif self._accepted(body, body.count(self._delimiter) + 1, 1):
            self._emit(out, body if self._pick is None else self._picked(body.split(self._delimiter)), 1)

    def _quoted(self, body: bytes, out: list[bytes]) -> None:
        """Read a record that begins on a line with quotes and may go on over further lines."""
        if self._pick is None and self._clean.fullmatch(body):
            if self._accepted(body, self._fields, 1):
                self._emit(out, body, 1)
            return
        record = RecordFields(self._delimiter)
        span = ahead = 0
        complete = False
        try:
            while not complete:
                line = self._peek(span)
                ahead += len(line) if span and isinstance(line, bytes) else 0
                if not isinstance(line, bytes) or span > LOOK_AHEAD_LINES or ahead > LOOK_AHEAD_BYTES:
                    self._reject_unclosed(record, span, at_end=line is None)
                    return
                span += 1
                complete = record.feed(line)
        except MalformedError as problem:
            where = "" if span == 1 else f" on line {self._number + span - 1}, where the quote opened here closes"
            self._reject(1, f"{problem}{where}")
            return
        if self._accepted(self._text(span), len(record.fields), span):
            kept = record.fields if self._pick is None else self._pick(record.fields)
            self._emit(out, self._delimiter.join(kept), span)

    def _accepted(self, text: bytes, fields: int, span: int) -> bool:
        """Whether the record on the next `span` lines can be loaded; rejects it when not."""
        reason = None if self._sound else self._file.problem(text)
        if reason is None and fields != self._fields:
            reason = f"expected {self._fields} fields, found {fields}"
        if reason is not None:
            self._reject(span, reason)
        return reason is None

    def _emit(self, out: list[bytes], record: bytes, span: int) -> None:
        out.append(self._row % (self._number, record))
        self.records += 1
        self._advance(span)

    def _reject_unclosed(self, record: RecordFields, span: int, *, at_end: bool) -> None:
        opened = f"the quote that opens field {record.count}"
        if at_end and self._file.early_end:
            # What was inside the quotes must not be taken for records of its own.
            reason = f"{self._file.early_end}: inside {opened} on line {self._number}"
            for _ in range(span):
                self._reject(1, reason)
        elif at_end:
            self._reject(1, f"{opened} is never closed")
        else:
            self._reject(1, f"{opened} is not closed within {LOOK_AHEAD_LINES} lines or {LOOK_AHEAD_BYTES} bytes")

    def _reject(self, span: int, reason: str) -> None:
        self._rejects.add(self._number, self._file.raw(self._text(span)), reason)
        self._advance(span)

    def _text(self, span: int) -> bytes:
        """The next `span` lines as one text, without the last line end."""
        return bare(b"".join(line for line in self._queue[self._at : self._at + span] if isinstance(line, bytes)))

    def _picked(self, fields: Sequence[bytes]) -> bytes:
        return self._delimiter.join(self._pick(fields) if self._pick else fields)

    def _peek(self, distance: int) -> bytes | OverLongLine | None:
        """The line that is `distance` lines ahead; None behind the last."""
        while self._at + distance >= len(self._queue):
            block = next(self._blocks, None)
            if block is None:
                return None
            self._enqueue(block)
        return self._queue[self._at + distance]

    def _enqueue(self, block: bytes | OverLongLine) -> None:
        del self._queue[: self._at]
        self._at = 0
        if not self._queue:
            self._sound = True
        if isinstance(block, OverLongLine):
            self._queue.append(block)
        else:
            self._sound = self._sound and sound(block)
            self._queue.extend(block.splitlines(keepends=True))

    def _advance(self, lines: int) -> None:
        self._at += lines
        self._number += lines


def over_long(line: OverLongLine) -> str:
    """Why an over-long line is rejected."""
    return (
        f"the line is {line.length} bytes long, over the limit of {MAX_LINE_BYTES}; "
        f"its first {KEPT_BYTES} bytes are kept"
    )


def _picker(kept: Sequence[int]) -> Callable[[Sequence[bytes]], Sequence[bytes]]:
    """A function that takes the fields at the given positions."""
    if len(kept) == 1:
        only = kept[0]
        return lambda fields: (fields[only],)
    return itemgetter(*kept)
