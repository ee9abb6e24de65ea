"""Define when a record at the end of a file may be its footer, and how long it is held back, here; keep reading out.

A footer is something that does not look like the rows above it. A row of an extract that tells deletions holds its
key and nothing else, and so may all of them.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from metalayer_assets.warehouse.loading.fields import QUOTE
from metalayer_assets.warehouse.loading.rejects import RejectSpool

# With fewer fields a record that holds one only is an ordinary one.
TELLING_FIELDS = 4
FOOTER_LINES = 100

_DIGIT = re.compile(rb"[0-9]")
_WORD = re.compile(rb"[A-Za-z0-9\x80-\xff]+")
# As C1042 is.
_NUMBERED = re.compile(rb"([A-Za-z]+)[0-9]+")
_BLANK = re.compile(rb"\s")
_TOTALS = (b"total", b"grand total", b"subtotal", b"sum:", b"sum,", b"sum;", b"summe")
# From one key to the next, as from 999 to 1000.
_LONGER = 1


class Footers:
    """What makes a record of one file a footer, if no other record follows."""

    def __init__(self, delimiter: bytes, fields: int) -> None:
        self._telling = fields >= TELLING_FIELDS
        # A line of which one field alone holds anything has a run of delimiters of half its fields.
        self._gap = delimiter * (fields // 2) if self._telling else b""

    def possible_on(self, line: bytes) -> bool:
        """Whether `possible` may be true of a line; quickly told."""
        return self._telling and (self._gap in line or _sums_up(line[:20].lstrip(QUOTE)))

    def possible(self, fields: Sequence[bytes]) -> bool:
        """Whether a record holds one field only or says total."""
        return self._telling and (sum(map(bool, fields)) == 1 or _sums_up(fields[0].lstrip(QUOTE)))

    @staticmethod
    def is_row(fields: Sequence[bytes], above: Sequence[bytes], *, whole: bool, counts: Sequence[int]) -> bool:
        """Whether such a record at the end of a file is a row like the one above it: of a key that looks alike.

        Args:
            fields: The record.
            above: The record above; the record itself where there is none.
            whole: Whether there are records of several fields above. A number alone below those has to be as long.
            counts: Numbers of records that a footer may tell.
        """
        place = _first_filled(fields)
        if _sums_up(fields[0].lstrip(QUOTE)) or place != _first_filled(above):
            return False
        key, other = _plain(fields[place]), _plain(above[place])
        if not _DIGIT.search(key) or _BLANK.search(key) or key in {b"%d" % count for count in counts}:
            return False
        if whole and key.isdigit() and abs(len(key) - len(other)) > _LONGER:
            return False
        letters = [numbered and numbered[1] for numbered in map(_NUMBERED.fullmatch, (key, other))]
        if all(letters) or (any(letters) and (key.isdigit() or other.isdigit())):
            return letters[0] == letters[1]
        return _WORD.sub(b"x", key) == _WORD.sub(b"x", other)


@dataclass(frozen=True)
class Footer:
    """A record that is a footer if no other follows.

    Attributes:
        number: Line on which it begins.
        raw: The bytes that the file has there.
        row: What is passed on if it is none.
        fields: Its fields.
    """

    number: int
    raw: bytes
    row: bytes
    fields: Sequence[bytes]


class HeldBack:
    """The records at the end of what is read so far that may be footers, `FOOTER_LINES` of them at most."""

    def __init__(self, footers: Footers, rejects: RejectSpool) -> None:
        self._footers = footers
        self._rejects = rejects
        self._held: list[Footer] = []
        self._above: Sequence[bytes] = ()
        self._whole = False

    def hold(self, footer: Footer, above: Callable[[], Sequence[bytes]]) -> list[bytes]:
        """Hold a record back; the rows of those that are too far up for a footer.

        Args:
            footer: The record.
            above: Gives the fields of the last record that is no footer; none where there is none.
        """
        if not self._held:
            found = above()
            self._above, self._whole = found or footer.fields, bool(found)
        self._held.append(footer)
        if len(self._held) <= FOOTER_LINES:
            return []
        passed = self._held.pop(0)
        self._above = passed.fields
        return [passed.row]

    def released(self) -> list[bytes]:
        """The rows of all that are held, since another record follows."""
        rows = [footer.row for footer in self._held]
        self._held.clear()
        return rows

    def settled(self, records: int) -> list[bytes]:
        """At the end of a file: the rows of those held that look like the record above; the rest is rejected.

        Args:
            records: How many records of the file are passed on so far.
        """
        rows: list[bytes] = []
        for footer in self._held:
            loaded = records + len(rows)
            counts = (loaded, loaded + self._rejects.count)
            if self._footers.is_row(footer.fields, self._above, whole=self._whole, counts=counts):
                rows.append(footer.row)
                self._above = footer.fields
            else:
                reason = "it says total or holds one field only, unlike those above, and no record follows"
                self._rejects.add(footer.number, footer.raw, f"{reason}: it may be a footer")
        self._held.clear()
        return rows


def _first_filled(fields: Sequence[bytes]) -> int:
    return next((at for at, field in enumerate(fields) if field), -1)


def _plain(field: bytes) -> bytes:
    return field[1:-1] if field.startswith(QUOTE) else field


def _sums_up(text: bytes) -> bool:
    return text[:20].lower().startswith(_TOTALS)
