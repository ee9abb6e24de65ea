"""Try to break the casts: an error, a guess, or another value than Python reads."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metalayer_assets.contracts import Type
from metalayer_assets.warehouse.casts import read_as
from metalayer_assets.warehouse.database import Database

Read = Callable[[Type, Sequence[str]], list[Any]]

EXAMPLES = settings(max_examples=60, deadline=None, database=None)


@pytest.fixture(scope="module")
def read(server_url: str) -> Iterator[Read]:
    """Function that reads texts as a type, all in one statement."""
    with closing(Database(server_url).connect()) as connection, connection.cursor() as cursor:

        def read(kind: Type, texts: Sequence[str]) -> list[Any]:
            cursor.execute(
                f"select {read_as('told', kind)} from unnest(%(texts)s::text[]) with ordinality as t (told, n)"
                " order by n",
                {"texts": list(texts)},
            )
            return [value for (value,) in cursor.fetchall()]

        yield read


def moment(*parts: int) -> datetime:
    """A moment in UTC."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


NUMBERS = {
    "0": "0",
    "-0": "0",
    "007": "7",
    "+5": "5",
    "-5.50": "-5.50",
    ".5": "0.5",
    "5.": "5",
    "1.10": "1.10",
    "12345678901234567890.123456789": "12345678901234567890.123456789",
    # Amounts as people write them.
    "1,234.50": "1234.50",
    "1,234,567": "1234567",
    "$1,234.50": "1234.50",
    "-$3": "-3",
    "$-3": "-3",
    "-£3.00": "-3.00",
    "€10": "10",
    "(12.00)": "-12.00",
    "($1,000)": "-1000",
    # What could mean two things, or nothing, is not read.
    "": None,
    ".": None,
    "-": None,
    "1,23": None,
    "1234,567": None,
    "1.234,56": None,
    "1,234,56": None,
    "(5": None,
    "5)": None,
    "(-5)": None,
    "--5": None,
    "+-5": None,
    "-$-5": None,
    "5-": None,
    "5 000": None,
    "1e5": None,
    "0x1f": None,
    "1_000": None,
    "NaN": None,
    "Infinity": None,
    "-inf": None,
    "١٢": None,
    "½": None,
    "five": None,
    "5 pcs": None,
    "5.5.5": None,
    "9" * 100: "9" * 100,
    "9" * 101: None,
    "9" * 140_000: None,
    "$" + "9" * 140_000: None,
}
WHOLES = {
    "5": 5,
    "-5": -5,
    "+5": 5,
    "005": 5,
    # A spreadsheet has touched these.
    "5.0": 5,
    "5.": 5,
    "-5.000": -5,
    "2147483647": 2147483647,
    "2147483647.0": 2147483647,
    "2147483648": None,
    "-2147483648": -2147483648,
    "-2147483649.0": None,
    "5.5": None,
    "1,000": None,
    "1e3": None,
    "": None,
    "-": None,
    "0x10": None,
    "1_0": None,
    "9" * 5000: None,
    "9" * 90 + ".0": None,
}
MOMENTS = {
    "2024-03-10": moment(2024, 3, 10),
    "2024-3-1": moment(2024, 3, 1),
    "20240310": moment(2024, 3, 10),
    "2024/03/10": moment(2024, 3, 10),
    "2024.03.10": moment(2024, 3, 10),
    "2024-03-10 23:59": moment(2024, 3, 10, 23, 59),
    "2024-03-10T23:59:59": moment(2024, 3, 10, 23, 59, 59),
    "2024-03-10 23:59:59.123456": moment(2024, 3, 10, 23, 59, 59, 123456),
    "2024-03-10T23:59:59Z": moment(2024, 3, 10, 23, 59, 59),
    "2024-03-10T23:59:59-05:00": moment(2024, 3, 11, 4, 59, 59),
    "2024-03-10 00:30:00+02": moment(2024, 3, 9, 22, 30),
    "2024-03-10 00:30 +0530": moment(2024, 3, 9, 19, 0),
    "20240310T235959Z": moment(2024, 3, 10, 23, 59, 59),
    "2024-02-29": moment(2024, 2, 29),
    "9999-12-31": moment(9999, 12, 31),
    "1000-01-01": moment(1000, 1, 1),
    "2023-02-29": None,
    "2024-13-01": None,
    "2024-00-10": None,
    "2024-03-32": None,
    "2024-03-10 25:00": None,
    "2024-03-10 12:61": None,
    # Which of the two is the day?
    "10/03/2024": None,
    "03-10-2024": None,
    "10.03.24": None,
    # No day, or words.
    "2024-03": None,
    "202403": None,
    "2024": None,
    "1710028800": None,
    "45361": None,
    "today": None,
    "now": None,
    "infinity": None,
    "epoch": None,
    "10 March 2024": None,
    "2024-Mar-10": None,
    "2024-03-10 noon": None,
    "2024-03-10 10:00 PM": None,
    "2024-03-10 10:00 Europe/Berlin": None,
    "2024-03-10 BC": None,
    # PostgreSQL would read each of these as something that nobody meant.
    "2024010112": None,
    "202401011200": None,
    "2024 1.2": None,
    "2024.123": None,
    "2024-070": None,
    "2024-03-10-05": None,
    "29999-01-01": None,
    "9999-12-31 23:00-05": None,
    "9999-12-31 24:00:00": None,
    "0001-01-01 00:00+05": None,
    "0000-01-01": None,
    "": None,
}
TRUTHS = {
    **dict.fromkeys(("true", "TRUE", "t", "yes", "Y", "1"), True),
    **dict.fromkeys(("false", "F", "no", "N", "0"), False),
    **dict.fromkeys(("", "maybe", "on", "2", "01", "truex"), None),
}


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        (Type.NUMERIC, {text: None if value is None else Decimal(value) for text, value in NUMBERS.items()}),
        (Type.INTEGER, WHOLES),
        (Type.TIMESTAMP, MOMENTS),
        (Type.DATE, {text: value and value.date() for text, value in MOMENTS.items()}),
        (Type.BOOLEAN, TRUTHS),
        (Type.TEXT, {"": "", " a ": " a ", "NULL": "NULL"}),
    ],
    ids=lambda value: value.name if isinstance(value, Type) else "",
)
def test_a_text_is_read_as_what_it_says_or_not_at_all(read: Read, kind: Type, table: dict[str, Any]):
    assert dict(zip(table, read(kind, list(table)), strict=True)) == table


