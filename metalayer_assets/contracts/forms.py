"""Define the notations that a told column may come in here, as data; keep how each is read out (`warehouse`).

A form says more of a column than its type does: which one way of writing its values are brought to, or what decides
between two ways to read them. What cannot be brought to its form is kept as told.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Email:
    """An e-mail address, judged by the library `email-validator` without a look into DNS."""


@dataclass(frozen=True)
class Phone:
    """A telephone number, brought to E.164 by the library `phonenumbers`.

    Attributes:
        region: Two-letter code of the country to assume where neither number nor row tell one.
        state: Column of the row that holds a state code; one of the United States makes it their number.
        country: Column of the row that holds the name or code of a country.
    """

    region: str
    state: str | None = None
    country: str | None = None

    @property
    def hint(self) -> str | None:
        """The column that tells the region of a row."""
        return self.country or self.state


@dataclass(frozen=True)
class Zip:
    """A postal code; where the row's state is one of the United States, a ZIP code.

    Attributes:
        state: Column of the row that holds the state code.
    """

    state: str


@dataclass(frozen=True)
class Coded:
    """A value of a code list, told in any spelling that the list knows.

    Attributes:
        values: The codes; letter case does not matter when they are told.
        spellings: Other words for them, each with its code.
    """

    values: tuple[str, ...]
    spellings: tuple[tuple[str, str], ...] = ()

    def pairs(self) -> dict[str, str]:
        """The code of every spelling, by the spelling in lower case."""
        return {spelling.lower(): code for spelling, code in [*self.spellings, *((code, code) for code in self.values)]}


@dataclass(frozen=True)
class Days:
    """A day or moment whose source writes day and month in one order, for files that do not show it.

    Attributes:
        day_first: Whether the day stands before the month where neither is above 12.
    """

    day_first: bool


Form = Email | Phone | Zip | Coded | Days
# What a library judges, value by value; the others are read in SQL.
JUDGED_BY_LIBRARY = (Email, Phone)
# Forms that not every text has: what has none is kept as told, and a rule can say so.
NOT_ALWAYS_FOUND = (*JUDGED_BY_LIBRARY, Zip)
