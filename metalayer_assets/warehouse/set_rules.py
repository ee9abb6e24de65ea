"""Count here, within a write, what rules about a slice find among the rows that would be published.

Each rule is one statement over the stage. What it counts is told beside the rows and never part of them, so that a
row's content does not depend on what other tables held when it was written.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from metalayer_assets.contracts import CATALOG, Agrees, Complete, Contract, Holds, Known, SetRule, Unique
from metalayer_assets.warehouse.judge import WRITTEN
from metalayer_assets.warehouse.ledger import RuleCount
from metalayer_assets.warehouse.slices import sliced
from metalayer_assets.warehouse.statements import bind, ident, listed

Cursor = Any
# Of one slice and one rule: rows examined, rows broken, and the first and last business key among the latter.
_Found = tuple[int, int, tuple[str, ...]]
_NOTHING: _Found = (0, 0, ())


def count(cursor: Cursor, contract: Contract, stage: str, slices: Sequence[date]) -> dict[date, tuple[RuleCount, ...]]:
    """What every rule about slices counts in each slice, zeros where the stage has no row of it.

    Args:
        cursor: Cursor in the write's transaction.
        contract: The table.
        stage: Relation with the contract's columns, `_slice` and `_outcome`.
        slices: The slices asked for.
    """
    if not contract.set_rules:
        return {}
    found = {rule.id: _count(cursor, contract, rule, stage, slices) for rule in contract.set_rules}
    return {
        day: tuple(_rule_count(rule, found[rule.id].get(day, _NOTHING)) for rule in contract.set_rules)
        for day in slices
    }


def _rule_count(rule: SetRule, found: _Found) -> RuleCount:
    examined, broken, keys = found
    return RuleCount(
        rule.id,
        rule.severity.value,
        examined,
        broken,
        keys,
        dimension=rule.dimension,
        weight=rule.weight,
        version=rule.version,
    )


def _count(cursor: Cursor, contract: Contract, rule: SetRule, stage: str, slices: Sequence[date]) -> dict[date, _Found]:
    cursor.execute(bind(_statement(contract, rule, stage)), {"slices": list(slices)})
    return {
        day: (examined, broken, tuple(sorted({str(key) for key in (first, last) if key is not None})))
        for day, examined, broken, first, last in cursor.fetchall()
    }


def _statement(contract: Contract, rule: SetRule, stage: str) -> str:
    """A SELECT of slice, rows examined, rows broken, and the first and last key among the broken."""
    holds = rule.holds
    rows = f"from {ident(stage)} as staged where staged._outcome = {WRITTEN}"
    if isinstance(holds, Holds):
        truth = holds.predicate.sql({name: f"staged.{ident(name)}" for name in contract.column_names})
        return _counted(contract, rows, examined=f"{truth} is not null", broken=f"{truth} is false")
    if isinstance(holds, Complete):
        return _incomplete(contract, holds, rows)
    if isinstance(holds, Unique):
        return _shared(contract, holds, rows)
    if isinstance(holds, Known):
        return _unknown(contract, holds, rows)
    return _disagreeing(contract, holds, rows)


def _counted(contract: Contract, rows: str, *, examined: str, broken: str) -> str:
    key = f"staged.{ident(contract.key[0])}"
    # Few rows are broken, and only of these are keys compared.
    return f"""
        select examined.day, examined.n, coalesce(broken.n, 0), broken.first_key, broken.last_key
        from (
            select staged._slice as day, count(*) as n {rows} and {examined} group by staged._slice
        ) as examined
        left join (
            select staged._slice as day, count(*) as n, min({key}) as first_key, max({key}) as last_key
            {rows} and {broken}
            group by staged._slice
        ) as broken on broken.day = examined.day"""


def _incomplete(contract: Contract, holds: Complete, rows: str) -> str:
    column, key = f"staged.{ident(holds.column)}", f"staged.{ident(contract.key[0])}"
    # Keys are looked for only where too many values are missing.
    return f"""
        select counted.day, counted.n, case when counted.is_enough then 0 else counted.missing end,
            sample.first_key, sample.last_key
        from (
            select staged._slice as day, count(*) as n, count(*) - count({column}) as missing,
                count(*) - count({column}) <= count(*) * (1 - {holds.share}::numeric) as is_enough
            {rows}
            group by staged._slice
        ) as counted
        left join lateral (
            select min({key}) as first_key, max({key}) as last_key
            {rows} and not counted.is_enough and staged._slice = counted.day and {column} is null
        ) as sample on true"""


def _given(columns: Sequence[str]) -> str:
    return " and ".join(f"staged.{ident(name)} is not null" for name in columns)


def _shared(contract: Contract, holds: Unique, rows: str) -> str:
    things = f"count(distinct ({listed(holds.of, 'staged')}))" if holds.of else "count(*)"
    key = f"staged.{ident(contract.key[0])}"
    return f"""
        select day, sum(n)::bigint, coalesce(sum(n) filter (where things > 1), 0)::bigint,
            min(first_key) filter (where things > 1), max(last_key) filter (where things > 1)
        from (
            select staged._slice as day, count(*) as n, {things} as things, min({key}) as first_key,
                max({key}) as last_key
            {rows} and {_given(holds.columns)}
            group by staged._slice, {listed(holds.columns, "staged")}
        ) as shared
        group by day"""


def _unknown(contract: Contract, holds: Known, rows: str) -> str:
    table = CATALOG[holds.table]
    pairs = zip(holds.key, holds.columns, strict=True)
    same = " and ".join(f"there.{ident(theirs)} = staged.{ident(ours)}" for theirs, ours in pairs)
    if holds.where is not None:
        same += f" and {holds.where.sql({name: f'there.{ident(name)}' for name in table.column_names})}"
    key = f"staged.{ident(contract.key[0])}"
    return f"""
        select examined.day, examined.n, coalesce(missing.n, 0), missing.first_key, missing.last_key
        from (
            select staged._slice as day, count(*) as n {rows} and {_given(holds.columns)} group by staged._slice
        ) as examined
        left join (
            select staged._slice as day, count(*) as n, min({key}) as first_key, max({key}) as last_key
            {rows} and {_given(holds.columns)}
                and not exists (select from {ident(holds.table)} as there where {same})
            group by staged._slice
        ) as missing on missing.day = examined.day"""


def _disagreeing(contract: Contract, holds: Agrees, rows: str) -> str:
    table = CATALOG[holds.table]
    total = f"sum(there.{ident(holds.of)})" if holds.of else "count(*)"
    day = sliced(f"there.{ident(holds.slice_by)}", contract.grain)
    condition = ""
    if holds.where is not None:
        condition = f" and {holds.where.sql({name: f'there.{ident(name)}' for name in table.column_names})}"
    key = f"staged.{ident(contract.key[0])}"
    return f"""
        select here.day, here.n, case when here.total = coalesce(other.total, 0) then 0 else here.n end,
            case when here.total <> coalesce(other.total, 0) then here.first_key end, null
        from (
            select staged._slice as day, count(*) as n, coalesce(sum(staged.{ident(holds.total)}), 0) as total,
                min({key}) as first_key
            {rows}
            group by staged._slice
        ) as here
        left join (
            select {day} as day, {total} as total
            from {ident(holds.table)} as there
            where {day} = any(:slices){condition}
            group by 1
        ) as other on other.day = here.day"""


def refused(contract: Contract, counts: Mapping[date, Sequence[RuleCount]]) -> dict[date, str]:
    """Slices that break a rule about slices that rejects, and why."""
    rejecting = {rule.id: rule for rule in contract.set_rules if rule.severity.value == "reject"}
    reasons = {}
    for day, rules in counts.items():
        broken = [rule for rule in rules if rule.rule_id in rejecting and rule.rows_broken]
        if broken:
            told = "; ".join(
                f"{rule.rule_id} ({rejecting[rule.rule_id].description.removesuffix('.')}): {rule.rows_broken} of"
                f" {rule.rows_examined} rows, such as {', '.join(rule.sample_keys)}"
                for rule in broken
            )
            reasons[day] = f"it breaks {told}. Mend the source or the model, or declare the rule as a warning."
    return reasons
