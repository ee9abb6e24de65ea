"""List what is kept out here, row by row or counted; read-only."""

from collections.abc import Sequence
from enum import Enum
from typing import Any

from metalayer_assets.contracts import Contract
from metalayer_assets.contracts.quarantine import RESOLUTION_COLUMNS
from metalayer_assets.warehouse.statements import bind, ident, listed, literal
from metalayer_assets.warehouse.workbench.desk import Desk, Selection, desks

Cursor = Any
Row = dict[str, Any]


class Group(Enum):
    """What rows can be counted by: the name that people give it, and the key that it has in a list."""

    TABLE = "table"
    RULE = "rule"
    FILE = "file"
    DAY = "day"

    @property
    def key(self) -> str:
        """Key in a list."""
        return "why" if self is Group.RULE else self.value


DEFAULT_GROUPS = (Group.TABLE, Group.RULE)


def kept_out_rows(cursor: Cursor, desk: Desk, selection: Selection, *, limit: int) -> list[Row]:
    """Rows or lines that are kept out of a table, latest arrival first, each with its file and the rules it broke."""
    reasons = "reason" if desk.holds_lines else "failed_rules"
    names = [name for name in desk.quarantine.column_names if name not in {"closed_at", "source_file_id"}]
    cursor.execute(
        bind(
            f"""
            select kept.*, file.path as file
            from (
                select {listed(names)}, source_file_id
                from {ident(desk.quarantine.name)} as kept
                where {selection.condition(desk)}
                order by arrival_day desc, source_file_id, source_line
                limit :limit
            ) as kept
            left join lateral (
                select path from meta.landed_files where file_id = kept.source_file_id limit 1
            ) as file on true
            order by kept.arrival_day desc, file.path, kept.source_line
            """
        ),
        selection.binds(cursor) | {"limit": limit},
    )
    columns = [column.name for column in cursor.description]
    found = []
    for values in cursor.fetchall():
        row = dict(zip(columns, values, strict=True))
        broken = [row[reasons]] if desk.holds_lines else row[reasons]
        found.append(
            {name: row[name] for name in ("file", "source_line")}
            | {name: row[name] for name in names if name not in ("source_line", *RESOLUTION_COLUMNS)}
            | {"reasons": [{"rule": rule, "description": desk.description(rule)} for rule in broken]}
            | {name: row[name] for name in RESOLUTION_COLUMNS}
        )
    return found


def kept_out_counts(
    cursor: Cursor, desks: Sequence[Desk], selection: Selection, groups: Sequence[Group] = DEFAULT_GROUPS
) -> list[Row]:
    """How many rows are kept out, over which arrival days, and when the first and the last of them were first seen.

    Counted by rule, a row that broke several is counted once for each.
    """
    by_rule = Group.RULE in groups
    parts = [_counted(desk, selection, by_rule=by_rule) for desk in desks]
    keys = [group.key for group in groups]
    order = [ident(key) for key in ("table", "day") if key in keys] + ["rows desc"]
    order += [ident(key) for key in ("why", "file") if key in keys]
    cursor.execute(
        bind(
            f"""
            select
                {"".join(f"{ident(key)}, " for key in keys)}
                sum(rows)::bigint as rows, min(day) as first, max(day) as last,
                min(first_seen) as first_seen, max(last_seen) as last_seen
            from (
                select found.*, file.path as file
                from (
                    {" union all ".join(parts)}
                ) as found
                left join lateral (
                    select path from meta.landed_files where file_id = found.file_id limit 1
                ) as file on true
            ) as found
            {f"group by {listed(keys)}" if keys else "having sum(rows) > 0"}
            order by {", ".join(order)}
            """
        ),
        selection.binds(cursor),
    )
    columns = [column.name for column in cursor.description]
    rows = [dict(zip(columns, values, strict=True)) for values in cursor.fetchall()]
    if by_rule:
        rows = [_described(row, desks) for row in rows]
    return rows


def _counted(desk: Desk, selection: Selection, *, by_rule: bool) -> str:
    rule, unnested = "null::text", ""
    if by_rule and desk.holds_lines:
        rule = "kept.reason"
    elif by_rule:
        rule, unnested = "rule.id", " cross join unnest(kept.failed_rules) as rule (id)"
    asked = "" if desk.holds_lines or not by_rule else " and (cardinality(:rules::text[]) = 0 or rule.id = any(:rules))"
    return (
        f'select {literal(desk.label)} as "table", {rule} as why, kept.source_file_id as file_id,'
        " kept.arrival_day as day, count(*) as rows, min(kept.first_seen_at) as first_seen,"
        " max(kept.first_seen_at) as last_seen"
        f" from {ident(desk.quarantine.name)} as kept{unnested} where {selection.condition(desk)}{asked}"
        " group by 1, 2, 3, 4"
    )


def _described(row: Row, desks: Sequence[Desk]) -> Row:
    told = [desk for desk in desks if row.get("table") in (None, desk.label)]
    known = [desk.description(row["why"]) for desk in told if any(rule.id == row["why"] for rule in desk.table.rules)]
    return row | {"description": known[0] if known else None}


def corrected_by(cursor: Cursor, landed: Contract, path: str, line: int) -> list[Row]:
    """What a line of a correction file corrects: the row or line that is kept out, and who decided so."""
    found: list[Row] = []
    for desk in (desk for desk in desks() if desk.landed.name == landed.name):
        cursor.execute(
            bind(
                f"""
                select file.path, kept.source_line, kept.resolved_by, kept.resolved_at, kept.note
                from {ident(desk.quarantine.name)} as kept
                left join lateral (
                    select path from meta.landed_files where file_id = kept.source_file_id limit 1
                ) as file on true
                where kept.corrected_in = :path and kept.corrected_line = :line and {desk.scope}
                """
            ),
            {"path": path, "line": line},
        )
        names = ("file", "line", "corrected_by", "corrected_at", "note")
        found += [{"table": desk.quarantine.name, **dict(zip(names, row, strict=True))} for row in cursor.fetchall()]
    return found