def test_an_exact_amount_keeps_every_digit_and_its_zeros(read: Read):
    texts = ["1.10", "0.000000000000000000000000000000000001", "-5.500", "$1,000.00"]
    assert [str(value) for value in read(Type.NUMERIC, texts)] == ["1.10", "1E-36", "-5.500", "1000.00"]


def test_a_bigint_goes_as_far_as_its_type(read: Read):
    assert read(Type.BIGINT, ["9223372036854775807", "9223372036854775808", "-9223372036854775808.0"]) == [
        9223372036854775807,
        None,
        -9223372036854775808,
    ]


@pytest.mark.parametrize("kind", [Type.TEXTS, Type.JSON, Type.BYTES])
def test_a_type_that_extracts_do_not_tell_is_refused(kind: Type):
    with pytest.raises(ValueError, match=f"text cannot be read as {kind.name}"):
        read_as("told", kind)


# Whatever text a file may hold: PostgreSQL stores no NUL, and the loader turns lone surrogates away.
_any_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
_numberish = st.text("0123456789+-.,$£€() eE", max_size=14)
_dayish = st.one_of(
    st.text("0123456789-/:.+TZ ", min_size=6, max_size=24),
    st.builds(
        "{}{}{}{}{}{}".format,
        st.sampled_from(["2024", "0001", "9999", "1900", "20240", "24"]),
        st.sampled_from(["-", "/", ".", " ", ""]),
        st.sampled_from(["01", "1", "12", "13", "001", "123"]),
        st.sampled_from(["-", "/", ".", " ", ""]),
        st.sampled_from(["01", "31", "30", "3", "0112"]),
        st.sampled_from(["", " 10:00", "T24:00:00", " 23:59:60", "Z", "+16:00", "T10:00:00.5-15:59", " 1:1"]),
    ),
)
_kinds = st.sampled_from([Type.NUMERIC, Type.INTEGER, Type.BIGINT, Type.DATE, Type.TIMESTAMP, Type.BOOLEAN])


