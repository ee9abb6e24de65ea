r"""Define when a record that could be loaded may have been meant otherwise here; keep reading and rejecting out.

A line can have the right number of fields by accident: a delimiter was lost and a text held another, a row was written
with other delimiters or quotes, a heading was written again, a total was put below. Such a line has two readings, and
which one is right is not for the loader to guess. What the file as a whole settles is no doubt: its header names the
delimiter, so that another one has to part a line from its first field on. Where the reading rests on counting alone, a
record must have `TELLING_FIELDS` fields for a coincidence to mean something: lines of two or three fields coincide
every day.
"""

import codecs
import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from metalayer_assets.warehouse.loading.apostrophes import APOSTROPHE, Apostrophes, in_apostrophes
from metalayer_assets.warehouse.loading.fields import QUOTE, MalformedError, RecordFields
from metalayer_assets.warehouse.loading.footers import TELLING_FIELDS, Footers
from metalayer_assets.warehouse.loading.lines import LINE_ENDS

DELIMITERS = (b",", b";", b"\t", b"|")
SPACE = b" "
# Taken for delimiters only where they part nothing but expected names.
RARE_DELIMITERS = (SPACE, b"~", b"^", b"\x01", b"\x1f")

# Three characters in a row beyond ASCII, in UTF-8: in a West European text there are none.
_FOREIGN_RUN = re.compile(rb"(?:[\xc2-\xf4][\x80-\xbf]+){3}")
_DIGIT = re.compile(rb"[0-9]")
_MARK = codecs.BOM_UTF8
_SHOWN = {b",": "comma", b";": "semicolon", b"\t": "tab", b"|": "pipe"}


