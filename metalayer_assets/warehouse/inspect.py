"""Answer what people ask of the warehouse here, read-only: statements of their own, and what was kept out."""

from typing import Any

import sqlglot
from sqlglot.errors import TokenError

from metalayer_assets.contracts import CATALOG, Contract, Judged
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.statements import bind, ident, listed

Cursor = Any

_LINES = "quarantine.bronze_lines"
_QUESTIONS = frozenset({"select", "with", "values", "table", "(", "explain", "show"})


def _one(statement: str) -> str:
    """The statement in the driver's form.

    Raises:
        SettingError: There is nothing, more than one statement (a second could end the read-only transaction), or one
            that is no question (COPY may write files in a read-only transaction, and DO may run COPY).
    """
    text = statement.strip().rstrip(";").rstrip()
    try:
        tokens = sqlglot.tokenize(text, read="postgres")
    except TokenError:
        raise SettingError("the statement cannot be read: a quote or a comment in it is not closed.") from None
    if not tokens:
        raise SettingError("there is no statement: give one SELECT.")
    if any(token.token_type is sqlglot.TokenType.SEMICOLON for token in tokens):
        raise SettingError("only one statement can be asked at a time: remove the semicolon inside it.")
    if tokens[0].text.lower() not in _QUESTIONS:
        raise SettingError(f"{tokens[0].text.upper()} is no question: only what reads is run, such as SELECT.")
    return text.replace("%", "%%")


def rows_as_json(cursor: Cursor, statement: str) -> str:
    """The rows of a SELECT as a JSON list of objects, made by PostgreSQL: numbers keep all their digits."""
    cursor.execute(f"select coalesce(json_agg(asked), '[]'::json)::text from (\n{_one(statement)}\n) as asked", {})
    return str(cursor.fetchone()[0])


def rows(cursor: Cursor, statement: str) -> list[dict[str, Any]]:
    """The rows of a statement by column name."""
    cursor.execute(_one(statement), {})
    if cursor.description is None:
        return []
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def quarantine_table(contract: Contract) -> tuple[Contract, str]:
    """The quarantine table of a table, and the condition that holds its rows there.

    Raises:
        SettingError: Nothing is ever kept out of the table.
    """
    if contract.layer == "quarantine":
        return contract, "true"
    if isinstance(contract.source, Judged):
        return CATALOG[contract.source.quarantine], "true"
    if contract.layer == "bronze":
        return CATALOG[_LINES], "table_name = :table"
    raise SettingError(f"nothing is kept out of {contract.name}: name a bronze, silver or quarantine table.")


def kept_out_rows(cursor: Cursor, contract: Contract, *, limit: int, closed: bool) -> list[dict[str, Any]]:
    """Rows or lines that were kept out of a table, latest arrival first, each with the file that it came in."""
    table, condition = quarantine_table(contract)
    names = [column.name for column in table.columns if column.name not in {"row_hash", "closed_at"}]
    cursor.execute(
        bind(
            f"""
            select kept.*, file.path as file
            from (
                select {listed(names)}
                from {ident(table.name)}
                where {condition} and (state = 'open' or :closed)
                order by arrival_day desc, source_file_id, source_line
                limit :limit
            ) as kept
            left join lateral (
                select path from meta.landed_files where file_id = kept.source_file_id limit 1
            ) as file on true
            order by kept.arrival_day desc, file.path, kept.source_line
            """
        ),
        {"table": contract.name, "closed": closed, "limit": limit},
    )
    columns = [column.name for column in cursor.description]
    found = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    first = ("file", "source_line")
    return [
        {**{name: row[name] for name in first}, **{k: v for k, v in row.items() if k not in (*first, "source_file_id")}}
        for row in found
    ]


def kept_out_summary(cursor: Cursor, *, closed: bool) -> list[dict[str, Any]]:
    """How many rows each rule keeps out of each table, and lines each reason, over which days."""
    parts = [
        f"select '{name}' as table_name, rule, count(*), min(arrival_day), max(arrival_day)"
        f" from {ident(name)}, unnest(failed_rules) as rule where state = 'open' or :closed group by rule"
        for name in CATALOG
        if name.startswith("quarantine.") and name != _LINES
    ]
    parts.append(
        "select 'quarantine.bronze_lines of ' || table_name, reason, count(*), min(arrival_day), max(arrival_day)"
        f" from {ident(_LINES)} where state = 'open' or :closed group by table_name, reason"
    )
    cursor.execute(bind(" union all ".join(parts) + " order by 1, 3 desc, 2"), {"closed": closed})
    names = ("table", "why", "rows", "first", "last")
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
