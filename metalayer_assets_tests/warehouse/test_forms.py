"""E-mail addresses and telephone numbers against public lists, and the short way in SQL against the libraries."""

from collections.abc import Sequence

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from metalayer_assets.contracts.forms import Email, Phone
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.forms import email_form, hopeless, phone_form, region_of, usual_form

# Examples of the documentation and tests of email-validator (The Unlicense), of RFC 3696, 5321, 5322 and 6531, and of
# the test set of is_email (Dominic Sayers, BSD), each with the form that it comes to by docs/cleaning.md.
VALID = {
    "Abc@example.com": "abc@example.com",
    "Abc.123@example.com": "abc.123@example.com",
    "user+mailbox/department=shipping@example.com": "user+mailbox/department=shipping@example.com",
    "!#$%&'*+-/=?^_`.{|}~@example.com": "!#$%&'*+-/=?^_`.{|}~@example.com",
    "customer/department@example.com": "customer/department@example.com",
    "$A12345@example.com": "$a12345@example.com",
    "!def!xyz%abc@example.com": "!def!xyz%abc@example.com",
    "_somename@example.com": "_somename@example.com",
    "dclo@us.ibm.com": "dclo@us.ibm.com",
    "very.common@example.com": "very.common@example.com",
    "a@iana.org": "a@iana.org",
    "1@iana.co.uk": "1@iana.co.uk",
    "0123456789@example.com": "0123456789@example.com",
    "test@255.255.255.255.example.com": "test@255.255.255.255.example.com",
    "a" * 64 + "@example.com": "a" * 64 + "@example.com",
    "test@" + "a" * 63 + ".com": "test@" + "a" * 63 + ".com",
    "伊昭傑@郵件.商務": "伊昭傑@郵件.商務",
    "राम@मोहन.ईन्फो": "राम@मोहन.ईन्फो",
    "юзер@екзампл.ком": "юзер@екзампл.ком",
    "θσερ@εχαμπλε.ψομ": "θσερ@εχαμπλε.ψομ",
    "葉士豪@臺網中心.tw": "葉士豪@臺網中心.tw",
    "jeff@臺網中心.tw": "jeff@臺網中心.tw",
    "jeff@xn--fiqq24b10vi0d.tw": "jeff@臺網中心.tw",
    "ñoñó@example.tld": "ñoñó@example.tld",
    "nono\u0303@example.tld": "nonõ@example.tld",
    "ÑOÑÓ@EXAMPLE.TLD": "ñoñó@example.tld",
    "甲斐黒川日本@example.com": "甲斐黒川日本@example.com",
    "чебурашка.рф@example.com": "чебурашка.рф@example.com",
}
INVALID = [
    "",
    "my",
    "my@",
    "@",
    "@my",
    "@example.com",
    "test@test@example.com",
    "my@localhost",
    "my@.leadingdot.com",
    "my@twodots..com",
    "my@twodots.com.",
    "my@trailingdot.com.",
    "my@-leadinghyphen.com",
    "my@trailinghyphen-.com",
    "my@baddash.-.com",
    "my@baddash.b-.com",
    "my@baddash.-b.com",
    "my@under_score.com",
    "my@example.com\n",
    "my@example\n.com",
    "my@x!",
    "me@x y.com",
    ".leadingdot@domain.com",
    "twodots..here@domain.com",
    "trailingdot.@domain.com",
    "me@⒈wouldbeinvalid.com",
    "me@xn--0.tld",
    "me@yy--0.tld",
    "me@yy\uff0d\uff0d0.tld",
    "@john.com",
    "white space@test",
    "test@\n",
    'bad"quotes"@example.com',
    'obsolete."quoted".atom@example.com',
    "Abc.example.com",
    "john.doe@example..com",
    'a"b(c)d,e:f;g<h>i[j\\k]l@example.com',
    'just"not"right@example.com',
    'this is"not\\allowed@example.com',
    "x" * 65 + "@example.com",
    "test@" + "a" * 64 + ".com",
    "a@" + "a." * 120 + "abcdefghi.com",
    "test@example.123",
    "me@something.invalid",
    "me@host.local",
    "me@service.onion",
    "me@mail.test",
    "test@[127.0.0.1]",
    '"quoted"@example.com',
    '"Joe\\\\Blow"@example.com',
    "Joe <joe@example.com>",
    "joe@example.com (Joe)",
    "mailto:joe@example.com",
    "joe\uff20example.com",
    "me@\u200bexample.com",
]


