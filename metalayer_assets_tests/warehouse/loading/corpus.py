r"""Define hostile delimited files here as data: what is in them, what must load and what must be rejected.

The expected columns are id, name (also "full name") and the optional note; rows are (line, id, name, note).
"""

import codecs
import gzip
from dataclasses import dataclass

Expected = tuple[int, str | None, str | None, str | None]


@dataclass(frozen=True)
class Case:
    name: str
    content: bytes
    rows: tuple[Expected, ...] = ()
    rejects: tuple[tuple[int, bytes, str], ...] = ()  # line, raw bytes, part of the reason
    path: str = "careful"
    encoding: str = "utf-8"
    file: str = "people.csv"


@dataclass(frozen=True)
class Refused:
    name: str
    content: bytes
    says: tuple[str, ...]
    file: str = "people.csv"


HEAD = b"id,name,note\n"
A = (2, "1", "Ann", "x")
GZ = gzip.compress(HEAD + b"".join(b"%d,name %d,%d\n" % (n, n * n, n**3) for n in range(400)), mtime=0)


def utf16(text: str, codec: str = "utf-16-le") -> bytes:
    mark = codecs.BOM_UTF16_LE if codec == "utf-16-le" else codecs.BOM_UTF16_BE
    return mark + text.encode(codec, "surrogatepass")


