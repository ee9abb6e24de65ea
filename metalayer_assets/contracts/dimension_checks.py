"""Find contradictions in dimensions and in what is joined to them here; `validation` finds those of any table.

Every problem is one sentence, before which `validation` puts the table's name.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from metalayer_assets.contracts.catalog import Catalog
from metalayer_assets.contracts.dimensions import ENGINE_COLUMNS, attributes_of
from metalayer_assets.contracts.model import (
    Column,
    Contract,
    Extracts,
    Grain,
    Historised,
    Joins,
    Judged,
    Modelled,
    Reads,
)
from metalayer_assets.contracts.types import Type

_ARRIVAL = "arrival_day"
_OPENED = "valid_from"
_PROVENANCE = tuple(column for column in ENGINE_COLUMNS if column.name in {_ARRIVAL, "source_file_id", "source_line"})
# What the engine's statement puts before the name of an untracked column, and the most that PostgreSQL keeps of both.
_LONGEST_PREFIX, _LONGEST = "_final_", 63


def history_problems(contract: Contract, catalog: Catalog) -> Iterator[str]:
    """Contradictions in what a contract says of its members' history; a table without history may say nothing of it."""
    history = contract.source
    known = attributes_of(contract) if isinstance(history, Historised) else ()
    for column in contract.columns:
        if not column.tracked and column.name not in known:
            yield f"the column {column.name} is untracked, which only what a dimension says of its members can be."
    if isinstance(history, Historised):
        yield from chain(
            _identity(contract, history),
            _versions(contract),
            _attributes(contract, history, known),
            _sources(contract, history, catalog),
        )


def joins_problems(contract: Contract, catalog: Catalog) -> Iterator[str]:
    """Contradictions between a table and the dimensions that its rows are joined to."""
    if not contract.joins:
        return
    if not isinstance(contract.source, Modelled):
        yield "only a table that is made by a model alone can be joined to dimensions."
    if _ARRIVAL not in contract.column_names:
        yield f"a table that is joined to a dimension needs the column {_ARRIVAL}, which the table does not have."
    filled = Counter(joins.surrogate for joins in contract.joins)
    yield from (f"the column {name} holds the key of {times} joins." for name, times in filled.items() if times > 1)
    for joins in contract.joins:
        dimension = catalog.get(joins.table)
        if dimension is None:
            yield f"it joins {joins.table}, which no contract declares."
        elif not isinstance(dimension.source, Historised):
            yield f"it joins {joins.table}, which has no versions to join."
        else:
            yield from _joined(contract, joins, dimension, dimension.source.natural_key)


def _identity(contract: Contract, history: Historised) -> Iterator[str]:
    if not history.natural_key:
        yield "a dimension has a natural key."
    if contract.key != (*history.natural_key, _OPENED):
        yield f"the key of a dimension is its natural key and {_OPENED}: {', '.join((*history.natural_key, _OPENED))}."
    if history.surrogate not in contract.column_names:
        yield f"a dimension needs the column {history.surrogate}, which the table does not have."
    elif not _is(contract.column(history.surrogate), Type.BIGINT, never_null=True):
        yield f"the column {history.surrogate} holds hashes, so it is a {Type.BIGINT.sql} and never NULL."
    if contract.slice_by != _ARRIVAL or contract.grain is not Grain.DAY:
        yield f"a version belongs to the day that told of it, so a dimension has slices of a day named by {_ARRIVAL}."
    if contract.rules:
        yield "a dimension judges no rows: its rules belong to the tables that it reads."


def _versions(contract: Contract) -> Iterator[str]:
    for column in ENGINE_COLUMNS:
        if column.name not in contract.column_names:
            yield f"a dimension needs the column {column.name}, which the table does not have."
            continue
        declared = contract.column(column.name)
        if declared.type is not column.type:
            yield f"the column {column.name} is made by the engine, as {column.type.sql}."
        if column.nullable and not declared.nullable:
            yield f"the column {column.name} is made by the engine, and may be NULL."
        if column.ordinal and not declared.ordinal:
            yield f"the column {column.name} is a version's place among others: declare it as ordinal."


