"""List every kind of dirt of customers and accounts here; keep choosing rows out.

Only a blank key and an unreadable sequence make the warehouse refuse a customer; the rest it keeps with a warning.
"""

from metalayer_assets.sample.blemish import (
    BLANKS,
    LINES,
    NO_DATES,
    REPEATED,
    blank_sequence,
    break_line,
    day_as_sequence,
    decomposed,
    padded,
    put,
    respell,
    told_twice,
)
from metalayer_assets.sample.rows import ACCOUNTS, CUSTOMERS

_NO_MAILS = ("not-an-email", "a@b@example.com", "john@", "@example.com", "john doe@example.com", "N/A")
_NO_PHONES = ("n/a", "12", "call me", "000", "+1 (212) 555-0123-0123-0123")


def _swapped(text: str) -> str:
    return text.swapcase()


def _second_line(text: str) -> str:
    return f"{text}\nBuilding B"


def _quoted(text: str) -> str:
    return f'"The Mill", {text}'


CUSTOMER_BLEMISHES = (
    *LINES,
    break_line("invalid UTF-8"),
    put(CUSTOMERS, "customer_id", "blank", BLANKS, rule=True),
    put(CUSTOMERS, "updated_at", "unreadable", NO_DATES, rule=True),
    put(CUSTOMERS, "email", "invalid", _NO_MAILS),
    put(CUSTOMERS, "phone", "invalid", _NO_PHONES),
    put(CUSTOMERS, "state", "unknown", ("ZZ", "Californication", "??")),
    put(CUSTOMERS, "dob", "unreadable", ("31st of May", "0000-00-00", "N/A")),
    put(CUSTOMERS, "dob", "implausible", ("1850-01-01", "2190-01-01")),
    put(CUSTOMERS, "created_date", "unreadable", ("last spring", "2024-02-30")),
    put(CUSTOMERS, "city", "told as N/A", ("N/A",)),
    put(CUSTOMERS, "last_name", "blank", BLANKS),
    respell(CUSTOMERS, "first_name", "untrimmed", padded),
    respell(CUSTOMERS, "email", "untrimmed", padded),
    respell(CUSTOMERS, "customer_id", "untrimmed", padded),
    respell(CUSTOMERS, "last_name", "in capitals", str.upper),
    respell(CUSTOMERS, "first_name", "in odd case", _swapped),
    respell(CUSTOMERS, "email", "in capitals", str.upper),
    respell(CUSTOMERS, "state", "in lower case", str.lower),
    respell(CUSTOMERS, "first_name", "decomposed", decomposed, scarce=True),
    respell(CUSTOMERS, "last_name", "decomposed", decomposed, scarce=True),
    respell(CUSTOMERS, "address", "with a line break", _second_line),
    respell(CUSTOMERS, "address", "with quotes", _quoted),
    blank_sequence(CUSTOMERS),
    day_as_sequence(CUSTOMERS),
    REPEATED,
    told_twice(CUSTOMERS, "city", ("Springfield", "Riverside")),
)
ACCOUNT_BLEMISHES = (
    *LINES,
    break_line("invalid UTF-8"),
    put(ACCOUNTS, "customer_id", "blank", BLANKS, rule=True),
    put(ACCOUNTS, "email", "invalid", _NO_MAILS),
    put(ACCOUNTS, "region", "unknown", ("Atlantis", "N/A", "??")),
    put(ACCOUNTS, "region", "blank", BLANKS),
    respell(ACCOUNTS, "customer_id", "untrimmed", padded),
    respell(ACCOUNTS, "customer_name", "untrimmed", padded),
    respell(ACCOUNTS, "customer_name", "in odd case", _swapped),
    respell(ACCOUNTS, "customer_name", "decomposed", decomposed, scarce=True),
    respell(ACCOUNTS, "region", "in lower case", str.lower),
    REPEATED,
    told_twice(ACCOUNTS, "region", ("Spain", "Australia")),
)
