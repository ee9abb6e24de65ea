"""Define how told text is read as a contract's type here: NULL where it cannot be, never an error, never a guess.

Each form is one SQL expression, so that a million rows are read inside PostgreSQL. The input is cleaned text
(`meta.clean_text`). PostgreSQL's own readers accept more than a source means ('now', 'infinity', '1_000',
'0x1f', 'NaN'); a test of the characters keeps those out before `pg_input_is_valid` decides.

`read_as` knows the usual notations and costs little. `read_fully` knows all of them, by the functions of `sql/init`;
where a text could say two things it asks for the notation of its file. The two never disagree on a text that could say
one thing only.
"""

from metalayer_assets.contracts.codes import CURRENCIES, CURRENCY_SIGNS
from metalayer_assets.contracts.types import Type

_PLAIN = "0123456789+-."
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
# Thousands or decimals? As `read_as` reads it, a decimal point.
_DOTTED = "^[-+]?[1-9][0-9]{0,2}[.][0-9]{3}$"
# What a file with decimal commas holds most, spared the way through functions.
_USUAL_COMMA, _USUAL_POINT = "^-?[0-9]+,[0-9][0-9]?$", "^-?[0-9]+[.][0-9][0-9]?$"
_CURRENCY = "|".join([*CURRENCIES, *(sign.replace("$", "[$]") for sign in CURRENCY_SIGNS)])
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
    return f"case when {_plain_number(text)} then {text}::numeric end"


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
    """The SQL expression that reads a text expression of usual notation as a type; NULL where it cannot be read.

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


def has_notations(kind: Type) -> bool:
    """Whether texts of the type come in notations that `read_as` does not know."""
    return kind in (Type.NUMERIC, Type.INTEGER, Type.BIGINT, Type.TIMESTAMP, Type.DATE)


def _currency(kind: Type) -> str:
    return f"'{_CURRENCY}'" if kind is Type.NUMERIC else "null"


def read_fully(text: str, kind: Type, swapped: str) -> str:
    """The SQL expression that reads a text expression of any notation as a type; NULL where it cannot be read.

    Args:
        text: SQL expression of cleaned text; evaluated several times, so a column rather than a call.
        kind: The type to read it as.
        swapped: SQL expression of the notation of the text's file: true for day before month or a decimal comma, false
            for month before day or a decimal point, NULL where the file does not tell.

    Raises:
        ValueError: The type has no text form in extracts.
    """
    usual = read_as(text, kind)
    if not has_notations(kind):
        return usual
    # Of what is not told there is nothing more to ask.
    moment = f"case when {text} is not null then meta.moment_of({text}, {swapped}) end"
    if kind is Type.TIMESTAMP:
        return f"coalesce({usual}, {moment})"
    if kind is Type.DATE:
        return f"coalesce({usual}, (({moment}) at time zone 'UTC')::date)"
    usual = f"case when not ({swapped} is true and {text} ~ '{_DOTTED}') then {usual} end"
    if kind is Type.NUMERIC:
        return (
            f"coalesce({usual}, case when {text} ~ '{_USUAL_COMMA}' and length({text}) <= {_MOST_DIGITS}"
            f" then replace({text}, ',', '.')::numeric"
            f" else meta.amount_of(meta.amount_core({text}, {_currency(kind)}), {swapped}) end)"
        )
    whole = f"meta.whole_of({text}, {swapped})"
    return f"coalesce({usual}, case when pg_input_is_valid({whole}::text, '{kind.sql}') then {whole}::{kind.sql} end)"


def notation(text: str, kind: Type) -> str:
    """The SQL expression of what a text shows of its file's notation: 1 swapped, -1 not swapped, 0 nothing."""
    if kind in (Type.TIMESTAMP, Type.DATE):
        # With the year last: no other form leaves the order of day and month open.
        return f"case when {text} ~ '[^0-9][0-9]{{4}}' then meta.moment_notation({text}) else 0 end"
    return (
        f"case when {_only(text, '-0123456789')} then 0 when {text} ~ '{_USUAL_COMMA}' then 1"
        f" when {text} ~ '{_USUAL_POINT}' then -1"
        f" else coalesce(meta.amount_notation(meta.amount_core({text}, {_currency(kind)})), 0) end"
    )


def is_dotted(text: str) -> str:
    """The SQL condition under which `read_as` takes for a decimal point what a file with decimal commas means else."""
    return f"{text} ~ '{_DOTTED}'"
