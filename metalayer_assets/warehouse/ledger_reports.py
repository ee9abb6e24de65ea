"""Read the ledger for people here: what runs wrote, what was refused, what a table went through."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse.ledger import BESIDE
from metalayer_assets.warehouse.statements import bind

Cursor = Any


@dataclass(frozen=True)
class RunRows:
    """Rows that some runs moved into one table, and slices that they wrote."""

    table: str
    rows_read: int
    rows_written: int
    rows_collapsed: int
    rows_quarantined: int
    published: int
    unchanged: int
    refused: int


def rows_of(cursor: Cursor, run_ids: Sequence[str]) -> list[RunRows]:
    """What these runs wrote, table by table, upstream first; rows are those of the slices that were asked for."""
    cursor.execute(
        bind(
            """
            select
                table_name,
                coalesce(sum(rows_read) filter (where told), 0)::bigint,
                coalesce(sum(rows_written) filter (where told), 0)::bigint,
                coalesce(sum(rows_collapsed) filter (where told), 0)::bigint,
                coalesce(sum(rows_quarantined) filter (where told), 0)::bigint,
                count(*) filter (where status = 'published'),
                count(*) filter (where status = 'unchanged'),
                count(*) filter (where status = 'refused')
            from (
                select *, status <> 'refused' and reason is distinct from :beside as told
                from meta.slice_ledger
                where run_id = any(:runs::text[])
            ) as written
            group by table_name
            """
        ),
        {"runs": list(run_ids), "beside": BESIDE},
    )
    order = {name: number for number, name in enumerate(CATALOG)}
    found = [RunRows(*row) for row in cursor.fetchall()]
    return sorted(found, key=lambda rows: order.get(rows.table, len(order)))


def refusals_of(cursor: Cursor, run_id: str) -> dict[tuple[str, date], str]:
    """Slices that a run was refused, with the reason."""
    cursor.execute(
        bind("select table_name, slice, reason from meta.slice_ledger where run_id = :run and status = 'refused'"),
        {"run": run_id},
    )
    return {(table, day): reason for table, day, reason in cursor.fetchall()}


def first_slices(cursor: Cursor) -> dict[str, date]:
    """The first slice that stands of each asset table that has any."""
    cursor.execute("select table_name, min(slice) from meta.slice_ledger where status <> 'refused' group by table_name")
    return {table: day for table, day in cursor.fetchall() if table in CATALOG}


def entries(cursor: Cursor, table: str | None, *, day: date | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """Entries of the ledger, latest first."""
    names = (
        "write_id",
        "table_name",
        "slice",
        "status",
        "rows_read",
        "rows_written",
        "rows_collapsed",
        "rows_quarantined",
        "quality_score",
        "checksum",
        "reason",
        "run_id",
        "code_version",
        "started_at",
        "finished_at",
    )
    cursor.execute(
        bind(
            f"""
            select {", ".join(names)}
            from meta.slice_ledger
            where (:table::text is null or table_name = :table) and (:day::date is null or slice = :day)
            order by write_id desc, table_name, slice desc
            limit :limit
            """
        ),
        {"table": table, "day": day, "limit": limit},
    )
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def table_sizes(cursor: Cursor) -> list[dict[str, Any]]:
    """For every asset table: slices, rows, and the latest write, by the ledger."""
    cursor.execute(
        """
        select
            latest.table_name, count(*), sum(latest.rows_written)::bigint, min(latest.slice), max(latest.slice),
            max(latest.finished_at)
        from (
            select distinct on (table_name, slice) table_name, slice, rows_written, finished_at
            from meta.slice_ledger
            where status <> 'refused'
            order by table_name, slice, write_id desc
        ) as latest
        group by latest.table_name
        """
    )
    found = {row[0]: row[1:] for row in cursor.fetchall()}
    sizes = []
    for contract in CATALOG.assets():
        slices, rows, first, last, written_at = found.get(contract.name, (0, 0, None, None, None))
        sizes.append(
            {
                "table": contract.name,
                "rows": rows,
                "slices": slices,
                "first": first,
                "last": last,
                "written_at": written_at,
            }
        )
    return sizes
