"""Define the column types of contracts here; keep the casting of text into them out (`warehouse.casts`).

One member is one type in every system that a contract feeds: PostgreSQL, pandas/pandera and Dagster.
A type is named nowhere else.
"""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class TypeSpec:
    """Names of one type: in PostgreSQL, and as the pandas dtype a frame of the table carries."""

    sql: str
    pandas: str


class Type(Enum):
    """Column types. `NUMERIC` is exact and unconstrained, so money keeps every digit of its source."""

    TEXT = TypeSpec("text", "object")
    INTEGER = TypeSpec("integer", "Int64")
    BIGINT = TypeSpec("bigint", "Int64")
    NUMERIC = TypeSpec("numeric", "object")
    DATE = TypeSpec("date", "datetime64[us]")
    TIMESTAMP = TypeSpec("timestamp with time zone", "datetime64[us, UTC]")
    BOOLEAN = TypeSpec("boolean", "boolean")
    TEXTS = TypeSpec("text[]", "object")
    JSON = TypeSpec("jsonb", "object")
    BYTES = TypeSpec("bytea", "object")

    @property
    def sql(self) -> str:
        """The type as `format_type` of PostgreSQL prints it."""
        return self.value.sql

    @property
    def pandas(self) -> str:
        """The dtype of the column in a pandas frame."""
        return self.value.pandas
