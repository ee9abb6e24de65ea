"""Say here what must be true of every dimension's versions and of every fact joined to them, and count what is not."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from metalayer_assets.contracts import CATALOG, Contract, Joins
from metalayer_assets.contracts.dimensions import FIRST_DAY, LAST_DAY, history_of
from metalayer_assets.warehouse.statements import bind, ident, listed
from metalayer_assets.warehouse.version_columns import member_text, text_of

Cursor = Any

_SHOWN = 3


def broken_history(cursor: Cursor, contract: Contract, relation: str) -> list[str]:
    """What is wrong with the versions in a relation that holds every version of each of its members."""
    history = history_of(contract)
    keys = listed(history.natural_key)
    cursor.execute(
        bind(
            f"""
            select problem, count(*), (array_agg({member_text(contract)} order by {keys}))[:{_SHOWN}]
            from (
                select
                    {keys},
                    case
                        when valid_to <= valid_from then 'a version is valid for no time'
                        when valid_to is null and next_from is not null then 'an open version stands before another'
                        when valid_to > next_from then 'two versions overlap'
                        when valid_to = next_from and change_hash = next_hash then 'two versions in a row are equal'
                        when is_current <> (valid_to is null) then 'is_current and valid_to disagree'
                        when is_inferred and (place > 1 or next_from is not null)
                            then 'an inferred member has another version'
                        when version <> place then 'versions are not numbered in order'
                        when facts_from > facts_until then 'facts join a version until before they begin to'
                        when facts_from <> coalesce(last_until, :first_day)
                            or (next_from is null and facts_until <> :last_day)
                            then 'a business day joins no version or two'
                    end as problem
                from (
                    select
                        {keys}, version, valid_from, valid_to, is_current, is_inferred, facts_from, facts_until,
                        change_hash,
                        row_number() over member as place,
                        lead(valid_from) over member as next_from,
                        lead(change_hash) over member as next_hash,
                        lag(facts_until) over member as last_until
                    from {ident(relation)}
                    window member as (partition by {keys} order by valid_from)
                ) as placed
            ) as judged
            where problem is not null
            group by problem
            order by problem
            """
        ),
        {"first_day": FIRST_DAY, "last_day": LAST_DAY},
    )
    return [f"{problem} ({rows} rows, such as {', '.join(members)})" for problem, rows, members in cursor.fetchall()]


def unjoined(
    cursor: Cursor,
    contract: Contract,
    joins: Joins,
    relation: str,
    *,
    only: str = "true",
    settled: Sequence[date] | None = None,
    binds: Mapping[str, object] | None = None,
) -> int:
    """Rows that name a member but do not carry the key of its version that is valid on their day.

    Args:
        cursor: Cursor.
        contract: The table that is joined to the dimension.
        joins: How.
        relation: The rows: the table itself, or a stage of it.
        only: A further condition on the rows, as SQL over the alias `fact`.
        settled: Arrival days that the dimension has taken in: a row of another day may carry the key that a member
            will have once the dimension knows of it. None: all days are.
        binds: Values of the condition's binds.
    """
    history = history_of(CATALOG[joins.table])
    same = " and ".join(
        f"version.{ident(theirs)} = fact.{ident(ours)}"
        for theirs, ours in zip(history.natural_key, joins.key, strict=True)
    )
    day = f"fact.{ident(contract.sliced_by)}"
    given = " and ".join(f"fact.{ident(name)} is not null" for name in joins.key)
    cursor.execute(
        bind(
            f"""
            select count(*)
            from (
                select {listed(dict.fromkeys((*joins.key, joins.surrogate, "arrival_day")), "fact")}
                from {ident(relation)} as fact
                where {given} and {only}
                    and not exists (
                        select from {ident(joins.table)} as version
                        where {same}
                            and version.{ident(history.surrogate)} = fact.{ident(joins.surrogate)}
                            and {day} >= version.facts_from
                            and {day} < version.facts_until
                    )
                offset 0
            ) as fact
            where :settled::date[] is null
                or fact.arrival_day = any(:settled::date[])
                or fact.{ident(joins.surrogate)} <> {inferred_key(joins, "fact")}
            """
        ),
        {**(binds or {}), "settled": None if settled is None else list(settled)},
    )
    return int(cursor.fetchone()[0])


def inferred_key(joins: Joins, prefix: str) -> str:
    """SQL expression of the key that a row carries whose member the dimension does not know yet."""
    return f"meta.inferred_key({text_of(joins.key, prefix)})"
