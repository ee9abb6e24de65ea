"""Lend a database for a second warehouse here, and take it back whatever happens; keep what is built in it out."""

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager

import psycopg2
import psycopg2.errors
from psycopg2 import sql

from metalayer_assets.contracts.validation import LAYERS
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.errors import DatabaseError
from metalayer_assets.warehouse.settings import Settings, beside
from metalayer_assets.warehouse.statements import bind

PREFIX = "metalayer_rebuild_"
_PROVIDERS = {"i": "icu", "b": "builtin"}


def scratch_database(live: Database, settings: Settings, *, keep: bool = False) -> AbstractContextManager[Database]:
    """Lend an empty database for as long as the block lasts.

    Args:
        live: The warehouse's database. One with its locale is created on its server, and dropped.
        settings: `scratch_url` names a database to lend instead, which is only cleared.
        keep: Leave it as it is at the end.

    Raises:
        DatabaseError: The role may not create one, the one that is named holds a warehouse, or it cannot be taken
            back; the message names the database and the fix.
    """
    return _created(live, keep=keep) if settings.scratch_url is None else _named(settings.scratch_url, keep=keep)


@contextmanager
def _created(live: Database, *, keep: bool) -> Iterator[Database]:
    name = f"{PREFIX}{secrets.token_hex(6)}"
    try:
        _execute(live, _creation(live, name))
    except psycopg2.errors.InsufficientPrivilege:
        raise DatabaseError(
            f"the role {_role(live)} may not create databases at {live.safe_url}: let an administrator grant it with "
            f'alter role "{_role(live)}" createdb, or set METALAYER_SCRATCH_URL to an empty database of the role.'
        ) from None
    except psycopg2.Error as error:
        raise DatabaseError(
            f"a scratch database cannot be created at {live.safe_url}: {_words(error)}. "
            "Set METALAYER_SCRATCH_URL to an empty database."
        ) from error
    except KeyboardInterrupt:
        _drop(live, name)
        raise
    try:
        yield Database(beside(live.url, name))
    finally:
        if not keep:
            _drop(live, name)


def _creation(live: Database, name: str) -> sql.Composed:
    """The statement that creates a database in which text is cased and ordered as in the live one."""
    with live.transaction(readonly=True) as cursor:
        cursor.execute(
            """
            select
                told ->> 'datlocprovider', told ->> 'datcollate', told ->> 'datctype',
                coalesce(told ->> 'datlocale', told ->> 'daticulocale')
            from (select to_jsonb(d) as told from pg_database as d where d.datname = current_database()) as live
            """
        )
        ((provider, collate, ctype, locale),) = cursor.fetchall()
    statement = sql.SQL("create database {} template template0 encoding 'UTF8' lc_collate {} lc_ctype {}").format(
        sql.Identifier(name), sql.Literal(collate), sql.Literal(ctype)
    )
    if provider not in _PROVIDERS:
        return statement + sql.SQL(" locale_provider libc")
    named = sql.SQL(f" locale_provider {_PROVIDERS[provider]} {_PROVIDERS[provider]}_locale ")
    return statement + named + sql.Literal(locale)


def _drop(live: Database, name: str) -> None:
    try:
        _execute(live, sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
    except (psycopg2.Error, DatabaseError) as error:
        raise DatabaseError(
            f"the scratch database {name} at {live.safe_url} could not be dropped: {_words(error)}. "
            f'Drop it once the server answers: drop database "{name}"'
        ) from error


@contextmanager
def _named(url: str, *, keep: bool) -> Iterator[Database]:
    database = Database(url)
    database.check()
    standing = _schemas(database)
    if standing:
        # It may be somebody's warehouse, or what a killed rebuild has left: only a person can tell.
        raise DatabaseError(
            f"METALAYER_SCRATCH_URL names a database that holds a warehouse already (schema {standing[0]} at "
            f"{database.safe_url}): name an empty one, or drop its schemas {', '.join(standing)} if nobody needs them."
        )
    try:
        yield database
    finally:
        if not keep:
            _clear(database)


def _schemas(database: Database) -> list[str]:
    with database.transaction(readonly=True) as cursor:
        cursor.execute(
            bind("select nspname from pg_namespace where nspname = any(:layers::name[]) order by 1"),
            {"layers": list(LAYERS)},
        )
        return [name for (name,) in cursor.fetchall()]


def _clear(database: Database) -> None:
    try:
        with closing(database.connect()) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute(
                bind(
                    """
                    select n.nspname, c.relname
                    from pg_class as c
                    inner join pg_namespace as n on n.oid = c.relnamespace
                    where n.nspname = any(:layers::name[]) and c.relkind in ('r', 'p')
                    order by c.relispartition desc
                    """
                ),
                {"layers": list(LAYERS)},
            )
            # One by one, the months first: all at once they would need more locks than a server holds ready.
            for schema, table in cursor.fetchall():
                cursor.execute(sql.SQL("drop table {}").format(sql.Identifier(schema, table)))
            for schema in LAYERS:
                cursor.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))
    except (psycopg2.Error, DatabaseError) as error:
        raise DatabaseError(
            f"the scratch database at {database.safe_url} could not be cleared: {_words(error)}. "
            f"Drop its schemas {', '.join(LAYERS)}."
        ) from error


def _role(live: Database) -> str:
    with live.transaction(readonly=True) as cursor:
        cursor.execute("select current_user")
        ((name,),) = cursor.fetchall()
        return str(name)


def _execute(database: Database, statement: sql.Composed) -> None:
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        # Databases are created and dropped outside of transactions.
        connection.autocommit = True
        cursor.execute(statement)


def _words(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
