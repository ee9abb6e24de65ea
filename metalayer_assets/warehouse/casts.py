"""Define how told text is read as a contract's type here: NULL where it cannot be, never an error, never a guess.

Each form is one SQL expression, so that a million rows are read inside PostgreSQL. The input is cleaned text
(`meta.clean_text`). PostgreSQL's own readers accept more than a source means ('now', 'infinity', '1_000',
'0x1f', 'NaN'); a test of the characters keeps those out before `pg_input_is_valid` decides.
"""

from metalayer_assets.contracts.types import Type

_PLAIN = "0123456789+-."
# $1,234.50 or (12.00) or -£3: an amount as people write it, with comma thousands and a point for decimals, and with one
# sign or brackets, not both.
_AMOUNT = r"^([-+]?[$£€]?|[$£€][-+]|[(][$£€]?)([0-9]{1,3}(,[0-9]{3})+|[0-9]+)([.][0-9]+)?[)]?$"
# No amount has more characters; what PostgreSQL could still read as a number could overflow in the first product.
_MOST_DIGITS = 100
# The usual forms of a day or moment, each digit as 9, so that most rows are spared the regular expression.
_USUAL_MOMENTS = (
    "9999-99-99",
    "9999-99-99 99:99:99",
    "9999-99-99T99:99:99",
    "9999-99-99 99:99",
    "9999/99/99",
    "99999999",
)
_CLOCK = r"([0-9][0-9]?:[0-9][0-9](:[0-9][0-9]([.][0-9]+)?)?|[0-9]{6})"
_MOMENT = (
    r"^[0-9]{4}(-[0-9][0-9]?-[0-9][0-9]?|/[0-9][0-9]?/[0-9][0-9]?|[.][0-9][0-9]?[.][0-9][0-9]?|[0-9]{4})"
    rf"([ T]{_CLOCK}( ?(Z|[-+][0-9][0-9](:?[0-9][0-9])?))?|Z|[-+][0-9][0-9]:[0-9][0-9])?$"
)


def _only(text: str, characters: str) -> str:
    return f"translate({text}, '{characters}', '') = ''"


def _plain_number(text: str) -> str:
    return f"{_only(text, _PLAIN)} and length({text}) <= {_MOST_DIGITS} and pg_input_is_valid({text}, 'numeric')"


def _number(text: str) -> str:
    digits = f"translate({text}, '$£€,()+', '')"
    return (
        f"case when {_plain_number(text)} then {text}::numeric"
        f" when length({text}) <= {_MOST_DIGITS} and {text} ~ '{_AMOUNT}'"
        f" and (left({text}, 1) = '(') = (right({text}, 1) = ')')"
        f" and pg_input_is_valid({digits}, 'numeric')"
        f" then case when left({text}, 1) = '(' then -abs({digits}::numeric) else {digits}::numeric end end"
    )


def _whole(text: str, sql_type: str) -> str:
    # '5.0' is a whole number that a spreadsheet has touched; '5.5' is none.
    return (
        f"case when {_only(text, '0123456789+-')} then"
        f" case when pg_input_is_valid({text}, '{sql_type}') then {text}::{sql_type} end"
        f" when {_plain_number(text)} then case when {text}::numeric = trunc({text}::numeric)"
        f" and pg_input_is_valid(trunc({text}::numeric)::text, '{sql_type}')"
        f" then trunc({text}::numeric)::{sql_type} end end"
    )


def _moment(text: str, sql_type: str) -> str:
    # Year first, so that no day is ever taken for a month, and in a form of our choice: PostgreSQL would also read
    # '2024010112' (the year 202401) and '2024 1.2' (a fifth of a second past New Year). The year has four digits and
    # stays so in every time zone, since nothing beyond the year 9999 or before Christ could be handed to Python.
    usual = ", ".join(f"'{form}'" for form in _USUAL_MOMENTS)
    return (
        f"case when (translate({text}, '0123456789', '9999999999') in ({usual}) or {text} ~ '{_MOMENT}')"
        f" and left({text}, 1) <> '0' and (left({text}, 4) <> '9999' or length({text}) <= 10)"
        f" and pg_input_is_valid({text}, '{sql_type}')"
        f" then {text}::{sql_type} end"
    )


def read_as(text: str, kind: Type) -> str:
    """The SQL expression that reads a text expression as a type; NULL where it cannot be read.

    Args:
        text: SQL expression of cleaned text; evaluated several times, so a column rather than a call.
        kind: The type to read it as.

    Raises:
        ValueError: The type has no text form in extracts.
    """
    if kind is Type.TEXT:
        return text
    if kind is Type.NUMERIC:
        return _number(text)
    if kind in (Type.INTEGER, Type.BIGINT):
        return _whole(text, kind.sql)
    if kind is Type.TIMESTAMP:
        return _moment(text, kind.sql)
    if kind is Type.DATE:
        # Through the moment, so that a time of day is accepted and the day is the UTC day.
        return f"(({_moment(text, Type.TIMESTAMP.sql)}) at time zone 'UTC')::date"
    if kind is Type.BOOLEAN:
        return (
            f"case when lower({text}) in ('true', 't', 'yes', 'y', '1') then true"
            f" when lower({text}) in ('false', 'f', 'no', 'n', '0') then false end"
        )
    raise ValueError(f"text cannot be read as {kind.name}")
