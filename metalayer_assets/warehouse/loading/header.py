"""Define how a file's column names are matched to the stage's here; keep reading of records out."""

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from metalayer_assets.warehouse.errors import ContractError, LandingError
from metalayer_assets.warehouse.loading.doubts import DELIMITERS, RARE_DELIMITERS, SPACE
from metalayer_assets.warehouse.loading.fields import MalformedError, RecordFields
from metalayer_assets.warehouse.loading.report import Drift, HeaderRefused, SourceColumn

_SHOWN_NAMES = 40
_SHOWN_CHARACTERS = 100
_MAX_EXTRA = 500
# As alike as `customer_id` and `customerid`, less alike than `first_name` and `last_name`.
_ALIKE = 0.8
_FOREIGN = {b"\x1f\x8b": "gzip data", b"PK\x03\x04": "a zip archive or a spreadsheet", b"PAR1": "Parquet"}


@dataclass(frozen=True)
class Header:
    """The header of a delimited file.

    Attributes:
        names: Column names as found, see `shown`.
        targets: The stage column of each, None for one that nothing is expected of.
        delimiter: One byte.
        padded: The delimiter with the blanks that stand beside each one of the header; None where there are none.
        drift: Findings, none of which keeps the file from loading.
    """

    names: tuple[str, ...]
    targets: tuple[str | None, ...]
    delimiter: bytes
    padded: bytes | None
    drift: tuple[Drift, ...]

    @property
    def kept(self) -> list[int]:
        """Positions of the fields that are loaded."""
        return [position for position, target in enumerate(self.targets) if target]


def spelling(name: str) -> str:
    """A column name in the form in which two spellings are compared."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def spellings(columns: Sequence[SourceColumn]) -> dict[str, str]:
    """Stage column of each accepted spelling.

    Raises:
        ContractError: Two columns accept the same spelling.
    """
    known: dict[str, str] = {}
    for column in columns:
        for source_name in column.source_names or (column.name,):
            if known.setdefault(spelling(source_name), column.name) != column.name:
                raise ContractError(
                    f"The spelling '{source_name}' stands for both {known[spelling(source_name)]} and "
                    f"{column.name}: a header name must lead to one column."
                )
    return known


def read_header(line: bytes, raw: bytes, columns: Sequence[SourceColumn], path: Path) -> Header:
    """Find delimiter and columns of a file from its line of names.

    The delimiter is the one under which most of the expected columns are found. A space and other rare ones are only
    where every name is an expected one. Blanks beside every delimiter belong to it.

    Args:
        line: The line as UTF-8, without its line end.
        raw: The bytes that the file has there.
        columns: The expected columns.
        path: The file, for messages.

    Raises:
        LandingError: The line is no header, lacks a required column, names an expected one twice, or its quotes are
            broken or apostrophes.
    """
    known = spellings(columns)
    delimiter, (names, closed) = max(
        ((delimiter, _names(line, delimiter)) for delimiter in (*DELIMITERS, *RARE_DELIMITERS)),
        key=lambda reading: (_expected_among(reading[1][0], known, reading[0]), len(reading[1][0])),
    )
    if any(name.startswith("'") and spelling(name.strip("'")) in known for name in names):
        raise LandingError(
            f"{path}: the names of its columns stand in apostrophes ({listed(names)}). Quotes are double quotes; "
            "whether an apostrophe in the rows is a quote or text is not for the loader to guess."
        )
    if not names_any(line, columns):
        foreign = next((kind for mark, kind in _FOREIGN.items() if raw.startswith(mark)), None)
        raise LandingError(
            f"{path}: has no header: its first line names none of the expected columns"
            + (f" (it looks like {foreign}: give it the extension of its format)" if foreign else "")
            + f". Found: {listed(_names(line, DELIMITERS[0])[0])}. Expected: {expected(columns)}."
        )
    targets, drift = match_names(names, columns, path)
    if not closed:
        raise LandingError(
            f"{path}: the header's quotes are broken, so that its names are not certain. Found: {listed(names)}."
        )
    _check_damage(names, targets, columns, path)
    return Header(tuple(map(shown, names)), targets, delimiter, _padded(line, delimiter), drift)


def names_any(line: bytes, columns: Sequence[SourceColumn], *, least: int = 1) -> bool:
    """Whether a line names `least` of the expected columns under any delimiter, so that it is meant as a header."""
    known = spellings(columns)
    return any(_expected_among(_names(line, d)[0], known, d) >= least for d in (*DELIMITERS, *RARE_DELIMITERS))


def _check_damage(
    names: Sequence[str], targets: Sequence[str | None], columns: Sequence[SourceColumn], path: Path
) -> None:
    """Refuse a file of which an optional column would be null because its name is damaged.

    Raises:
        LandingError: Letters and digits of an unexpected name are those of an expected one that is not there.
    """
    absent = {
        _letters(accepted): column.name
        for column in columns
        if column.name not in targets
        for accepted in column.source_names or (column.name,)
    }
    for name, target in zip(names, targets, strict=True):
        if target is None and _letters(name) in absent:
            raise LandingError(
                f"{path}: the column {listed([name])} is {absent[_letters(name)]} but for the marks in its name. "
                "Correct the file, or add the spelling to the contract."
            )


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))


def _expected_among(names: Sequence[str], known: dict[str, str], delimiter: bytes) -> int:
    found = {known.get(spelling(name)) for name in names}
    if delimiter in RARE_DELIMITERS and (None in found or len(names) == 1):
        return -1
    return len(found - {None})


def _padded(line: bytes, delimiter: bytes) -> bytes | None:
    """The delimiter with a blank before or behind it or both, if all of a line's are so; None if they are not."""
    count = line.count(delimiter)
    if delimiter == SPACE or not count:
        return None
    for padded in (SPACE + delimiter + SPACE, delimiter + SPACE, SPACE + delimiter):
        if line.count(padded) == count:
            return padded
    return None


