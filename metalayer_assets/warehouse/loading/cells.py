"""Define how typed values become the text of a CSV cell here; keep reading of files out."""

import json
from decimal import Decimal

_QUOTE = '"'
_TWO_QUOTES = '""'


class Number(str):
    """A number of a JSON text by its own digits."""

    __slots__ = ()


def text_of(value: object) -> str | None:
    """A value as bronze holds it: numbers by their digits, nested values as compact JSON, None as null."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return compact(value)
    return str(value)


def compact(value: object) -> str:
    """A value as JSON without blanks; what JSON has no type for is written as a string."""
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{json.dumps(str(key), ensure_ascii=False)}:{compact(item)}" for key, item in value.items())
            + "}"
        )
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(compact, value)) + "]"
    if isinstance(value, (Number, Decimal)):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(str(value), ensure_ascii=False)


def cell(text: str | None) -> str:
    """A text as a CSV field for COPY: always quoted, null as nothing."""
    if text is None:
        return ""
    return f'"{text.replace(_QUOTE, _TWO_QUOTES)}"' if _QUOTE in text else f'"{text}"'
