"""Define the defects of single lines in the hostile corpus here: each record, the header too, is polluted in turn."""

from collections.abc import Iterator

from metalayer_assets_tests.warehouse.loading.pollution import (
    NAMES,
    PLAIN,
    ROWS,
    Dialect,
    Polluted,
    each_field,
    records,
)

# Defects that count no fields are made in these rows only.
FEW_ROWS = 4


def polluted_lines() -> Iterator[Polluted]:
    """Files in which one record is written wrongly."""
    for position in range(len(ROWS) + 1):
        yield from _in_fields(position)
        yield from _in_record(position)


def _with(position: int, record: str, *, end: str = "\n") -> bytes:
    lines = records()
    lines[position] = record + end
    return "".join(lines).encode()


def _in_fields(position: int) -> Iterator[Polluted]:
    header = "header, " if position == 0 else ""
    values = NAMES if position == 0 else ROWS[position - 1]
    for place, fields in each_field(position):
        where = f"row {position}, field {place}"

        def made(kind: str, changed: list[str], where: str = where) -> Polluted:
            return Polluted(header + kind, f"{kind}, {where}", _with(position, ",".join(changed)))

        field = fields[place]
        if place:
            joined = [*fields[: place - 1], fields[place - 1] + field, *fields[place + 1 :]]
            yield made("delimiter lost", joined)
        yield made("delimiter doubled", [*fields[:place], "", *fields[place:]])
        yield made("quote before a field", [*fields[:place], '"' + field, *fields[place + 1 :]])
        yield made("quote behind a field", [*fields[:place], field + '"', *fields[place + 1 :]])
        if field.startswith('"'):
            yield made("closing quote lost", [*fields[:place], field[:-1], *fields[place + 1 :]])
            yield made("opening quote lost", [*fields[:place], field[1:], *fields[place + 1 :]])
            bare = field[1:-1].replace('""', '"')
            yield made("quotes not doubled", [*fields[:place], f'"{bare}"', *fields[place + 1 :]])
            yield made("quotes lost", [*fields[:place], bare, *fields[place + 1 :]])
        elif position < FEW_ROWS:
            # In a file that quotes nothing so, they are text; of a name they are damage.
            kept = [*values[:place], f"'{values[place]}'", *values[place + 1 :]]
            yield Polluted(
                header + "a field in apostrophes",
                f"a field in apostrophes, {where}",
                _with(position, ",".join([*fields[:place], f"'{field}'", *fields[place + 1 :]])),
                ROWS if position == 0 else (*ROWS[: position - 1], tuple(kept), *ROWS[position:]),
            )
            yield made("blank before a quote", [*fields[:place], f' "{field}"', *fields[place + 1 :]])
            yield made("blank behind a quote", [*fields[:place], f'"{field}" ', *fields[place + 1 :]])
        yield made("record broken off", fields[: place + 1])
        if position < FEW_ROWS:
            yield made("NUL", [*fields[:place], field[:1] + "\0" + field[1:], *fields[place + 1 :]])


def _in_record(position: int) -> Iterator[Polluted]:
    header = "header, " if position == 0 else ""
    values = NAMES if position == 0 else ROWS[position - 1]
    for delimiter in (";", "\t", "|", " ", ", ", " ; "):
        dialect = Dialect(delimiter)
        yield Polluted(
            header + "other delimiter",
            f"other delimiter {delimiter!r}, row {position}",
            _with(position, dialect.record(values), end=""),
        )
        unquoted = delimiter.join(values)
        yield Polluted(
            header + "other delimiter, no quotes",
            f"no quotes and delimiter {delimiter!r}, row {position}",
            _with(position, unquoted),
        )
    for escape in ("''", "\\'"):
        for quote_all in (False, True):
            record = Dialect(quote="'", escape=escape, quote_all=quote_all).record(values)
            if "'" in record.replace(escape, ""):
                name = f"apostrophes as quotes{' everywhere' * quote_all}, escape {escape!r}, row {position}"
                yield Polluted(header + "apostrophes as quotes", name, _with(position, record, end=""))
    fields = [PLAIN.field(value) for value in values]
    yield Polluted(
        header + "too many fields", f"too many, row {position}", _with(position, ",".join([*fields, *"abc"]))
    )
    yield Polluted(header + "byte order mark", f"mark, row {position}", _with(position, "\ufeff" + ",".join(fields)))
    for end in ("\r\n", "\r", "\n\n", "\r\r\n"):
        record = _with(position, ",".join(fields), end=end)
        yield Polluted("record delimiters mixed", f"{end!r} behind row {position}", record)