@given(texts=st.lists(st.one_of(_any_text, _numberish, _dayish), min_size=1, max_size=40), kind=_kinds)
@EXAMPLES
def test_no_text_is_an_error(read: Read, texts: list[str], kind: Type):
    assert len(read(kind, texts)) == len(texts)


def python_number(text: str) -> Decimal | None:
    """What Python makes of an amount."""
    plain = re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)", text)
    if plain and len(text) <= 100:
        return Decimal(text)
    bracketed = text.startswith("(") and text.endswith(")")
    inner = text[1:-1] if bracketed else text
    sign = -1 if bracketed else 1
    found = re.fullmatch(r"([-+]?)[$£€]?|[$£€]([-+])", inner[: len(inner) - len(inner.lstrip("+-$£€"))])
    told = inner.lstrip("+-$£€")
    if found is None or (bracketed and (found[1] or found[2])):
        return None
    if not re.fullmatch(r"([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]+)?", told):
        return None
    with localcontext(prec=200):
        value = Decimal(told.replace(",", "")) * sign
        return -value if "-" in (found[1] or "", found[2] or "") else value


@given(texts=st.lists(_numberish, min_size=1, max_size=60))
@EXAMPLES
def test_python_reads_the_same_numbers(read: Read, texts: list[str]):
    opinions = [python_number(text) for text in texts]
    assert dict(zip(texts, read(Type.NUMERIC, texts), strict=True)) == dict(zip(texts, opinions, strict=True))
    wholes = [
        int(opinion)
        if opinion is not None and re.fullmatch("[-+.0-9]+", text) and opinion == opinion.to_integral_value()
        else None
        for text, opinion in zip(texts, opinions, strict=True)
    ]
    assert dict(zip(texts, read(Type.BIGINT, texts), strict=True)) == dict(zip(texts, wholes, strict=True))


@given(amount=st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**15), max_value=10**15))
@EXAMPLES
def test_a_number_comes_back_however_a_person_writes_it(read: Read, amount: Decimal):
    ways = {
        f"{amount}": amount,
        f"{amount:,}": amount,
        f"${abs(amount):,}": abs(amount),
        f"({abs(amount):,})": -abs(amount),
    }
    assert dict(zip(ways, read(Type.NUMERIC, list(ways)), strict=True)) == ways


_moments = st.datetimes(datetime(1000, 1, 1), datetime(9998, 12, 31))  # noqa: DTZ001 -- the zone is drawn beside
_zones = st.integers(-15 * 60, 15 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(told=_moments, zone=_zones)
@EXAMPLES
def test_python_reads_the_same_moments(read: Read, told: datetime, zone: timezone):
    inside = told.replace(tzinfo=zone)
    ways = {
        told.isoformat(): told.replace(tzinfo=UTC),
        told.isoformat(" "): told.replace(tzinfo=UTC),
        f"{told:%Y/%m/%d %H:%M}": told.replace(second=0, microsecond=0, tzinfo=UTC),
        f"{told:%Y%m%d}": datetime(told.year, told.month, told.day, tzinfo=UTC),
        inside.isoformat(): inside.astimezone(UTC),
        f"{told:%Y-%m-%dT%H:%M:%S}Z": told.replace(microsecond=0, tzinfo=UTC),
    }
    # strftime does not pad the years before 1000 or after; all here have four digits.
    assert dict(zip(ways, read(Type.TIMESTAMP, list(ways)), strict=True)) == ways
    days = {text: value.astimezone(UTC).date() for text, value in ways.items()}
    assert dict(zip(days, read(Type.DATE, list(days)), strict=True)) == days


@given(texts=st.lists(_dayish, min_size=1, max_size=60))
@EXAMPLES
def test_a_day_that_is_read_is_the_day_that_is_told(read: Read, texts: list[str]):
    for text, value in zip(texts, read(Type.DATE, texts), strict=True):
        if value is None:
            continue
        found = re.match(r"([1-9][0-9]{3})([-/.]?)([0-9]{1,2})\2([0-9]{1,2})", text)
        assert found, f"{text!r} was read as {value}"
        told = date(int(found[1]), int(found[3]), int(found[4]))
        assert abs(value - told) <= timedelta(days=1), f"{text!r} was read as {value}"
