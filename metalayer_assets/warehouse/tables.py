"""Answer small questions about tables here; keep writing out."""

from typing import Any

from metalayer_assets.contracts import Contract
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.statements import bind, ident

Cursor = Any
_SAMPLE = 20


def analyze(cursor: Cursor, table: str) -> None:
    """Let the planner know of rows that the transaction has just written: autovacuum would look too late, or never.

    A small sample is enough to choose between ways to join.
    """
    cursor.execute(f"set local default_statistics_target = {_SAMPLE}")
    cursor.execute(f"analyze {ident(table)}")


def row_count(database: Database, contract: Contract) -> int:
    """Rows that the table holds, by its ledger: the sum over its slices."""
    with database.transaction(readonly=True) as cursor:
        cursor.execute(
            bind(
                """
                select coalesce(sum(latest.rows_written), 0)::bigint
                from (
                    select distinct on (slice) rows_written
                    from meta.slice_ledger
                    where table_name = :table and status <> 'refused'
                    order by slice, write_id desc
                ) as latest
                """
            ),
            {"table": contract.name},
        )
        row = cursor.fetchone()
        return int(row[0]) if row else 0
