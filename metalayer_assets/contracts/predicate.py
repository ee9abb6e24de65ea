"""Define predicates over the columns of one row here, as data; keep their use as rules out (`model`).

A predicate is written once and compiled twice: to SQL for the audit inside PostgreSQL, and to a pandas mask
for frames and for the second opinion in tests. Both follow SQL's three-valued logic, and a rule is broken
only where its predicate is *false*: a predicate over a missing value is unknown, which breaks nothing, so
"must be present" is always a rule of its own (`present`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

Literal = str | int | float | date
Mask = "pd.Series[Any]"


class Predicate:
    """A truth about one row: true, false or unknown."""

    def sql(self, aliases: Mapping[str, str]) -> str:
        """The predicate as an SQL expression over the named columns' SQL expressions."""
        raise NotImplementedError(type(self))

    def mask(self, frame: pd.DataFrame) -> "pd.Series[Any]":
        """The predicate over a frame: a nullable boolean series of the frame's length."""
        raise NotImplementedError(type(self))

    def columns(self) -> frozenset[str]:
        """Names of the columns that the predicate reads."""
        raise NotImplementedError(type(self))

    def __and__(self, other: "Predicate") -> "Predicate":
        return Both(self, other)

    def __or__(self, other: "Predicate") -> "Predicate":
        return Either(self, other)

    def __invert__(self) -> "Predicate":
        return Negation(self)


def quote(value: Literal) -> str:
    """A Python literal as an SQL literal."""
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)


@dataclass(frozen=True)
class OfColumn(Predicate):
    """A predicate over one column."""

    column: str

    def columns(self) -> frozenset[str]:
        """See `Predicate.columns`."""
        return frozenset({self.column})


@dataclass(frozen=True)
class Present(OfColumn):
    """The column holds a value."""

    def sql(self, aliases: Mapping[str, str]) -> str:
        """See `Predicate.sql`."""
        return f"({aliases[self.column]} is not null)"

    def mask(self, frame: pd.DataFrame) -> "pd.Series[Any]":
        """See `Predicate.mask`."""
        return frame[self.column].notna().astype("boolean")


@dataclass(frozen=True)
class OneOf(OfColumn):
    """The column's value is in a closed list."""

    values: tuple[str, ...]

    def sql(self, aliases: Mapping[str, str]) -> str:
        """See `Predicate.sql`."""
        return f"({aliases[self.column]} in ({', '.join(quote(value) for value in self.values)}))"

    def mask(self, frame: pd.DataFrame) -> "pd.Series[Any]":
        """See `Predicate.mask`."""
        series = frame[self.column]
        return series.isin(self.values).astype("boolean").mask(series.isna())


@dataclass(frozen=True)
class Matches(OfColumn):
    """The whole text matches a pattern of the syntax that PostgreSQL and Python share, ASCII only."""

    pattern: str

    def sql(self, aliases: Mapping[str, str]) -> str:
        """See `Predicate.sql`."""
        return f"({aliases[self.column]} ~ {quote(f'^(?:{self.pattern})$')})"

    def mask(self, frame: pd.DataFrame) -> "pd.Series[Any]":
        """See `Predicate.mask`."""
        series = frame[self.column]
        # In PostgreSQL $ does not accept a newline before the end, and a point means a newline too.
        compiled = re.compile(f"(?:{self.pattern})\\Z", re.ASCII | re.DOTALL)
        found = series.map(lambda text: bool(compiled.match(text)), na_action="ignore")
        return found.astype("boolean")


@dataclass(frozen=True)
class Within(OfColumn):
    """The text has at most so many characters."""

    length: int

    def sql(self, aliases: Mapping[str, str]) -> str:
        """See `Predicate.sql`."""
        return f"(char_length({aliases[self.column]}) <= {self.length})"

    def mask(self, frame: pd.DataFrame) -> "pd.Series[Any]":
        """See `Predicate.mask`."""
        series = frame[self.column]
        return series.map(lambda text: len(text) <= self.length, na_action="ignore").astype("boolean")


