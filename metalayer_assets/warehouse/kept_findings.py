"""Keep what was last found of each day in a table about the warehouse here; keep the finding out."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from psycopg2.extras import execute_values

from metalayer_assets.contracts import Contract
from metalayer_assets.warehouse.statements import bind, ident, listed

Cursor = Any


def replace_days(
    cursor: Cursor,
    contract: Contract,
    found: Sequence[object],
    first: date,
    last: date,
    *,
    of: tuple[str, Sequence[str]],
) -> None:
    """Make these the findings of the days; one that is what it was keeps the moment that it is stamped with.

    Args:
        cursor: Cursor in the transaction that found them.
        contract: The table; its last column is the moment, which it fills by itself.
        found: Findings, with the other columns as attributes.
        first: First day that was looked at.
        last: Last day.
        of: Column and values of what was looked for; findings of anything else stay.
    """
    *columns, stamp = contract.column_names
    column, values = of
    rows = [tuple(getattr(finding, name) for name in columns) for finding in found]
    # Two runs that look at the same days would otherwise insert into each other's range.
    cursor.execute(f"lock table {ident(contract.name)} in share row exclusive mode")
    stage = "found_of_days"
    cursor.execute(f"create temporary table {stage} (like {ident(contract.name)}) on commit drop")
    cursor.execute(f"alter table {stage} drop column {ident(stamp)}")
    execute_values(cursor, f"insert into {stage} ({listed(columns)}) values %s", rows, page_size=1000)
    told = [name for name in columns if name not in contract.key]
    cursor.execute(
        bind(
            f"""
            delete from {ident(contract.name)} as old
            where old.day between :first and :last and old.{ident(column)} = any(:values)
                and ({listed(contract.key, "old")}) not in (select {listed(contract.key)} from {stage})
            """
        ),
        {"first": first, "last": last, "values": list(values)},
    )
    cursor.execute(
        f"insert into {ident(contract.name)} as old ({listed(columns)}) select {listed(columns)} from {stage}"
        f" on conflict ({listed(contract.key)}) do update set"
        f" {', '.join(f'{ident(name)} = excluded.{ident(name)}' for name in told)},"
        f" {ident(stamp)} = excluded.{ident(stamp)}"
        f" where ({listed(told, 'old')}) is distinct from ({listed(told, 'excluded')})"
    )
    cursor.execute(f"drop table {stage}")
