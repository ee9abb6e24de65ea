"""Bring the quarantine tables in line with what a write kept out, here. Nothing is ever deleted from them.

A row that is kept out again keeps the moment it was first seen; one that no longer is, is closed.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from metalayer_assets.contracts import CATALOG, Contract, Judged
from metalayer_assets.warehouse.judge import REJECTED
from metalayer_assets.warehouse.statements import bind, ident, literal

Cursor = Any

LINES = "quarantine.bronze_lines"
REJECTED_LINES = "rejected_lines"
_REJECTED_ROWS = "rejected_rows"


def keep_out_rows(cursor: Cursor, contract: Contract, slices: Sequence[date], stage: str) -> None:
    """Enter the rejected rows of a judged table's stage, with their raw values, and close what is no longer there."""
    if not isinstance(contract.source, Judged):
        raise TypeError(f"{contract.name} judges no rows")
    quarantine = CATALOG[contract.source.quarantine]
    source = contract.reads[0].table
    # The business key stands right after the four columns of origin.
    key = quarantine.columns[4].name
    cursor.execute(
        bind(
            f"""
            create temporary table {_REJECTED_ROWS} on commit drop as
            select
                staged.arrival_day, staged.source_file_id, staged.source_line, md5(origin.raw::text) as row_hash,
                staged.{ident(key)}, origin.raw, staged._failed as failed_rules
            from {ident(stage)} as staged
            join lateral (
                select to_jsonb(told) - '_file_id' - '_line' - '_arrival_day' as raw
                from {ident(source)} as told
                where told._arrival_day = staged.arrival_day
                    and told._file_id = staged.source_file_id
                    and told._line = staged.source_line
                offset 0
            ) as origin on true
            where staged._outcome = {REJECTED} and staged._slice = any(:slices)
            """
        ),
        {"slices": list(slices)},
    )
    _enter(cursor, quarantine, _REJECTED_ROWS, slices, "true")


def keep_out_lines(cursor: Cursor, contract: Contract, days: Sequence[date]) -> None:
    """Enter the unreadable lines of a bronze load (`rejected_lines`), and close what is no longer there."""
    _enter(cursor, CATALOG[LINES], REJECTED_LINES, days, f"kept.table_name = {literal(contract.name)}")


def _enter(cursor: Cursor, quarantine: Contract, found: str, slices: Sequence[date], scope: str) -> None:
    name = ident(quarantine.name)
    columns = [c.name for c in quarantine.columns if c.name not in {"first_seen_at", "state", "closed_at"}]
    listed_columns = ", ".join(ident(column) for column in columns)
    same = " and ".join(f"found.{ident(column)} = kept.{ident(column)}" for column in quarantine.key)
    changing = [column for column in columns if column not in quarantine.key]
    updates = ", ".join(f"{ident(column)} = excluded.{ident(column)}" for column in changing)
    cursor.execute(
        bind(
            f"""
            update {name} as kept
            set state = 'closed', closed_at = now()
            where kept.arrival_day = any(:slices) and kept.state = 'open' and {scope}
                and not exists (select from {ident(found)} as found where {same})
            """
        ),
        {"slices": list(slices)},
    )
    cursor.execute(
        f"insert into {name} ({listed_columns}) select distinct on ({', '.join(ident(k) for k in quarantine.key)})"
        f" {listed_columns} from {ident(found)}"
        f" on conflict ({', '.join(ident(k) for k in quarantine.key)}) do update"
        f" set {updates}, state = 'open', closed_at = null"
    )
