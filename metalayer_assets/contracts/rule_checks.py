"""Find contradictions in the rules of a contract here; keep those of tables and columns out (`validation`)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from metalayer_assets.contracts.forms import NOT_ALWAYS_FOUND
from metalayer_assets.contracts.model import Contract, Historised, Judged, Modelled
from metalayer_assets.contracts.predicate import Predicate
from metalayer_assets.contracts.quality import DIMENSIONS_OF_QUALITY
from metalayer_assets.contracts.rules import Rule, SetRule
from metalayer_assets.contracts.set_rules import Agrees, Complete, Holds, Known, Unique
from metalayer_assets.contracts.types import Type

# What the audit of a judged table knows of a row beside its columns.
ENGINE_COLUMNS = frozenset({"calendar_start"})
JUDGED_PROVENANCE = ("quality_score", "broken_rules", "arrival_day", "source_file_id", "source_line")
_JUDGED_AFTERWARDS = frozenset({"quality_score", "broken_rules"})
_ADDED_UP = frozenset({Type.INTEGER, Type.BIGINT, Type.NUMERIC})


def rule_problems(contract: Contract, catalog: Mapping[str, Contract]) -> Iterator[str]:
    """Contradictions within a contract's rules, and with the tables that they look into."""
    rules = contract.all_rules
    counted = Counter(rule.id for rule in rules)
    yield from (f"the rule {name} is declared {times} times." for name, times in counted.items() if times > 1)
    for rule in rules:
        yield from _stated(rule)
    if contract.rules and not isinstance(contract.source, Judged | Historised):
        yield "rules about rows are judged where rows are kept out: declare a set rule (Holds) instead."
    if contract.set_rules and not isinstance(contract.source, Judged | Modelled):
        yield "rules about slices are counted where slices are staged: in judged and modelled tables."
    for row_rule in contract.rules:
        yield from _row_rule(contract, row_rule)
    for set_rule in contract.set_rules:
        yield from _set_rule(contract, set_rule, catalog)
    if contract.rules and not sum(rule.weight for rule in contract.rules):
        yield "no rule has a weight, so no row could have a score."
    limits = contract.thresholds
    for name, share in (("max_rejected", limits.max_rejected), ("score", limits.score)):
        if share is not None and not 0 <= share <= 1:
            yield f"the threshold {name} {share} is not a share from 0 to 1."


def _stated(rule: Rule | SetRule) -> Iterator[str]:
    if rule.weight < 0:
        yield f"the rule {rule.id} has the weight {rule.weight}; a weight is not negative."
    if rule.dimension not in DIMENSIONS_OF_QUALITY:
        known = ", ".join(sorted(DIMENSIONS_OF_QUALITY))
        yield f"the rule {rule.id} has the dimension '{rule.dimension}'; known are {known}."


def _row_rule(contract: Contract, rule: Rule) -> Iterator[str]:
    if (rule.holds is None) == (rule.readable is None):
        yield f"the rule {rule.id} says either what holds or what is readable, not both or neither."
    known = {*contract.column_names, *ENGINE_COLUMNS} - (
        _JUDGED_AFTERWARDS if isinstance(contract.source, Judged) else frozenset()
    )
    for name in sorted(rule.holds.columns() - known if rule.holds else ()):
        yield f"the rule {rule.id} asks for the column {name}, which a row does not have when judged."
    if rule.readable is None:
        return
    if rule.readable not in contract.column_names:
        yield f"the rule {rule.id} asks whether {rule.readable} is readable, but there is no such column."
        return
    column = contract.column(rule.readable)
    unread = column.type is Type.TEXT and not isinstance(column.form, NOT_ALWAYS_FOUND)
    if unread or column.derived is not None or column.name in JUDGED_PROVENANCE:
        yield f"the rule {rule.id} asks whether {column.name} is readable, but it is not read from text."


def _set_rule(contract: Contract, rule: SetRule, catalog: Mapping[str, Contract]) -> Iterator[str]:
    asked = rule.holds
    if isinstance(asked, Holds):
        yield from _absent(rule, contract, asked.predicate.columns())
    elif isinstance(asked, Unique):
        yield from _absent(rule, contract, (*asked.columns, *asked.of))
    elif isinstance(asked, Complete):
        yield from _absent(rule, contract, (asked.column,))
        if not 0 < asked.share <= 1:
            yield f"the rule {rule.id} asks for the share {asked.share}, which is not above 0 and at most 1."
    elif asked.table not in catalog:
        yield f"the rule {rule.id} looks into {asked.table}, which no contract declares."
    elif asked.table not in contract.upstream:
        yield f"the rule {rule.id} looks into {asked.table}, which the table is not made from: it may change unseen."
    elif isinstance(asked, Known):
        yield from _known(contract, rule, asked, catalog[asked.table])
    else:
        yield from _agrees(contract, rule, asked, catalog[asked.table])


def _known(contract: Contract, rule: SetRule, asked: Known, other: Contract) -> Iterator[str]:
    yield from _absent(rule, contract, asked.columns)
    yield from _absent(rule, other, (*asked.key, *_columns_of(asked.where)))
    if len(asked.columns) != len(asked.key) or not asked.columns:
        yield f"the rule {rule.id} looks for {len(asked.columns)} columns by a key of {len(asked.key)}."


def _agrees(contract: Contract, rule: SetRule, asked: Agrees, other: Contract) -> Iterator[str]:
    yield from _absent(rule, contract, (asked.total,))
    of = (asked.of,) if asked.of else ()
    yield from _absent(rule, other, (*of, asked.slice_by, *_columns_of(asked.where)))
    for table, name in ((contract, asked.total), *((other, name) for name in of)):
        if name in table.column_names and table.column(name).type not in _ADDED_UP:
            yield f"the rule {rule.id} adds up {table.name}.{name}, which is no number."


def _columns_of(where: Predicate | None) -> frozenset[str]:
    return where.columns() if where else frozenset()


def _absent(rule: SetRule, contract: Contract, names: Iterable[str]) -> Iterator[str]:
    for name in sorted(set(names) - set(contract.column_names)):
        yield f"the rule {rule.id} asks for the column {name}, which {contract.name} does not have."
