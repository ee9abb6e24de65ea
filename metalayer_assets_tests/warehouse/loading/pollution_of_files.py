"""Define the defects of whole files in the hostile corpus here: dialects, headers, tables, encodings, payload."""

import codecs
from collections.abc import Iterator

from metalayer_assets_tests.warehouse.loading.pollution import NAMES, PLAIN, ROWS, Dialect, Polluted, Row, records

TEXT = PLAIN.table()
HEADER, *BODY = records()
NO_COMMAS = tuple(row for row in ROWS if not set(',"\n') & set("".join(row)))
ASCII_ROWS = tuple(row for row in ROWS if "".join(row).isascii())


def polluted_files() -> Iterator[Polluted]:
    """Files with a defect that is not of one line."""
    for category, files in (
        ("payload", _payload()),
        ("field delimiters", _delimiters()),
        ("quotes and escapes", _quotes()),
        ("record delimiters", _ends()),
        ("headers", _headers()),
        ("row lengths", _lengths()),
        ("preambles", _preambles()),
        ("footers", _footers()),
        ("several tables", _tables()),
        ("encodings", _encodings()),
        ("bytes", _bytes()),
    ):
        for name, text, *truth in files:
            content = text if isinstance(text, bytes) else text.encode()
            yield Polluted(category, name, content, *truth)


Made = tuple[str, str | bytes] | tuple[str, str | bytes, tuple[Row, ...]]


def _payload() -> Iterator[Made]:
    yield "clean", TEXT
    yield "empty", "", ()
    yield "only blank lines", "\n\r\n \n", ()
    yield "only a mark", codecs.BOM_UTF8, ()
    yield "header only", HEADER, ()
    yield "header only, no line end", HEADER.rstrip(), ()
    yield "one row", HEADER + BODY[0], ROWS[:1]
    yield "one row, no line end", (HEADER + BODY[0]).rstrip(), ROWS[:1]
    yield "no line end", TEXT.rstrip("\n")
    yield "two line ends", TEXT + "\n"
    yield "many line ends", TEXT + "\r\n" * 30
    yield "blanks on lines at the end", TEXT + "   \n\t\n"
    yield "blank lines everywhere", TEXT.replace(BODY[3], "\n" + BODY[3] + "\n\n")
    yield "end-of-file character", TEXT + "\x1a"
    yield "end-of-data mark", TEXT + "\\.\n"
    yield "line of delimiters", HEADER + ",,,,,,,,\n" + "".join(BODY)


def _delimiters() -> Iterator[Made]:
    for delimiter in (
        ";",
        "\t",
        "|",
        " ",
        ", ",
        "; ",
        " | ",
        " ,",
        "||",
        ";;",
        "::",
        "~",
        "^",
        ":",
        "\x01",
        "\x1f",
        ",\t",
    ):
        for quote_all in (False, True):
            name = f"{delimiter!r}{', all quoted' if quote_all else ''}"
            yield name, Dialect(delimiter, quote_all=quote_all).table()
    yield "blanks in the header only", TEXT.replace(HEADER, ", ".join(NAMES) + "\n")
    yield "blanks in the rows only", HEADER + "".join(map(Dialect(", ").record, ROWS))
    commas = (*ROWS[5][:4], "One" + ", and" * (len(NAMES) - 1), *ROWS[5][5:])
    for other in (";", "\t", "|"):
        row = Dialect(other).record(commas)
        yield f"a row with {other!r} and as many commas", TEXT.replace(BODY[5], row), (*ROWS[:5], commas, *ROWS[6:])
    semicolons = (*ROWS[5][:4], "One" + "; and" * (len(NAMES) - 1), *ROWS[5][5:])
    rows = (*ROWS[:5], semicolons, *ROWS[6:])
    yield "a text with as many semicolons as commas", PLAIN.table(rows), rows
    yield "semicolons in the header only", TEXT.replace(HEADER, ";".join(NAMES) + "\n")


