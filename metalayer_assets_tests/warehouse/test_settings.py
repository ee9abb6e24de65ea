"""Every variable: what it accepts, what it refuses and how it is shown."""

import re
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.settings import (
    Settings,
    beside,
    dagster_storage_url,
    describe,
    env_example,
    safe_url,
)

URL = "METALAYER_DATABASE_URL"


def read(**env: str) -> Settings:
    return Settings.from_environment(env)


def test_an_empty_environment_gives_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read()
    assert settings == Settings()
    assert settings.database_url is None
    assert settings.landing == Path("data/landing")
    assert settings.home == tmp_path / ".metalayer"
    assert settings.start_date == date(2010, 1, 1)
    assert settings.allow_shrink is False
    assert settings.shrink_limit == 0.5
    assert settings.embedded_postgres == 18
    assert settings.scratch_url is None
    assert settings.history_days == 400


def test_a_blank_value_counts_as_unset() -> None:
    assert read(METALAYER_START_DATE="", METALAYER_LANDING="  ", METALAYER_DATABASE_URL=" ") == Settings()


def test_every_value_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = read(
        METALAYER_DATABASE_URL=" postgresql://ann@db/wh ",
        METALAYER_LANDING="~/landing",
        METALAYER_HOME="~/a/../home",
        METALAYER_START_DATE="2024-02-29",
        METALAYER_ALLOW_SHRINK="Yes",
        METALAYER_SHRINK_LIMIT="1",
        METALAYER_EMBEDDED_POSTGRES="16",
        METALAYER_SCRATCH_URL="postgres://ann@db/scratch",
        METALAYER_HISTORY_DAYS="0",
    )
    assert settings == Settings(
        database_url="postgresql+psycopg2://ann@db/wh",
        landing=tmp_path / "landing",
        home=tmp_path / "home",
        start_date=date(2024, 2, 29),
        allow_shrink=True,
        shrink_limit=1.0,
        embedded_postgres=16,
        scratch_url="postgresql+psycopg2://ann@db/scratch",
        history_days=0,
    )


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2", "POSTGRESQL"])
def test_each_spelling_of_the_scheme_becomes_the_one_for_psycopg2(scheme: str) -> None:
    url = read(METALAYER_DATABASE_URL=f"{scheme}://ann:p%40ss@db:5433/wh?sslmode=require").database_url
    assert url == "postgresql+psycopg2://ann:p%40ss@db:5433/wh?sslmode=require"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://ann:hunter2@db/wh", "it begins with mysql://"),
        ("postgresql+psycopg://ann:hunter2@db/wh", "it begins with postgresql+psycopg://"),
        ("ann:hunter2@db/wh", "not a PostgreSQL URL. Write it as postgresql://"),
        ("ann:hunter2@db://wh", "not a PostgreSQL URL. Write it as postgresql://"),
        ("postgresql://ann:hunter2@db:port/wh", "cannot be read as a URL"),
        ("postgresql://ann:hun@ter2@db/wh", "%40"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url: str, words: str) -> None:
    with pytest.raises(SettingError) as caught:
        read(METALAYER_DATABASE_URL=url)
    text = str(caught.value)
    assert words in text
    assert text.startswith("METALAYER_DATABASE_URL ")
    assert "hunter2" not in text
    assert "ter2" not in text
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("METALAYER_START_DATE", "01.02.2024", "YYYY-MM-DD"),
        ("METALAYER_START_DATE", "20240201", "YYYY-MM-DD"),
        ("METALAYER_START_DATE", "2024-02-30", "YYYY-MM-DD"),
        ("METALAYER_ALLOW_SHRINK", "maybe", "true or false"),
        ("METALAYER_SHRINK_LIMIT", "50%", "from 0 to 1"),
        ("METALAYER_SHRINK_LIMIT", "nan", "from 0 to 1"),
        ("METALAYER_SHRINK_LIMIT", "1.01", "from 0 to 1"),
        ("METALAYER_SHRINK_LIMIT", "-0.1", "from 0 to 1"),
        ("METALAYER_HISTORY_DAYS", "-1", "whole number from 0"),
        ("METALAYER_HISTORY_DAYS", "1.5", "whole number from 0"),
        ("METALAYER_HISTORY_DAYS", "a year", "whole number from 0"),
        ("METALAYER_HISTORY_DAYS", "9999999", "whole number from 0"),
        ("METALAYER_EMBEDDED_POSTGRES", "17", "16 or 18"),
        ("METALAYER_HOME", "~nobody_of_that_name/x", "home directory"),
    ],
)
def test_a_bad_value_is_refused_by_name_value_and_format(name: str, value: str, fix: str) -> None:
    with pytest.raises(SettingError, match=f"^{name}={re.escape(repr(value))} .*{re.escape(fix)}"):
        read(**{name: value})


