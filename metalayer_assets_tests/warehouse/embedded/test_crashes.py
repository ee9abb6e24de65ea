"""The embedded server against being killed, and its files being deleted. No test here depends on an order."""

import os
import shutil
import subprocess
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import psycopg2
from sqlalchemy.engine import make_url

from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.embedded import EmbeddedServer
from metalayer_assets.warehouse.errors import DatabaseError
from metalayer_assets_tests.warehouse.embedded.servers import (
    ROOT,
    kill,
    lives,
    place_of,
    processes,
    query,
    suppress_errors,
)


def test_a_server_killed_at_any_moment_comes_back_with_every_commit_whole(server: EmbeddedServer) -> None:
    query(server.ensure_running(), "create table public.line (tx int, n int)")
    query(server.ensure_running(), "create table public.total (tx int primary key, lines int)")
    committed: list[int] = []
    done = threading.Event()

    def write() -> None:
        database = Database(server.ensure_running())
        for tx in range(1_000_000):
            if done.is_set():
                return
            with suppress(DatabaseError, psycopg2.Error), database.transaction() as cursor:
                size = {"tx": tx, "lines": 1 + tx % 700}
                cursor.execute("insert into public.line select %(tx)s, generate_series(1, %(lines)s)", size)
                cursor.execute("insert into public.total values (%(tx)s, %(lines)s)", size)
                cursor.connection.commit()
                committed.append(tx)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for round_ in range(5):
            enough = len(committed) + 3 + round_
            while len(committed) < enough:
                time.sleep(0.01)
            victims = processes(server)
            kill(victims if round_ % 2 else victims[:1])
            promised = set(committed)
            url = server.ensure_running()
            assert promised <= {tx for (tx,) in query(url, "select tx from public.total")}
            broken = query(
                url,
                "select tx from public.total full join"
                " (select tx, count(*) as found from public.line group by tx) as line using (tx)"
                " where found is distinct from lines",
            )
            assert broken == []
    finally:
        done.set()
        writer.join()


def test_a_busy_backend_that_outlived_its_postmaster_does_not_keep_the_next_one_out(
    server: EmbeddedServer,
) -> None:
    with Database(server.ensure_running()).transaction() as cursor:
        cursor.execute("create function public.spin() returns void language plpgsql as 'begin loop end loop; end'")
    spinning = threading.Thread(
        target=lambda: suppress_errors(lambda: query(server.ensure_running(), "select public.spin()"))
    )
    spinning.start()
    busy = "select 1 from pg_stat_activity where query = 'select public.spin()' and state = 'active'"
    while not query(server.ensure_running(), busy):
        time.sleep(0.01)
    kill(processes(server)[:1])
    assert query(server.ensure_running(), "select 1") == [(1,)]
    spinning.join(timeout=30)
    assert not spinning.is_alive()


def test_lock_files_that_name_a_living_stranger_are_seen_through(server: EmbeddedServer) -> None:
    url = server.ensure_running()
    place = place_of(server)
    pid_file = place.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    kill(processes(server))
    # After a reboot another process has got the id: here one of the same user, which PostgreSQL trusts.
    ids = {"user": place.user.uid, "group": place.user.gid} if ROOT else {"user": None, "group": None}
    with subprocess.Popen(["sleep", "60"], user=ids["user"], group=ids["group"]) as stranger:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        socket_lock = Path(lines[4]) / f".s.PGSQL.{lines[3]}.lock"
        socket_lock.write_text("\n".join([str(stranger.pid), *lines[1:5]]) + "\n")
        assert server.ensure_running() == url
        assert stranger.poll() is None
        stranger.kill()


def test_a_deleted_socket_or_database_is_made_again(server: EmbeddedServer) -> None:
    url = server.ensure_running()
    shutil.rmtree(Path(str(make_url(url).query["host"])))
    assert query(server.ensure_running(), "select 1") == [(1,)]
    with closing(Database(url.replace("/metalayer?", "/postgres?")).connect()) as connection:
        connection.autocommit = True
        connection.cursor().execute("drop database metalayer with (force)")
    assert query(server.ensure_running(), "select 1") == [(1,)]


def test_a_home_deleted_under_a_running_server_is_made_anew(server: EmbeddedServer) -> None:
    query(server.ensure_running(), "create table public.old (i int)")
    old = processes(server)
    shutil.rmtree(server.home / "postgres")
    assert query(server.ensure_running(), "select to_regclass('public.old')") == [(None,)]
    assert [process for process in old if lives(process)] == []


def test_a_home_moved_under_a_running_server_keeps_its_data(server: EmbeddedServer) -> None:
    query(server.ensure_running(), "create table public.moved as select 42 as answer")
    old = processes(server)
    # So long that the socket below it could not be named.
    moved = EmbeddedServer(server.home.rename(server.home.with_name("long" * 30)), overrides=server.overrides)
    try:
        url = moved.ensure_running()
        assert query(url, "select answer from public.moved") == [(42,)]
        assert [process for process in old if lives(process)] == []
        folder = Path(str(make_url(url).query["host"]))
        assert len(os.fsencode(folder)) < 90
        assert folder.stat().st_mode & 0o077 == 0
    finally:
        moved.stop()
        moved.home.rename(server.home)
    assert query(server.ensure_running(), "select answer from public.moved") == [(42,)]
    shutil.rmtree(folder)