def _quotes() -> Iterator[Made]:
    yield "all quoted", Dialect(quote_all=True).table()
    yield "all quoted, with CRLF", Dialect(quote_all=True, end="\r\n").table()
    for escape in ('\\"', '"', '"""'):
        for quote_all in (False, True):
            name = f"escape {escape!r}{', all quoted' if quote_all else ''}"
            yield name, Dialect(escape=escape, quote_all=quote_all).table()
    for escape in ("''", '""', "\\'"):
        yield f"apostrophes, escape {escape!r}", Dialect(quote="'", escape=escape).table()
        yield f"apostrophes everywhere, escape {escape!r}", Dialect(quote="'", escape=escape, quote_all=True).table()
        rows = "".join(map(Dialect(quote="'", escape=escape, quote_all=True).record, ROWS))
        yield f"apostrophes below the header, escape {escape!r}", HEADER + rows
    named = tuple((*row[:2], f"O'{row[2]}", *row[3:]) for row in ROWS)
    yield (
        "apostrophes below the header where needed",
        HEADER + "".join(map(Dialect(quote="'", escape="''").record, ROWS)),
    )
    rows = "".join(",".join([*row[:2], "'" + row[2].replace("'", "''") + "'", *row[3:]]) + "\n" for row in NO_COMMAS)
    yield "apostrophes below the header around names", HEADER + rows, NO_COMMAS
    yield "apostrophes in all names", PLAIN.table(named), named
    yield "no quotes", Dialect(quote="").table()
    yield "no quotes, with tabs", Dialect("\t", quote="").table()
    yield "no quotes, with semicolons", Dialect(";", quote="").table()


def _ends() -> Iterator[Made]:
    for end in ("\n", "\r\n", "\r", "\r\r\n", "\n\r", "\n\n"):
        yield repr(end), Dialect(end=end).table()
    for end in ("\x0b", "\x0c", "\x1e", "\x85", "\u2028", ";", "\\n"):
        yield repr(end), Dialect(end=end).table()
    ends = ("\n", "\r\n", "\r")
    yield "mixed", "".join(line[:-1] + ends[number % 3] for number, line in enumerate(records()))
    yield "CRLF within quotes", Dialect(end="\r\n").table()


def _headers() -> Iterator[Made]:
    yield "none", "".join(BODY)
    yield "none, all quoted", "".join(map(Dialect(quote_all=True).record, ROWS))
    yield "twice", HEADER + TEXT
    yield "three times", HEADER * 2 + TEXT
    yield "twice, other quotes", Dialect(quote_all=True).record(NAMES) + TEXT
    yield "twice, capitals", HEADER + HEADER.upper() + "".join(BODY)
    yield "units below", HEADER + "no,y-m-d,name,text,text,pieces,USD,,\n" + "".join(BODY)
    yield "groups above", "order,,person,goods,,,,,\n" + TEXT
    for place in range(1, len(BODY) + 1):
        yield f"again behind row {place}", HEADER + "".join([*BODY[:place], HEADER, *BODY[place:]])
    yield "capitals", TEXT.replace(HEADER, HEADER.upper())
    yield "other order", PLAIN.table(tuple(row[::-1] for row in ROWS), NAMES[::-1])
    yield "an expected name twice", PLAIN.table(tuple((*row, "x") for row in ROWS), (*NAMES, "Customer"))
    for extra in ("", "more", "\u00f6\u00e4\u00fc \u65e5\u672c", "x" * 70_000, "a\nb", 'a"b', "a'b", "1"):
        names = PLAIN.table(tuple((*row, "x") for row in ROWS), (*NAMES, extra))
        yield f"one more: {extra[:10]!r}", names
        yield f"one more without values: {extra[:10]!r}", PLAIN.table(ROWS, (*NAMES, extra))
    yield "one more name twice", PLAIN.table(tuple((*row, "x", "y") for row in ROWS), (*NAMES, "more", "more"))
    for place, name in enumerate(NAMES):
        others = (*NAMES[:place], *NAMES[place + 1 :])
        yield f"without {name}, rows with", PLAIN.table(ROWS, others)
        yield f"{name} renamed", PLAIN.table(ROWS, (*NAMES[:place], name + "_", *NAMES[place + 1 :]))
        yield f"{name} in apostrophes", PLAIN.table(ROWS, (*NAMES[:place], f"'{name}'", *NAMES[place + 1 :]))


