"""Connections and transactions on a real server, and the sentences for servers that cannot be used."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg2
import pytest
from sqlalchemy.engine import make_url

from metalayer_assets.warehouse import database as database_module
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.embedded import EmbeddedServer
from metalayer_assets.warehouse.errors import DatabaseError
from metalayer_assets.warehouse.settings import Settings


def change(original: Database, **parts: Any) -> Database:
    return Database(make_url(original.url).set(**parts).render_as_string(hide_password=False))


def count(database: Database, table: str) -> int:
    with database.transaction(readonly=True) as cursor:
        cursor.execute(f"select count(*) from {table}")
        return int(cursor.fetchall()[0][0])


@pytest.fixture
def table(database: Database) -> str:
    with database.transaction() as cursor:
        cursor.execute("create table public.item (n int primary key)")
    return "public.item"


def test_a_transaction_commits_at_its_end(database: Database, table: str) -> None:
    with database.transaction() as cursor:
        cursor.execute("insert into public.item values (1), (2)")
    assert count(database, table) == 2


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, psycopg2.DataError])
def test_an_error_rolls_the_transaction_back_and_frees_its_locks(
    database: Database, table: str, error: type[BaseException]
) -> None:
    def fail() -> None:
        with database.transaction() as cursor:
            cursor.execute("insert into public.item values (1)")
            cursor.execute("select pg_advisory_xact_lock(7)")
            raise error

    with pytest.raises(error):
        fail()
    with database.transaction() as cursor:
        cursor.execute("select pg_try_advisory_xact_lock(7)")
        assert cursor.fetchall() == [(True,)]
    assert count(database, table) == 0


def test_a_caught_error_of_a_statement_does_not_pass_for_a_commit(database: Database, table: str) -> None:
    def catch() -> None:
        with database.transaction() as cursor:
            cursor.execute("insert into public.item values (1)")
            with suppress(psycopg2.errors.UniqueViolation):
                cursor.execute("insert into public.item values (1)")

    with pytest.raises(DatabaseError, match="nothing is committed"):
        catch()
    assert count(database, table) == 0


def test_a_connection_that_breaks_shows_its_own_error(database: Database, table: str) -> None:
    def lose() -> None:
        with database.transaction() as cursor:
            cursor.execute("insert into public.item values (1)")
            pid = cursor.connection.info.backend_pid
            with database.transaction() as other:
                other.execute("select pg_terminate_backend(%(pid)s, 10000)", {"pid": pid})
            cursor.execute("insert into public.item values (2)")

    with pytest.raises(psycopg2.OperationalError):
        lose()
    assert count(database, table) == 0


def test_a_read_only_transaction_refuses_to_write(database: Database, table: str) -> None:
    with (
        pytest.raises(psycopg2.errors.ReadOnlySqlTransaction),
        database.transaction(readonly=True) as cursor,
    ):
        cursor.execute("insert into public.item values (1)")
    with database.transaction() as cursor:
        cursor.execute("insert into public.item values (1)")
    assert count(database, table) == 1


def test_a_stream_is_copied_in_the_transaction(database: Database, table: str) -> None:
    with database.transaction() as cursor:
        cursor.copy_expert("copy public.item from stdin", StringIO("1\n2\n3\n"))
        assert cursor.rowcount == 3
    assert count(database, table) == 3


def test_every_session_has_the_same_settings_whatever_the_database_says(database: Database) -> None:
    name = make_url(database.url).database
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for setting in (
            "timezone = 'Asia/Tokyo'",
            "datestyle = 'German, DMY'",
            "search_path = public",
            "client_encoding = 'LATIN1'",
            "default_transaction_isolation = 'serializable'",
        ):
            cursor.execute(f'alter database "{name}" set {setting}')
    names = (
        "TimeZone",
        "DateStyle",
        "search_path",
        "client_encoding",
        "transaction_isolation",
        "application_name",
    )
    query = ", ".join(f"current_setting('{setting}')" for setting in names)
    expected = ("UTC", "ISO, MDY", "pg_catalog", "UTF8", "read committed", "metalayer")
    with database.transaction() as cursor:
        cursor.execute(f"select {query}")
        assert cursor.fetchall() == [expected]
    with database.engine.connect() as session:
        assert tuple(session.exec_driver_sql(f"select {query}").one()) == expected


def test_options_and_name_in_the_url_stay(database: Database) -> None:
    url = make_url(database.url).update_query_dict({"options": "-c work_mem=7MB", "application_name": "mine"})
    with Database(url.render_as_string(hide_password=False)).transaction() as cursor:
        cursor.execute("select current_setting('work_mem'), current_setting('application_name')")
        assert cursor.fetchall() == [("7MB", "mine")]


def test_pandas_reads_through_the_engine(database: Database, table: str) -> None:
    with database.transaction() as cursor:
        cursor.execute("insert into public.item values (1), (2)")
    with database.engine.connect() as connection:
        frame = pd.read_sql_query("select n from public.item order by n", connection)
    assert frame["n"].tolist() == [1, 2]


def test_a_good_database_passes_the_check(database: Database) -> None:
    database.check()


def test_a_missing_database_role_or_socket_is_named_with_the_fix(database: Database, tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="there is no database nowhere"):
        change(database, database="nowhere").check()
    with pytest.raises(DatabaseError, match=r"stranger is wrong|no user stranger|not admit stranger"):
        change(database, username="stranger").check()
    socket = Database(f"postgresql+psycopg2://ann@/wh?host={tmp_path}&port=6000")
    with pytest.raises(DatabaseError, match=f"no server listens in {tmp_path} on port 6000"):
        socket.check()


def test_a_wrong_host_or_port_is_named_with_the_fix_and_without_the_password() -> None:
    cases = {
        "postgresql+psycopg2://ann:hunter2@127.0.0.1:9/wh": "nothing answers at 127.0.0.1, port 9",
        "postgresql+psycopg2://ann:hunter2@no-such-host.invalid/wh": "host no-such-host.invalid is not known",
        "postgresql+psycopg2://ann:hunter2@127.0.0.1/wh?colour=red": "colour",
    }
    for url, words in cases.items():
        with pytest.raises(DatabaseError, match=words) as caught:
            Database(url).check()
        assert "hunter2" not in str(caught.value)
        assert "hunter2" not in repr(Database(url))
        assert caught.value.__cause__ is None


def test_a_server_that_is_too_old_is_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "OLDEST_MAJOR", 99)
    with pytest.raises(DatabaseError, match=r"is of version \d\d\. MetaLayer needs 99 or newer"):
        database.check()


def test_a_database_that_is_not_in_utf8_is_refused(
    create_database: Callable[[str], str], drop_database: Callable[[str], None]
) -> None:
    url = create_database(" encoding 'SQL_ASCII' locale_provider libc locale 'C'")
    try:
        with pytest.raises(DatabaseError, match="in SQL_ASCII, not in UTF8"):
            Database(url).check()
    finally:
        drop_database(url)


@pytest.fixture
def guarded(database: Database) -> Iterator[Database]:
    """The test's database as the user `ann`, whom the server asks for a password."""
    if os.environ.get("METALAYER_TEST_DATABASE_URL"):
        pytest.skip("the access rules of a server that is not ours stay as they are")
    with database.transaction() as cursor:
        cursor.execute("create role ann login password 'hunter2'")
        cursor.execute("show hba_file")
        rules = Path(cursor.fetchall()[0][0])
    before = rules.read_text()
    write_and_load(database, rules, f"local all ann scram-sha-256\n{before}")
    yield change(database, username="ann")
    write_and_load(database, rules, before)
    with database.transaction() as cursor:
        cursor.execute("drop role ann")