@dataclass(frozen=True)
class Compare(Predicate):
    """A column compared with a literal or with another column, the latter moved by whole days if asked."""

    column: str
    operator: str
    other: "Literal | Col"
    plus_days: int = 0

    def sql(self, aliases: Mapping[str, str]) -> str:
        """See `Predicate.sql`."""
        right = aliases[self.other.name] if isinstance(self.other, Col) else quote(self.other)
        if self.plus_days:
            right = f"{right} + {self.plus_days}"
        return f"({aliases[self.column]} {self.operator} {right})"

    def mask(self, frame: pd.DataFrame) -> "pd.Series[Any]":
        """See `Predicate.mask`."""
        left = frame[self.column]
        right: Any = frame[self.other.name] if isinstance(self.other, Col) else self.other
        if isinstance(self.other, date):
            right = pd.Timestamp(self.other)
        unknown = left.isna() | (right.isna() if isinstance(right, pd.Series) else False)
        if self.plus_days:
            right = right + timedelta(days=self.plus_days)
        known = ~unknown
        result = pd.Series(pd.NA, index=frame.index, dtype="boolean")
        compared = left[known], right[known] if isinstance(right, pd.Series) else right
        name = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "=": "eq", "<>": "ne"}[self.operator]
        result[known] = getattr(compared[0], name)(compared[1]).astype("boolean")
        return result

    def columns(self) -> frozenset[str]:
        """See `Predicate.columns`."""
        return frozenset({self.column} | ({self.other.name} if isinstance(self.other, Col) else set()))


@dataclass(frozen=True)
class Both(Predicate):
    """Conjunction."""

    left: Predicate
    right: Predicate

    def sql(self, aliases: Mapping[str, str]) -> str:
        """See `Predicate.sql`."""
        return f"({self.left.sql(aliases)} and {self.right.sql(aliases)})"

    def mask(self, frame: pd.DataFrame) -> "pd.Series[Any]":
        """See `Predicate.mask`."""
        return self.left.mask(frame) & self.right.mask(frame)

    def columns(self) -> frozenset[str]:
        """See `Predicate.columns`."""
        return self.left.columns() | self.right.columns()


@dataclass(frozen=True)
class Either(Predicate):
    """Disjunction."""

    left: Predicate
    right: Predicate

    def sql(self, aliases: Mapping[str, str]) -> str:
        """See `Predicate.sql`."""
        return f"({self.left.sql(aliases)} or {self.right.sql(aliases)})"

    def mask(self, frame: pd.DataFrame) -> "pd.Series[Any]":
        """See `Predicate.mask`."""
        return self.left.mask(frame) | self.right.mask(frame)

    def columns(self) -> frozenset[str]:
        """See `Predicate.columns`."""
        return self.left.columns() | self.right.columns()


@dataclass(frozen=True)
class Negation(Predicate):
    """Negation; the negation of unknown is unknown."""

    inner: Predicate

    def sql(self, aliases: Mapping[str, str]) -> str:
        """See `Predicate.sql`."""
        return f"(not {self.inner.sql(aliases)})"

    def mask(self, frame: pd.DataFrame) -> "pd.Series[Any]":
        """See `Predicate.mask`."""
        return ~self.inner.mask(frame)

    def columns(self) -> frozenset[str]:
        """See `Predicate.columns`."""
        return self.inner.columns()


@dataclass(frozen=True, eq=False)
class Col:
    """A column in a predicate: `Col("quantity") > 0`, `Col("status").one_of("A", "B")`."""

    name: str

    @property
    def present(self) -> Predicate:
        """The column holds a value."""
        return Present(self.name)

    def one_of(self, *values: str) -> Predicate:
        """The value is one of these."""
        return OneOf(self.name, values)

    def matches(self, pattern: str) -> Predicate:
        """The whole text matches the pattern."""
        return Matches(self.name, pattern)

    def within(self, length: int) -> Predicate:
        """The text has at most so many characters."""
        return Within(self.name, length)

    def at_most(self, other: "Literal | Col", *, plus_days: int = 0) -> Predicate:
        """At most the other value, that many days later."""
        return Compare(self.name, "<=", other, plus_days)

    def __lt__(self, other: "Literal | Col") -> Predicate:
        return Compare(self.name, "<", other)

    def __le__(self, other: "Literal | Col") -> Predicate:
        return Compare(self.name, "<=", other)

    def __gt__(self, other: "Literal | Col") -> Predicate:
        return Compare(self.name, ">", other)

    def __ge__(self, other: "Literal | Col") -> Predicate:
        return Compare(self.name, ">=", other)

    def __eq__(self, other: object) -> Predicate:  # type: ignore[override]
        return Compare(self.name, "=", other)  # type: ignore[arg-type]

    def __ne__(self, other: object) -> Predicate:  # type: ignore[override]
        return Compare(self.name, "<>", other)  # type: ignore[arg-type]

    __hash__ = None  # type: ignore[assignment]