def _attributes(contract: Contract, history: Historised, known: Sequence[str]) -> Iterator[str]:
    for name in contract.column_names:
        if name.startswith("_"):
            yield f"the column {name} begins with an underscore, as what the engine adds does."
    for name in known:
        column = contract.column(name)
        if not column.tracked and len(_LONGEST_PREFIX + name) > _LONGEST:
            yield f"the untracked column '{name}' has a name of {len(name)} characters, to which the engine adds some."
        if not column.nullable and history.named_by:
            yield f"the column {name} is never NULL, but nothing is known of an inferred member."
        elif not column.nullable and len(contract.reads) > 1:
            yield f"the column {name} is never NULL, but of a member one of the sources alone may tell."


def _sources(contract: Contract, history: Historised, catalog: Catalog) -> Iterator[str]:
    if not contract.reads:
        yield "a dimension reads at least one table that tells of its members."
    told = Counter(reads.table for reads in contract.reads)
    yield from (f"it reads {name} {times} times." for name, times in told.items() if times > 1)
    for reads in (*contract.reads, *history.named_by):
        # That a table is declared, and has the columns that it is read by, is asked of all that are read.
        source = catalog.get(reads.table)
        if source is None:
            continue
        if reads.slice_by != _ARRIVAL:
            yield f"it reads {reads.table} by {reads.slice_by}, but what is told of a member counts by {_ARRIVAL}."
        yield from _lacking(source, ((column.name, column.type, column.nullable) for column in _PROVENANCE))
        pairs = f"it reads {reads.table} by ({', '.join(reads.key)})"
        yield from _unlike(pairs, contract, history.natural_key, source, reads.key)
        if reads in contract.reads:
            yield from _tells(history, reads, source, catalog)


def _tells(history: Historised, reads: Reads, source: Contract, catalog: Catalog) -> Iterator[str]:
    """Contradictions with a source that tells of members, and does not only name them."""
    yield from _lacking(source, ((history.sequence, Type.TIMESTAMP, False), (history.deleted, Type.BOOLEAN, True)))
    for name in reads.key:
        if name in source.column_names and source.column(name).nullable:
            yield f"it reads {source.name} by {name}, which may be NULL: of whom would such a row tell?"
    if not isinstance(source.source, Judged):
        return
    if source.source.deletion != history.deleted:
        yield (
            f"it reads {source.name}, which does not let a deletion stand among the rows of one key"
            f" (deletion={history.deleted!r})."
        )
    quarantine = catalog.get(source.source.quarantine)
    if quarantine is not None and catalog.extracts_of(source.name) is Extracts.SNAPSHOT:
        # Whoever is in a snapshot is not deleted by it, though the row be kept out.
        for name in reads.key:
            if name not in quarantine.column_names:
                yield f"it reads snapshots of {source.name} by {name}, which {quarantine.name} does not have."


def _lacking(source: Contract, needed: Iterable[tuple[str, Type, bool]]) -> Iterator[str]:
    for name, kind, nullable in needed:
        if name not in source.column_names:
            yield f"it reads {source.name}, which does not have the column {name}."
        elif not _is(source.column(name), kind, never_null=not nullable):
            never = "" if nullable else " and never NULL"
            yield f"it reads {source.name}, where the column {name} must be {kind.sql}{never}."


def _joined(contract: Contract, joins: Joins, dimension: Contract, natural_key: Sequence[str]) -> Iterator[str]:
    for name in (*joins.key, joins.surrogate):
        if name not in contract.column_names:
            yield f"it joins {joins.table} by the column {name}, which the table does not have."
    yield from _unlike(
        f"it joins {joins.table} by ({', '.join(joins.key)})", dimension, natural_key, contract, joins.key
    )
    if joins.surrogate in contract.column_names and contract.column(joins.surrogate).type is not Type.BIGINT:
        yield f"the column {joins.surrogate} holds the key of a version, so it is a {Type.BIGINT.sql}."


def _unlike(
    use: str, dimension: Contract, natural_key: Sequence[str], other: Contract, columns: Sequence[str]
) -> Iterator[str]:
    """Whether columns cannot hold a natural key, by number or type."""
    if len(columns) != len(natural_key):
        yield f"{use}, but its members are known by ({', '.join(natural_key)})."
        return
    for ours, theirs in zip(natural_key, columns, strict=True):
        if ours in dimension.column_names and theirs in other.column_names:
            wanted, found = dimension.column(ours).type, other.column(theirs).type
            if wanted is not found:
                yield f"{use}, but {theirs} is {found.sql} and {ours} is {wanted.sql}."


def _is(column: Column, kind: Type, *, never_null: bool) -> bool:
    return column.type is kind and not (never_null and column.nullable)
