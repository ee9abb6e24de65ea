"""Define what a contract is here; keep the contracts themselves out (`bronze`, `silver`, `gold`, `meta`)."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum

from metalayer_assets.contracts.forms import Form
from metalayer_assets.contracts.rules import Rule, SetRule, Severity
from metalayer_assets.contracts.set_rules import Thresholds
from metalayer_assets.contracts.types import Type


class Grain(Enum):
    """The length of one slice; a slice is named by its first day."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"

    def first_day(self, day: date) -> date:
        """The first day of the slice that the day lies in."""
        if self is Grain.DAY:
            return day
        return day.replace(day=1) if self is Grain.MONTH else day.replace(month=1, day=1)

    def next_slice(self, day: date) -> date:
        """The first day of the slice after the one that the day lies in."""
        if self is Grain.DAY:
            return day + timedelta(days=1)
        if self is Grain.MONTH:
            return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        return date(day.year + 1, 1, 1)


@dataclass(frozen=True)
class Column:
    """A column: its name, type and meaning, and what is true of every value in it.

    Attributes:
        name: Lower-case name in PostgreSQL, at most 63 bytes.
        type: The one statement of its type.
        description: One sentence for the data dictionary.
        nullable: Whether NULL may be stored.
        pii: Whether the value can identify a person.
        optional: In a landed table, whether an extract may lack the column.
        source_names: In a landed table, further header spellings that mean this column.
        derived: In a judged table, the SQL expression over the row's typed columns that yields it.
        form: In a judged table, the notation that its told values are brought to.
        tracked: In a table with history, whether another value opens a version; where not, the version carries the
            latest value told in it.
        ordinal: Whether the value is the row's place among others. It follows from them, so it is no part of what the
            row says: neither in its checksum nor in history.
        default: SQL expression for rows written without the column (kept for `meta` tables).
    """

    name: str
    type: Type
    description: str
    nullable: bool = True
    pii: bool = False
    optional: bool = False
    source_names: tuple[str, ...] = ()
    derived: str | None = None
    form: Form | None = None
    tracked: bool = True
    ordinal: bool = False
    default: str | None = None


@dataclass(frozen=True)
class Reads:
    """A table that this table is made from, and which of its slices a changed row there touches.

    Attributes:
        table: Name of the table read.
        slice_by: Column of that table whose value names the touched slice here.
        key: Columns that identify one thing told several times; a change to one telling touches the slices of all.
        only: Column that says whether a row counts, for a table that keeps older rows as well.
    """

    table: str
    slice_by: str
    key: tuple[str, ...] = ()
    only: str | None = None


@dataclass(frozen=True)
class Joins:
    """A dimension that each row of this table is joined to: the version that facts of the row's slice day join.

    Attributes:
        table: Name of the dimension.
        key: Columns of this table that hold the dimension's natural key; a row without it joins nothing.
        surrogate: Column of this table that holds the version's key.
    """

    table: str
    key: tuple[str, ...]
    surrogate: str


@dataclass(frozen=True)
class Guard:
    """How much of a published slice a write may lose before it is refused (`None`: the setting's share).

    Attributes:
        max_loss: Largest share of rows that may go, 0 to 1.
        min_rows: Slices smaller than this may shrink freely.
        may_empty: Whether a slice that had rows may become empty.
    """

    max_loss: float | None = None
    min_rows: int = 20
    may_empty: bool = False


class Extracts(Enum):
    """What the rows of an extract say of the keys that are not in it."""

    CHANGES = "changes"  # nothing: a row says what changed
    SNAPSHOT = "snapshot"  # a key that was in the extract before and is not in this one is deleted


class DriftPolicy(Enum):
    """What becomes of a file whose columns are not those that the contract declares.

    A column that the contract calls optional may be absent under every policy. Values that change never count.
    """

    EVOLVE = "evolve"  # it is loaded, columns that nobody declares excepted; without a required one it is refused
    FREEZE = "freeze"  # its slice is refused, the old one stands
    QUARANTINE = "quarantine"  # every line of it is kept out, the other files of the day are loaded


@dataclass(frozen=True)
class Freshness:
    """How long after a table was last written it counts as late, and as too late: a daily extract may miss a day."""

    late: timedelta = timedelta(hours=26)
    too_late: timedelta = timedelta(hours=50)


@dataclass(frozen=True)
class Landed:
    """Made from landed files: `landing/<system>/<dataset>/<arrival day>/*`.

    Attributes:
        system: Folder of the source system.
        dataset: Folder of the extract in it.
        extracts: What an extract says of keys that are not in it.
        drift: What becomes of a file with other columns than declared.
    """

    system: str
    dataset: str
    extracts: Extracts = Extracts.CHANGES
    drift: DriftPolicy = DriftPolicy.EVOLVE


