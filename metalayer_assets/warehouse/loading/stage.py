"""Define the statements that fill the stage and rejects tables here; keep files and formats out."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2 import extensions, sql

from metalayer_assets.warehouse.errors import LandingError
from metalayer_assets.warehouse.loading.rejects import RejectSpool

LINE_COLUMN = "_line"

_SAVEPOINT = sql.Identifier("metalayer_file")
_OURS = "metalayer_loading_"
_LINE_NUMBERS = f"pg_temp.{_OURS}line"
_SETTING = "metalayer.constant_"

# What PostgreSQL says of data that it cannot take, as against a server or connection that fails.
DATA_ERRORS = (psycopg2.DataError,)


@dataclass(frozen=True)
class Table:
    """A table that is filled, and the constants that all rows of the file at hand carry.

    Attributes:
        schema: Schema, or None for the search path.
        name: Table.
        constants: Value of each constant column.
    """

    schema: str | None
    name: str
    constants: Mapping[str, object]

    @property
    def identifier(self) -> sql.Identifier:
        """The quoted name."""
        return sql.Identifier(self.schema, self.name) if self.schema else sql.Identifier(self.name)


def set_constants(cursor: extensions.cursor, table: Table, *, numbered: bool) -> None:
    """Make the constants of the file at hand what their columns default to, so that COPY need not carry them.

    The defaults are made once for a table. They read settings of the transaction, which is all that changes
    from file to file: an `alter table` for each file would hold a lock for each until the transaction ends.

    Args:
        cursor: Cursor of the caller's transaction.
        table: The table and its constants.
        numbered: Whether the line number, too, gets a default, see `number_lines_from`.

    Raises:
        psycopg2.Error: A constant's column is not in the table, or does not take the value.
    """
    settings: list[sql.Composable] = []
    values: dict[str, object] = {}
    for position, (column, value) in enumerate(table.constants.items()):
        name, bound = sql.Placeholder(f"name_{position}"), sql.Placeholder(f"value_{position}")
        settings.append(sql.SQL(", set_config({}, coalesce('=' || ({})::text, ''), true)").format(name, bound))
        values |= {f"name_{position}": _SETTING + _key(column), f"value_{position}": value}
    made = _change_settings(cursor, table, sql.Composed(settings), values)
    if numbered and LINE_COLUMN not in made:
        _make_line_default(cursor, table)
    for column in table.constants.keys() - made:
        _make_constant_default(cursor, table, column)


def number_lines_from(cursor: extensions.cursor, line: int) -> None:
    """Number the rows that COPY brings without a line number, in their order, from `line` on."""
    cursor.execute("select setval(%(name)s, %(line)s, false)", {"name": _LINE_NUMBERS, "line": line})


def _change_settings(
    cursor: extensions.cursor, table: Table, settings: sql.Composable, values: dict[str, object]
) -> set[str]:
    """Change the settings; also the columns of the table whose defaults were made here before."""
    cursor.execute(
        sql.SQL(
            "select array(select a.attname::text from pg_attribute a"
            " join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum"
            " where a.attrelid = %(table)s::regclass and pg_get_expr(d.adbin, d.adrelid) like %(ours)s){}"
        ).format(settings),
        {"table": table.identifier.as_string(cursor), "ours": f"%{_OURS}%", **values},
    )
    (columns, *_) = cursor.fetchone() or ((),)
    return set(columns)


def _make_line_default(cursor: extensions.cursor, table: Table) -> None:
    cursor.execute("select to_regclass(%(name)s) is null", {"name": _LINE_NUMBERS})
    if cursor.fetchone() == (True,):
        # Numbers are handed out by the thousand: one by one they would cost more than the rows.
        cursor.execute(sql.SQL("create temporary sequence {} cache 1000").format(sql.Identifier(_OURS + "line")))
    cursor.execute(
        sql.SQL("alter table only {} alter column {} set default nextval({}::regclass)").format(
            table.identifier, sql.Identifier(LINE_COLUMN), sql.Literal(_LINE_NUMBERS)
        )
    )


def _make_constant_default(cursor: extensions.cursor, table: Table, column: str) -> None:
    """Default a column to a function that reads its setting.

    The function is called immutable, which it is for the length of one COPY: so it is called once for each
    COPY and not, at a quarter of the load's time, once for each row.
    """
    cursor.execute(
        "select atttypid::bigint, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = %(table)s::regclass and attname = %(column)s",
        {"table": table.identifier.as_string(cursor), "column": column},
    )
    type_id, type_name = cursor.fetchone() or (0, "text")
    function = sql.Identifier("pg_temp", f"{_OURS}constant_{type_id}")
    cursor.execute(
        sql.SQL(
            "create or replace function {}(key text) returns {} immutable language sql"
            " as $$ select substr(nullif(current_setting({} || key), ''), 2)::{} $$"
        ).format(function, sql.SQL(type_name), sql.Literal(_SETTING), sql.SQL(type_name))
    )
    cursor.execute(
        sql.SQL("alter table only {} alter column {} set default {}({})").format(
            table.identifier, sql.Identifier(column), function, sql.Literal(_key(column))
        )
    )


def _key(column: str) -> str:
    """A column name in characters that a setting's name may have."""
    return column.encode().hex()


