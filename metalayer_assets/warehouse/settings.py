"""Define every environment variable of MetaLayer here, once; keep the use of its value out.

A field of `Settings` is the only place where a variable's name, default, parser and description stand;
reading, error messages and `.env.example` follow from it.
"""

# ruff: noqa: RUF009 -- `_variable` returns a dataclass field, which is what the rule asks for

import os
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlencode

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from metalayer_assets.warehouse.errors import SettingError

T = TypeVar("T")

_SCHEME = "postgresql+psycopg2"
_SCHEMES_READ = frozenset({"postgresql", "postgres", _SCHEME})
_URL_EXAMPLE = "postgresql://user:password@host:5432/database"
_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})
_MASK = "***"
_LONGEST_NAME = 200


@dataclass(frozen=True)
class SettingDoc:
    """What a person needs to know to set one variable.

    Attributes:
        name: Name of the environment variable.
        default: Text that has the same effect as leaving the variable unset; may be empty.
        description: One line.
    """

    name: str
    default: str
    description: str


def _database_url(name: str, text: str) -> str | None:
    if not text:
        return None
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() not in _SCHEMES_READ:
        # What stands before "://" is shown only when it cannot hold a password.
        shown = f" (it begins with {scheme}://)" if separator and re.fullmatch(r"[\w+.-]+", scheme) else ""
        raise SettingError(f"{name} is not a PostgreSQL URL{shown}. Write it as {_URL_EXAMPLE}.")
    try:
        url = make_url(f"{_SCHEME}://{rest}")
    except (ArgumentError, ValueError):
        raise SettingError(f"{name} cannot be read as a URL. Write it as {_URL_EXAMPLE}.") from None
    if "@" in (url.host or ""):
        raise SettingError(
            f"{name} holds more than one @. Write special characters of user and password"
            " percent-encoded (@ as %40, / as %2F, : as %3A)."
        )
    return f"{_SCHEME}://{rest}"


