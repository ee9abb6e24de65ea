"""Define when apostrophes around fields may be a file's quotes here; keep the other doubts of a record out.

To RFC 4180 an apostrophe is text, and text is full of them: `''`, `'tis`, `' or '1'='1`. They are quotes where more
than one field says so: a record most of which stands in them, a file most of whose records hold such a field, or one
with a record that has the right number of fields only if they are.
"""

import csv
from collections.abc import Sequence

APOSTROPHE = b"'"
# Beyond these bytes nobody looks whether a record of the wrong length would be right in apostrophes.
_MOST_BYTES = 64 * 1024


class Apostrophes:
    """What the records of one file say about its apostrophes, in the order in which they are read.

    Attributes:
        quote: Whether they may be the quotes of the file: known at its end, or given by an earlier reading of it.
    """

    def __init__(self, *, quote: bool = False) -> None:
        self.quote = quote
        self._records = 0
        self._fitting = False

    def see(self, fields: Sequence[bytes]) -> None:
        """Count a record of the right number of fields, if any of them stands in apostrophes."""
        self._records += any(map(in_apostrophes, fields))

    def see_misfit(self, text: bytes, delimiter: bytes, fields: int) -> None:
        """Look whether a record of the wrong number of fields has the right one if apostrophes are quotes."""
        if self._fitting or APOSTROPHE not in text or len(text) > _MOST_BYTES:
            return
        # Any encoding of one byte does, for only bytes of ASCII part the fields.
        read = csv.reader([text.decode("latin-1")], delimiter=delimiter.decode(), quotechar="'", strict=True)
        try:
            self._fitting = any(len(found) == fields for found in read)
        except csv.Error:
            return

    def decide(self, records: int) -> None:
        """Settle at the end of a file of so many loaded records whether apostrophes may be its quotes."""
        most = self._records > 1 and 2 * self._records > records
        self.quote = self.quote or (self._records > 0 and (most or self._fitting))

    def doubt(self, fields: Sequence[bytes]) -> str | None:
        """Why the apostrophes of a record may be quotes; None if they are text."""
        if self.quote:
            first = next((at for at, field in enumerate(fields) if field.startswith(APOSTROPHE)), None)
            if first is None or not (in_apostrophes(fields[first]) or any(map(_closes, fields[first + 1 :]))):
                return None
            return f"apostrophes stand around field {first + 1}: they may be quotes, as others in this file, or text"
        within = [field for field in fields if in_apostrophes(field)]
        if len(set(within)) > 1 and 2 * len(within) >= sum(map(bool, fields)):
            return "apostrophes stand around most of its fields: they may be quotes or text"
        if any(map(_escaped, within)):
            return "apostrophes stand around a field and doubled inside it: they may be quotes or text"
        return None


def in_apostrophes(field: bytes) -> bool:
    """Whether a field begins and ends with an apostrophe of its own."""
    return len(field) > 1 and field.startswith(APOSTROPHE) and field.endswith(APOSTROPHE)


def _closes(field: bytes) -> bool:
    return field.endswith(APOSTROPHE)


def _escaped(field: bytes) -> bool:
    """Whether a field in apostrophes has others inside it, each of them doubled, among something else."""
    inside = field[1:-1]
    return APOSTROPHE * 2 in inside and bool(rest := inside.replace(APOSTROPHE * 2, b"")) and APOSTROPHE not in rest