CASES = (
    # Layouts that are read as they are.
    Case("plain", HEAD + b"1,Ann,x\n2,Bob,y\n", (A, (3, "2", "Bob", "y")), path="fast"),
    Case("header_only", HEAD, path="fast"),
    Case("header_without_line_end", b"id,name,note", path="fast"),
    Case("no_final_newline", HEAD + b"1,Ann,x", (A,), path="fast"),
    Case("crlf", b"id,name,note\r\n1,Ann,x\r\n", (A,), path="fast"),
    Case("crlf_without_final_line_end", b"id,name,note\r\n1,Ann,x", (A,), path="fast"),
    Case("lone_cr", b"id,name,note\r1,Ann,x\r2,Bob,y\r", (A, (3, "2", "Bob", "y")), path="fast"),
    Case("semicolons", b"id;name;note\n1;Ann;x\n", (A,), path="fast"),
    Case("tabs", b"id\tname\tnote\n1\tAnn\tx\n", (A,), path="fast"),
    Case("pipes", b"id|name|note\n1|Ann|x\n", (A,), path="fast"),
    Case("comma_in_a_semicolon_file", b"id;name;note\n1;Ann, B.;x\n", ((2, "1", "Ann, B.", "x"),), path="fast"),
    Case("columns_in_another_order", b"note,id,name\nx,1,Ann\n", (A,), path="fast"),
    Case("optional_column_missing", b"name,id\nAnn,1\n", ((2, "1", "Ann", None),), path="fast"),
    Case("other_spelling_of_the_header", b' ID ,"Full-Name",NOTE\n1,Ann,x\n', (A,), path="fast"),
    Case("null_is_not_the_empty_text", HEAD + b'1,,""\n', ((2, "1", None, ""),), path="fast"),
    Case("quoted_delimiters", HEAD + b'1,"Ann, B.","x"\n', ((2, "1", "Ann, B.", "x"),), path="fast"),
    Case("doubled_quotes", HEAD + b'1,"Ann ""B""",""""\n', ((2, "1", 'Ann "B"', '"'),), path="fast"),
    Case("backslashes", HEAD + b"1,\\N,a\\tb\\\n", ((2, "1", "\\N", "a\\tb\\"),), path="fast"),
    Case("blanks_are_kept", HEAD + b" 1 ,\tAnn, \n", ((2, " 1 ", "\tAnn", " "),), path="fast"),
    Case("utf8", HEAD + "1,Zoë 🙂,x\n".encode(), ((2, "1", "Zoë 🙂", "x"),), path="fast"),
    Case("utf8_with_mark", codecs.BOM_UTF8 + HEAD + b"1,Ann,x\n", (A,), path="fast", encoding="utf-8-sig"),
    Case("gzip", gzip.compress(HEAD + b"1,Ann,x\n"), (A,), path="fast", file="people.csv.gz"),
    Case(
        "gzip_of_two_members_and_padding",
        gzip.compress(b"i") + gzip.compress(b"d,name,note\n1,Ann,x\n") + b"\0" * 512,
        (A,),
        path="fast",
        file="people.csv.gz",
    ),
    Case("upper_case_extension", HEAD + b"1,Ann,x\n", (A,), path="fast", file="PEOPLE.CSV"),
    Case("blank_lines_at_the_end", HEAD + b"1,Ann,x\n\n\n", (A,), path="fast"),
    Case("blank_lines_before_the_header", b"\n\r\n" + HEAD + b"1,Ann,x\n", ((4, "1", "Ann", "x"),), path="fast"),
    Case("backslash_dot_within_a_line", HEAD + b"1,\\.,x\n", ((2, "1", "\\.", "x"),), path="fast"),
    # Layouts that only the careful path can be trusted with.
    Case("blank_line_in_the_middle", HEAD + b"1,Ann,x\n\n2,Bob,y\n", (A, (4, "2", "Bob", "y"))),
    Case("mixed_line_ends", HEAD + b"1,Ann,x\r\n2,Bob,y\r3,Cy,z\n", (A, (3, "2", "Bob", "y"), (4, "3", "Cy", "z"))),
    Case("carriage_return_twice", b"id,name,note\r\r\n1,Ann,x\r\r\n", ((3, "1", "Ann", "x"),)),
    Case("extra_column", b"id,age,name,note\n1,30,Ann,x\n", (A,)),
    Case("extra_column_quoted", b'age,id,name,note\n"3,0",1,"Ann",x\n', (A,)),
    Case("trailing_delimiter_in_header_too", b"id,name,note,\n1,Ann,x,\n", (A,)),
    Case("quote_within_a_field", HEAD + b'1,12" x 5" board,x\n', ((2, "1", '12" x 5" board', "x"),)),
    Case(
        "one_literal_quote", HEAD + b'1,5" nail,x\n2,6" nail,y\n', ((2, "1", '5" nail', "x"), (3, "2", '6" nail', "y"))
    ),
    Case(
        "line_end_within_quotes", HEAD + b'1,"Ann\nB.",x\n2,Bob,y\n', ((2, "1", "Ann\nB.", "x"), (4, "2", "Bob", "y"))
    ),
    Case(
        "all_line_ends_within_quotes",
        HEAD + b'1,"a\r\nb\rc\n\n",x\n2,Bob,y\n',
        ((2, "1", "a\r\nb\rc\n\n", "x"), (7, "2", "Bob", "y")),
    ),
    Case(
        "end_of_data_mark_as_a_line",
        HEAD + b"1,Ann,x\n\\.\n2,Bob,y\n",
        (A, (4, "2", "Bob", "y")),
        ((3, b"\\.", "expected 3 fields, found 1"),),
    ),
    Case(
        "end_of_data_mark_within_quotes",
        HEAD + b'1,"a\n\\.\nb",x\n2,Bob,y\n',
        ((2, "1", "a\n\\.\nb", "x"), (5, "2", "Bob", "y")),
    ),
    Case("end_of_data_mark_as_first_field", HEAD + b"\\.,Ann,x\n", ((2, "\\.", "Ann", "x"),)),
    Case("latin_1", HEAD + "1,Zoë,x\n".encode("latin-1"), ((2, "1", "Zoë", "x"),), encoding="latin-1"),
    Case("windows_1252", HEAD + "1,Zoë,€ 5\n".encode("cp1252"), ((2, "1", "Zoë", "€ 5"),), encoding="cp1252"),
    Case("utf_16_le", utf16("id,name,note\r\n1,Zoë 🙂,x\r\n"), ((2, "1", "Zoë 🙂", "x"),), encoding="utf-16"),
    Case("utf_16_be", utf16("id\tname\tnote\n1\tZoë\tx", "utf-16-be"), ((2, "1", "Zoë", "x"),), encoding="utf-16"),
    Case(
        "preamble",
        b"Report of 2024\n\n" + HEAD + b"1,Ann,x\n",
        ((4, "1", "Ann", "x"),),
        ((1, b"Report of 2024", "above"),),
    ),
    Case("blanks_beside_every_delimiter", b'id, name, note\n1, "Ann, B.", x\n', ((2, "1", "Ann, B.", "x"),)),
    Case("blanks_beside_the_delimiters_of_the_header", b"id, name, note\n1,Ann,x\n", (A,)),
    Case("blanks_on_both_sides", b"id | name | note\n1 | Ann | a,b|c\n", ((2, "1", "Ann", "a,b|c"),)),
    Case("spaces", b'id name note\n1 Ann "a b"\n', ((2, "1", "Ann", "a b"),), path="fast"),
    # Lines that can be read in more than one way.
    Case("only_delimiters", HEAD + b",,\n", (), ((2, b",,", "all of its fields are empty"),)),
    Case("quote_behind_a_blank", HEAD + b'1, "Ann",x\n', (), ((2, b'1, "Ann",x', "follows a blank"),)),
    Case("quotes_in_two_fields", HEAD + b'1"a,b",x\n', (), ((2, b'1"a,b",x', "several unquoted fields"),)),
    Case("quote_that_nothing_opened", HEAD + b'1,Ann",x\n', (), ((2, b'1,Ann",x', "nothing opened"),)),
    Case("doubled_quote_unquoted", HEAD + b'1,5"" nail,x\n', (), ((2, b'1,5"" nail,x', "doubled quote"),)),
    Case(
        "apostrophes",
        HEAD + b"1,'Ann','x'\n2,O'Neil,x'\n3,'Cy',z\n4,Di,''\n5,E,e\n6,F,f\n7,G,g\n",
        (
            (3, "2", "O'Neil", "x'"),
            (4, "3", "'Cy'", "z"),
            (5, "4", "Di", "''"),
            (6, "5", "E", "e"),
            (7, "6", "F", "f"),
            (8, "7", "G", "g"),
        ),
        ((2, b"1,'Ann','x'", "apostrophes"),),
    ),
    Case("escaped_apostrophes", HEAD + b"1,'O''Neil',x\n", (), ((2, b"1,'O''Neil',x", "doubled inside"),)),
    Case(
        "apostrophes_in_most_records",
        HEAD + b"1,'Ann',x\n2,'Bob',y\n3,Cy,z\n",
        ((4, "3", "Cy", "z"),),
        ((2, b"1,'Ann',x", "as others in this file"), (3, b"2,'Bob',y", "as others in this file")),
    ),
    Case(
        "apostrophes_that_make_a_record_right",
        HEAD + b"1,'Ann',x\n2,'B, Bob',y\n3,Cy,z\n4,Di,z\n5,Eve,z\n",
        tuple((line, str(line - 1), name, "z") for line, name in ((4, "Cy"), (5, "Di"), (6, "Eve"))),
        ((2, b"1,'Ann',x", "as others in this file"), (3, b"2,'B, Bob',y", "expected 3 fields, found 4")),
    ),
    Case("header_twice", HEAD + b"\n" + HEAD + b"1,Ann,x\n", ((4, "1", "Ann", "x"),), ((3, HEAD[:-1], "once more"),)),
    Case(
        "header_in_the_middle",
        HEAD + b"1,Ann,x\n" + HEAD + b"2,Bob,y\n",
        (A,),
        ((3, HEAD[:-1], "another header"), (4, b"2,Bob,y", "below the header on line 3")),
    ),
    Case(
        "another_table_below",
        HEAD + b"1,Ann,x\n\nName,Id,age,town\nBob,2,y\n",
        (A,),
        ((4, b"Name,Id,age,town", "another header"), (5, b"Bob,2,y", "below the header on line 4")),
    ),
    Case(
        "foreign_single_bytes",
        HEAD + "1,\u0410\u043d\u043d\u0430,x\n".encode("cp1251"),
        (),
        ((2, b"1,\xc0\xed\xed\xe0,x", "Windows-1252"),),
        encoding="latin-1",
    ),
    Case(
        "each_line_of_a_quoted_field_a_record",
        HEAD + b'1,Ann,"\n2,Bob,5"\n3,Cy,z\n',
        ((4, "3", "Cy", "z"),),
        ((2, b'1,Ann,"\n2,Bob,5"', "each line could be"),),
    ),
    Case(
        "text_behind_broken_quotes",
        HEAD + b'1,"said "hi"\nto me\nand, you, Tom",x\n2,Bob,y\n',
        ((5, "2", "Bob", "y"),),
        (
            (2, b'1,"said "hi"', "text after the closing quote"),
            (3, b"to me", "may be inside"),
            (4, b'and, you, Tom",x', "may be inside"),
        ),
    ),
    # Lines that cannot be read.
    Case("too_many_fields", HEAD + b"1,Ann,x\n2,Bob,y,z\n", (A,), ((3, b"2,Bob,y,z", "expected 3 fields, found 4"),)),
    Case("too_few_fields", HEAD + b"1,Ann,x\r\n2,Bob\r\n", (A,), ((3, b"2,Bob", "expected 3 fields, found 2"),)),
    Case(
        "one_more_and_one_less",
        HEAD + b"1,Ann\n2,Bob,y,z\n3,Cy,z\n",
        ((4, "3", "Cy", "z"),),
        ((2, b"1,Ann", "found 2"), (3, b"2,Bob,y,z", "found 4")),
    ),
    Case("only_blanks_on_a_line", HEAD + b"1,Ann,x\n  \n", (A,), ((3, b"  ", "found 1"),)),
    Case(
        "wrong_count_over_two_lines",
        HEAD + b'1,"a\nb",x,9\n2,Bob,y\n',
        ((4, "2", "Bob", "y"),),
        ((2, b'1,"a\nb",x,9', "expected 3 fields, found 4"),),
    ),
    Case(
        "text_after_the_closing_quote",
        HEAD + b'1,"Ann"B,x\n2,Bob,y\n',
        ((3, "2", "Bob", "y"),),
        ((2, b'1,"Ann"B,x', "text after the closing quote of field 2"),),
    ),
    Case(
        "quote_never_closed",
        HEAD + b'1,"Ann,x\n2,Bob,y\n3,Cy,z\n',
        ((3, "2", "Bob", "y"), (4, "3", "Cy", "z")),
        ((2, b'1,"Ann,x', "the quote that opens field 2 is never closed"),),
    ),
    Case(
        "quote_closed_by_the_next_record",
        HEAD + b'1,"Ann,x\n2,"Bob",y\n',
        ((3, "2", "Bob", "y"),),
        ((2, b'1,"Ann,x', "text after the closing quote of field 2 on line 3"),),
    ),
    Case(
        "quote_not_closed_for_long",
        HEAD + b'1,"Ann,x\n' + b"2,Bob,y\n" * 150 + b'3,"Cy",z\n',
        (*((n, "2", "Bob", "y") for n in range(3, 153)), (153, "3", "Cy", "z")),
        ((2, b'1,"Ann,x', "not closed within 100 lines"),),
    ),
    Case("nul", HEAD + b"1,Ann,x\n2,B\0b,y\n3,Cy,z\n", (A, (4, "3", "Cy", "z")), ((3, b"2,B\0b,y", "NUL at byte 4"),)),
    Case(
        "nul_within_quotes",
        HEAD + b'1,"Ann\nB\0",x\n2,Bob,y\n',
        ((4, "2", "Bob", "y"),),
        ((2, b'1,"Ann\nB\0",x', "NUL at byte 9"),),
    ),
    Case(
        "damaged_utf8",
        HEAD + "1,Zoë,x\n".encode() + b"2,B\xffb,y\n3,Cy,z\n",
        ((2, "1", "Zoë", "x"), (4, "3", "Cy", "z")),
        ((3, b"2,B\xffb,y", "not valid UTF-8 at byte 4"),),
    ),
    Case(
        "cesu_and_overlong_utf8",
        HEAD + "1,Zoë,x\n".encode() + b"2,\xed\xa0\x80,y\n3,\xc0\xaf,z\n",
        ((2, "1", "Zoë", "x"),),
        ((3, b"2,\xed\xa0\x80,y", "not valid UTF-8"), (4, b"3,\xc0\xaf,z", "not valid UTF-8")),
    ),
    Case(
        "damaged_utf8_with_mark",
        codecs.BOM_UTF8 + HEAD + b"1,Zo\xeb,x\n2,Bob,y\n",
        ((3, "2", "Bob", "y"),),
        ((2, b"1,Zo\xeb,x", "not valid UTF-8 at byte 5"),),
        encoding="utf-8-sig",
    ),
    Case(
        "undefined_in_windows_1252",
        HEAD + b"1,Zo\xeb,x\n2,B\x81b,y\n",
        ((2, "1", "Zoë", "x"),),
        ((3, b"2,B\x81b,y", "not valid Windows-1252 at byte 4"),),
        encoding="cp1252",
    ),
    Case(
        "half_a_pair_in_utf_16",
        utf16("id,name,note\n1,\ud83dx,x\n2,Bob,y\n"),
        ((3, "2", "Bob", "y"),),
        ((2, "1,\ud83dx,x".encode("utf-16-le", "surrogatepass"), "not valid UTF-16 at byte 5"),),
        encoding="utf-16",
    ),
    Case(
        "nul_in_utf_16",
        utf16("id,name,note\n1,Zoë\0,x\n2,Bob,y\n"),
        ((3, "2", "Bob", "y"),),
        ((2, "1,Zoë\0,x".encode("utf-16-le"), "NUL at byte 11"),),
        encoding="utf-16",
    ),
    Case(
        "odd_byte_at_the_end_of_utf_16",
        utf16("id,name,note\n1,Ann,x\n2,Bo") + b"b",
        (A,),
        ((3, "2,Bo".encode("utf-16-le") + b"b", "middle of a UTF-16 character"),),
        encoding="utf-16",
    ),
    Case(
        "half_a_pair_at_the_end_of_utf_16",
        utf16("id,name,note\n1,Ann,x\n\ud83d"),
        (A,),
        ((3, b"\x3d\xd8", "middle of a UTF-16 character"),),
        encoding="utf-16",
    ),
    # Everything at once.
    Case(
        "all_at_once",
        b'note;id;"Full Name"\r\nx;1;Ann\r\n\r\n"y;"";2;Bob\r\n12" x 5";3;Cy\r\n4;D\0d\r\nz;5\r\n'
        b'q;6;"E\r\ne"\r\nw;7;\xff;"\xc3\xab"\r\n;8;"F"f\r\nend;9;"',
        ((2, "1", "Ann", "x"), (5, "3", "Cy", '12" x 5"'), (8, "6", "E\r\ne", "q")),
        (
            (4, b'"y;"";2;Bob', "text after the closing quote of field 1 on line 5"),
            (6, b"4;D\0d", "NUL"),
            (7, b"z;5", "expected 3 fields, found 2"),
            (10, b'w;7;\xff;"\xc3\xab"', "not valid UTF-8 at byte 5"),
            (11, b';8;"F"f', "text after the closing quote of field 3"),
            (12, b'end;9;"', "field 3 is never closed"),
        ),
    ),
)