@contextmanager
def undone_on_error(cursor: extensions.cursor) -> Iterator[None]:
    """A savepoint: whatever is raised inside leaves the transaction usable and the tables as they were."""
    cursor.execute(sql.SQL("savepoint {}").format(_SAVEPOINT))
    try:
        yield
    except BaseException:
        # Where the connection is lost there is nothing to undo, and the loss is what must be heard of.
        with suppress(psycopg2.Error):
            cursor.execute(sql.SQL("rollback to savepoint {0}; release savepoint {0}").format(_SAVEPOINT))
        raise
    cursor.execute(sql.SQL("release savepoint {}").format(_SAVEPOINT))


def copy_csv(
    cursor: extensions.cursor, table: Table, columns: Sequence[str], blocks: Iterator[bytes], delimiter: bytes = b","
) -> int:
    """Stream CSV in UTF-8 without a header into the named columns; the number of rows that arrived.

    Unquoted nothing is null. What `blocks` raises is raised here, after COPY was told to fail.

    Raises:
        psycopg2.Error: As PostgreSQL says.
    """
    statement = sql.SQL(
        "copy {} ({}) from stdin (format csv, delimiter {}, quote '\"', null '', encoding 'UTF8')"
    ).format(
        table.identifier,
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.Literal(delimiter.decode("ascii")),
    )
    stream = _BlockStream(blocks)
    try:
        cursor.copy_expert(statement, stream)
    except psycopg2.Error:
        # psycopg2 turns what read() raised into the failure of COPY and forgets it.
        if stream.failure is None:
            raise
        raise stream.failure from None
    return cursor.rowcount


def copy_records(
    cursor: extensions.cursor,
    table: Table,
    columns: Sequence[str],
    blocks: Iterator[bytes],
    *,
    path: Path,
    delimiter: bytes = b",",
) -> int:
    """As `copy_csv`, for records that were judged already: what PostgreSQL says of them names the file.

    Raises:
        LandingError: PostgreSQL refuses a value, for one because the database is not in UTF-8.
        psycopg2.Error: The database fails.
    """
    try:
        return copy_csv(cursor, table, columns, blocks, delimiter)
    except DATA_ERRORS as error:
        raise LandingError(f"{path}: PostgreSQL refuses a record of the file: {str(error).strip()}") from error


def copy_rejects(cursor: extensions.cursor, table: Table, spool: RejectSpool) -> None:
    """Put the lines kept aside into the rejects table; no statement where there are none."""
    if spool.count:
        set_constants(cursor, table, numbered=False)
        copy_csv(cursor, table, spool.columns, spool.stream())


class _BlockStream(io.RawIOBase):
    """A file for COPY to read from, block by block whatever size it asks for."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        super().__init__()
        self._blocks = blocks
        self.failure: BaseException | None = None

    def read(self, _size: int = -1, /) -> bytes:
        try:
            # Nothing is what COPY takes for the end, so an empty block is passed over.
            return next(filter(None, self._blocks), b"")
        except BaseException as error:
            self.failure = error
            raise
