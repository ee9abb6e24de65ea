"""Copy what is kept out of a table out as CSV here, for people to correct; taking it back in is `correction`.

A line is one row: leading columns, whose names begin with an underscore, say where it came from and why it is kept
out; the columns of the source follow, exactly as they landed. Of an unreadable line those are empty, for people to
fill in, and a leading column holds its bytes.
"""

from typing import IO, Any

from metalayer_assets.warehouse.csv_export import copy_out
from metalayer_assets.warehouse.statements import bind, ident, literal
from metalayer_assets.warehouse.workbench.desk import Desk, Selection

Cursor = Any

TABLE, FILE, LINE, ROW_HASH = "_table", "_file", "_line", "_row_hash"
# What the correction is known by; the others are there to be read.
IDENTITY = (TABLE, FILE, LINE, ROW_HASH)
ARRIVAL_DAY, RULES, REASONS = "_arrival_day", "_rules", "_reasons"
RAW, RAW_FORM = "_raw", "_raw_form"

# A spreadsheet may take a text that begins so for a formula. A sign before a digit is a number, or a telephone.
_FORMULA = r"^([=@\t\r]|[+-][^0-9. (])"

# Whether bytes, as hexadecimal digits, are UTF-8 without NUL.
_TEXT = (
    "^(0[1-9a-f]|[1-7][0-9a-f]|(c[2-9a-f]|d[0-9a-f])[89ab][0-9a-f]"
    "|(e0[ab][0-9a-f]|(e[1-9a-c]|e[ef])[89ab][0-9a-f]|ed[89][0-9a-f])[89ab][0-9a-f]"
    "|(f0[9ab][0-9a-f]|f[1-3][89ab][0-9a-f]|f48[0-9a-f])([89ab][0-9a-f]){2})*$"
)


def leading_columns(desk: Desk) -> tuple[str, ...]:
    """The columns before those of the source."""
    read = (ARRIVAL_DAY, ROW_HASH, RULES, REASONS)
    return (TABLE, FILE, LINE, *read, *((RAW, RAW_FORM) if desk.holds_lines else ()))


def export_kept_out(cursor: Cursor, desk: Desk, selection: Selection, stream: IO[bytes], *, marked: bool) -> int:
    """Write the rows that are meant as CSV; how many."""
    return copy_out(cursor, _select(desk, selection), selection.binds(cursor), stream, marked=marked)


def formula_cells(cursor: Cursor, desk: Desk, selection: Selection) -> int:
    """How many values a spreadsheet may run as formulas."""
    values = "select encode(kept.raw, 'escape')" if desk.holds_lines else "select value from jsonb_each_text(kept.raw)"
    cursor.execute(
        bind(
            f"select count(*) from {ident(desk.quarantine.name)} as kept"
            f" cross join lateral ({values}) as cell (value)"
            f" where cell.value ~ :formula and {selection.condition(desk)}"
        ),
        selection.binds(cursor) | {"formula": _FORMULA},
    )
    return int(cursor.fetchone()[0])


def _select(desk: Desk, selection: Selection) -> str:
    if desk.holds_lines:
        why = ["kept.reason", "kept.reason"]
        raw = f"(encode(kept.raw, 'hex') ~ {literal(_TEXT)})"
        leading = [
            f"case when {raw} then convert_from(kept.raw, 'UTF8') else encode(kept.raw, 'escape') end",
            f"case when {raw} then 'text' else 'escape' end",
        ]
        told = ["null::text"] * len(desk.source_columns)
    else:
        why = ["array_to_string(kept.failed_rules, ' ')", _reasons(desk)]
        leading = []
        told = [f"kept.raw ->> {literal(name)}" for name in desk.source_columns]
    values = [
        literal(desk.table.name),
        "file.path",
        "kept.source_line",
        "kept.arrival_day",
        "kept.row_hash",
        *why,
        *leading,
        *told,
    ]
    names = [*leading_columns(desk), *desk.source_columns]
    columns = ", ".join(f"{value} as {ident(name)}" for value, name in zip(values, names, strict=True))
    return f"""
        select {columns}
        from {ident(desk.quarantine.name)} as kept
        left join (select distinct file_id, path from meta.landed_files) as file on file.file_id = kept.source_file_id
        where {selection.condition(desk)}
        order by kept.arrival_day, file.path, kept.source_line, kept.row_hash
    """


def _reasons(desk: Desk) -> str:
    known = ", ".join(f"({literal(rule.id)}, {literal(rule.description)})" for rule in desk.table.rules)
    return (
        "(select string_agg(coalesce(rule.description, broken.id), ' ' order by broken.place)"
        " from unnest(kept.failed_rules) with ordinality as broken (id, place)"
        f" left join (values {known}) as rule (id, description) on rule.id = broken.id)"
    )
