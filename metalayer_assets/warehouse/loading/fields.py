"""Define the fields of one CSV record here: RFC 4180 over physical lines; keep files and rejects out.

Where RFC 4180 is silent: a quote inside a field that does not begin with one is literal text.
"""

import re

from metalayer_assets.warehouse.loading.lines import LINE_ENDS

QUOTE = b'"'

# From inside a quoted field to its closing quote or, when that is not there, to the end of the line.
_INSIDE = re.compile(rb'[^"]*+(?:""[^"]*+)*+')


class MalformedError(Exception):
    """The text is no record; says why."""


class RecordFields:
    """The fields of one record, fed one physical line after another until it is complete.

    The delimiter may have several bytes.

    Attributes:
        fields: Fields as they may stand in CSV for PostgreSQL: quoted ones as found, unquoted ones as found
            unless they hold a quote, which then are quoted.
        stray: Unquoted fields that hold a quote, as found.
    """

    def __init__(self, delimiter: bytes) -> None:
        self._delimiter = delimiter
        self._open: list[bytes] | None = None
        self.fields: list[bytes] = []
        self.stray: list[bytes] = []

    @property
    def values(self) -> list[bytes]:
        """The fields' contents, quotes resolved."""
        return [field[1:-1].replace(QUOTE * 2, QUOTE) if field.startswith(QUOTE) else field for field in self.fields]

    @property
    def count(self) -> int:
        """Number of fields begun so far."""
        return len(self.fields) + (self._open is not None)

    def feed(self, line: bytes) -> bool:
        """Take the next physical line, with its line end; True when the record ends with it.

        Raises:
            Malformed: Text stands between a closing quote and the next delimiter.
        """
        end = len(line.rstrip(LINE_ENDS))
        at = 0
        while True:
            if self._open is not None or line.startswith(QUOTE, at):
                at = self._quoted(line, at)
                if at < 0:
                    return False
                if at < end and not line.startswith(self._delimiter, at):
                    raise MalformedError(f"text after the closing quote of field {len(self.fields)}")
            else:
                at = self._unquoted(line, at, end)
            if at >= end:
                return True
            at += len(self._delimiter)

    def _quoted(self, line: bytes, at: int) -> int:
        """Take a quoted field or its continuation; the place after it, -1 when it goes on past the line."""
        inside = at + 1 if self._open is None else at
        pieces = self._open or []
        stop = _INSIDE.match(line, inside).end()  # type: ignore[union-attr]  # it matches nothing, too
        if stop == len(line):
            self._open = [*pieces, line[at:]]
            return -1
        self.fields.append(b"".join([*pieces, line[at : stop + 1]]))
        self._open = None
        return stop + 1

    def _unquoted(self, line: bytes, at: int, end: int) -> int:
        stop = line.find(self._delimiter, at, end)
        stop = end if stop < 0 else stop
        field = line[at:stop]
        if QUOTE in field:
            self.stray.append(field)
            field = quoted(field)
        self.fields.append(field)
        return stop


def quoted(value: bytes) -> bytes:
    """A value as a quoted CSV field."""
    return QUOTE + value.replace(QUOTE, QUOTE * 2) + QUOTE


def clean_record(delimiter: bytes, count: int) -> re.Pattern[bytes]:
    """A pattern that fully matches a record of `count` fields whose quotes are all as RFC 4180 wants them."""
    field = rb'(?:"[^"]*+(?:""[^"]*+)*+"|[^"\r\n' + re.escape(delimiter) + rb"]*+)"
    return re.compile(field + rb"(?:" + re.escape(delimiter) + field + rb"){%d}" % (count - 1))
