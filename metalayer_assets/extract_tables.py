"""Show profiles and drift of extracts to people here, as rows of cells and as Markdown; keep finding them out."""

from collections.abc import Mapping, Sequence
from typing import Any

from metalayer_assets.warehouse.drift import Change
from metalayer_assets.warehouse.profiles import Profile, missing, share

_KINDS = ("integer", "numeric", "date", "timestamp", "boolean", "text")
_TOP, _SHAPES, _LONGEST = 3, 2, 24


def profile_cells(profile: Profile) -> dict[str, str]:
    """One column of an extract as a person reads it."""
    exact = profile["rows"] == profile["rows_profiled"]
    return {
        "column": str(profile["column_name"]),
        "missing": _percent(missing(profile)),
        "distinct": f"{profile['distinct_values']:,}{'' if exact else ' of sample'}",
        "types": ", ".join(_types(profile)),
        "range": _range(profile),
        "length": "" if profile["min_length"] is None else f"{profile['min_length']} to {profile['max_length']}",
        "top values": "not shown" if profile["top_values"] is None else _counted(profile["top_values"][:_TOP]),
        "patterns": _counted(profile["patterns"][:_SHAPES]),
    }


def rows_told(profile: Sequence[Profile]) -> str:
    """How much of an extract the profile was made of."""
    rows, profiled = profile[0]["rows"], profile[0]["rows_profiled"]
    if rows == profiled:
        return f"All {rows:,} rows profiled."
    return f"{profiled:,} of {rows:,} rows profiled, picked by a hash of the line number."


def profile_table(profile: Sequence[Profile]) -> str:
    """The profile of an extract as a Markdown table."""
    return f"{rows_told(profile)}\n\n{_markdown([profile_cells(column) for column in profile])}"


def changes_table(changes: Sequence[Change]) -> str:
    """How an extract differs, as a Markdown table."""
    return _markdown(
        [
            {"what": change.kind, "column": change.column, "detail": change.detail, "file": change.file}
            | {"the file was": change.action.replace("_", " ") if change.file else ""}
            for change in changes
        ]
    )


def _markdown(rows: Sequence[Mapping[str, str]]) -> str:
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([_cell(row[name]) for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    """Text of a source in one cell: nothing in it may end the cell or pass for markup."""
    for special in "\\|`*_<>[]":
        text = text.replace(special, f"\\{special}")
    return " ".join(text.split())


def _types(profile: Profile) -> list[str]:
    """The types that values read as; a number or moment of a narrower kind is told as that alone where all are."""
    shares = {kind: share(profile, kind) or 0.0 for kind in _KINDS}
    if shares["integer"] == shares["numeric"]:
        shares["numeric"] = 0.0
    if shares["date"] == shares["timestamp"]:
        shares["timestamp"] = 0.0
    return [f"{kind} {_percent(found)}" for kind, found in shares.items() if found]


def _percent(found: float) -> str:
    return "0%" if found == 0 else "100%" if found == 1 else f"{min(max(found, 0.001), 0.999):.1%}"


def _range(profile: Profile) -> str:
    if profile["min_value"] is None:
        return ""
    return f"{_short(profile['min_value'])} to {_short(profile['max_value'])}"


def _counted(values: Sequence[Sequence[Any]]) -> str:
    return ", ".join(f"{_short(str(value))} ({rows:,})" for value, rows in values)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