def _lengths() -> Iterator[Made]:
    for count in range(1, len(NAMES)):
        yield f"all rows have {count} fields", HEADER + "".join(PLAIN.record(row[:count]) for row in ROWS)
    yield "all rows have one field more", HEADER + "".join(PLAIN.record((*row, "")) for row in ROWS)
    yield "all lines have one field more", PLAIN.table(tuple((*row, "") for row in ROWS), (*NAMES, ""))
    yield "all rows have a row number", HEADER + "".join(PLAIN.record((str(n), *row)) for n, row in enumerate(ROWS))


def _preambles() -> Iterator[Made]:
    for name, above in (
        ("a line", "Orders of March\n"),
        ("a line and a blank one", "Orders of March\n\n"),
        ("padded", "Orders of March,,,,,,,,\n,,,,,,,,\n"),
        ("prose", "Made by the shop, on order, for you, and, well, for all, of us, really\n"),
        ("prose with quotes", 'Made by "the shop"\nfor "you, and\nall of us"\n'),
        ("pairs", "from,2024-03-01\nto,2024-03-05\ncustomer,all\n"),
        ("long", "# comment\n" * 40),
        ("too long", "# comment\n" * 60),
        ("separator line", "sep=,\n"),
        ("another table", "code,place\n1,here\n2,there\n\n"),
        ("half a header", ",".join(NAMES[:5]) + "\n"),
        ("XML", '<?xml version="1.0"?>\n'),
    ):
        yield name, above + TEXT


def _footers() -> Iterator[Made]:
    for name, below in (
        ("a line", "9 rows\n"),
        ("a line behind a blank one", "\n9 rows\n"),
        ("padded", "9 rows,,,,,,,,\n"),
        ("padded on the right", ",,,,,,,,9 rows\n"),
        ("padded, quoted", '"9 rows, no more",,,,,,,,\n'),
        ("padded, two lines", "9 rows,,,,,,,,\n,,,,,,,,\nthe end,,,,,,,,\n"),
        ("total", "Total,,,,,29,$449.25,,\n"),
        ("total behind a blank line", "\nTOTAL:,,,,,29,$449.25,,\n"),
        ("prose", "Made by the shop, on order, for you\n"),
        ("no line end", "9 rows,,,,,,,,"),
        ("count", "9,,,,,,,,\n"),
        ("count of other rows", "12,,,,,,,,\n"),
        ("sum of quantities", ",,,,,29,,,\n"),
        ("date", "2024-03-05,,,,,,,,\n"),
    ):
        yield name, TEXT + below
    gone = tuple((key, *[""] * (len(NAMES) - 1)) for key in ("1010", "1003", "998"))
    yield "keys alone, as of deletions", PLAIN.table((*ROWS, *gone)), (*ROWS, *gone)
    yield "keys alone, quoted", Dialect(quote_all=True).table((*ROWS, *gone)), (*ROWS, *gone)
    yield "nothing but keys", PLAIN.table(gone), gone
    yield "a single key", PLAIN.table(gone[:1]), gone[:1]
    yield "nothing but keys, and a line", PLAIN.table(gone) + "3 rows,,,,,,,,\n", gone
    yield "nothing but keys, and their count", PLAIN.table(gone) + "3,,,,,,,,\n", gone
    yield "nothing but a line", HEADER + "no rows,,,,,,,,\n", ()
    yield "nothing but a count", HEADER + "0,,,,,,,,\n", ()


