"""Find contradictions in contracts here; keep what is done about them out (`warehouse.ddl`, `definitions`).

Every problem is one sentence that names the table and, where there is one, the rule, the column or the source.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import chain

from metalayer_assets.contracts.bronze import ARRIVAL_DAY, FILE_ID, LINE
from metalayer_assets.contracts.catalog import Catalog
from metalayer_assets.contracts.dimension_checks import history_problems, joins_problems
from metalayer_assets.contracts.dimensions import VERSION
from metalayer_assets.contracts.form_checks import form_problems
from metalayer_assets.contracts.model import Column, Contract, Grain, Historised, Judged, Landed
from metalayer_assets.contracts.replaced import CHANGE, FUNCTION_SUFFIXES, HISTORY, SLICE, WRITE_ID
from metalayer_assets.contracts.rule_checks import JUDGED_PROVENANCE, rule_problems
from metalayer_assets.contracts.types import Type

LAYERS = ("bronze", "silver", "gold", "quarantine", "meta", HISTORY)

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*\Z")
_LONGEST = 63
# What the warehouse makes of a table's name: a month, and the shell that months are built in.
_SUFFIXES = ("_y2024m01", "_shell")
_STAGE_COLUMNS = frozenset({"_slice", "_outcome", "_folded", "_failed", "_kept"})
_HISTORY_COLUMNS = frozenset({WRITE_ID, SLICE, CHANGE})


def problems(catalog: Catalog) -> list[str]:
    """Contradictions within contracts and between them; none for a sound catalog."""
    counted = Counter(contract.name for contract in catalog.declared)
    twice = [
        f"{name} is declared {times} times; a table has one contract." for name, times in counted.items() if times > 1
    ]
    own = chain.from_iterable(_problems_of(contract, catalog) for contract in catalog.values())
    return [*twice, *_namesakes(catalog), *_circles(catalog), *own]


def _namesakes(catalog: Catalog) -> Iterator[str]:
    """Assets of two layers that share a table name, and so would share their history."""
    first: dict[str, str] = {}
    for contract in catalog.assets():
        other = first.setdefault(contract.table, contract.name)
        if other != contract.name:
            yield f"{contract.name} is named like {other}; the past of both would be history.{contract.table}."


def _circles(catalog: Catalog) -> Iterator[str]:
    graph = {contract.name: contract.upstream for contract in catalog.values()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield f"{' is needed by '.join(error.args[1])}: a table cannot be made from itself."


def _problems_of(contract: Contract, catalog: Catalog) -> Iterator[str]:
    said = chain(
        _names(contract),
        _columns(contract),
        _slices(contract),
        _reads(contract, catalog),
        _judgement(contract, catalog),
        form_problems(contract),
        history_problems(contract, catalog),
        joins_problems(contract, catalog),
        rule_problems(contract, catalog),
    )
    return (f"{contract.name}: {problem}" for problem in said)


def _names(contract: Contract) -> Iterator[str]:
    parts = contract.name.split(".")
    if len(parts) != 2 or parts[0] not in LAYERS:
        yield f"a table is named layer.table, with a layer of {', '.join(LAYERS)}."
    suffixes = _SUFFIXES if contract.by_month else FUNCTION_SUFFIXES if parts[0] == HISTORY else ("",)
    yield from _bad_names("the table", [parts[-1] + suffix for suffix in suffixes])
    yield from _bad_names("the column", (column.name for column in contract.columns))
    yield from _bad_names("the index", (f"{parts[-1]}_{'_'.join(index)}_idx" for index in contract.indexes))
    yield from _bad_names("the rule", (rule.id for rule in contract.all_rules))
    # Text that may turn out unreadable is carried along under the column's name with an ending.
    told = (column.name for column in contract.columns if isinstance(contract.source, Judged) and not column.derived)
    yield from _bad_names("the column", (f"{name}__told" for name in told))


def _bad_names(what: str, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if not _IDENTIFIER.match(name):
            yield f"{what} '{name}' is not named with lower-case letters, digits and underscores only."
        elif len(name) > _LONGEST:
            yield f"{what} '{name}' has a name of {len(name)} characters; PostgreSQL keeps {_LONGEST}."


def _columns(contract: Contract) -> Iterator[str]:
    names = contract.column_names
    yield from (f"the column {name} is declared twice." for name, times in Counter(names).items() if times > 1)
    if contract.layer != HISTORY:
        reserved = {**dict.fromkeys(_HISTORY_COLUMNS, "the history"), **dict.fromkeys(_STAGE_COLUMNS, "the stage")}
        yield from (
            f"the column {name} has the name of a column of {reserved[name]}." for name in names if name in reserved
        )
    if not contract.key:
        yield "a table has a key."
    if len(set(contract.key)) < len(contract.key):
        yield f"the key names a column twice: {', '.join(contract.key)}."
    for use, columns in [("key", contract.key), *(("index", index) for index in contract.indexes)]:
        yield from _unknown(contract, f"the {use} ({', '.join(columns)})", columns)
    for column in contract.columns:
        yield from _column(contract, column)
    if isinstance(contract.source, Landed):
        yield from _unknown(contract, "a landed table", (FILE_ID, LINE, ARRIVAL_DAY))
        spellings = Counter(spelling for column in contract.columns for spelling in {column.name, *column.source_names})
        yield from (f"two columns are spelled '{name}' in files." for name, times in spellings.items() if times > 1)


def _column(contract: Contract, column: Column) -> Iterator[str]:
    if column.name in contract.key and column.nullable:
        yield f"the key column {column.name} may be NULL."
    if (column.optional or column.source_names) and not isinstance(contract.source, Landed):
        yield f"the column {column.name} says how a file spells it, but the table is not landed."
    if column.derived is not None and not isinstance(contract.source, Judged):
        yield f"the column {column.name} is derived, which only a column of a judged table can be."
    if column.ordinal and (not isinstance(contract.source, Historised) or column.name != VERSION.name):
        yield f"the column {column.name} is ordinal, which only {VERSION.name} of a dimension can be."


def _unknown(contract: Contract, use: str, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if name not in contract.column_names:
            yield f"{use} needs the column {name}, which the table does not have."


def _slices(contract: Contract) -> Iterator[str]:
    if contract.slice_by is None:
        if contract.is_asset or contract.by_month:
            yield "the table says no column that its slices are named by (slice_by)."
        return
    if contract.slice_by not in contract.column_names:
        yield from _unknown(contract, "slice_by", (contract.slice_by,))
        return
    column = contract.column(contract.slice_by)
    if column.type is not Type.DATE or column.nullable:
        yield f"the column {column.name} names slices, so it is a date and never NULL."
    if contract.by_month and contract.slice_by not in contract.key:
        yield f"the table is partitioned by {contract.slice_by}, so its key must contain it."
    if contract.by_month and contract.grain is Grain.YEAR:
        yield "a slice of a year does not fit into a month: drop by_month."
    if contract.guard.max_loss is not None and not 0 <= contract.guard.max_loss <= 1:
        yield f"the guard's max_loss {contract.guard.max_loss} is not a share from 0 to 1."


def _reads(contract: Contract, catalog: Catalog) -> Iterator[str]:
    named_by = contract.source.named_by if isinstance(contract.source, Historised) else ()
    for reads in (*contract.reads, *named_by):
        source = catalog.get(reads.table)
        if source is None:
            yield f"it reads {reads.table}, which no contract declares."
            continue
        for name in (reads.slice_by, *reads.key, *((reads.only,) if reads.only else ())):
            if name not in source.column_names:
                yield f"it reads {reads.table} by the column {name}, which that table does not have."
        if reads.slice_by in source.column_names and source.column(reads.slice_by).type is not Type.DATE:
            yield f"it reads {reads.table} by the column {reads.slice_by}, which is not a date."


def _judgement(contract: Contract, catalog: Catalog) -> Iterator[str]:
    if not isinstance(contract.source, Judged):
        return
    yield from _unknown(contract, "a judged table", JUDGED_PROVENANCE)
    if contract.source.deletion is not None:
        yield from _unknown(contract, "deletion", (contract.source.deletion,))
    if contract.source.quarantine not in catalog:
        yield f"its quarantine table {contract.source.quarantine} is not declared."
    landed = [catalog.get(reads.table) for reads in contract.reads]
    if len(landed) != 1 or landed[0] is None or not isinstance(landed[0].source, Landed):
        yield "a judged table reads exactly one landed table."
