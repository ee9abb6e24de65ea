"""Answer statements of people's own here, read-only."""

from typing import Any

import sqlglot
from sqlglot.errors import TokenError

from metalayer_assets.warehouse.errors import SettingError

Cursor = Any

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
    """The rows of a SELECT as a JSON list of objects, made by PostgreSQL: numbers keep all their digits.

    Raises:
        SettingError: Two columns have one name.
    """
    asked = f"(\n{_one(statement)}\n) as asked"
    cursor.execute(f"select asked.* from {asked} limit 0", {})
    _names(cursor)
    cursor.execute(f"select coalesce(json_agg(asked), '[]'::json)::text from {asked}", {})
    return str(cursor.fetchone()[0])


def rows(cursor: Cursor, statement: str) -> list[dict[str, Any]]:
    """The rows of a statement by column name.

    Raises:
        SettingError: Two columns have one name.
    """
    cursor.execute(_one(statement), {})
    if cursor.description is None:
        return []
    names = _names(cursor)
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _names(cursor: Cursor) -> list[str]:
    names = [column.name for column in cursor.description]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    # Rows are told by column name: the first of the two would be lost, and its name show the other's value.
    if twice is not None:
        raise SettingError(f"two columns of the statement are named '{twice}': tell them apart with AS.")
    return names