def test_a_url_can_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgres://ann:pw@db/wh\n")
    settings = read(METALAYER_DATABASE_URL_FILE=str(secret))
    assert settings.database_url == "postgresql+psycopg2://ann:pw@db/wh"


def test_a_url_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    missing, empty, binary = tmp_path / "missing", tmp_path / "empty", tmp_path / "binary"
    empty.write_text("\n")
    binary.write_bytes(b"\xff\xfe")
    for path, words in ((missing, "No such file"), (empty, "is empty"), (binary, "not UTF-8")):
        with pytest.raises(SettingError, match=f"^METALAYER_DATABASE_URL_FILE='{path}' .*{words}"):
            read(METALAYER_DATABASE_URL_FILE=str(path))
    with pytest.raises(SettingError, match="both set"):
        read(METALAYER_DATABASE_URL="postgresql://db/wh", METALAYER_DATABASE_URL_FILE=str(empty))


def test_a_password_is_never_shown() -> None:
    settings = read(
        METALAYER_DATABASE_URL="postgresql://ann:hunter2@db/wh?sslmode=require",
        METALAYER_SCRATCH_URL="postgresql://ann:hunter2@db/scratch",
    )
    assert "hunter2" not in repr(settings)
    assert "postgresql+psycopg2://ann:***@db/scratch" in repr(settings)
    assert "hunter2" not in f"{settings}"
    assert "postgresql+psycopg2://ann:***@db/wh?sslmode=require" in repr(settings)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql+psycopg2://ann:p%40@db:5/wh", "postgresql+psycopg2://ann:***@db:5/wh"),
        ("postgresql+psycopg2://db/wh?password=x&user=ann", "postgresql+psycopg2://db/wh?password=***&user=ann"),
        (
            "postgresql+psycopg2://m@/m?host=%2Ftmp%2Fa%20b&port=5432",
            "postgresql+psycopg2://m@/m?host=/tmp/a%20b&port=5432",
        ),
        ("ann:hunter2@db", "<unreadable database URL>"),
        ("postgresql://ann:hunter2@db:x/wh", "<unreadable database URL>"),
    ],
)
def test_a_url_is_shown_readable_and_without_password(url: str, shown: str) -> None:
    assert safe_url(url) == shown


def test_another_database_of_the_server_is_reached_like_the_first() -> None:
    url = "postgresql+psycopg2://ann:p%40ss@/wh?host=/tmp/a%20b&port=5432"
    assert beside(url, "other") == "postgresql+psycopg2://ann:p%40ss@/other?host=/tmp/a%20b&port=5432"


def test_dagster_stores_in_a_schema_of_its_own_in_the_same_database() -> None:
    plain = "postgresql+psycopg2://ann:p%2B%40s@db:5433/wh"
    own = make_url(dagster_storage_url(plain))
    assert own.set(query={}) == make_url(plain)
    assert dagster_storage_url(plain).endswith("@db:5433/wh?options=-csearch_path%3Ddagster")
    socket = make_url(dagster_storage_url("postgresql+psycopg2://m@/m?host=/run/a%20b&port=5"))
    assert dict(socket.query) == {"host": "/run/a b", "port": "5", "options": "-csearch_path=dagster"}
    kept = make_url(dagster_storage_url(f"{plain}?sslmode=require&options=-c%20jit%3Doff"))
    assert dict(kept.query) == {"sslmode": "require", "options": "-c jit=off -csearch_path=dagster"}


def test_the_example_file_sets_every_variable_to_its_default() -> None:
    text = env_example()
    lines = [line.removeprefix("# ") for line in text.splitlines() if re.match(r"# [A-Z_]+=", line)]
    env = dict(line.split("=", 1) for line in lines)
    assert list(env) == [doc.name for doc in describe()]
    assert Settings.from_environment(env) == Settings()
    assert {"METALAYER_DATABASE_URL", "METALAYER_LANDING", "METALAYER_HOME", "METALAYER_START_DATE"} <= set(env)
    assert "DAGSTER_HOME" in env
    assert all(doc.description.endswith(".") for doc in describe())
    assert max(map(len, text.splitlines())) <= 100
