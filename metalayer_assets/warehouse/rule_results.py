"""Keep what audits counted for rules here (`meta.rule_results`); keep the counting out (`measuring`, `set_rules`)."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from psycopg2.extras import execute_values

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse.ledger import RuleCount, WriteReport
from metalayer_assets.warehouse.slices import sliced
from metalayer_assets.warehouse.statements import bind, listed

Cursor = Any
_TABLE = "meta.rule_results"
# What a result says of a slice, beside whose result it is.
_SAID = ("rule_id", "severity", "dimension", "weight", "version", "rows_examined", "rows_broken", "sample_keys")


def record(cursor: Cursor, report: WriteReport) -> None:
    """Enter what a write's audit counted, for the slices of which that is not what was counted last.

    Tables that are made from results are touched.
    """
    counted = {day: _rows(counts.rules) for day, counts in report.slices.items() if counts.rules}
    if not counted:
        return
    before = _latest(cursor, report.table, list(counted))
    news = sorted(day for day, rows in counted.items() if before.get(day) != rows)
    if not news:
        return
    cursor.execute(
        bind(f"update {_TABLE} set is_latest = false where table_name = :table and slice = any(:days) and is_latest"),
        {"table": report.table, "days": news},
    )
    told = {day: any(rule.rows_examined for rule in report.slices[day].rules) for day in news}
    rows = [(report.table, day, report.write_id, *row, told[day]) for day in news for row in counted[day]]
    columns = listed(("table_name", "slice", "write_id", *_SAID, "is_latest"))
    execute_values(cursor, f"insert into {_TABLE} ({columns}) values %s", rows, page_size=1000)
    for reader, _ in CATALOG.readers_of(_TABLE):
        cursor.execute(
            bind(
                f"""
                insert into meta.touched_slices (table_name, slice, cause_write_id)
                select distinct :reader, {sliced("counted.day", reader.grain)}, :write_id::bigint
                from unnest(:days::date[]) as counted (day)
                on conflict do nothing
                """
            ),
            {"reader": reader.name, "write_id": report.write_id, "days": news},
        )


def _rows(rules: Sequence[RuleCount]) -> list[tuple[Any, ...]]:
    return sorted(
        (
            *(rule.rule_id, rule.severity, rule.dimension, rule.weight, rule.version),
            *(rule.rows_examined, rule.rows_broken, list(rule.sample_keys)),
        )
        for rule in rules
    )


def _latest(cursor: Cursor, table: str, days: Sequence[date]) -> dict[date, list[tuple[Any, ...]]]:
    cursor.execute(
        bind(
            f"""
            select result.slice, {listed(_SAID, "result")}
            from {_TABLE} as result
            inner join (
                select slice, max(write_id) as write_id from {_TABLE}
                where table_name = :table and slice = any(:days)
                group by slice
            ) as latest on latest.slice = result.slice and latest.write_id = result.write_id
            where result.table_name = :table
            order by result.rule_id
            """
        ),
        {"table": table, "days": list(days)},
    )
    found: dict[date, list[tuple[Any, ...]]] = {}
    for day, *said in cursor.fetchall():
        found.setdefault(day, []).append(tuple(said))
    return found


def after(cursor: Cursor, table: str, day: date, write_id: int) -> tuple[RuleCount, ...]:
    """What was counted last for a slice once a write was done."""
    cursor.execute(
        bind(
            f"""
            select {listed(_SAID)} from {_TABLE}
            where table_name = :table and slice = :day and write_id = (
                select max(write_id) from {_TABLE}
                where table_name = :table and slice = :day and write_id <= :write_id
            )
            order by rule_id
            """
        ),
        {"table": table, "day": day, "write_id": write_id},
    )
    return tuple(
        RuleCount(
            rule, severity, examined, broken, tuple(keys or ()), dimension=dimension, weight=weight, version=version
        )
        for rule, severity, dimension, weight, version, examined, broken, keys in cursor.fetchall()
    )