def write_and_load(database: Database, rules: Path, text: str) -> None:
    def loaded_at() -> object:
        with database.transaction() as cursor:
            cursor.execute("select pg_conf_load_time()")
            return cursor.fetchall()

    before = loaded_at()
    rules.write_text(text)
    with database.transaction() as cursor:
        cursor.execute("select pg_reload_conf()")
    while loaded_at() == before:
        time.sleep(0.01)


def test_a_wrong_or_missing_password_is_told_without_showing_it(guarded: Database) -> None:
    right, wrong = ({"password": word} for word in ("hunter2", "hunter3"))
    change(guarded, **right).check()
    with pytest.raises(DatabaseError, match="the password of the user ann is wrong") as caught:
        change(guarded, **wrong).check()
    assert "hunter3" not in str(caught.value)
    with pytest.raises(DatabaseError, match="the user ann needs a password"):
        guarded.check()


def test_the_settings_decide_between_a_url_and_the_embedded_server(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Path, int]] = []

    def ensure_running(server: EmbeddedServer) -> str:
        asked.append((server.home, server.major))
        return "postgresql+psycopg2://metalayer@/metalayer?host=/embedded"

    monkeypatch.setattr(EmbeddedServer, "ensure_running", ensure_running)
    assert Database.from_settings(settings).url == settings.database_url
    assert asked == []
    embedded = Database.from_settings(Settings(home=settings.home, embedded_postgres=16))
    assert embedded.safe_url == "postgresql+psycopg2://metalayer@/metalayer?host=/embedded"
    assert asked == [(settings.home.resolve(), 16)]