@pytest.mark.parametrize("told", VALID)
def test_a_valid_address_comes_to_its_form(told: str):
    assert email_form(told) == VALID[told]
    assert email_form(VALID[told]) == VALID[told]


@pytest.mark.parametrize("told", INVALID)
def test_what_is_no_address_of_the_internet_has_no_form(told: str):
    assert email_form(told) is None


NOTATIONS = (PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL)
# A number that can be dialled from Canada only, in the length of a local number.
LOCAL = {("CA", "+13101234")}


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_the_example_numbers_of_a_region_come_to_e164_in_every_notation(region: str):
    kinds = [kind for name, kind in vars(PhoneNumberType).items() if isinstance(kind, int) and kind >= 0]
    numbers = [number for kind in kinds if (number := phonenumbers.example_number_for_type(region, kind)) is not None]
    assert numbers
    forms = {
        phonenumbers.format_number(number, notation): phonenumbers.format_number(number, PhoneNumberFormat.E164)
        for number in numbers
        for notation in NOTATIONS
        if (region, phonenumbers.format_number(number, PhoneNumberFormat.E164)) not in LOCAL
    }
    assert {told: phone_form(told, region, "FR") for told in forms} == forms
    # Where the country is told, no hint is needed, and the form is its own form.
    assert {form: phone_form(form, None, "US") for form in forms.values()} == {form: form for form in forms.values()}


@pytest.mark.parametrize(
    ("told", "region", "form"),
    [
        ("+44 20 7123 4567", "US", "+442071234567"),
        ("0044 20 7123 4567", "US", "+442071234567"),
        ("+44 (0)20 7123 4567", "US", "+442071234567"),
        ("020 7123 4567", "GB", "+442071234567"),
        ("020 7123 4567", "US", None),
        ("(212) 555-0100", "US", "+12125550100"),
        ("(555) 123-4567", "US", "+15551234567"),
        ("1 212 555 0100", "US", "+12125550100"),
        ("011 44 20 7123 4567", "US", "+442071234567"),
        ("\uff11\uff12\uff11\uff12 555 0100", "US", "+12125550100"),
        ("1-800-FLOWERS", "US", "+18003569377"),
        ("555-0100", "US", None),
        ("2 212 555 0100", "US", None),
        ("000-000-0000", "US", None),
        ("123-456-7890", "US", None),
        ("212 555 0100 x5", "US", None),
        ("+1 (212) 555-0123-0123-0123", "US", None),
        ("+", "US", None),
        ("n/a", "US", None),
        ("call me", "US", None),
        ("+999 123 4567", "US", None),
        # The country is assumed: the number must be one that has been given out there.
        ("(212) 555-0100", None, "+12125550100"),
        ("7911 123456", None, None),
        ("(555) 123-4567", None, None),
        ("1 555 123 4567", None, None),
        ("+1 555 123 4567", None, "+15551234567"),
    ],
)
def test_a_number_is_read_in_its_country(told: str, region: str | None, form: str | None):
    assert phone_form(told, region, "US") == form


@pytest.mark.parametrize(
    ("form", "hint", "region"),
    [
        (Phone("GB", state="state"), "NY", "US"),
        (Phone("GB", state="state"), "Kent", None),
        (Phone("GB", state="state"), "", None),
        (Phone("GB"), "", None),
        (Phone("US", country="country"), "Germany", "DE"),
        (Phone("US", country="country"), "de", "DE"),
        (Phone("US", country="country"), "EIRE", "IE"),
        (Phone("US", country="country"), "Atlantis", None),
    ],
)
def test_a_row_tells_the_country_of_its_numbers(form: Phone, hint: str, region: str | None):
    assert region_of(form, hint) == region