class Doubts:
    """What makes a record of one file doubtful.

    Attributes:
        names: The header's names as the file spells them, in lower case and trimmed.
        footers: What makes a record a footer if it is the last.
        apostrophes: What the records say about the file's apostrophes.
    """

    def __init__(
        self,
        delimiter: bytes,
        names: Sequence[bytes],
        kept: Sequence[int],
        *,
        blank_delimiter: bool = False,
        single_byte: bool = False,
        apostrophes_quote: bool = False,
    ) -> None:
        """Prepare for one file.

        Args:
            delimiter: One byte.
            names: The header's names as UTF-8.
            kept: Positions of the fields that are loaded.
            blank_delimiter: Whether the delimiter has a blank beside it, in the header too.
            single_byte: Whether the file is read in a single-byte encoding, of which there are many.
            apostrophes_quote: Whether apostrophes are known to be quotes in other records of the file.
        """
        self._delimiter = delimiter
        self._fields = len(names)
        self._kept = kept
        self._telling = self._fields >= TELLING_FIELDS
        self._blank_delimiter = blank_delimiter
        self._single_byte = single_byte
        self.names = tuple(_folded(name) for name in names)
        self._needed = max(min(2, self._fields), (len(set(filter(None, self.names))) + 1) // 2)
        self._others = tuple(other for other in DELIMITERS if other != delimiter)
        self._void = delimiter * (self._fields - 1)
        self._spaced = delimiter + SPACE
        # Where half of the names stand, one of any larger half does: only that is looked for.
        marked = sorted(set(filter(None, self.names)), key=lambda name: (not _rare(name), -len(name)))
        self._marked = marked
        self._tokens = [(name, _rare(name)) for name in marked[: len(marked) - self._needed + 1]]
        self.footers = Footers(delimiter, self._fields)
        self.apostrophes = Apostrophes(quote=apostrophes_quote)

    def clear(self, block: bytes) -> bool:
        """Whether no record of a block is doubtful, if each of its lines is one record with sound quotes."""
        suspects = self._suspects(block)
        if not suspects:
            return True
        return not any(
            any(suspect(line) for suspect in suspects) and self._in_doubt(line) for line in block.splitlines()
        )

    def _in_doubt(self, line: bytes) -> bool:
        """Whether the record on one line is doubtful, or may be once all of the file is known."""
        record = RecordFields(self._delimiter)
        try:
            if not record.feed(line):
                return False
        except MalformedError:
            return False
        return (
            self.is_header(record.fields)
            or any(map(in_apostrophes, record.fields))
            or self.of_record(record) is not None
        )

    def of_record(self, record: RecordFields) -> str | None:
        """Why a record of the right number of fields is doubtful; None if it is not."""
        fields = record.fields
        if self._fields > 1 and not any(fields[position] for position in self._kept):
            return "all of its fields are empty"
        return (
            _stray_quotes(record)
            or self.apostrophes.doubt(fields)
            or self._other_delimiter(fields)
            or self._other_encoding(record)
        )

    def is_header(self, fields: Sequence[bytes]) -> bool:
        """Whether a record, of any number of fields, is a header: it holds at least half of this file's names."""
        if not self.names or sum(map(len, fields)) > 4 * sum(map(len, self.names)) + 1000:
            return False
        return len({_folded(field) for field in fields} & set(filter(None, self.names))) >= self._needed

    def repeats_header(self, fields: Sequence[bytes]) -> bool:
        """Whether a record is the header of this file once more."""
        return tuple(map(_folded, fields)) == self.names

    def is_caption(self, line: bytes, following: bytes) -> bool:
        """Whether a line without digits may be names or units for the one behind it, which has several numbers."""
        if not self._telling or _DIGIT.search(line):
            return False
        return sum(_DIGIT.search(field) is not None for field in following.split(self._delimiter)) > 1

    def _suspects(self, block: bytes) -> list[Callable[[bytes], bool]]:
        """Quick tests that find every doubtful line of a block among others, of those that can find any at all."""
        found = self._misshapen(block)
        # One byte is found many times faster than two.
        if APOSTROPHE in block:
            found.append(lambda line: line.startswith(APOSTROPHE) or self._delimiter + APOSTROPHE in line)
        if self._delimiter == SPACE:
            found.append(lambda line: any(other in line for other in self._others))
        if self._single_byte and not block.isascii():
            found.append(lambda line: not line.isascii())
        if _MARK in block:
            found.append(lambda line: line.startswith(_MARK))
        folded = block.lower()
        # A city called City is in every line, and no header for that: no line holds more names than its block.
        if (
            any(rare in block and token in folded for token, rare in self._tokens)
            and sum(name in folded for name in self._marked) >= self._needed
        ):
            found.append(lambda line: any(token in line.lower() for token, _ in self._tokens))
        return found

    def _misshapen(self, block: bytes) -> list[Callable[[bytes], bool]]:
        """Those of the tests that look for delimiters."""
        found: list[Callable[[bytes], bool]] = []
        least = self._fields - 1
        content = np.frombuffer(block, dtype=np.uint8)
        if least and len(self._kept) < self._fields:
            if 0 not in self._kept or _begun_with(content, self._delimiter):
                found.append(self._may_lack_all_kept)
        elif least and self._void in block:
            found.append(lambda line: self._void in line)
        if self._telling:
            if not self._blank_delimiter and _crowded(content, self._spaced, least):
                found.append(lambda line: line.count(self._spaced) >= least)
            found += [_counts(other, least) for other in self._others if _crowded(content, other, least)]
        return found

    def _may_lack_all_kept(self, line: bytes) -> bool:
        """Where other columns than the expected ones are in the file, a line can hold nothing but those."""
        delimiter = self._delimiter
        return line.startswith(delimiter) or line.rstrip(LINE_ENDS).endswith(delimiter) or delimiter * 2 in line

    def _other_delimiter(self, fields: Sequence[bytes]) -> str | None:
        plain = [field for field in fields if not field.startswith(QUOTE)]
        if self._delimiter == SPACE and any(other in field for other in self._others for field in plain):
            return "it holds other delimiters than the header's space"
        if not self._telling or self._delimiter == SPACE:
            return None
        # One and the same in all of them is a text that begins with it.
        if len(set(fields[1:])) > 1:
            for beside in (*(() if self._blank_delimiter else (SPACE,)), *self._others):
                if all(field.startswith(beside) for field in fields[1:]):
                    shown = _SHOWN.get(beside, "blank")
                    return f"a {shown} follows every delimiter, as in the header none does: it may be delimiter or text"
        for other in self._others:
            # Parted by another delimiter, a line has it in what the header's delimiter takes for its first field, and
            # no two of these pieces are the same; those of one text that is told twice are.
            pieces = [field for field in plain if other in field]
            parted = fields[0] in pieces and len(set(pieces)) == len(pieces)
            if parted and sum(piece.count(other) for piece in pieces) == self._fields - 1:
                both = f"{_SHOWN.get(self._delimiter, self._delimiter.decode())} or {_SHOWN[other]}"
                return f"it has {self._fields} fields whether {both} is the delimiter"
        return None

    def _other_encoding(self, record: RecordFields) -> str | None:
        fields = record.fields
        # The mark of a file that was put below another stands before its first field, and nowhere else.
        begun = [field for field in (fields[0], *record.stray[:1]) if field.startswith(_MARK) and field != _MARK]
        if begun and not any(_MARK in field for field in fields[1:]):
            return "it begins with a byte order mark, where another file may begin"
        if self._single_byte and any(map(_FOREIGN_RUN.search, fields)):
            return "it has several bytes over 0x7F in a row, which Windows-1252 may be the wrong encoding for"
        return None


def stands_alone(line: bytes, delimiter: bytes, fields: int) -> bool:
    """Whether a physical line could be a record of so many fields, its quotes taken for quotes or for text."""
    if line.rstrip(LINE_ENDS).count(delimiter) == fields - 1:
        return True
    record = RecordFields(delimiter)
    try:
        return record.feed(line) and len(record.fields) == fields
    except MalformedError:
        return False


def closes_field(line: bytes, delimiter: bytes) -> bool:
    """Whether the first quote of a line closes a field that was opened above rather than opening one."""
    at = line.find(QUOTE)
    behind = line[at + 1 :].rstrip(LINE_ENDS)
    if behind.startswith(QUOTE) and (not at or line[:at].endswith(delimiter)):
        return False
    return not behind or behind.startswith(delimiter)


def _stray_quotes(record: RecordFields) -> str | None:
    """Why the quotes in unquoted fields may be meant otherwise than as text."""
    if len(record.stray) > 1:
        return "quotes stand inside several unquoted fields: they may be text or enclose delimiters"
    for field in record.stray:
        if field.strip(SPACE).startswith(QUOTE):
            return "a quote follows a blank at the beginning of a field: it may be text or open the field"
        if QUOTE * 2 in field:
            return "a doubled quote stands inside an unquoted field: it may be one quote or two"
        if field.endswith(QUOTE) and field.count(QUOTE) % 2:
            return "a quote that nothing opened stands at the end of a field: it may be text or close something lost"
    return None


def _counts(other: bytes, least: int) -> Callable[[bytes], bool]:
    return lambda line: line.count(other) >= least


def _crowded(content: npt.NDArray[np.uint8], mark: bytes, least: int) -> bool:
    """Whether a mark of one or two bytes stands so many times on any line of a block."""
    places = np.flatnonzero(content == mark[0])
    if len(mark) > 1:
        places = places[places + 1 < len(content)]
        places = places[content[places + 1] == mark[1]]
    if len(places) < least:
        return False
    ends = np.flatnonzero((content == LINE_ENDS[0]) | (content == LINE_ENDS[1]))
    counts = np.diff(np.searchsorted(places, ends), prepend=0, append=len(places))
    return bool(counts.max() >= least)


def _begun_with(content: npt.NDArray[np.uint8], mark: bytes) -> bool:
    """Whether any line of a block begins with a byte."""
    places = np.flatnonzero(content == mark[0])
    before = content[places[places > 0] - 1]
    return bool((places[:1] == 0).any() or ((before == LINE_ENDS[0]) | (before == LINE_ENDS[1])).any())


def _rare(name: bytes) -> bytes:
    """A byte of a name that text has least of, to be looked for before the name is; nothing where it has none."""
    return next((name[at : at + 1] for at in range(len(name)) if not name[at : at + 1].isalnum()), b"")


def _folded(field: bytes) -> bytes:
    """A field as names are compared here."""
    text = field.strip(LINE_ENDS + SPACE)
    if len(text) > 1 and text.startswith(QUOTE) and text.endswith(QUOTE):
        text = text[1:-1].replace(QUOTE * 2, QUOTE)
    return text.strip().lower()
