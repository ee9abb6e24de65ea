"""Define the clean table of the hostile corpus and how it is written with any dialect here; keep the defects out.

The table is made to be mistaken: texts with delimiters of every kind, quotes, line ends, apostrophes and digits, so
that a lost or doubled character somewhere gives a line that looks right.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from metalayer_assets.warehouse.loading import SourceColumn

NAMES = ("order_id", "ordered_on", "customer", "product", "description", "quantity", "unit price", "link", "remark")
COLUMNS = tuple(
    SourceColumn(name.replace(" ", "_"), (name,), required=name not in {"link", "remark"}) for name in NAMES
)
Row = tuple[str, ...]

_LINK = "https://shop.example/p?id="
ROWS: tuple[Row, ...] = (
    ("1001", "2024-03-01", "Ann Lee", "Boots", "Rugged, light, and quick.", "2", "$74.69", _LINK + "1", ""),
    ("1002", "2024-03-01", "Bob O'Neil", "Table, round", "Seats six; steel legs", "1", "$78.07", _LINK + "2", "gift"),
    (
        "1003",
        "2024-03-02",
        "Zo\u00eb M\u00fcller",
        "Rod 8'9\"",
        'A 5" reel, and a "soft" grip',
        "1",
        "$48.00",
        "",
        "a;b;c",
    ),
    ("1004", "2024-03-02", "Cy", "Mug", "Plain", "12", "$3.50", _LINK + "4", "call, then ring"),
    ("1005", "2024-03-03", "Di Wu", "Kids' shoes", "", "3", "$12.00", _LINK + "5", ""),
    (
        "1006",
        "2024-03-03",
        "Eve",
        "Pack | strap",
        "One, two, three, four, five, six, seven, eight",
        "1",
        "$9.99",
        "",
        "",
    ),
    ("1007", "2024-03-04", "Flo", "Tent", "First line\nsecond line", "1", "$199.00", _LINK + "7", "fragile"),
    ("1008", "2024-03-04", "Gus", "Lamp", "40 W", "7", "$19.00", _LINK + "8", " padded "),
    ("1009", "2024-03-05", "Hal", "Rope", "10 m", "1", "$5.00", _LINK + "9", ""),
)


@dataclass(frozen=True)
class Polluted:
    """One hostile file.

    Attributes:
        category: What it is counted under.
        name: What is wrong with it.
        content: Its bytes.
        truth: The rows that it truly holds.
    """

    category: str
    name: str
    content: bytes
    truth: Sequence[Row] = ROWS


@dataclass(frozen=True)
class Dialect:
    """How a table is written.

    Attributes:
        delimiter: Between fields.
        end: Behind each record.
        quote: Around a field that needs it; nothing for no quotes at all.
        escape: What a quote inside quotes becomes.
        quote_all: Whether every field is quoted.
    """

    delimiter: str = ","
    end: str = "\n"
    quote: str = '"'
    escape: str = '""'
    quote_all: bool = False

    def field(self, value: str) -> str:
        """A value as a field."""
        needed = self.quote_all or any(mark in value for mark in (self.delimiter.strip() or " ", '"', "\n", "\r"))
        if not self.quote or not (needed or (value and self.delimiter in value)):
            return value
        return self.quote + value.replace('"' if self.escape != "''" else "'", self.escape) + self.quote

    def record(self, values: Sequence[str]) -> str:
        """A record with its end."""
        return self.delimiter.join(map(self.field, values)) + self.end

    def table(self, rows: Sequence[Row] = ROWS, names: Sequence[str] = NAMES) -> str:
        """A header and records."""
        return "".join(map(self.record, (names, *rows)))


PLAIN = Dialect()


def records(dialect: Dialect = PLAIN, rows: Sequence[Row] = ROWS) -> list[str]:
    """Header and records as texts, to be polluted one by one."""
    return [dialect.record(NAMES), *map(dialect.record, rows)]


def each_field(position: int) -> Iterator[tuple[int, list[str]]]:
    """For each field of a record or the header, its place and the record's fields as written."""
    values = NAMES if position == 0 else ROWS[position - 1]
    for place in range(len(values)):
        yield place, [PLAIN.field(value) for value in values]