def decided(
    database: Database, form: Email | Phone, texts: Sequence[str], hint: str = ""
) -> list[tuple[str | None, bool]]:
    """The usual form of each text and whether it is hopeless, in SQL."""
    with database.transaction(readonly=True) as cursor:
        cursor.execute(
            f"select {usual_form('told', form, '%(hint)s')}, {hopeless('told', form)}"
            " from unnest(%(texts)s::text[]) with ordinality as t (told, n) order by n",
            {"texts": list(texts), "hint": hint},
        )
        return list(cursor.fetchall())


EXAMPLES = settings(max_examples=80, deadline=None, database=None)
_any_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
_mail = st.one_of(
    _any_text,
    st.text("abZ09.-_+@x", max_size=20),
    st.from_regex(r"[A-Za-z0-9_.+-]{1,8}@([a-zA-Z0-9-]{1,5}\.){1,3}[A-Za-z0-9]{1,4}", fullmatch=True),
    st.builds(
        "{}@{}.{}".format,
        st.text("aB0._+-", max_size=70),
        st.text("aB0.-", max_size=70),
        st.sampled_from(["com", "de", "xn--p1ai", "İk", "Kg"]),
    ),
    st.sampled_from([*VALID, *INVALID]).filter(lambda text: "\0" not in text),
)
_dialled = st.one_of(
    _any_text,
    st.text("0123456789+-.() x", max_size=18),
    st.from_regex(r"\+(1|44|33|34|49|31|48|61|91|353|39|7|55)[0-9]{6,13}", fullmatch=True),
    st.from_regex(r"[-. ]?\+ ?(1|44|33|49|353)[-. ]?([0-9]{1,3}[-. ]{0,2}){3,4}", fullmatch=True),
    st.from_regex(r"\(?[0-9]{3}\)?[-. ]?[0-9]{3}[-. ]?[0-9]{4}", fullmatch=True),
)


@given(texts=st.lists(_mail, min_size=1, max_size=60))
@EXAMPLES
def test_the_short_way_answers_as_email_validator_does(prepared_databases: tuple[Database, Database], texts: list[str]):
    for told, (form, is_hopeless) in zip(texts, decided(prepared_databases[0], Email(), texts), strict=True):
        assert (told, form) == (told, email_form(told)) or form is None
        assert not is_hopeless or email_form(told) is None


@given(texts=st.lists(_dialled, min_size=1, max_size=60), hint=st.sampled_from(["", "NY", "Kent"]))
@EXAMPLES
def test_the_short_way_answers_as_phonenumbers_does(
    prepared_databases: tuple[Database, Database], texts: list[str], hint: str
):
    for column in (Phone("US", state="state"), Phone("GB", state="state"), Phone("US", country="country")):
        region = region_of(column, hint)
        for told, (form, is_hopeless) in zip(texts, decided(prepared_databases[0], column, texts, hint), strict=True):
            judged = phone_form(told, region, column.region)
            assert (told, form) == (told, judged) or form is None
            assert not is_hopeless or judged is None


@given(told=st.one_of(_mail, _any_text))
@EXAMPLES
def test_the_form_of_an_address_is_its_own_form(told: str):
    form = email_form(told)
    assert form is None or email_form(form) == form


@given(told=_dialled, region=st.sampled_from(["US", "GB", "DE", "IT", "BR"]), other=st.sampled_from(["US", "JP"]))
@EXAMPLES
def test_the_form_of_a_number_is_its_own_form_in_every_region(told: str, region: str, other: str):
    form = phone_form(told, region, "US")
    assert form is None or phone_form(form, None, other) == form


def test_the_short_way_decides_what_usual_values_are(prepared_databases: tuple[Database, Database]):
    mails = ["Ada.Lovelace+1@Mail.Example.co.uk", "a@b.io", "user_1@my-shop.org"]
    assert [form for form, _ in decided(prepared_databases[0], Email(), mails)] == [mail.lower() for mail in mails]
    phones = ["+12125550100", "(212) 555-0100", "212.555.0100", "2125550100", "+447911123456", "+4915112345678"]
    found = [form for form, _ in decided(prepared_databases[0], Phone("US", state="state"), phones, "NY")]
    assert found == ["+12125550100"] * 4 + ["+447911123456", "+4915112345678"]
