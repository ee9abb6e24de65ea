"""Define what a blemish is and the ways to build one here; the lists for each dataset are in erp_dirt and crm_dirt.

A kind either breaks the line, breaks one rule of the warehouse (the row must be quarantined), is only worth a
warning, or is harmless: another spelling of the same value. No kind breaks two rules, and none is ambiguous.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from metalayer_assets.sample.rows import Dataset, Row

Do = Callable[[Row, int, date], None]

BLANKS = ("", "   ")
NO_NUMBERS = ("NaN", "N/A", "12.3.4", "abc", "#REF!", "1O", "--", "five")
# The hard ones first, for small samples: a database casts some of them without a word.
NO_DATES = (
    "yesterday",
    "2024-02-30",
    "0000-00-00",
    "N/A",
    "2024-01-05 25:61:00",
    "2024-13-45 10:00:00",
    "not a date",
)


def _always(_: Row) -> bool:
    return True


@dataclass(frozen=True)
class Blemish:
    """A kind of dirt: `do` changes the row, or with `again` a second one that follows it.

    `do` is told how often the kind came before, to take another text each time, and the arrival day.

    It needs `column` in the file, and `fits` says whether this row can carry it. A `scarce` kind finds few rows or
    files that can carry it, so it is tried before the others.
    """

    name: str
    do: Do
    column: str | None = None
    fits: Callable[[Row], bool] = _always
    again: bool = False
    scarce: bool = False


def break_line(how: str) -> Blemish:
    """A line that no reader can take apart."""

    def do(row: Row, _: int, __: date) -> None:
        row.broken = how

    return Blemish(how, do, scarce=how == "invalid UTF-8")


def put(
    dataset: Dataset,
    column: str,
    kind: str,
    texts: tuple[str, ...],
    *,
    rule: bool = False,
    fits: Callable[[Row], bool] = _always,
) -> Blemish:
    """One of these texts instead of the value; with `rule` that breaks the rule `column kind`."""
    place = dataset.places[column]

    def do(row: Row, turn: int, _: date) -> None:
        row.texts[place] = texts[turn % len(texts)]
        if rule:
            row.rule = f"{column} {kind}"

    return Blemish(f"{column} {kind}", do, column, fits)


def respell(
    dataset: Dataset,
    column: str,
    kind: str,
    change: Callable[[str], str],
    *,
    rule: str | None = None,
    fits: Callable[[Row], bool] = _always,
    scarce: bool = False,
) -> Blemish:
    """The value written another way; fits only rows where that differs."""
    place = dataset.places[column]

    def do(row: Row, _: int, __: date) -> None:
        row.texts[place] = change(row.texts[place])
        row.rule = rule

    def differs(row: Row) -> bool:
        return bool(row.texts[place]) and fits(row) and change(row.texts[place]) != row.texts[place]

    return Blemish(f"{column} {kind}", do, column, differs, scarce=scarce)


def padded(text: str) -> str:
    """The text with spaces around it."""
    return f"  {text} "


def decomposed(text: str) -> str:
    """The text with its accents as characters of their own."""
    return unicodedata.normalize("NFD", text)


def _repeat(_: Row, __: int, ___: date) -> None:
    """The same line again."""


LINES = (break_line("too many fields"), break_line("unclosed quote"), break_line("NUL byte"))
REPEATED = Blemish("line repeated", _repeat, again=True)


def told_twice(dataset: Dataset, column: str, texts: tuple[str, ...]) -> Blemish:
    """The same key and sequence once more with another value: the later line counts."""
    place = dataset.places[column]

    def do(row: Row, turn: int, _: date) -> None:
        row.texts[place] = texts[turn % len(texts)]

    return Blemish("key told twice", do, column, again=True)


def blank_sequence(dataset: Dataset) -> Blemish:
    """No updated_at: the arrival day stands in for it."""
    place = dataset.places["updated_at"]

    def do(row: Row, _: int, __: date) -> None:
        row.texts[place] = ""
        row.sequence = None

    return Blemish("updated_at blank", do, "updated_at")


def day_as_sequence(dataset: Dataset) -> Blemish:
    """A day as updated_at: the first moment of it."""
    place = dataset.places["updated_at"]

    def do(row: Row, _: int, __: date) -> None:
        row.texts[place] = row.texts[place][:10]
        row.sequence = datetime.fromisoformat(row.texts[place])

    return Blemish("updated_at without time", do, "updated_at")
