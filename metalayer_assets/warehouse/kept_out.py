"""Bring the quarantine tables in line with what a write kept out, here. Nothing is ever deleted from them.

A row that is kept out again keeps the moment it was first seen; one that no longer is, is closed.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from metalayer_assets.contracts import CATALOG, Contract, Judged
from metalayer_assets.contracts.replaced import kept_columns
from metalayer_assets.warehouse.checksums import checksum
from metalayer_assets.warehouse.judge import REJECTED
from metalayer_assets.warehouse.statements import bind, ident, listed, literal

Cursor = Any

LINES = "quarantine.bronze_lines"
REJECTED_LINES = "rejected_lines"
REJECTED_ROWS = "rejected_rows"


def content_columns(quarantine: Contract) -> tuple[str, ...]:
    """The columns that say what was kept out and why, not since when."""
    return tuple(column.name for column in kept_columns(quarantine))


def content_checksum(quarantine: Contract) -> str:
    """SQL aggregate expression of the checksum over kept-out rows, raw values and reasons included."""
    return checksum(content_hash(quarantine))


def content_hash(quarantine: Contract) -> str:
    """SQL expression of a kept-out row's hash, raw values and reasons included."""
    return f"hashtextextended(row({listed(content_columns(quarantine))})::text, 0)"


def find_rows(cursor: Cursor, contract: Contract, slices: Sequence[date], stage: str) -> None:
    """Give the rejected rows of a judged table's stage their raw values, in the temporary table `rejected_rows`."""
    quarantine, source = _quarantine_of(contract), contract.reads[0].table
    # The business key stands right after the four columns of origin.
    key = quarantine.columns[4].name
    cursor.execute(f"drop table if exists pg_temp.{REJECTED_ROWS}")
    cursor.execute(
        bind(
            f"""
            create temporary table {REJECTED_ROWS} on commit drop as
            with rejected as materialized (
                select arrival_day, source_file_id, source_line, {ident(key)}, _failed
                from {ident(stage)}
                where _outcome = {REJECTED}
            ),
            origin as (
                select
                    rejected.*,
                    to_jsonb(told) - '_file_id' - '_line' - '_arrival_day' as raw
                from {ident(source)} as told
                inner join rejected
                    on told._arrival_day = rejected.arrival_day
                    and told._file_id = rejected.source_file_id
                    and told._line = rejected.source_line
                where told._arrival_day = any(:slices)
            )
            select
                arrival_day, source_file_id, source_line, md5(raw::text) as row_hash, {ident(key)}, raw,
                _failed as failed_rules
            from origin
            """
        ),
        {"slices": list(slices)},
    )


def row_checksums(cursor: Cursor, contract: Contract) -> dict[date, str]:
    """Checksums of the rejected rows that were found, by arrival day."""
    return _checksums(cursor, _quarantine_of(contract), REJECTED_ROWS)


def line_checksums(cursor: Cursor) -> dict[date, str]:
    """Checksums of the unreadable lines of a bronze load (`rejected_lines`), by arrival day."""
    return _checksums(cursor, CATALOG[LINES], REJECTED_LINES)


def _checksums(cursor: Cursor, quarantine: Contract, found: str) -> dict[date, str]:
    cursor.execute(f"select arrival_day, {content_checksum(quarantine)} from {ident(found)} group by arrival_day")
    return dict(cursor.fetchall())


def _quarantine_of(contract: Contract) -> Contract:
    if not isinstance(contract.source, Judged):
        raise TypeError(f"{contract.name} judges no rows")
    return CATALOG[contract.source.quarantine]


def keep_out_rows(cursor: Cursor, contract: Contract, slices: Sequence[date]) -> None:
    """Enter the rejected rows that were found for these slices, and close what is no longer there."""
    _enter(cursor, _quarantine_of(contract), REJECTED_ROWS, slices, "true")


def keep_out_lines(cursor: Cursor, contract: Contract, days: Sequence[date]) -> None:
    """Enter the unreadable lines of a bronze load for these days, and close what is no longer there."""
    _enter(cursor, CATALOG[LINES], REJECTED_LINES, days, f"kept.table_name = {literal(contract.name)}")


def _enter(cursor: Cursor, quarantine: Contract, found: str, slices: Sequence[date], scope: str) -> None:
    name = ident(quarantine.name)
    columns = content_columns(quarantine)
    keys = listed(quarantine.key)
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
        bind(
            f"""
            insert into {name} ({listed(columns)})
            select distinct on ({keys}) {listed(columns)} from {ident(found)} where arrival_day = any(:slices)
            on conflict ({keys}) do update set {updates}, state = 'open', closed_at = null
            """
        ),
        {"slices": list(slices)},
    )