def match_names(
    names: Sequence[str], columns: Sequence[SourceColumn], path: Path
) -> tuple[tuple[str | None, ...], tuple[Drift, ...]]:
    """The stage column of each name of a header, and what differs from the expected columns.

    Raises:
        LandingError: A required column is missing, or an expected one is named twice.
    """
    known = spellings(columns)
    targets = tuple(known.get(spelling(name)) for name in names)
    for target in filter(None, targets):
        if targets.count(target) > 1:
            twice = [name for name, found in zip(names, targets, strict=True) if found == target]
            raise HeaderRefused(
                f"{path}: the column {target} is in the file {len(twice)} times ({listed(twice)}); "
                "which one counts is not for the loader to guess. Leave one, or give the others another name.",
                (Drift("duplicate_header", target, f"{target} is in the file {len(twice)} times ({listed(twice)})."),),
                tuple(map(shown, names)),
            )
    return targets, differences(names, columns, path)


def differences(names: Sequence[str], columns: Sequence[SourceColumn], path: Path) -> tuple[Drift, ...]:
    """What differs between the names found and the expected columns.

    Raises:
        LandingError: A required column is missing.
    """
    known = spellings(columns)
    present = {known.get(spelling(name)) for name in names}
    missing = [column for column in columns if column.name not in present]
    extra = [name for name in names if spelling(name) not in known]
    guesses = _guesses(missing, extra)
    times = Counter(map(shown, extra))
    drift = [
        Drift("extra_column", name, f"'{name}' is not expected; its values are not loaded.")
        for name in islice(times, _MAX_EXTRA)
    ]
    if len(times) > _MAX_EXTRA:
        drift.append(Drift("extra_column", "...", f"{len(times) - _MAX_EXTRA} more are not expected either."))
    drift += [
        Drift("duplicate_header", name, f"'{name}' is in the file {count} times.")
        for name, count in islice(times.items(), _MAX_EXTRA)
        if count > 1
    ]
    drift += [
        Drift("missing_optional", column.name, f"{column.name} is not in the file; it is loaded as null.")
        if not column.required
        else Drift("missing_required", column.name, f"{column.name} is not in the file, and must be.")
        for column in missing
    ]
    drift += guesses.values()
    if lacking := [column.name for column in missing if column.required]:
        hints = "".join(f" {guesses[name].detail}" for name in lacking if name in guesses)
        raise HeaderRefused(
            f"{path}: required columns are missing: {', '.join(lacking)}. Found: {listed(names)}. "
            f"Expected: {expected(columns)}.{hints}",
            drift,
            tuple(map(shown, names)),
        )
    return tuple(drift)


def shown(name: str) -> str:
    """A name found in a file as it may be shown and stored: printable, of bounded length."""
    return "".join(c if c.isprintable() else "?" for c in name[:_SHOWN_CHARACTERS])


def listed(names: Sequence[str]) -> str:
    """Names for a message, printable and of bounded length."""
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return (", ".join(map(shown, names[:_SHOWN_NAMES])) or "nothing") + more


def expected(columns: Sequence[SourceColumn]) -> str:
    """The expected columns for a message, optional ones in brackets."""
    return ", ".join(column.name if column.required else f"[{column.name}]" for column in columns)


def _names(line: bytes, delimiter: bytes) -> tuple[list[str], bool]:
    """The names on a line under a delimiter, and whether its quotes are sound."""
    fields = RecordFields(delimiter)
    try:
        closed = fields.feed(_unpadded(line, delimiter))
    except MalformedError:
        closed = False
    # A line that is no record under this delimiter is still shown in the message about it.
    values = fields.values if closed else line.split(delimiter)
    return [value.decode("utf-8", "replace").strip() for value in values], closed


def _unpadded(line: bytes, delimiter: bytes) -> bytes:
    padded = _padded(line, delimiter)
    return line.replace(padded, delimiter) if padded else line


def _guesses(missing: Sequence[SourceColumn], extra: Sequence[str]) -> dict[str, Drift]:
    """For each missing column the unexpected one that may be it under another name."""
    found = {}
    for column in missing:
        accepted = [spelling(name) for name in column.source_names or (column.name,)]
        # No one's column is renamed to the five hundredth of a file.
        for name in map(shown, extra[:_MAX_EXTRA]):
            if difflib.get_close_matches(spelling(name), accepted, n=1, cutoff=_ALIKE):
                detail = f"Is '{name}' the column {column.name} under another name?"
                found[column.name] = Drift("renamed_guess", column.name, detail)
                break
    return found
