"""Define what became of a hostile file here: right, in part, refused or wrong, and each of its lines accounted for.

Wrong is a row in the stage that the true table does not have at that place, or a line of the file that is neither in
the stage nor among the rejects. Both are silent: nobody would hear of them.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metalayer_assets.warehouse.errors import LandingError
from metalayer_assets.warehouse.loading import SourceColumn
from metalayer_assets_tests.warehouse.loading.bench import Bench, Loaded

RIGHT, IN_PART, REFUSED, WRONG = OUTCOMES = ("right", "in part", "refused", "wrong")

Table = Sequence[tuple[str, ...]]

_LINES = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
_LINE_END = re.compile(r"\r\n?|\n")
_CODECS = {
    "utf-8": ("utf-8", "surrogateescape"),
    "utf-8-sig": ("utf-8-sig", "surrogateescape"),
    "latin-1": ("cp1252", "surrogateescape"),
    "cp1252": ("cp1252", "surrogateescape"),
}
# What of an over-long line is kept is its head.
_KEPT = 1024 * 1024


@dataclass(frozen=True)
class Judgement:
    """What became of one file.

    Attributes:
        outcome: `right` (every row of the true table is loaded, nothing is rejected), `in part` (some lines are
            rejected, all rows loaded are true), `refused` (nothing is loaded) or `wrong`.
        loaded: Rows loaded.
        rejected: Lines or records rejected.
        reasons: Why the file was refused, its lines were rejected, or what is wrong.
    """

    outcome: str
    loaded: int
    rejected: int
    reasons: tuple[str, ...]


def judge(
    bench: Bench, name: str, content: bytes, columns: Sequence[SourceColumn], truths: Sequence[Table]
) -> Judgement:
    """Load a file and compare what is loaded with the true tables: with the first in full, with others row by row."""
    path = bench.file(name, content)
    try:
        loaded = bench.load(path, columns)
    except LandingError as refusal:
        return Judgement(REFUSED, 0, 0, (str(refusal).replace(str(path), name),))
    rows = [tuple(str(value or "") for value in row) for _, *row in loaded.rows]
    wrong = [*unaccounted(content, loaded)]
    for truth in truths:
        wrong += untrue(rows, truth)
    if not loaded.rejects and len(rows) < len(truths[0]):
        wrong.append(f"{len(truths[0]) - len(rows)} rows are lost without a word")
    complete = not loaded.rejects and len(rows) == len(truths[0])
    outcome = WRONG if wrong else RIGHT if complete else IN_PART
    reasons = wrong or [f"line {line}: {reason}" for line, _, reason in loaded.rejects]
    return Judgement(outcome, len(rows), len(loaded.rejects), tuple(reasons))


def untrue(rows: Table, truth: Table) -> Iterable[str]:
    """The first row that is not in the true table behind the row before it."""
    following = iter(truth)
    for number, row in enumerate(rows, 1):
        if row not in following:
            yield f"row {number} is not in the true table at this place: {row}"
            return


def unaccounted(content: bytes, loaded: Loaded) -> Iterable[str]:
    """Lines that are not exactly one of: header, blank, in a loaded record, in a reject with their bytes."""
    report = loaded.report
    if report.records_read != len(loaded.rows) + len(loaded.rejects) or report.rows_rejected != len(loaded.rejects):
        yield f"{report.records_read} records read are not {len(loaded.rows)} loaded and {len(loaded.rejects)} rejected"
    lines = physical_lines(content, report.encoding)
    seen: Counter[int] = Counter()
    for line, *values in loaded.rows:
        span = 1 + sum(len(_LINE_END.findall(str(value or ""))) for value in values)
        seen.update(range(int(str(line)), int(str(line)) + span))
    for line, raw, _ in loaded.rejects:
        held = b""
        at = line
        while at <= len(lines) and len(held) < len(raw):
            held += lines[at - 1]
            at += 1
        seen.update(range(line, max(at, line + 1)))
        if not held.startswith(raw) or (held[len(raw) :].strip(b"\r\n\0") and len(raw) < _KEPT):
            yield f"the bytes kept for line {line} are not those of the file: {raw[:80]!r}"
    places = [number for number, line in enumerate(lines, 1) if line.strip(b"\r\n\0") or seen[number]]
    if any(seen[number] > 1 for number in places):
        yield f"lines are accounted for twice: {[number for number in places if seen[number] > 1][:5]}"
    if len(missing := [number for number in places if not seen[number]]) != 1:
        yield f"one line should be the header, but unaccounted for are {missing[:5]}"


def physical_lines(content: bytes, encoding: str) -> list[bytes]:
    """The physical lines of a file in its own bytes, each with its line end."""
    if encoding == "utf-16" and len(content) % 2:
        # The last byte is half a character.
        *whole, last = physical_lines(content[:-1], encoding)
        return [*whole, last + content[-1:]]
    codec, errors = _CODECS.get(
        encoding, ("utf-16-be" if content.startswith(b"\xfe\xff") else "utf-16-le", "surrogatepass")
    )
    body = content[2:] if codec.startswith("utf-16") else content
    back = codec.removesuffix("-sig")
    return [line.encode(back, errors) for line in _LINES.findall(body.decode(codec, errors))]
