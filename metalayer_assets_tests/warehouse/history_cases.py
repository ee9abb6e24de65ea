"""List here what the history of a key must be after which changes, as data; keep the product that is judged by it out.

The cases cover what public change-data tools promise or are known to get wrong (Spark's AUTO CDC into SCD type 2; dbt
snapshots, where a run takes one change of a key; SQLMesh, which fills NULL from neighbours), told anew in our words.

A case is a sentence, the changes in their order of arrival, and the versions that must stand in the end:
`1 Oslo, 2 Rome | 3 gone` are two batches, the sequence before each value; `1-2 Oslo, 2- Rome` are two versions, half
open, the second one still open. `NULL` is no value, `gone` a delete (with the values that its row tells), `/3` the
untracked attribute, `A:` the key where there are several.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

_KEY = "K"
_TOLD = re.compile(r"(?:(\w+):)?(\d+) (gone ?)?([^/]*)(?:/(\d))?")
_HELD = re.compile(r"(?:(\w+):)?(\d+)-(\d*) ([^/]*)(?:/(\d))?")


@dataclass(frozen=True)
class Change:
    """One told row: what a key is from a sequence on.

    Attributes:
        key: The natural key.
        seq: Its place among the changes of the key, whatever its place of arrival.
        value: The tracked attribute; another one opens a version.
        note: The untracked attribute, an ISO date; a version carries the last one told in it.
        deleted: Whether the key is no more; value and note are then of no account.
    """

    key: str
    seq: int
    value: str | None
    note: str | None = None
    deleted: bool = False


@dataclass(frozen=True)
class Version:
    """What a key is in the half-open interval from one sequence to another; None is open."""

    key: str
    valid_from: int
    valid_to: int | None
    value: str | None
    note: str | None = None


@dataclass(frozen=True)
class Case:
    """Batches of changes in their order of arrival, lines in order, and the versions by key and time that result."""

    name: str
    batches: Sequence[Sequence[Change]]
    expected: Sequence[Version]

    @property
    def changes(self) -> list[Change]:
        """The changes of all batches in their order of arrival."""
        return [change for batch in self.batches for change in batch]

    @property
    def is_disputed(self) -> bool:
        """Whether some sequence is told with different values and no delete, so that the arrival decides."""
        deleted = {(change.key, change.seq) for change in self.changes if change.deleted}
        standing = {change for change in self.changes if (change.key, change.seq) not in deleted}
        return len(standing) > len({(change.key, change.seq) for change in standing})


def history_of(changes: Iterable[Change]) -> list[Version]:
    """The versions that changes in their order of arrival result in, by key and time: the rules, one row at a time."""
    standing: dict[tuple[str, int], Change] = {}
    for change in changes:
        before = standing.get((change.key, change.seq))
        if before is None or change.deleted or not before.deleted:
            standing[change.key, change.seq] = change
    versions: list[Version] = []
    for (key, seq), change in sorted(standing.items()):
        is_open = bool(versions) and versions[-1].key == key and versions[-1].valid_to is None
        if is_open and not change.deleted and versions[-1].value == change.value:
            versions[-1] = replace(versions[-1], note=change.note)
            continue
        if is_open:
            versions[-1] = replace(versions[-1], valid_to=seq)
        if not change.deleted:
            versions.append(Version(key, seq, None, change.value, change.note))
    return versions


def _value(text: str) -> str | None:
    return None if text in ("", "NULL") else text


def _note(text: str | None) -> str | None:
    return None if text is None else date(2023, 1, int(text)).isoformat()


def _change(text: str) -> Change:
    found = _TOLD.fullmatch(text)
    assert found, text
    key, seq, gone, value, note = found.groups()
    return Change(key or _KEY, int(seq), _value(value), _note(note), deleted=gone is not None)


def _version(text: str) -> Version:
    found = _HELD.fullmatch(text)
    assert found, text
    key, valid_from, valid_to, value, note = found.groups()
    return Version(key or _KEY, int(valid_from), int(valid_to) if valid_to else None, _value(value), _note(note))


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _cases(*told: tuple[str, str, str]) -> tuple[Case, ...]:
    return tuple(
        Case(
            name,
            [[_change(part) for part in _parts(batch)] for batch in batches.split("|")],
            [_version(part) for part in _parts(versions)],
        )
        for name, batches, versions in told
    )


# A run of dbt snapshots takes one change of a key; here, as in Spark, every change of a batch counts.
IN_ORDER = _cases(
    ("The first telling of a key opens its first version.", "1 Oslo", "1- Oslo"),
    ("Another value closes the version and opens the next.", "1 Oslo | 2 Rome", "1-2 Oslo, 2- Rome"),
    ("Every change opens a version.", "1 Oslo | 2 Rome | 3 Lima | 4 Riga", "1-2 Oslo, 2-3 Rome, 3-4 Lima, 4- Riga"),
    ("A value that comes back opens a version.", "1 Oslo | 2 Rome | 3 Oslo", "1-2 Oslo, 2-3 Rome, 3- Oslo"),
    ("A version lasts however long nothing is told.", "1 Oslo | 40 Rome", "1-40 Oslo, 40- Rome"),
    ("A batch that lacks the key changes nothing.", "1 Oslo | | 2 Rome", "1-2 Oslo, 2- Rome"),
    ("Versions closed before stay as they are.", "1 Oslo, 3 Rome | 9 Lima", "1-3 Oslo, 3-9 Rome, 9- Lima"),
    ("Several changes in one batch all count.", "1 Oslo, 2 Rome, 3 Lima", "1-2 Oslo, 2-3 Rome, 3- Lima"),
    ("The sequence counts, not the line.", "3 Lima, 1 Oslo, 2 Rome", "1-2 Oslo, 2-3 Rome, 3- Lima"),
    ("A change and its undoing in one batch both count.", "1 Oslo | 2 Rome, 3 Oslo", "1-2 Oslo, 2-3 Rome, 3- Oslo"),
    ("A value in other capitals is another value.", "1 La Paz | 2 la Paz", "1-2 La Paz, 2- la Paz"),
    ("A whole life fits into one batch.", "1 Oslo, 2 Rome, 3 gone, 4 Lima, 5 gone", "1-2 Oslo, 2-3 Rome, 4-5 Lima"),
)

REPEATED = _cases(
    ("The same value again opens no version.", "1 Oslo | 2 Oslo", "1- Oslo"),
    ("The same value again in one batch opens no version.", "1 Oslo, 2 Oslo, 3 Oslo", "1- Oslo"),
    ("A run of one value ends where another begins.", "1 Oslo | 2 Oslo, 3 Oslo | 4 Rome", "1-4 Oslo, 4- Rome"),
    ("A line twice in one file is one change.", "1 Oslo, 1 Oslo", "1- Oslo"),
    ("The same batch twice is one batch.", "1 Oslo, 2 Rome | 1 Oslo, 2 Rome", "1-2 Oslo, 2- Rome"),
    ("Every batch may come again.", "1 Oslo | 2 Rome | 3 gone | 1 Oslo | 2 Rome | 3 gone", "1-2 Oslo, 2-3 Rome"),
    ("Batches may come again backwards.", "1 Oslo | 2 Rome | 3 gone | 3 gone | 2 Rome | 1 Oslo", "1-2 Oslo, 2-3 Rome"),
    ("An old change told again changes nothing.", "1 Oslo | 2 Rome | 3 Lima | 1 Oslo", "1-2 Oslo, 2-3 Rome, 3- Lima"),
    ("An old change told again does not revive a key.", "1 Oslo | 3 gone | 1 Oslo", "1-3 Oslo"),
    ("Full extracts tell all again.", "1 Oslo | 1 Oslo, 2 Rome | 1 Oslo, 2 Rome, 3 gone", "1-2 Oslo, 2-3 Rome"),
)

# dbt and SQLMesh take a late row for the newest or drop it; here, as in Spark, it stands where its sequence says.
OUT_OF_ORDER = _cases(
    ("Changes may come backwards.", "3 Lima | 2 Rome | 1 Oslo", "1-2 Oslo, 2-3 Rome, 3- Lima"),
    ("A late row before the first version precedes it.", "5 Rome | 2 Oslo", "2-5 Oslo, 5- Rome"),
    ("A late row equal to the first version begins it earlier.", "5 Oslo | 2 Oslo", "2- Oslo"),
    ("A late row equal to its predecessor changes nothing.", "2 Oslo | 6 Rome | 4 Oslo", "2-6 Oslo, 6- Rome"),
    ("A late row equal to its successor begins it earlier.", "2 Oslo | 6 Rome | 4 Rome", "2-4 Oslo, 4- Rome"),
    ("A late row splits a closed version.", "2 Oslo | 6 Rome | 4 Lima", "2-4 Oslo, 4-6 Lima, 6- Rome"),
    ("A late row splits an open run.", "2 Oslo | 6 Oslo | 4 Rome", "2-4 Oslo, 4-6 Rome, 6- Oslo"),
    (
        "A late row splits a closed run where it was told again.",
        "2 Oslo, 4 Oslo, 7 Oslo | 9 Rome | 5 Lima",
        "2-5 Oslo, 5-7 Lima, 7-9 Oslo, 9- Rome",
    ),
    (
        "Late rows of one batch split several versions.",
        "1 Oslo, 4 Rome, 7 Lima | 2 Riga, 5 Kyiv, 8 Bern",
        "1-2 Oslo, 2-4 Riga, 4-5 Rome, 5-7 Kyiv, 7-8 Lima, 8- Bern",
    ),
    (
        "Late rows of one batch split one version into many.",
        "1 Oslo | 9 Oslo | 7 Rome, 3 Rome, 5 Oslo",
        "1-3 Oslo, 3-5 Rome, 5-7 Oslo, 7-9 Rome, 9- Oslo",
    ),
    (
        "Late rows between all that was told alternate with it.",
        "1 Oslo, 5 Oslo, 9 Oslo | 3 Rome, 7 Rome",
        "1-3 Oslo, 3-5 Rome, 5-7 Oslo, 7-9 Rome, 9- Oslo",
    ),
    ("Late rows of the same value fill a run.", "1 Oslo | 9 Oslo | 5 Oslo | 3 Oslo, 7 Oslo", "1- Oslo"),
    ("A late row after a late row repeats it.", "1 Oslo | 8 Rome | 4 Lima | 6 Lima", "1-4 Oslo, 4-8 Lima, 8- Rome"),
    ("A late row may begin another one earlier.", "1 Oslo | 8 Rome | 6 Lima | 4 Lima", "1-4 Oslo, 4-8 Lima, 8- Rome"),
    (
        "Changes may come in any order.",
        "9 Riga | 1 Oslo | 5 Rome | 3 Lima | 7 Oslo",
        "1-3 Oslo, 3-5 Lima, 5-7 Rome, 7-9 Oslo, 9- Riga",
    ),
)

# As in Spark, a delete is remembered by its sequence, also when nothing was open. dbt and SQLMesh date it by the run.
DELETES = _cases(
    ("A delete closes at its own sequence.", "1 Oslo | 3 gone", "1-3 Oslo"),
    ("A delete without a version does nothing.", "1 gone", ""),
    ("Deletes without a version do nothing.", "2 gone | 1 gone, 3 gone", ""),
    ("A key told and deleted in one batch was there.", "1 Oslo, 3 gone", "1-3 Oslo"),
    ("What a deleted row tells is of no account.", "1 Oslo | 3 gone Rome", "1-3 Oslo"),
    ("A delete that comes first closes what comes later.", "5 gone | 2 Oslo", "2-5 Oslo"),
    ("A delete that comes first closes the last of what comes later.", "9 gone | 1 Oslo, 5 Rome", "1-5 Oslo, 5-9 Rome"),
    ("A delete before the first telling does nothing.", "2 gone | 5 Oslo", "5- Oslo"),
    ("A late delete before the first version does nothing.", "5 Oslo | 2 gone", "5- Oslo"),
    ("A second delete does nothing.", "1 Oslo | 3 gone | 5 gone", "1-3 Oslo"),
    ("A late delete before another one closes earlier.", "1 Oslo | 5 gone | 3 gone", "1-3 Oslo"),
    ("A second delete counts once a row lies between.", "1 Oslo | 5 gone | 3 gone | 4 Rome", "1-3 Oslo, 4-5 Rome"),
    ("A key that comes back leaves its gap.", "1 Oslo | 3 gone | 5 Rome", "1-3 Oslo, 5- Rome"),
    ("A key that comes back unchanged leaves its gap.", "1 Oslo | 3 gone | 5 Oslo", "1-3 Oslo, 5- Oslo"),
    (
        "A key may go and come back again and again.",
        "1 Oslo | 2 gone | 3 Oslo | 4 gone | 5 Oslo | 6 gone",
        "1-2 Oslo, 3-4 Oslo, 5-6 Oslo",
    ),
    ("After it came back, changes count.", "1 Oslo, 2 Oslo | 3 gone | 5 Rome, 6 Lima", "1-3 Oslo, 5-6 Rome, 6- Lima"),
    ("A late delete parts a run.", "1 Oslo | 5 Oslo | 3 gone", "1-3 Oslo, 5- Oslo"),
    ("A late delete parts a run told often.", "1 Oslo, 2 Oslo, 6 Oslo, 7 Oslo | 4 gone", "1-4 Oslo, 6- Oslo"),
    ("A late delete shortens a closed version.", "1 Oslo | 6 Rome | 3 gone", "1-3 Oslo, 6- Rome"),
    ("A late delete within a gap does nothing.", "1 Oslo | 3 gone | 9 Rome | 5 gone", "1-3 Oslo, 9- Rome"),
    ("A late row within a gap shortens it.", "1 Oslo | 3 gone | 9 Rome | 5 Lima", "1-3 Oslo, 5-9 Lima, 9- Rome"),
    ("A late row within a gap begins what follows earlier.", "1 Oslo | 3 gone | 9 Oslo | 5 Oslo", "1-3 Oslo, 5- Oslo"),
    ("A late row before a delete of nothing ends there.", "3 gone | 6 Rome | 1 Oslo", "1-3 Oslo, 6- Rome"),
    ("A late row before a delete changes what it closes.", "1 Oslo | 5 gone | 3 Rome", "1-3 Oslo, 3-5 Rome"),
    ("A life may come backwards.", "8 gone | 7 Lima | 5 gone | 3 Rome | 1 Oslo", "1-3 Oslo, 3-5 Rome, 7-8 Lima"),
)

# Spark leaves open which of two values at one sequence survives; it promises that one does and that a delete beats any.
# Here the later arrival stands: the later batch, within a batch the later line. So a correction may be told under the
# sequence that it corrects.
TIES = _cases(
    ("Of two values in one file the later line stands.", "1 Oslo, 1 Rome", "1- Rome"),
    ("Of three values in one file the last line stands.", "1 Oslo | 2 Rome, 2 Oslo, 2 Lima", "1-2 Oslo, 2- Lima"),
    ("Of two values in two batches the later one stands.", "1 Oslo | 1 Rome", "1- Rome"),
    ("A correction may be taken back.", "1 Oslo | 1 Rome | 1 Oslo", "1- Oslo"),
    ("A correction to no value stands.", "1 Oslo | 1 NULL", "1- NULL"),
    ("A correction changes only its own version.", "1 Oslo, 2 Rome, 3 Lima | 2 Riga", "1-2 Oslo, 2-3 Riga, 3- Lima"),
    ("A correction to the value before merges two runs.", "1 Oslo | 2 Rome | 3 Oslo | 2 Oslo", "1- Oslo"),
    ("A correction splits a run.", "1 Oslo | 2 Oslo | 3 Oslo | 2 Rome", "1-2 Oslo, 2-3 Rome, 3- Oslo"),
    ("A late row splits a run until it is corrected.", "1 Oslo | 9 Oslo | 5 Rome | 5 Oslo", "1- Oslo"),
    ("A correction of the first version begins the second earlier.", "1 Oslo | 4 Rome | 1 Rome", "1- Rome"),
    ("A correction of the last version lengthens the one before.", "1 Oslo | 4 Rome | 4 Oslo", "1- Oslo"),
    (
        "A correction moves the end of one version and the beginning of the next.",
        "1 Oslo | 3 Rome, 5 Rome, 7 Rome | 3 Oslo, 5 Oslo",
        "1-7 Oslo, 7- Rome",
    ),
    ("A delete on a later line beats a value.", "1 Oslo | 3 Rome, 3 gone", "1-3 Oslo"),
    ("A delete on an earlier line beats a value.", "1 Oslo | 3 gone, 3 Rome", "1-3 Oslo"),
    ("A delete in a later batch beats a value.", "1 Oslo | 3 Rome | 3 gone", "1-3 Oslo"),
    ("A delete in an earlier batch beats a value.", "1 Oslo | 3 gone | 3 Rome", "1-3 Oslo"),
    ("A delete between two values beats both.", "1 Oslo | 3 Rome, 3 gone, 3 Lima", "1-3 Oslo"),
    ("A delete at the first sequence leaves nothing.", "1 Oslo, 1 gone", ""),
    ("A delete at the first sequence leaves what follows.", "1 gone | 1 Oslo | 2 Rome", "2- Rome"),
    ("A delete beats an unchanged value within a run.", "1 Oslo | 3 Oslo | 5 Oslo | 3 gone", "1-3 Oslo, 5- Oslo"),
    ("A delete beats the value that came back.", "1 Oslo | 3 gone | 5 Oslo | 5 gone | 7 Oslo", "1-3 Oslo, 7- Oslo"),
)

# As Spark has it unless told to ignore NULL updates. SQLMesh fills NULL with the value told next.
NULLS = _cases(
    ("No value is a value to begin with.", "1 NULL", "1- NULL"),
    ("A value may go and come back.", "1 Oslo | 2 NULL | 3 Oslo", "1-2 Oslo, 2-3 NULL, 3- Oslo"),
    ("No value again opens no version.", "1 NULL | 2 NULL", "1- NULL"),
    ("A value that is told at last opens a version.", "1 NULL | 2 NULL | 3 Oslo", "1-3 NULL, 3- Oslo"),
    ("A value that goes for good opens a version.", "1 Oslo | 2 NULL, 3 NULL", "1-2 Oslo, 2- NULL"),
    ("The word is not the lack of one.", "1 NULL | 2 Null | 3 NULL", "1-2 NULL, 2-3 Null, 3- NULL"),
    ("A late row without value splits a run.", "1 Oslo | 5 Oslo | 3 NULL", "1-3 Oslo, 3-5 NULL, 5- Oslo"),
    ("A late value splits a run without.", "1 NULL | 5 NULL | 3 Oslo", "1-3 NULL, 3-5 Oslo, 5- NULL"),
    ("A late row without value begins one earlier.", "5 NULL | 2 NULL", "2- NULL"),
    ("A key without value comes back as one.", "1 NULL | 3 gone | 5 NULL", "1-3 NULL, 5- NULL"),
    ("A correction to a value stands.", "1 NULL | 2 NULL | 1 Oslo", "1-2 Oslo, 2- NULL"),
)

# As in Spark: an untracked attribute is that of the last row told in the version, by sequence.
UNTRACKED = _cases(
    ("An untracked change alone opens no version.", "1 Oslo/1 | 2 Oslo/2", "1- Oslo/2"),
    ("Untracked changes count by sequence.", "3 Oslo/3, 1 Oslo/1, 2 Oslo/2", "1- Oslo/3"),
    ("An untracked value may go.", "1 Oslo/1 | 2 Oslo", "1- Oslo"),
    ("An untracked value may come.", "1 Oslo | 2 Oslo/1", "1- Oslo/1"),
    ("Both may change at once.", "1 Oslo/1 | 2 Rome/2", "1-2 Oslo/1, 2- Rome/2"),
    ("A new version does not carry what the last one told.", "1 Oslo/1 | 2 Rome", "1-2 Oslo/1, 2- Rome"),
    ("A late untracked change that others follow is not seen.", "1 Oslo/1 | 5 Oslo/3 | 3 Oslo/2", "1- Oslo/3"),
    ("A late untracked change may be a version's last.", "1 Oslo/1 | 6 Rome/1 | 4 Oslo/2", "1-6 Oslo/2, 6- Rome/1"),
    ("A late row before the first is not the last.", "5 Oslo/2 | 2 Oslo/1", "2- Oslo/2"),
    ("A late row that begins a version is not its last.", "1 Oslo/1 | 5 Rome/2 | 3 Rome/3", "1-3 Oslo/1, 3- Rome/2"),
    (
        "A split leaves each side what was told on it.",
        "1 Oslo/1 | 3 Oslo/2 | 5 Oslo/3 | 4 Rome/4",
        "1-4 Oslo/2, 4-5 Rome/4, 5- Oslo/3",
    ),
    ("A merged run has what was told last.", "1 Oslo/1 | 2 Rome/2 | 3 Oslo/3 | 2 Oslo/4", "1- Oslo/3"),
    ("A delete leaves what was told before it.", "1 Oslo/1 | 2 Oslo/2 | 3 gone/3", "1-3 Oslo/2"),
    ("A late delete leaves what was told before it.", "1 Oslo/1, 2 Oslo/2, 4 Oslo/4 | 3 gone", "1-3 Oslo/2, 4- Oslo/4"),
    ("A gap is not bridged.", "1 Oslo/1 | 3 gone | 5 Oslo", "1-3 Oslo/1, 5- Oslo"),
    ("An untracked correction stands.", "1 Oslo/1 | 2 Oslo/2 | 2 Oslo/3", "1- Oslo/3"),
    ("An untracked correction of an earlier row is not seen.", "1 Oslo/1 | 2 Oslo/2 | 1 Oslo/3", "1- Oslo/2"),
    (
        "Versions that others follow keep what was told last.",
        "1 Oslo/1 | 2 Oslo/2 | 3 Rome/3 | 4 Lima/4",
        "1-3 Oslo/2, 3-4 Rome/3, 4- Lima/4",
    ),
)

MANY_KEYS = _cases(
    (
        "Keys of one batch have nothing to do with one another.",
        "A:1 Oslo, B:1 Oslo | A:2 Rome, B:2 gone, C:2 Lima, D:2 gone",
        "A:1-2 Oslo, A:2- Rome, B:1-2 Oslo, C:2- Lima",
    ),
    (
        "Keys may alternate line by line.",
        "A:3 Oslo, B:1 Oslo, A:1 Rome, B:3 Rome, A:2 Oslo, B:2 Oslo",
        "A:1-2 Rome, A:2- Oslo, B:1-3 Oslo, B:3- Rome",
    ),
    (
        "A late row of one key moves no other.",
        "A:1 Oslo, B:1 Oslo | A:5 Rome, B:5 Rome | A:3 Lima",
        "A:1-3 Oslo, A:3-5 Lima, A:5- Rome, B:1-5 Oslo, B:5- Rome",
    ),
    (
        "The end of one key is no neighbour of the next one's beginning.",
        "A:1 Oslo | B:2 Oslo | C:1 gone, C:3 Oslo",
        "A:1- Oslo, B:2- Oslo, C:3- Oslo",
    ),
    (
        "Keys that look alike are not the same.",
        "7:1 Oslo, 07:1 Rome, 7a:1 Lima, 7A:1 Riga | 7:2 gone, 7A:2 Oslo",
        "07:1- Rome, 7:1-2 Oslo, 7A:1-2 Riga, 7A:2- Oslo, 7a:1- Lima",
    ),
)

CASES = (*IN_ORDER, *REPEATED, *OUT_OF_ORDER, *DELETES, *TIES, *NULLS, *UNTRACKED, *MANY_KEYS)
