"""Record who did what with what is kept out, here (`meta.quarantine_actions`)."""

import getpass
from dataclasses import dataclass
from typing import Any

from metalayer_assets.contracts import CATALOG
from metalayer_assets.contracts.quarantine import CORRECTED, WAIVED
from metalayer_assets.warehouse import ledger
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.statements import bind, listed

Cursor = Any

REOPENED, REPLAYED = "reopened", "replayed"
_ACTIONS = (CORRECTED, WAIVED, REOPENED, REPLAYED)
_LONGEST_NOTE = 2000


@dataclass(frozen=True)
class Action:
    """Something that a person does, before it is known which rows it concerns.

    Attributes:
        number: Its number.
        action: What.
        table: Name of the table that the rows are kept out of.
        by: Who.
        note: What they note.
        given: Name of the file that they gave.
    """

    number: int
    action: str
    table: str
    by: str
    note: str | None = None
    given: str | None = None


def acting(settings: Settings, by: str | None) -> str:
    """Who acts: the one named, else METALAYER_USER, else the user of the operating system.

    Raises:
        SettingError: Nobody is known, or the name cannot be printed.
    """
    name = (by or settings.user or _user()).strip()
    if not name:
        raise SettingError("it is not known who acts: give --by NAME, or set METALAYER_USER.")
    if not name.isprintable():
        raise SettingError("--by is not a name that can be printed: write it in one line.")
    return name


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        # A container may run under a number that no user has.
        return ""


def begin(
    cursor: Cursor, action: str, table: str, by: str, *, note: str | None = None, given: str | None = None
) -> Action:
    """Give an action its number.

    Raises:
        SettingError: The note is too long.
    """
    if action not in _ACTIONS:
        raise ValueError(f"there is no action {action}")
    if note is not None and len(note) > _LONGEST_NOTE:
        raise SettingError(f"--note has {len(note):,} characters; write at most {_LONGEST_NOTE:,}.")
    return Action(ledger.next_write_id(cursor), action, table, by, note, given)


def enter(cursor: Cursor, action: Action, rows: str, binds: dict[str, object]) -> int:
    """Enter an action with the rows that it concerns; how many they are.

    Args:
        cursor: Cursor in the transaction of the action.
        action: The action.
        rows: SELECT or data-modifying statement that yields arrival_day, source_file_id, source_line, corrected_in.
        binds: Its values, beside those of the action: `:note`, `:acted_by`, `:table_name`.
    """
    contract = CATALOG["meta.quarantine_actions"]
    columns = [name for name in contract.column_names if name != "acted_at"]
    cursor.execute(
        bind(
            f"""
            with concerned as (
                {rows}
            ),
            entered as (
                insert into meta.quarantine_actions ({listed(columns)})
                select
                    :action_id, source_file_id, :action, :table_name, min(arrival_day),
                    count(*), jsonb_agg(source_line order by source_line), min(corrected_in), :given, :note, :acted_by
                from concerned
                group by source_file_id
                returning "rows"
            )
            select coalesce(sum("rows"), 0)::bigint from entered
            """
        ),
        binds
        | {
            "action_id": action.number,
            "action": action.action,
            "table_name": action.table,
            "given": action.given,
            "note": action.note,
            "acted_by": action.by,
        },
    )
    return int(cursor.fetchone()[0])


def entries(cursor: Cursor, table: str | None, *, limit: int) -> list[dict[str, Any]]:
    """What was done, latest first, each with the file whose rows it concerned."""
    cursor.execute(
        bind(
            """
            select
                entry.action_id, entry.acted_at, entry.acted_by, entry.action, entry.table_name, file.path as file,
                entry."rows", entry.source_lines, entry.corrected_in, entry.given, entry.note
            from meta.quarantine_actions as entry
            left join lateral (
                select path from meta.landed_files where file_id = entry.source_file_id limit 1
            ) as file on true
            where :table::text is null or entry.table_name = :table
            order by entry.action_id desc, file.path
            limit :limit
            """
        ),
        {"table": table, "limit": limit},
    )
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