def _tables() -> Iterator[Made]:
    other = tuple((str(number), "x", f"{number * 7}") for number in range(5))
    for gap, apart in (("", ""), ("\n", ", a blank line between"), (",,,,,,,,\n", ", a line of delimiters between")):
        yield f"the same below{apart}", TEXT + gap + TEXT
        for width in (8, 10, 5):
            names = (*NAMES, "more")[:width]
            rows = tuple((*row, "m")[:width] for row in ROWS)
            yield f"{width} columns below{apart}", TEXT + gap + PLAIN.table(rows, names)
        rows = tuple(row[::-1] for row in ROWS)
        yield f"other order below{apart}", TEXT + gap + PLAIN.table(rows, NAMES[::-1])
        yield f"another below{apart}", TEXT + gap + PLAIN.table(other, ("a", "b", "c"))
        yield f"another above{apart}", PLAIN.table(other, ("a", "b", "c")) + gap + TEXT
        wide = tuple((*row, *"654321") for row in other)
        if apart == ", a blank line between":
            yield f"another of the same width below{apart}", TEXT + gap + PLAIN.table(wide, tuple("abcdefghi"))
    for count in (3, 9):
        beside = tuple(other[n % 5] for n in range(count))
        empty = ("",) * 3
        rows = tuple((*row, *(beside[n] if n < count else empty)) for n, row in enumerate(ROWS))
        yield f"another of {count} rows to the right", PLAIN.table(rows, (*NAMES, "a", "b", "c"))
        rows = tuple((*(beside[n] if n < count else empty), *row) for n, row in enumerate(ROWS))
        yield f"another of {count} rows to the left", PLAIN.table(rows, ("a", "b", "c", *NAMES))
    longer = (*ROWS, *(("",) * len(NAMES),) * 4)
    rows = tuple((*row, *other[n % 5]) for n, row in enumerate(longer))
    yield "a longer one to the right", PLAIN.table(rows, (*NAMES, "a", "b", "c"))
    yield "the same to the right", PLAIN.table(tuple((*row, *row) for row in ROWS), NAMES * 2)


def _encodings() -> Iterator[Made]:
    for codec in ("utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252", "utf-32"):
        yield codec, TEXT.encode(codec)
    for codec, mark in (("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE)):
        yield f"{codec} with mark", mark + TEXT.encode(codec)
        yield f"{codec} without mark", TEXT.encode(codec)
        yield f"{codec}, cut", (mark + TEXT.encode(codec))[:-61]
    yield "mark twice", codecs.BOM_UTF8 * 2 + TEXT.encode()
    yield "other mark", codecs.BOM_UTF16_LE + TEXT.encode()
    latin = [line.encode("latin-1") for line in BODY]
    yield "utf-8 and latin-1 rows", b"".join([HEADER.encode(), *latin, *(line.encode() for line in BODY)]), ROWS * 2
    for codec, name in (
        ("cp1251", "\u0410\u043d\u043d\u0430"),
        ("koi8-r", "\u0410\u043d\u043d\u0430"),
        ("gbk", "\u5f20\u4f1f"),
    ):
        rows = tuple((row[0], row[1], name, *row[3:]) for row in ASCII_ROWS)
        yield codec, PLAIN.table(rows).encode(codec), rows
    yield (
        "euro in cp1252",
        PLAIN.table(tuple((*row[:6], "\u20ac5", *row[7:]) for row in ROWS)).encode("cp1252"),
        tuple((*row[:6], "\u20ac5", *row[7:]) for row in ROWS),
    )
    yield "undefined in cp1252", TEXT.encode("cp1252").replace(b"Plain", b"Pl\x81in")
    yield "damaged utf-8", TEXT.encode().replace(b"Plain", b"Pl\xc3in")


def _bytes() -> Iterator[Made]:
    for control in "\x01\x07\x08\x0b\x0c\x1b\x1c\x1f\x7f":
        rows = tuple((*row[:8], f"a{control}b") for row in ROWS)
        yield f"control character {control!r}", PLAIN.table(rows), rows
    huge = tuple((*row[:8], "long, " * 50_000) for row in ROWS[:3])
    yield "huge fields", PLAIN.table(huge), huge
    yield "line beyond the limit", HEADER + BODY[0] + PLAIN.record((*ROWS[1][:8], "x" * 11_000_000)) + BODY[3]
    yield "NUL instead of the last line", TEXT.encode() + b"\0" * 512
    yield "NUL between rows", TEXT.replace(BODY[2], "\0\n" + BODY[2])
    yield "binary", bytes(range(256)) * 20, ()
    yield "cut in the middle", TEXT[: len(TEXT) // 2]
    for text in ("\ufeff", "a\ufeffb", "a\ufeff", "\ufeffa"):
        rows = tuple((*row[:8], text) for row in ROWS)
        yield f"mark in a value {text!r}", PLAIN.table(rows), rows
    yield "cut within quotes", TEXT[: TEXT.index("second line")]
