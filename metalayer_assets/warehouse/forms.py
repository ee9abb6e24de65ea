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
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberFormat, ValidationResult

from metalayer_assets.contracts.forms import Email, Phone
from metalayer_assets.contracts.places import COUNTRY_CODES, US_STATES
from metalayer_assets.warehouse.statements import literal

# What the answers depend on: another version of any of them restates the tables whose columns have these forms.
_LIBRARIES = ("email-validator", "idna", "phonenumbers")

_DIGITS = "0123456789"
# Letters, digits and the usual marks, no hyphens side by side (they announce a name in punycode), a last label of two
# or three letters (the reserved ones are longer) and in all so short that no part can be too long.
_USUAL_EMAIL = "^[A-Za-z0-9_+-]+([.][A-Za-z0-9_+-]+)*@([A-Za-z0-9]+(-[A-Za-z0-9]+)*[.])+([A-Za-z]{2}|[A-Za-z]{3})$"
_USUAL_EMAIL_LENGTH = 64
_LONGEST_E164 = 15
# Complete international numbers of plans without exceptions in these ranges.
_USUAL_PHONE = (
    "^[+](1[2-9][0-9]{9}|44[1-357-9][0-9]{9}|33[1-9][0-9]{8}|34[6-9][0-9]{8}|49[2579][0-9]{9}|31[124-7][0-9]{8}"
    "|48[1-9][0-9]{8}|61[2-478][0-9]{8}|91[2-9][0-9]{9}|353[2569][0-9]{7})$"
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


def region_of(form: Phone, hint: str | None) -> str:
    """The two-letter code of the region whose numbers a row tells without a country code."""
    if hint is None:
        return form.region
    if form.country is not None:
        return COUNTRY_CODES.get(hint.lower(), form.region)
    return "US" if hint in US_STATES else form.region


def phone_form(told: str, region: str) -> str | None:
    """A telephone number as E.164, or None where none can be derived.

    One can be derived where its length and its digits fit into the numbering plan of its country. Whether a block of
    the plan has been given out is not asked: that changes from week to week, and a library is always behind. An
    extension has no place in E.164: a number with one has no form, since a part of it would be lost.
    """
    ways = [told, f"+{told.removeprefix('00')}"] if told.startswith("00") else [told]
    for way in ways:
        try:
            number = phonenumbers.parse(way, region)
        except NumberParseException:
            continue
        if number.extension is None and _fits_plan(number):
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


def _usual_phone(told: str, form: Phone) -> str:
    ways = [f"when {told} ~ '{_USUAL_PHONE}' then {told}"]
    # The state of a row can only say what the region says then.
    if form.region == "US" and form.country is None:
        marks = ", ".join(map(literal, _AMERICAN_MARKS))
        digits = f"translate({told}, '-. ()', '')"
        ways.append(
            f"when translate({told}, '{_DIGITS}', '') in ({marks}) and {digits} ~ '^[2-9][0-9]{{9}}$'"
            f" then '+1' || {digits}"
        )
    return f"case {' '.join(ways)} end"


def usual_form(told: str, form: Email | Phone) -> str:
    """The SQL expression of the form of a usual value; NULL for every other.

    Args:
        told: SQL expression of cleaned text, evaluated several times.
        form: The form that the column has.
    """
    return _usual_email(told) if isinstance(form, Email) else _usual_phone(told, form)


def hopeless(told: str, form: Email | Phone) -> str:
    """The SQL condition under which no library need be asked: without an @ or a digit there is no form."""
    if isinstance(form, Email):
        return f"strpos({told}, '@') = 0"
    # Digits of other scripts count, too.
    return f"(translate({told}, '{_DIGITS}', '') = {told} and octet_length({told}) = char_length({told}))"