@dataclass(frozen=True)
class Judged:
    """Made by one SELECT that cleans text; the contract casts it, judges each row and collapses by key.

    Attributes:
        quarantine: Table of the rows that are kept out.
        deletion: Column that says whether a row is a deletion, where of the rows of one key a deletion stands.
    """

    quarantine: str
    deletion: str | None = None


@dataclass(frozen=True)
class Modelled:
    """Made by one SELECT whose columns are the contract's."""


@dataclass(frozen=True)
class Historised:
    """A dimension: the versions of each member, a function of everything that its sources ever told (SCD type 2).

    Its model is one SELECT over the sources as if each held the member's one row of a moment; the engine puts in the
    rows of every moment. A change in any of the contract's tracked columns opens a version.

    Attributes:
        natural_key: Columns that identify a member, here and, as `Reads.key`, in the sources.
        surrogate: Column that identifies a version: a hash of natural key and `valid_from`.
        named_by: Tables whose rows name members; one that no source tells of becomes an inferred member.
        sequence: Column of the sources that orders the changes of a member.
        deleted: Column of the sources that says whether a change is the member's deletion.
    """

    natural_key: tuple[str, ...]
    surrogate: str
    named_by: tuple[Reads, ...] = ()
    sequence: str = "changed_at"
    deleted: str = "is_deleted"


@dataclass(frozen=True)
class Stored:
    """Written by the warehouse about itself; not an asset."""


Source = Landed | Judged | Modelled | Historised | Stored


@dataclass(frozen=True)
class Contract:
    """The one declaration of a table.

    Attributes:
        name: `layer.table`; the asset key, the relation, the SQL file and the test carry the same name.
        description: What one row is and what the table is for.
        columns: In physical order.
        key: Primary key columns.
        slice_by: Column that names the slice (None for tables that are not sliced).
        grain: Length of a slice.
        source: How a slice is made.
        reads: The tables whose rows it is made from, each of which is accounted for.
        joins: The dimensions that its rows are joined to.
        rules: What must hold for every row.
        set_rules: What must hold for the rows of a slice together.
        thresholds: How bad a slice may be.
        follows: Tables whose audits make the rows, for a table that is made from what audits counted.
        indexes: Further column lists to index.
        owner: Team that answers for the table.
        guard: When a shrinking slice is refused.
        freshness: When the table counts as late; None: never, since nobody waits for it.
        by_month: Whether the table is range-partitioned by month on its slice column.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    source: Source
    slice_by: str | None = None
    grain: Grain = Grain.DAY
    reads: tuple[Reads, ...] = ()
    joins: tuple[Joins, ...] = ()
    rules: tuple[Rule, ...] = ()
    set_rules: tuple[SetRule, ...] = ()
    thresholds: Thresholds = field(default_factory=Thresholds)
    follows: tuple[str, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    owner: str = "team:data-platform"
    guard: Guard = field(default_factory=Guard)
    freshness: Freshness | None = field(default_factory=Freshness)
    by_month: bool = False

    @property
    def layer(self) -> str:
        """Schema in PostgreSQL and group in Dagster."""
        return self.name.split(".")[0]

    @property
    def table(self) -> str:
        """Table name without its layer."""
        return self.name.split(".")[1]

    @property
    def sliced_by(self) -> str:
        """The slice column, for tables that have one.

        Raises:
            ValueError: The table is not sliced.
        """
        if self.slice_by is None:
            raise ValueError(f"{self.name} has no slices")
        return self.slice_by

    @property
    def upstream(self) -> tuple[str, ...]:
        """Names of the tables that this one depends on, each once."""
        if self.follows:
            return self.follows
        named = self.source.named_by if isinstance(self.source, Historised) else ()
        read = [reads.table for reads in (*self.reads, *named)]
        return tuple(dict.fromkeys([*read, *(joins.table for joins in self.joins)]))

    @property
    def is_asset(self) -> bool:
        """Whether the table is a node of the asset graph."""
        return not isinstance(self.source, Stored)

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: There is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in physical order."""
        return tuple(column.name for column in self.columns)

    @property
    def content_names(self) -> tuple[str, ...]:
        """Names, in physical order, of the columns that say what a row is: all but its place among others."""
        return tuple(column.name for column in self.columns if not column.ordinal)

    @property
    def all_rules(self) -> "tuple[Rule | SetRule, ...]":
        """The rules about rows and those about slices, in declared order."""
        return (*self.rules, *self.set_rules)

    @property
    def is_ruled(self) -> bool:
        """Whether writes of the table count rules: its own, or that lines can be read."""
        return bool(self.all_rules) or isinstance(self.source, Landed)

    def rules_of(self, severity: Severity) -> Iterator[Rule]:
        """Rules of that severity, in declared order."""
        return (rule for rule in self.rules if rule.severity is severity)

    def fingerprint(self) -> str:
        """Hash of everything declared here; changes when any clause does."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]
