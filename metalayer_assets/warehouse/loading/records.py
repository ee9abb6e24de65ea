"""Define the careful reader of delimited text here: every record judged, none lost; keep SQL out.

It passes records on as CSV for COPY with the line number as first field. A record that stands on one line
with sound quotes goes through as it is; blocks of nothing else go through whole, at a fraction of a
microsecond a line.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter

from metalayer_assets.warehouse.loading.doubts import SPACE, Doubts, closes_field, stands_alone
from metalayer_assets.warehouse.loading.fields import QUOTE, MalformedError, RecordFields, clean_record, quoted
from metalayer_assets.warehouse.loading.footers import TELLING_FIELDS, Footer, HeldBack
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
    resumes behind it, unless what follows may be inside that quote. A record that may have been meant otherwise
    is rejected (see `Doubts`), and so is what stands below a second header, which is another table's or the same
    one's once more, and a record at the end of the file that may be a footer.

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
        padded: bytes | None = None,
        fields: int,
        kept: Sequence[int],
        doubts: Doubts,
        rejects: RejectSpool,
    ) -> None:
        """Prepare to read.

        Args:
            file: The file that the blocks are of.
            blocks: The physical lines behind the header.
            first_line: Number of the first of them.
            delimiter: One byte.
            padded: The delimiter with the blanks that belong to it, None where it has none.
            fields: Fields of a record.
            kept: Positions of the fields to pass on, in this order.
            doubts: What makes a record doubtful.
            rejects: Where unreadable lines go.
        """
        self._file = file
        self._blocks = iter(blocks)
        self._number = first_line
        self._delimiter = delimiter
        self._padded = padded
        self._doubts = doubts
        self._fields = fields
        self._clean = clean_record(delimiter, fields)
        self._row = b"%d" + delimiter + b"%b\n"
        self._pick = None if list(kept) == list(range(fields)) else _picker(kept)
        self._rejects = rejects
        self._queue: list[bytes | OverLongLine] = []
        self._at = 0
        self._sound = True
        self._clear = True
        self._held = HeldBack(doubts.footers, rejects)
        # The last record that is no footer: its line, or its fields where they are known.
        self._above: bytes | Sequence[bytes] = ()
        self._above_all = self._begins = True
        self._second_header: int | None = None
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
        at_end = self._held.settled(self.records)
        self.records += len(at_end)
        yield b"".join(at_end)
        self._doubts.apostrophes.decide(self.records)
        self._file.reject_end(self._number, self._rejects)

    def _whole(self, block: bytes | OverLongLine) -> bytes | None:
        """The output for a block in which every line is a record; None when it must be read line by line."""
        if isinstance(block, OverLongLine) or self._padded or self._begins or self._second_header or not sound(block):
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
        if self._doubts.footers.possible_on(lines[-1]) or not self._doubts.clear(block):
            return None
        self._above_all = False
        self._above = lines[-1]
        first = self._number
        self._number += len(lines)
        self.records += len(lines)
        if self._pick:
            lines = [self._delimiter.join(self._pick(line.split(self._delimiter))) for line in lines]
        return b"".join([*self._no_footer(), *map(self._row.__mod__, enumerate(lines, first))])

    def _plain_run(self, out: list[bytes]) -> None:
        """Pass on the records from here to the first line that is not, plainly, one record of its own."""
        if not (self._sound and self._clear) or self._padded or self._begins or self._second_header:
            return
        # Most lines of most files pass through this loop: what it uses is local, and it calls no method of ours.
        row, pick, delimiter, others, clean = self._row, self._pick, self._delimiter, self._fields - 1, self._clean
        may_be_footer = self._doubts.footers.possible_on
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
            if may_be_footer(body):
                break
            if number == first:
                out.extend(self._no_footer())
            out.append(row % (number, delimiter.join(pick(body.split(delimiter))) if pick else body))
            row_above = body
            number += 1
        self.records += number - first
        self._above_all = self._above_all and number == first
        if number > first:
            self._above = row_above
        self._advance(number - first)

    def _record(self, out: list[bytes]) -> None:
        """Read the record, blank line or unreadable line at which the queue stands."""
        line = self._queue[self._at]
        if isinstance(line, OverLongLine):
            self._above_all = False
            self._rejects.add(self._number, self._file.raw(line.head), over_long(line))
            self._advance(1)
            return
        body = bare(line)
        if not body:
            self._begins = True
            self._advance(1)
        elif self._second_header:
            self._reject(1, f"below the header on line {self._second_header}: land each table as a file of its own")
        else:
            self._judge(body, out)

    def _judge(self, body: bytes, out: list[bytes]) -> None:
        """Read a record that begins on a line and, with an open quote, may go on over further lines."""
        if self._padded and (unpadded := self._unpadded(body)):
            self._settle(unpadded, 1, out)
            return
        record = RecordFields(self._padded or self._delimiter)
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
            self._reject_quoted(f"{problem}{where}")
            return
        self._settle(record, span, out)

    def _settle(self, record: RecordFields, span: int, out: list[bytes]) -> None:
        """Pass on a complete record, or reject it."""
        begins, self._begins = self._begins, False
        if (
            not self._is_header(record.fields, span)
            and not (begins and len(record.fields) == self._fields and self._is_caption(span))
            and self._accepted(record, span)
        ):
            kept = record.fields if self._pick is None else self._pick(record.fields)
            self._emit(out, record.fields, self._delimiter.join(map(self._safe, kept)), span)

    def _unpadded(self, body: bytes) -> RecordFields | None:
        """The record on a line if it has the right number of fields and no blanks beside its delimiters; else None."""
        record = RecordFields(self._delimiter)
        try:
            complete = record.feed(body)
        except MalformedError:
            return None
        whole = complete and len(record.fields) == self._fields
        padded = any(field != field.strip(SPACE) for field in (*record.fields, *record.stray))
        return record if whole and not padded else None

    def _safe(self, field: bytes) -> bytes:
        """A field as it may go to COPY, whose delimiter has one byte."""
        return quoted(field) if self._padded and self._delimiter in field and not field.startswith(QUOTE) else field

    def _is_header(self, fields: Sequence[bytes], span: int) -> bool:
        """Whether the record is a header again; rejects it then and, if records stand above it, what is below it."""
        if not self._doubts.is_header(fields):
            return False
        if self._above_all and self._doubts.repeats_header(fields):
            self._reject(span, "the header once more")
            self._above_all = self._begins = True
        else:
            self._second_header = self._number
            self._reject(span, "another header: it and what stands below it may be another table")
        return True

    def _is_caption(self, span: int) -> bool:
        """Whether the first record, or the first behind a blank line, may be of names or units; rejects it then."""
        following = self._peek(span)
        text = self._text(span)
        if (
            not text.strip(self._delimiter)
            or not isinstance(following, bytes)
            or not self._doubts.is_caption(text, following)
        ):
            return False
        if not self._above_all:
            self._second_header = self._number
            self._reject(span, "no number in it and several below: it may be the header of another table")
        else:
            self._reject(span, "no number in it and several below: it may be a part of the header")
        return True

    def _accepted(self, record: RecordFields, span: int) -> bool:
        """Whether the record on the next `span` lines can be loaded; rejects it when not."""
        reason = None if self._sound else self._file.problem(self._text(span))
        if reason is None and len(record.fields) != self._fields:
            reason = f"expected {self._fields} fields, found {len(record.fields)}"
            self._doubts.apostrophes.see_misfit(self._text(span), self._delimiter, self._fields)
        if reason is None:
            self._doubts.apostrophes.see(record.fields)
        reason = reason or self._doubts.of_record(record)
        if reason is None and span > 1 and self._each_alone(span):
            reason = "a quoted field with line ends in it, of which each line could be a record of its own"
        if reason is not None:
            self._reject(span, reason)
        return reason is None

    def _each_alone(self, span: int) -> bool:
        """Whether each of the next lines has the fields of a record, so that its quote may be a mistake."""
        return self._fields >= TELLING_FIELDS - 1 and all(map(self._alone, range(span)))

    def _alone(self, distance: int) -> bool:
        """Whether the line that is `distance` lines ahead has the fields of a record."""
        line = self._peek(distance)
        return isinstance(line, bytes) and stands_alone(line, self._padded or self._delimiter, self._fields)

    def _emit(self, out: list[bytes], fields: Sequence[bytes], record: bytes, span: int) -> None:
        self._above_all = False
        row = self._row % (self._number, record)
        if self._doubts.footers.possible(fields):
            footer = Footer(self._number, self._file.raw(self._text(span)), row, fields)
            passed = self._held.hold(footer, self._fields_above)
            self.records += len(passed)
            out.extend(passed)
        else:
            out.extend(self._no_footer())
            out.append(row)
            self._above = fields
            self.records += 1
        self._advance(span)

    def _fields_above(self) -> Sequence[bytes]:
        """The fields of the last record that is no footer; none where there is none."""
        if isinstance(self._above, bytes):
            record = RecordFields(self._delimiter)
            record.feed(self._above)
            self._above = record.fields
        return self._above

    def _no_footer(self) -> list[bytes]:
        """The rows held back as footers, now that a record follows."""
        rows = self._held.released()
        self.records += len(rows)
        return rows

    def _reject_quoted(self, reason: str) -> None:
        """Reject a line with broken quotes, and what follows of the text that its quotes may enclose."""
        first = self._number
        following = self._lines_inside()
        self._reject(1, reason)
        for _ in range(following):
            self._reject(1, f"may be inside the quotes that are broken on line {first}")

    def _lines_inside(self) -> int:
        """How many of the lines behind the first seem to be inside its quotes: up to one that closes them."""
        ahead = 0
        alone = True
        for distance in range(1, LOOK_AHEAD_LINES + 1):
            line = self._peek(distance)
            ahead += len(line) if isinstance(line, bytes) else 0
            if not isinstance(line, bytes) or ahead > LOOK_AHEAD_BYTES:
                return 0
            alone = alone and self._alone(distance)
            if QUOTE in line:
                return 0 if alone or not closes_field(line, self._delimiter) else distance
        return 0

    def _reject_unclosed(self, record: RecordFields, span: int, *, at_end: bool) -> None:
        opened = f"the quote that opens field {record.count}"
        if at_end and self._file.early_end:
            # What was inside the quotes must not be taken for records of its own.
            reason = f"{self._file.early_end}: inside {opened} on line {self._number}"
            for _ in range(span):
                self._reject(1, reason)
        elif at_end:
            self._reject_quoted(f"{opened} is never closed")
        else:
            self._reject_quoted(f"{opened} is not closed within {LOOK_AHEAD_LINES} lines or {LOOK_AHEAD_BYTES} bytes")

    def _reject(self, span: int, reason: str) -> None:
        self._above_all = False
        self._rejects.add(self._number, self._file.raw(self._text(span)), reason)
        self._advance(span)

    def _text(self, span: int) -> bytes:
        """The next `span` lines as one text, without the last line end."""
        return bare(b"".join(line for line in self._queue[self._at : self._at + span] if isinstance(line, bytes)))

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
            self._sound = self._clear = True
        if isinstance(block, OverLongLine):
            self._queue.append(block)
        else:
            self._sound = self._sound and sound(block)
            self._clear = self._clear and self._doubts.clear(block)
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
