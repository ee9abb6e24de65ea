"""Define rules about the rows of a slice together here, as data; keep rules about one row out (`rules.Rule`).

A rule about one row is asked of the row alone, and its verdict is part of the row. A rule about a slice is asked of the
rows that would be published, within the write: its verdict is counted beside them (`meta.rule_results`) and, where the
rule rejects, refuses the slice.
"""

from dataclasses import dataclass

from metalayer_assets.contracts.predicate import Predicate


@dataclass(frozen=True)
class Holds:
    """A predicate is not false of any row. Rows of which it is unknown are not examined."""

    predicate: Predicate


@dataclass(frozen=True)
class Unique:
    """No value is shared by two things. Rows where a value is missing are not examined.

    Attributes:
        columns: The columns whose values together are not shared.
        of: Columns that say what a thing is: rows that agree in them may share values. None: every row is a thing.
    """

    columns: tuple[str, ...]
    of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Known:
    """What a row names is there. Rows that name nothing are not examined.

    Attributes:
        columns: The columns that name it.
        table: The table that it is to be found in, of any layer and system.
        key: Its columns there, in the order of `columns`.
        where: Which rows of that table count; None is all.
    """

    columns: tuple[str, ...]
    table: str
    key: tuple[str, ...]
    where: Predicate | None = None


@dataclass(frozen=True)
class Complete:
    """A column is filled in at least that share (0 to 1) of the slice's rows; where it is, no row breaks the rule."""

    column: str
    share: float


@dataclass(frozen=True)
class Agrees:
    """A slice's total is that of the same slice of another table; where it is not, every row of the slice breaks it.

    Attributes:
        total: Column of this table that is added up.
        table: The other table, sliced by days of the same meaning.
        slice_by: Its column that names the slice.
        of: Its column that is added up; None: its rows are counted.
        where: Which of its rows count; None is all.
    """

    total: str
    table: str
    slice_by: str
    of: str | None = None
    where: Predicate | None = None


Kind = Holds | Unique | Known | Complete | Agrees


@dataclass(frozen=True)
class Thresholds:
    """How bad a slice of a table may be; what is None follows the settings.

    Attributes:
        max_rejected: Share of the rows read that may be kept out (METALAYER_REJECT_LIMIT).
        max_unreadable: Lines of one file that may be unreadable (METALAYER_UNREADABLE_LIMIT).
        score: Quality score that a slice should have, 0 to 1 (METALAYER_QUALITY_TARGET).
        refuse_below_score: Whether a slice below that score is refused, and not only marked.
    """

    max_rejected: float | None = None
    max_unreadable: int | None = None
    score: float | None = None
    refuse_below_score: bool = False
