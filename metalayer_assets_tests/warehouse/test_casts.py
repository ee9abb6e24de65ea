"""Try to break the casts: an error, a guess, or another value than Python reads."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metalayer_assets.contracts import Type
from metalayer_assets.warehouse.casts import has_notations, notation, read_as, read_fully
from metalayer_assets.warehouse.database import Database
from metalayer_assets_tests.warehouse.cast_cases import MOMENTS, NUMBERS, TRUTHS, WHOLES

Read = Callable[..., list[Any]]

EXAMPLES = settings(max_examples=60, deadline=None, database=None)
DAY = date(2024, 3, 10)
UNKNOWN = "null::boolean"


@pytest.fixture(scope="module")
def ask(prepared_databases: tuple[Database, Database]) -> Iterator[Read]:
    """Function that evaluates an expression over `told` for texts, all in one statement."""
    with prepared_databases[0].transaction(readonly=True) as cursor:

        def ask(expression: str, texts: Sequence[str]) -> list[Any]:
            cursor.execute(
                f"select {expression} from unnest(%(texts)s::text[]) with ordinality as t (told, n) order by n",
                {"texts": list(texts)},
            )
            return [value for (value,) in cursor.fetchall()]

        yield ask


@pytest.fixture(scope="module")
def read(ask: Read) -> Read:
    """Function that reads texts as a type in full, in a file that shows a notation or none."""

    def read(kind: Type, texts: Sequence[str], swapped: str = UNKNOWN) -> list[Any]:
        return ask(read_fully("told", kind, swapped), texts)

    return read


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


@pytest.mark.parametrize(
    ("kind", "swapped", "table"),
    [
        (Type.DATE, "true", {"10/03/2024": date(2024, 3, 10), "12/31/2024": date(2024, 12, 31), "2024-03-10": DAY}),
        (Type.DATE, "false", {"10/03/2024": date(2024, 10, 3), "31/12/2024": date(2024, 12, 31), "2024-03-10": DAY}),
        (Type.NUMERIC, "true", {"1.234": 1234, "1,234": "1.234", "1.5": "1.5", "-€1.234": -1234, "0.123": "0.123"}),
        (Type.NUMERIC, "false", {"1.234": "1.234", "1,234": 1234, "1,5": "1.5", "(1,234)": -1234}),
        (Type.INTEGER, "true", {"1.000": 1000, "1,000": 1, "1,234": None, "1.234": 1234, "5.0": 5, "7": 7}),
        (Type.INTEGER, "false", {"1.000": 1, "1,000": 1000, "1,234": 1234, "1.234": None, "-1,000": -1000}),
    ],
)
def test_what_could_be_two_things_is_what_its_file_shows(read: Read, kind: Type, swapped: str, table: dict[str, Any]):
    expected = {k: Decimal(v) if kind is Type.NUMERIC and v is not None else v for k, v in table.items()}
    assert dict(zip(table, read(kind, list(table), swapped), strict=True)) == expected


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (
            Type.DATE,
            {
                "31/12/2024": 1,
                "12/31/2024": -1,
                "5/5/2024": 0,
                "10/03/2024": 0,
                "2024-12-31": 0,
                "31 Dec 2024": 0,
                "x": 0,
            },
        ),
        (
            Type.NUMERIC,
            {"1,5": 1, "1.5": -1, "1.234": 0, "1,234": 0, "12": 0, "1.234,5": 1, "1,234,567": -1, "-€1.234.567": 1}
            | {"1 234,5": 1, "1 234": 0, "0.123": -1, "n/a": 0, "$": 0},
        ),
        (Type.INTEGER, {"1,234,567": -1, "1.000": 0, "5.0": -1, "1,000": 0, "$1,5": 0}),
    ],
)
def test_a_text_shows_the_notation_of_its_file_or_nothing(ask: Read, kind: Type, shown: dict[str, int]):
    assert dict(zip(shown, ask(notation("told", kind), list(shown)), strict=True)) == shown


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
        read_fully("told", kind, UNKNOWN)


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


@given(texts=st.lists(st.one_of(_any_text, _numberish, _dayish), min_size=1, max_size=40), kind=_kinds)
@EXAMPLES
def test_the_usual_way_to_read_and_the_full_one_agree(ask: Read, read: Read, texts: list[str], kind: Type):
    usual, fully = ask(read_as("told", kind), texts), read(kind, texts)
    assert [one for one in usual if one is not None] == [
        two for one, two in zip(usual, fully, strict=True) if one is not None
    ]
    shown = ask(notation("told", kind), texts) if has_notations(kind) else []
    for swapped in ("true", "false") if shown else ():
        told = dict(zip(texts, zip(read(kind, texts, swapped), fully, shown, strict=True), strict=True))
        # What shows its notation is read by itself.
        assert [two for one, two, votes in told.values() if votes] == [one for one, _, votes in told.values() if votes]


def python_number(text: str, *, comma: bool | None) -> Decimal | None:
    """What Python makes of an amount, by other means than the database."""
    if re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)", text) and not (
        comma and re.fullmatch(r"[-+]?[1-9][0-9]{0,2}\.[0-9]{3}", text)
    ):
        return Decimal(text)
    found = re.fullmatch(r"([^0-9.,]*)([0-9.,](?:[0-9., ]*[0-9.,])?)([^0-9.,]*)", text)
    if found is None:
        return None
    before, core, after = found[1].replace(" ", ""), found[2], found[3].replace(" ", "")
    money = [sign for sign in "$£€" for _ in range((before + after).count(sign))]
    signs = re.sub("[$£€]", "", before), re.sub("[$£€]", "", after)
    in_brackets = signs == ("(", ")")
    if len(money) > 1 or not (in_brackets or "".join(signs) in ("", "-") or signs == ("+", "")):
        return None
    candidates = {}
    for decimal, thousands in ((".", ","), (",", ".")):
        whole, _, part = core.partition(decimal)
        for separator in (thousands, " "):
            groups = whole.split(separator)
            grouped = len(groups) == 1 or (
                len(groups[0]) in (1, 2, 3) and groups[0].isdigit() and all(len(g) == 3 for g in groups[1:])
            )
            digits = "".join(groups)
            fits = grouped and re.fullmatch("[0-9]*", digits) and re.fullmatch("[0-9]*", part)
            if fits and (part or (digits and decimal not in core)):
                lead = len(groups) == 2 and separator == thousands and not part and groups[0].startswith("0")
                if not lead:
                    candidates[decimal] = Decimal(f"{digits}.{part}" if part else digits)
    values = set(candidates.values())
    chosen = candidates.get("," if comma else ".") if len(values) > 1 else next(iter(values), None)
    if len(values) > 1 and comma is None and core.count(".") == 1:
        chosen = candidates["."]
    if chosen is None:
        return None
    return -chosen if in_brackets or "-" in "".join(signs) else chosen


_amountish = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "-", "+", "$", "-€", "€ ", "(", "- "]),
    st.from_regex(r"[0-9]{1,4}([., ][0-9]{1,4}){0,3}", fullmatch=True),
    st.sampled_from(["", "", " €", "-", ")", "$"]),
)


@given(
    texts=st.lists(st.one_of(_numberish, _amountish), min_size=1, max_size=60),
    comma=st.sampled_from([None, True, False]),
)
@EXAMPLES
def test_python_reads_the_same_numbers(read: Read, texts: list[str], comma: bool | None):
    opinions = {text: python_number(text, comma=comma) for text in texts}
    swapped = UNKNOWN if comma is None else str(comma)
    assert dict(zip(texts, read(Type.NUMERIC, texts, swapped), strict=True)) == opinions


_MIRRORED = str.maketrans(".,", ",.")


@given(amount=st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**15), max_value=10**15))
@EXAMPLES
def test_a_number_comes_back_however_a_person_writes_it(read: Read, amount: Decimal):
    ways = {
        f"{amount}": amount,
        f"{amount:,}": amount,
        f"${abs(amount):,}": abs(amount),
        f"({abs(amount):,})": -abs(amount),
        f"{amount:,} EUR".translate(_MIRRORED): amount,
        f"{amount:,}".replace(",", "\u202f").replace(".", ","): amount,
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
        f"{told:%d %b %Y %H:%M}": told.replace(second=0, microsecond=0, tzinfo=UTC),
        f"{told:%B %d, %Y %I:%M:%S %p}": told.replace(microsecond=0, tzinfo=UTC),
        f"{told:%d-%b-%Y}": datetime(told.year, told.month, told.day, tzinfo=UTC),
    }
    # strftime does not pad the years before 1000 or after; all here have four digits.
    assert dict(zip(ways, read(Type.TIMESTAMP, list(ways)), strict=True)) == ways
    for form, swapped in (("%d.%m.%Y %H:%M:%S", "true"), ("%m/%d/%Y %H:%M:%S", "false")):
        (found,) = read(Type.TIMESTAMP, [told.strftime(form)], swapped)
        assert found == told.replace(microsecond=0, tzinfo=UTC)
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
