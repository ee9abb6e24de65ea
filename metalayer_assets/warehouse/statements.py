"""Define how SQL text is quoted and bound here; keep the statements themselves out.

Statements are written with named binds, `:name`, the same in files and in code. `bind` turns them into the
driver's form. Identifiers come from contracts only, are checked against a plain pattern and always quoted.
"""

import re
from collections.abc import Iterable

from metalayer_assets.warehouse.errors import ContractError

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}\Z")
# String literals, quoted identifiers, comments and casts are passed over; a bind is what is left. The colon of an array
# slice, [low:high], stands right after a name, a number or a bracket, which that of a bind never does.
_BIND = re.compile(
    r"""(\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"[^"]*"|\$(\w*)\$.*?\$\2\$|--[^\n]*|/\*.*?\*/|::)"""
    r"""|(?<![\w\])]):([a-z_][a-z0-9_]*)""",
    re.DOTALL,
)


def ident(name: str) -> str:
    """A column or relation name, quoted; a dotted name is quoted part by part.

    Raises:
        ContractError: A part is not lower-case letters, digits and underscores, or is over 63 bytes.
    """
    parts = name.split(".")
    for part in parts:
        if not _IDENTIFIER.match(part):
            raise ContractError(
                f"'{name}' cannot be a name in PostgreSQL here: use lower-case letters, digits and underscores, "
                "at most 63, not beginning with a digit."
            )
    return ".".join(f'"{part}"' for part in parts)


def listed(names: Iterable[str], prefix: str = "") -> str:
    """Names as a comma list, each quoted and, where asked, qualified by an alias."""
    qualifier = f"{prefix}." if prefix else ""
    return ", ".join(f"{qualifier}{ident(name)}" for name in names)


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def bind(statement: str) -> str:
    """The statement in the driver's form: `:name` becomes `%(name)s`, a literal `%` is doubled."""

    def replace(match: re.Match[str]) -> str:
        return f"%({match.group(3)})s" if match.group(3) else match.group(1)

    return _BIND.sub(replace, statement.replace("%", "%%"))
