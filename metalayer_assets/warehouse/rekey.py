"""Find here the slices whose rows must be joined to other versions of a dimension, and enter them into the outbox."""

from datetime import date
from typing import Any

from metalayer_assets.contracts import CATALOG, Contract, Joins
from metalayer_assets.contracts.dimensions import history_of
from metalayer_assets.warehouse.dimension_stage import Difference
from metalayer_assets.warehouse.invariants import inferred_key
from metalayer_assets.warehouse.slices import sliced
from metalayer_assets.warehouse.statements import bind, ident, listed
from metalayer_assets.warehouse.tables import analyze

Cursor = Any

_SHIFTED = "shifted_members"


def touch(cursor: Cursor, contract: Contract, difference: Difference, write_id: int) -> dict[str, list[date]]:
    """After a dimension's rows were replaced: enter the slices with a row that carries another key than it should.

    No writer of a joined table may be under way (`locks.lock_touching`).

    Returns:
        The slices touched, by table.
    """
    joiners = CATALOG.joiners_of(contract.name)
    if not joiners:
        return {}
    bounds = _find_shifted(cursor, contract, difference)
    if bounds is None:
        return {}
    touched: dict[str, list[date]] = {}
    for reader, joins in joiners:
        found = _touch_reader(cursor, contract, reader, joins, write_id=write_id, bounds=bounds)
        if found:
            touched[reader.name] = sorted({*touched.get(reader.name, []), *found})
    return touched


def _find_shifted(cursor: Cursor, contract: Contract, difference: Difference) -> tuple[date, date] | None:
    """Make `shifted_members`: for each member, the days from which until which facts may join another version.

    A version that stays is joined by other days only where one of its ends has moved: of the days that it had and has,
    those that it keeps are not looked at.
    """
    history = history_of(contract)
    keys = history.natural_key
    same = " and ".join(f"gone.{ident(key)} = come.{ident(key)}" for key in keys)
    members = ", ".join(f"coalesce(gone.{ident(key)}, come.{ident(key)}) as {ident(key)}" for key in keys)
    cursor.execute(
        f"""
        create temporary table {_SHIFTED} on commit drop as
        select {listed(keys)}, min(first_day) as first_day, max(next_day) as next_day
        from (
            select
                {members},
                case
                    when gone.facts_from = come.facts_from then least(gone.facts_until, come.facts_until)
                    else least(gone.facts_from, come.facts_from)
                end as first_day,
                case
                    when gone.facts_until = come.facts_until then greatest(gone.facts_from, come.facts_from)
                    else greatest(gone.facts_until, come.facts_until)
                end as next_day
            from {ident(difference.removed)} as gone
            full join {ident(difference.added)} as come
                on {same} and gone.{ident(history.surrogate)} = come.{ident(history.surrogate)}
            where (gone.facts_from, gone.facts_until) is distinct from (come.facts_from, come.facts_until)
        ) as ends
        group by {listed(keys)}
        """
    )
    if not cursor.rowcount:
        return None
    analyze(cursor, _SHIFTED)
    cursor.execute(f"select min(first_day), max(next_day) from {_SHIFTED}")
    first, following = cursor.fetchone()
    return first, following


def _touch_reader(
    cursor: Cursor, contract: Contract, reader: Contract, joins: Joins, *, write_id: int, bounds: tuple[date, date]
) -> list[date]:
    history = history_of(contract)
    pairs = list(zip(history.natural_key, joins.key, strict=True))
    shifted = " and ".join(f"shifted.{ident(theirs)} = fact.{ident(ours)}" for theirs, ours in pairs)
    same = " and ".join(f"version.{ident(theirs)} = fact.{ident(ours)}" for theirs, ours in pairs)
    day = f"fact.{ident(reader.sliced_by)}"
    cursor.execute(
        bind(
            f"""
            insert into meta.touched_slices (table_name, slice, cause_write_id)
            select distinct :reader, {sliced(day, reader.grain)}, :write_id::bigint
            from {ident(reader.name)} as fact
            inner join {_SHIFTED} as shifted
                on {shifted} and {day} >= shifted.first_day and {day} < shifted.next_day
            left join {ident(contract.name)} as version
                on {same} and {day} >= version.facts_from and {day} < version.facts_until
            where {day} >= :first_day
                and {day} < :next_day
                and fact.{ident(joins.surrogate)} is distinct from
                    coalesce(version.{ident(history.surrogate)}, {inferred_key(joins, "fact")})
            on conflict do nothing
            returning slice
            """
        ),
        {"reader": reader.name, "write_id": write_id, "first_day": bounds[0], "next_day": bounds[1]},
    )
    return sorted(found for (found,) in cursor.fetchall())
