"""Accept here that rows stay out, and take that back. The rows stay; what is said of them changes."""

from datetime import date
from typing import Any

from metalayer_assets.contracts.quarantine import CORRECTED, RESOLUTION_COLUMNS, WAIVED
from metalayer_assets.warehouse import locks
from metalayer_assets.warehouse.statements import bind, ident, literal
from metalayer_assets.warehouse.workbench import actions
from metalayer_assets.warehouse.workbench.desk import Desk, Selection, check_rules
from metalayer_assets.warehouse.writer import SliceWriter

Cursor = Any

_UNDECIDED = "kept.state = 'open' and kept.resolution is null"


def waive(writer: SliceWriter, desk: Desk, selection: Selection, *, by: str | None, note: str) -> int:
    """Say of open rows on which nobody has decided that they may stay out; how many.

    Args:
        writer: Writer of the warehouse.
        desk: The table.
        selection: The rows.
        by: Who waives them; see `actions.acting`.
        note: Why.
    """
    name = actions.acting(writer.settings, by)
    with writer.database.transaction() as cursor:
        check_rules(cursor, selection.rules, [desk])
        meant = f"{selection.condition(desk)} and {_UNDECIDED}"
        binds = selection.binds(cursor)
        locks.lock_slices(cursor, desk.table.name, _days(cursor, desk, meant, binds))
        action = actions.begin(cursor, WAIVED, desk.table.name, name, note=note)
        update = f"""
            update {ident(desk.quarantine.name)} as kept
            set resolution = {literal(WAIVED)}, resolved_by = :acted_by, resolved_at = now(), note = :note
            where {meant}
            returning kept.arrival_day, kept.source_file_id, kept.source_line, kept.corrected_in
        """
        return actions.enter(cursor, action, update, binds)


def reopen(writer: SliceWriter, desk: Desk, selection: Selection, *, by: str | None, note: str | None) -> int:
    """Take waivers back, and corrections whose file is gone from landing folder and bronze; how many."""
    name = actions.acting(writer.settings, by)
    with writer.database.transaction() as cursor:
        check_rules(cursor, selection.rules, [desk])
        binds = selection.binds(cursor) | {"resolved": True}
        resolved = f"{selection.condition(desk)} and kept.state = 'open'"
        locks.lock_slices(
            cursor, desk.table.name, _days(cursor, desk, f"{resolved} and kept.resolution is not null", binds)
        )
        binds |= {"gone": _gone(cursor, writer, desk, resolved, binds)}
        action = actions.begin(cursor, actions.REOPENED, desk.table.name, name, note=note)
        nothing = ", ".join(f"{ident(column)} = null" for column in RESOLUTION_COLUMNS)
        update = f"""
            update {ident(desk.quarantine.name)} as kept
            set {nothing}
            where {resolved} and (kept.resolution = {literal(WAIVED)} or kept.corrected_in = any(:gone::text[]))
            returning kept.arrival_day, kept.source_file_id, kept.source_line, kept.corrected_in
        """
        return actions.enter(cursor, action, update, binds)


def _days(cursor: Cursor, desk: Desk, meant: str, binds: dict[str, object]) -> list[date]:
    cursor.execute(
        bind(f"select distinct kept.arrival_day from {ident(desk.quarantine.name)} as kept where {meant} order by 1"),
        binds,
    )
    return [day for (day,) in cursor.fetchall()]


def _gone(cursor: Cursor, writer: SliceWriter, desk: Desk, meant: str, binds: dict[str, object]) -> list[str]:
    cursor.execute(
        bind(
            f"""
            select distinct kept.corrected_in from {ident(desk.quarantine.name)} as kept
            where {meant} and kept.resolution = {literal(CORRECTED)} and not exists (
                select from meta.landed_files as file where file.path = kept.corrected_in and file.state = 'loaded'
            )
            """
        ),
        binds,
    )
    return [path for (path,) in cursor.fetchall() if not (writer.settings.landing / path).exists()]
