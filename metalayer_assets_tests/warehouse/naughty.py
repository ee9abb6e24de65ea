"""Strings that break software, by the categories of the Big List of Naughty Strings, for tests here.

Written anew: what is listed is what has been seen to break readers, writers, casts or displays, with the reason of
each group beside it. None holds U+0000 or half a surrogate pair, which are no characters to PostgreSQL.
"""

# ruff: noqa: E501, RUF001 -- a table of strings, many of which look like others: that is what they are for

NAUGHTY: dict[str, tuple[str, ...]] = {
    "reserved words": ("null", "NULL", "Null", "None", "nil", "undefined", "NaN", "true", "FALSE", "N/A", r"\N", r"\.", "-"),
    "numbers that are none": (
        *("0", "00", "-0", "+1", "1.", ".5", "1..5", "1,5", "1,000,000.00", "1.000,00", "1'000", "1 000", "--1", "-.", "0x1F"),
        *("0b1", "0o17", "1_000", "1e5", "1E+400", "1e-400", "Infinity", "-inf", "1#IND", "9" * 90, "2147483648", "1/0"),
        *("9223372036854775808", "0.1e0", "٣٤", "１２", "²", "½", "1\u00a0000"),
    ),
    "formulas": ("=1+1", "=HYPERLINK(\"https://example.org\",\"x\")", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C x'!A0"),
    "special characters": (r"!@#$%^&*()`~", r"<>?:\"{}|_+", r",./;'[]\-=", "%s %d %n", "{0} {x} ${y} #{z}", ":name %(name)s"),
    "quotes": ('"', "'", '""', "''", '"a', 'a"', '"a"', '"a""b"', "`a`", "“a”", "‘a’", "«a»", "\"'\"'\"''''\"", 'a,"b",c'),
    "backslashes": ("\\", "\\\\", "a\\", "\\n", "\\\"", "C:\\new\\table", "\\x41", "\\u0041", "\\000", "\\'"),
    "delimiters": (",", ",,", ";", "a;b", "\t", "a\tb", "|", "a|b", "\x1f", "\x1e", "\x02", "\x01a\x01,"),
    "line ends": ("a\nb", "a\r\nb", "a\rb", "\n", "a\n", "\na", "\r\n\r\n", "a\n\\.\nb", "\\.\n", 'a\n"b"\nc', "a\n,\nb"),
    "blanks": (
        *(" ", "  ", " a", "a ", "\u00a0", "\u3000", "\u2003a", "a\u200bb", "\u200b", "\u2028", "a\u2029b", "\u0085", "\v", "\f"),
        *("\ufeff", "\ufeffa", "a\ufeff", "\u00ad", "\u180e", "\u2060"),
    ),
    "control characters": ("\x03", "\x07a", "a\x08", "\x1b[31mred\x1b[0m", "\x7f", "\x80\x81", "\x9f", "\x1a"),
    "accents, composed and not": ("é", "e\u0301", "ﬁ", "Å", "\u212b", "A\u030a", "ñ", "n\u0303", "q\u0307\u0323", "\u0344", "ǅ"),
    "case": ("ß", "ẞ", "İ", "ı", "ŉ", "ΐ", "Σς", "ﬀ", "Ⱥ", "ⱦ"),
    "scripts": ("日本語", "한국어", "中文繁體", "ภาษาไทย", "हिन्दी", "Ελληνικά", "Кириллица", "ქართული", "አማርኛ", "𠜎𠜱𠝹", "\u1100\u1161"),
    "right to left": ("עברית", "العربية", "a\u202egnp.exe", "\u2066a\u2069", "\u200fabc", "هَيتَ لك test", "﷽"),
    "emoji": ("😀", "👩🏽‍💻", "👨‍👩‍👧‍👦", "🇳🇴🇸🇪", "❤️", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "ヽ(｀Д´)ﾉ︵ ┻━┻", "¯\\_(ツ)_/¯"),
    "stacked marks": ("Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢", "a" + "\u0301" * 60, "\u0301", "e\u0316\u0301\u0327"),
    "look-alikes": ("раураl", "ℌ𝔢𝔩𝔩𝔬", "Ｆｕｌｌ", "ʇxǝʇ", "⒜⒝", "O0Oо"),
    "noncharacters": ("\ufffd", "\ufffe", "\uffff", "\U0010ffff", "\ue000", "\U000e0001"),
    "injections": (
        *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "&lt;&#39;&amp;", "javascript:alert(1)", "]]>", "<!--"),
        *("'; drop table orders; --", "1' or '1'='1", "$$; select 1; $$", "/* x */", "-- x", "$(touch x)", "`id`", "| ls", "; ls"),
        *("../../etc/passwd", "%00", "%0d%0a", "{{7*7}}", "<%= 1 %>", "() { :; }; x", "${jndi:ldap://x}", "System(\"ls\")"),
    ),
    "names of devices and files": ("CON", "PRN", "NUL", "LPT1", "aux.txt", "C:\\", "file:///etc", "~", "."),
    "structures": ('{"a": 1}', "[1, 2]", "{}", "[]", "{a,b}", "{NULL}", "(1,2)", "<a><b/></a>", '{"a": "\\u0000"}', "a: b"),
    "lengths": ("a" * 200, "é" * 100, "😀" * 50, "x" * 3000, '"' * 500, "\n" * 8),
}  # fmt: skip

STRINGS = tuple(dict.fromkeys(text for group in NAUGHTY.values() for text in group))