REFUSED = (
    Refused("empty", b"", ("has no header",)),
    Refused("only_a_mark", codecs.BOM_UTF8, ("has no header",)),
    Refused("only_blank_lines", b"\n\r\n\n", ("has no header",)),
    Refused(
        "preamble_without_end", b"Report of 2024\n" * 51 + HEAD, ("has no header", "Report of 2024", "id, name, [note]")
    ),
    Refused("broken_quote_in_the_header", b'id,name,"note\n1,Ann,x\n', ("quotes are broken",)),
    Refused("header_in_apostrophes", b"'id','name','note'\n'1','Ann','x'\n", ("apostrophes",)),
    Refused("optional_column_in_apostrophes", b"id,name,'note'\n1,Ann,x\n", ("apostrophes",)),
    Refused("no_header", b"1,Ann,x\n2,Bob,y\n", ("has no header", "Found: 1, Ann, x")),
    Refused("garbage", bytes(range(128, 256)) * 40, ("has no header",)),
    Refused("garbage_without_line_end", b"\x00\x01" * 300_000, ("has no header",)),
    Refused("line_of_twelve_megabytes", b"x" * 12_000_000, ("has no header",)),
    Refused("required_column_missing", b"id,note\n1,x\n", ("required columns are missing: name", "Found: id, note")),
    Refused("required_column_renamed", b"id,names\n1,x\n", ("missing: name", "Is 'names' the column name")),
    Refused("expected_column_twice", b"id,name,Full Name\n1,Ann,Bob\n", ("the column name is in the file 2 times",)),
    Refused("utf_16_without_mark", "id,name\n1,Ann\n".encode("utf-16-le"), ("has no header",)),
    Refused("unclosed_header", b'id,"name\n1,Ann\n', ("required columns are missing: name",)),
    Refused("spreadsheet", b"PK\x03\x04" + b"\0\x14" * 40, ("has no header", "spreadsheet")),
    Refused("gzip_named_csv", gzip.compress(HEAD), ("has no header", "gzip")),
    Refused("csv_named_gzip", HEAD + b"1,Ann,x\n", ("not gzip",), "people.csv.gz"),
    Refused("empty_gzip_file", b"", ("has no header",), "people.csv.gz"),
    Refused("gzip_of_nothing", gzip.compress(b""), ("has no header",), "people.csv.gz"),
    Refused("gzip_with_wrong_checksum", GZ[:-8] + b"\0\0\0\0" + GZ[-4:], ("damaged",), "people.csv.gz"),
    Refused("gzip_with_wrong_bytes", GZ[:900] + b"\xff" * 20 + GZ[920:], ("damaged",), "people.csv.gz"),
    Refused("gzip_with_a_tail", GZ + b"tail", ("damaged",), "people.csv.gz"),
    Refused("gzip_cut_in_its_header", GZ[:12], ("has no header", "breaks off at byte 12"), "people.csv.gz"),
    Refused("unknown_extension", HEAD, ("extension", ".parquet"), "people.txt"),
    Refused("json_named_csv", b'[{"id": 1, "name": "Ann"}]\n', ("has no header",)),
)
