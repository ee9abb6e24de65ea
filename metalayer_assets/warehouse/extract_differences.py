"""Compare columns and profiles of two extracts here; keep which two, and what is done with it, out (`drift`)."""

import difflib
from collections.abc import Mapping, Sequence

from metalayer_assets.contracts import Type
from metalayer_assets.warehouse.loading.header import listed, spelling
from metalayer_assets.warehouse.profiles import Profile, missing, share
from metalayer_assets.warehouse.silver_readings import Reading

# A share of fewer rows says little.
FEWEST_ROWS = 20
NULLS_JUMPED, TYPE_DROPPED = 0.2, 0.05
_ALIKE = 0.8
_READ_AS = {
    Type.INTEGER: "integer",
    Type.BIGINT: "integer",
    Type.NUMERIC: "numeric",
    Type.DATE: "timestamp",
    Type.TIMESTAMP: "timestamp",
    Type.BOOLEAN: "boolean",
}


def compare_headers(
    old: Sequence[str], new: Sequence[str], known: Mapping[str, str], *, ordered: bool
) -> list[tuple[str, str, str]]:
    """Kind, column and sentence of each difference between two headers; spellings of one column are the same.

    Args:
        old: Names of the earlier file.
        new: Names of the later file.
        known: The contract's column of each spelling that it accepts.
        ordered: Whether the order of columns tells anything.
    """
    was, now = ([known.get(spelling(name), spelling(name)) for name in names] for names in (old, new))
    gone = [name for name in was if name not in now]
    come = [name for name in now if name not in was]
    found = [("column_added", name, f"'{name}' was not in the extract before") for name in come]
    for name in gone:
        alike = difflib.get_close_matches(name, come, n=1, cutoff=_ALIKE)
        found.append(("column_removed", name, f"'{name}' was in the extract before"))
        if alike:
            found.append(("renamed_guess", name, f"'{alike[0]}' may be '{name}' under another name"))
    if ordered and not gone and not come and was != now:
        found.append(("header_reordered", "", f"the columns now stand as {listed(new)}"))
    return found


def compare_profiles(old: Profile, new: Profile, reading: Reading | None) -> list[tuple[str, str]]:
    """Kind and sentence of each way in which the values of a column have changed for the worse."""
    found: list[tuple[str, str]] = []
    if min(old["rows_profiled"], new["rows_profiled"]) >= FEWEST_ROWS and missing(new) - missing(old) >= NULLS_JUMPED:
        found.append(("nulls_jumped", f"{missing(new):.0%} of the rows have no value, after {missing(old):.0%}"))
    kind = _READ_AS.get(reading.type) if reading else None
    if reading is None or kind is None:
        return found
    was, now = share(old, kind), share(new, kind)
    fewest = min(profile["rows_profiled"] - profile["nulls"] - profile["blanks"] for profile in (old, new))
    if was is not None and now is not None and fewest >= FEWEST_ROWS and was - now >= TYPE_DROPPED:
        readable = f"{now:.0%} of the values can be read as {reading.type.sql}, after {was:.0%}"
        found.append(("type_dropped", f"{readable}: {reading.column} needs it"))
    return found


def code_of(value: str) -> str:
    """A code as it is compared: another case or white space is no other code."""
    return value.strip(" ").upper()
