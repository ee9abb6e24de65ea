"""Read the quality of tables from `meta.data_quality_audit` here, for people; keep the judging out."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from metalayer_assets.contracts import Contract
from metalayer_assets.contracts.quality import DIMENSIONS_OF_QUALITY
from metalayer_assets.warehouse.statements import bind

Cursor = Any


def _score(condition: str = "true") -> str:
    examined = f"sum(weight * rows_examined) filter (where {condition})"
    held = f"sum(weight * (rows_examined - rows_broken)) filter (where {condition})"
    return f"trunc(({held})::numeric / nullif({examined}, 0), 4)"


_BY_DIMENSION = (f"{_score(f'dimension = {name!r}')} as {name}" for name in DIMENSIONS_OF_QUALITY)
_SCORES = ", ".join([f"{_score()} as score", *_BY_DIMENSION])
_IN_RANGE = "(:first::date is null or slice >= :first) and (:last::date is null or slice <= :last)"


def by_table(cursor: Cursor, *, first: date | None, last: date | None) -> list[dict[str, Any]]:
    """The score of each judged table over slices, upstream layers first: in all, and by dimension of quality.

    Each rule counts by its weight and by the rows that it examined; a score is None where nothing was examined.
    """
    return _scores(cursor, "table_name", first=first, last=last)


def by_layer(cursor: Cursor, *, first: date | None, last: date | None) -> list[dict[str, Any]]:
    """The same of each layer."""
    return _scores(cursor, "split_part(table_name, '.', 1)", first=first, last=last)


def _scores(cursor: Cursor, group: str, *, first: date | None, last: date | None) -> list[dict[str, Any]]:
    name = "table" if group == "table_name" else "layer"
    return _rows(
        cursor,
        f"""
        select {group} as "{name}", count(distinct (table_name, slice)) as slices,
            sum(rows_broken)::bigint as rows_broken, {_SCORES}
        from meta.data_quality_audit
        where {_IN_RANGE}
        group by {group}
        order by array_position(array['bronze', 'silver', 'gold', 'meta'], split_part({group}, '.', 1)), {group}
        """,
        {"first": first, "last": last},
    )


def by_rule(cursor: Cursor, contract: Contract, *, first: date | None, last: date | None) -> list[dict[str, Any]]:
    """What every rule of a table found over slices; those that cost the score most come first."""
    found = _rows(
        cursor,
        f"""
        select rule_id as rule, max(severity) as severity, max(dimension) as dimension, max(weight) as weight,
            sum(rows_examined)::bigint as rows_examined, sum(rows_broken)::bigint as rows_broken,
            {_score()} as score,
            (array_agg(slice order by rows_broken desc, slice) filter (where rows_broken > 0))[1] as worst_slice,
            (array_agg(sample_keys[1] order by rows_broken desc, slice) filter (where rows_broken > 0))[1] as such_as
        from meta.data_quality_audit
        where table_name = :table and {_IN_RANGE}
        group by rule_id
        order by sum(weight * rows_broken) desc, rule_id
        """,
        {"table": contract.name, "first": first, "last": last},
    )
    described = {rule.id: rule.description for rule in contract.all_rules}
    return [{**row, "description": described.get(row["rule"], "")} for row in found]


def _rows(cursor: Cursor, statement: str, binds: Mapping[str, object]) -> list[dict[str, Any]]:
    cursor.execute(bind(statement), binds)
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
