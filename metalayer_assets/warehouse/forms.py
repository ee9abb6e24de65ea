"""Bring e-mail addresses and telephone numbers to their form here: by their libraries, and for usual ones in SQL.

A library judges one value at a time, so it is asked only for what the SQL expression beside it leaves open. Such an
expression answers only where the library provably answers the same; a test compares the two. Every answer is a function
of the value and of the region that the row tells.
"""

import re
import unicodedata
from functools import cache
from importlib.metadata import version

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import CountryCodeSource, NumberParseException, PhoneMetadata, PhoneNumberFormat, ValidationResult

from metalayer_assets.contracts.forms import Email, Phone
from metalayer_assets.contracts.places import COUNTRY_CODES, US_STATES
from metalayer_assets.warehouse.statements import literal

# What the answers depend on: another version of any of them restates the tables whose columns have these forms.
_LIBRARIES = ("email-validator", "idna", "phonenumbers")

_COUNTRY_NOT_TOLD = (CountryCodeSource.FROM_DEFAULT_COUNTRY, CountryCodeSource.FROM_NUMBER_WITHOUT_PLUS_SIGN)
_DIGITS = "0123456789"
# Letters, digits and the usual marks, no hyphens side by side (they announce a name in punycode), a last label of two
# or three letters (the reserved ones are longer) and in all so short that no part can be too long.
_USUAL_EMAIL = (
    "^[A-Za-z0-9_+-]+(?:[.][A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*[.])+(?:[A-Za-z]{2}|[A-Za-z]{3})$"
)
_USUAL_EMAIL_LENGTH = 64
_LONGEST_E164 = 15
# Complete international numbers of plans without exceptions in these ranges. PostgreSQL prepares an expression anew for
# every text, so a long one is asked only where the short one for the first of them says no.
_AMERICAN_PHONE = "^[+]1[2-9][0-9]{9}$"
_USUAL_PHONE = (
    "^[+](?:1[2-9][0-9]{9}|44[1-357-9][0-9]{9}|33[1-9][0-9]{8}|34[6-9][0-9]{8}|49[2579][0-9]{9}|491[5-7][0-9]{8,9}"
    "|31[124-7][0-9]{8}|48[1-9][0-9]{8}|61[2-478][0-9]{8}|91[2-9][0-9]{9}|353[2569][0-9]{7})$"
)
# Ten digits as North Americans write them; what is left of the text without its digits.
_AMERICAN_MARKS = ("", "--", "..", "() -", "()-", "  ", "() ")


def library_versions() -> str:
    """Names and versions of the libraries that judge values."""
    return ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)


def email_form(told: str) -> str | None:
    """An e-mail address in small letters, NFC, its domain in Unicode; None where it is no address of the internet.

    Addresses in other scripts are addresses (RFC 6531). Quoted local parts, comments, names before the address and
    addresses of machines without a domain are not what a customer has.
    """
    try:
        found = validate_email(told, check_deliverability=False, allow_smtputf8=True, strict=True)
    except (EmailNotValidError, UnicodeError):
        return None
    return unicodedata.normalize("NFC", found.normalized.lower())


def region_of(form: Phone, hint: str) -> str | None:
    """The two-letter code of the region that a row tells for its numbers; None where it tells none that is known.

    Args:
        form: The form of the column.
        hint: What the row holds in the column that the form names; empty where it holds nothing.
    """
    if form.country is not None:
        return COUNTRY_CODES.get(hint.lower())
    return "US" if form.state is not None and hint in US_STATES else None


def phone_form(told: str, region: str | None, otherwise: str) -> str | None:
    """A telephone number as E.164, or None where none can be derived.

    One can be derived where its length and its digits fit into the numbering plan of its country. Whether a block of
    the plan has been given out is not asked where number or row tell the country: that changes from week to week, and
    a library is always behind. It is asked where the country is only assumed, since ten digits fit many plans. An
    extension has no place in E.164: a number with one has no form, since a part of it would be lost.

    Args:
        told: The number as told.
        region: Two-letter code of the country that the row tells; None where it tells none.
        otherwise: The country to assume then.
    """
    ways = [told, f"+{told.removeprefix('00')}"] if told.startswith("00") else [told]
    for way in ways:
        try:
            number = phonenumbers.parse(way, region or otherwise, keep_raw_input=True)
        except NumberParseException:
            continue
        assumed = region is None and number.country_code_source in _COUNTRY_NOT_TOLD
        fits = phonenumbers.is_valid_number(number) if assumed else _fits_plan(number)
        if fits and number.extension is None:
            return phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return None


def _fits_plan(number: phonenumbers.PhoneNumber) -> bool:
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return False
    national = phonenumbers.national_significant_number(number)
    code = number.country_code or 0
    if len(f"{code}{national}") > _LONGEST_E164:
        return False
    return any(re.fullmatch(pattern, national) for pattern in _plans(code))


@cache
def _plans(country_code: int) -> tuple[str, ...]:
    """Patterns of the national numbers of every region that shares a country code."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(country_code, ())
    plans = [PhoneMetadata.metadata_for_nongeo_region(country_code), *map(PhoneMetadata.metadata_for_region, regions)]
    return tuple(
        plan.general_desc.national_number_pattern
        for plan in plans
        if plan is not None and plan.general_desc is not None and plan.general_desc.national_number_pattern is not None
    )


def _usual_email(told: str) -> str:
    # Letters of ASCII have one lower case whatever the locale of the database.
    return (
        f"case when length({told}) <= {_USUAL_EMAIL_LENGTH} and {told} ~ '{_USUAL_EMAIL}'"
        f' then lower({told} collate "C") end'
    )


def _usual_phone(told: str, form: Phone, hint: str) -> str:
    closed = f"translate({told}, ' -.', '')"
    ways = [
        f"when left({told}, 2) = '+1' and {told} ~ '{_AMERICAN_PHONE}' then {told}",
        f"when left({told}, 1) = '+' and {closed} ~ '{_USUAL_PHONE}' then {closed}",
    ]
    if form.state is not None:
        states, marks = (", ".join(map(literal, values)) for values in (US_STATES, _AMERICAN_MARKS))
        digits = f"translate({told}, '-. ()', '')"
        ways.append(
            f"when translate({told}, '{_DIGITS}', '') in ({marks}) and {digits} ~ '^[2-9][0-9]{{9}}$'"
            f" and {hint} in ({states}) then '+1' || {digits}"
        )
    return f"case {' '.join(ways)} end"


def usual_form(told: str, form: Email | Phone, hint: str) -> str:
    """The SQL expression of the form of a usual value; NULL for every other.

    Args:
        told: SQL expression of cleaned text, evaluated several times.
        form: The form that the column has.
        hint: SQL expression of what the row tells of the region.
    """
    return _usual_email(told) if isinstance(form, Email) else _usual_phone(told, form, hint)


def hopeless(told: str, form: Email | Phone) -> str:
    """The SQL condition under which no library need be asked: without an @ or a digit there is no form."""
    if isinstance(form, Email):
        return f"strpos({told}, '@') = 0"
    # Digits of other scripts count, too.
    return f"(translate({told}, '{_DIGITS}', '') = {told} and octet_length({told}) = char_length({told}))"