def _path(name: str, text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise SettingError(f"{name}={text!r} names a home directory that does not exist.") from None


def _absolute_path(name: str, text: str) -> Path:
    return Path(os.path.abspath(_path(name, text)))  # noqa: PTH100 -- Path.absolute() would keep `..`


def _day(name: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    # fromisoformat also reads 20100101 and 2010-W01-1, which nobody means here.
    if day is None or day.isoformat() != text:
        raise SettingError(f"{name}={text!r} is not a date. Write it as YYYY-MM-DD, such as 2010-01-01.")
    return day


def _switch(name: str, text: str) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        raise SettingError(f"{name}={text!r} is neither true nor false. Write true or false.")
    return text.lower() in _TRUE


def _share(name: str, text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise SettingError(f"{name}={text!r} is not a share. Write a number from 0 to 1, such as 0.05.")
    return share


def _count(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise SettingError(f"{name}={text!r} is not a count. Write a whole number from 0, such as 100.")
    return int(text)


def _days(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise SettingError(f"{name}={text!r} is not a number of days. Write a whole number from 0, such as 400.")
    return int(text)


def _scores(name: str, text: str) -> tuple[float, float, float]:
    try:
        info, warn, severe = (float(part) for part in text.split(","))
    except ValueError:
        info = warn = severe = 0.0
    if not 0 < info <= warn <= severe < 1000:
        raise SettingError(f"{name}={text!r} is not three rising numbers. Write them as 3,3.5,6.")
    return info, warn, severe


def _name(name: str, text: str) -> str | None:
    if len(text) > _LONGEST_NAME or not text.isprintable():
        raise SettingError(f"{name} is not a name. Write at most {_LONGEST_NAME} printable characters.")
    return text or None


def _rows(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise SettingError(f"{name}={text!r} is not a number of rows. Write a whole number from 0, such as 1000.")
    return int(text)


def _embedded_postgres(name: str, text: str) -> int:
    if text not in {"16", "18"}:
        raise SettingError(f"{name}={text!r} is not a version that comes with MetaLayer. Write 16 or 18.")
    return int(text)


def _variable(
    name: str, default: str, parse: Callable[[str, str], T], description: str, *, from_file: bool = False
) -> T:
    """Declare one variable; `from_file` also reads its value from the file that <name>_FILE names."""
    doc = SettingDoc(name, default, description)
    return field(
        default_factory=lambda: parse(name, default),
        metadata={"doc": doc, "parse": parse, "from_file": from_file},
    )


@dataclass(frozen=True)
class Settings:
    """Every setting of one process, parsed; `Settings()` holds the defaults."""

    database_url: str | None = _variable(
        "METALAYER_DATABASE_URL",
        "",
        _database_url,
        f"PostgreSQL 16 or newer, as {_URL_EXAMPLE}; empty: the embedded server."
        " METALAYER_DATABASE_URL_FILE names a file that holds the URL instead.",
        from_file=True,
    )
    landing: Path = _variable(
        "METALAYER_LANDING",
        "data/landing",
        _path,
        "Folder of the landed files, laid out as <system>/<dataset>/<YYYY-MM-DD>/.",
    )
    home: Path = _variable(
        "METALAYER_HOME",
        ".metalayer",
        _absolute_path,
        "Folder of what MetaLayer keeps on this machine: the embedded server, logs.",
    )
    start_date: date = _variable(
        "METALAYER_START_DATE", "2010-01-01", _day, "First day that has a partition, as YYYY-MM-DD."
    )
    allow_shrink: bool = _variable(
        "METALAYER_ALLOW_SHRINK",
        "false",
        _switch,
        "true: publish a slice even if it loses more rows than METALAYER_SHRINK_LIMIT allows.",
    )
    shrink_limit: float = _variable(
        "METALAYER_SHRINK_LIMIT",
        "0.5",
        _share,
        "Share (0 to 1) of its rows that a slice may lose in one write before the write is refused.",
    )
    reject_limit: float = _variable(
        "METALAYER_REJECT_LIMIT",
        "0.05",
        _share,
        "Share (0 to 1) of the rows read that rules may keep out of a slice before the slice is refused.",
    )
    reject_rows: int = _variable(
        "METALAYER_REJECT_ROWS",
        "5",
        _count,
        "Rows kept out of a slice that never refuse it, however large their share: a small day may have a bad row.",
    )
    unreadable_limit: int = _variable(
        "METALAYER_UNREADABLE_LIMIT",
        "100",
        _count,
        "Lines of one landed file that may be unreadable before its day is refused.",
    )
    quality_target: float = _variable(
        "METALAYER_QUALITY_TARGET",
        "0.95",
        _share,
        "Quality score (0 to 1) below which a slice is marked, or refused where its contract says so.",
    )
    history_days: int = _variable(
        "METALAYER_HISTORY_DAYS",
        "400",
        _days,
        "Days after which `metalayer history --forget` deletes rows that a write replaced; 0: keep none.",
    )
    anomaly_scores: tuple[float, float, float] = _variable(
        "METALAYER_ANOMALY_SCORES",
        "3,3.5,6",
        _scores,
        "Distances from what was expected, in robust standard deviations, from which on a day of a metric is info,"
        " warn or severe.",
    )
    anomaly_settle_days: int = _variable(
        "METALAYER_ANOMALY_SETTLE_DAYS",
        "1",
        _days,
        "Days after which a business day counts as complete: it is judged once an extract that much later stands.",
    )
    profile_rows: int = _variable(
        "METALAYER_PROFILE_ROWS",
        "1000",
        _rows,
        "About how many rows of an extract are profiled at most, or of many that are loaded at once, 50 of each"
        " excepted: of a larger one, a sample. 0: none.",
    )
    scratch_url: str | None = _variable(
        "METALAYER_SCRATCH_URL",
        "",
        _database_url,
        "PostgreSQL database without a warehouse in it, for `metalayer rebuild --check` to build one in and to clear"
        " again; empty: the role creates a database on the warehouse's server, and drops it."
        " METALAYER_SCRATCH_URL_FILE names a file that holds the URL instead.",
        from_file=True,
    )
    user: str | None = _variable(
        "METALAYER_USER",
        "",
        _name,
        "Who acts, for what is recorded about corrections and waivers; empty: the user of the operating system.",
    )
    embedded_postgres: int = _variable(
        "METALAYER_EMBEDDED_POSTGRES",
        "18",
        _embedded_postgres,
        "Major version of the embedded server: 18 or 16. A data directory works with its own version only.",
    )

    def __repr__(self) -> str:
        shown = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("database_url", "scratch_url"):
            if shown[name] is not None:
                shown[name] = safe_url(shown[name])
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    @classmethod
    def from_environment(cls, env: Mapping[str, str] | None = None) -> "Settings":
        """Read all settings.

        Args:
            env: Variables by name; None reads the environment of the process. A variable that is
                empty or blank counts as unset.

        Raises:
            SettingError: A value cannot be used; the message names variable, value and format
                (never a password).
        """
        env = os.environ if env is None else env
        values = {}
        for variable in fields(cls):
            name = variable.metadata["doc"].name
            text = env.get(name, "").strip()
            if variable.metadata["from_file"]:
                text = _text_or_file(env, name, text)
            if text:
                values[variable.name] = variable.metadata["parse"](name, text)
        return cls(**values)


# Read by Dagster and by the tests, not by `Settings`; documented with the rest.
_READ_ELSEWHERE = (
    SettingDoc("DAGSTER_HOME", "", "Folder of Dagster's instance (dagster.yaml) as an absolute path."),
    SettingDoc(
        "METALAYER_TEST_DATABASE_URL",
        "",
        "PostgreSQL that the tests create and drop databases in; empty: an embedded server of their own.",
    ),
)


def describe() -> list[SettingDoc]:
    """Give name, default and description of every variable, in the order of `.env.example`."""
    return [*(variable.metadata["doc"] for variable in fields(Settings)), *_READ_ELSEWHERE]


def env_example() -> str:
    """Give the text of `.env.example`: every variable with its default, commented out."""
    paragraphs = ["# Copy to .env and uncomment what should differ from the default.\n"]
    for doc in describe():
        lines = [*textwrap.wrap(doc.description, width=98), f"{doc.name}={doc.default}"]
        paragraphs.append("".join(f"# {line}\n" for line in lines))
    return "\n".join(paragraphs)


def safe_url(url: str) -> str:
    """Give `url` for people: every password masked, socket directories readable.

    A text that cannot be read as a URL is not shown at all.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return "<unreadable database URL>"
    masked = {key: _MASK for key in parsed.query if "password" in key.lower()}
    return _render(parsed.update_query_dict(masked), hide_password=True)


def beside(database_url: str, name: str) -> str:
    """Give the URL of another database on the same server, with the same user and query parameters."""
    return _render(make_url(database_url).set(database=name))


def dagster_storage_url(database_url: str) -> str:
    """Give the URL of Dagster's own storage: the same database, with the schema `dagster` as search path.

    Query parameters of `database_url` (socket directory, TLS) stay. The schema must exist before Dagster
    connects.
    """
    url = make_url(database_url)
    options = " ".join([*url.normalized_query.get("options", ()), "-csearch_path=dagster"])
    return _render(url.update_query_dict({"options": options}))


def _text_or_file(env: Mapping[str, str], name: str, text: str) -> str:
    path = env.get(f"{name}_FILE", "").strip()
    if not path:
        return text
    if text:
        raise SettingError(f"{name} and {name}_FILE are both set. Unset one of them.")
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingError(f"{name}_FILE={path!r} cannot be read: {reason}.") from None
    if not text:
        raise SettingError(f"{name}_FILE={path!r} is empty. Write the database URL into it.")
    return text


def _render(url: URL, *, hide_password: bool = False) -> str:
    """Write a URL with `%20` for a blank, which libpq needs, and bare slashes, which people need."""
    bare = url.set(query={}).render_as_string(hide_password=hide_password)
    pairs = [(key, value) for key, values in url.normalized_query.items() for value in values]
    query = urlencode(pairs, quote_via=quote, safe="/*")
    return f"{bare}?{query}" if query else bare
