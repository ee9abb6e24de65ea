"""Find the slices that wait for a person here: refused, and nothing has changed since that could alter the verdict.

Whatever works without a person leaves them out, so that one bad file does not hold up its neighbours.
"""

from datetime import UTC, date, datetime
from typing import Any

from metalayer_assets.contracts import CATALOG, Landed
from metalayer_assets.warehouse.landing import Landing
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.statements import bind
from metalayer_assets.warehouse.versions import code_version

Cursor = Any


def stuck(cursor: Cursor, settings: Settings, landing: Landing | None) -> dict[tuple[str, date], str]:
    """Refused slices by table and first day, with the reason.

    A refusal is past once other code would judge, a file of the day has changed, or the slice was touched since. A
    changed setting does not count: who changes one runs again.

    Args:
        cursor: Cursor.
        settings: The settings, of which the code version is made.
        landing: What lies in the landing folder; None leaves landed tables out.
    """
    cursor.execute(
        bind(
            """
            select refused.table_name, refused.slice, refused.reason, refused.code_version, refused.started_at
            from meta.slice_ledger as refused
            where refused.status = 'refused'
                and not exists (
                    select from meta.slice_ledger as later
                    where later.table_name = refused.table_name and later.slice = refused.slice
                        and later.write_id > refused.write_id
                )
                and not exists (
                    select from meta.touched_slices as touched
                    where touched.table_name = refused.table_name and touched.slice = refused.slice
                        and touched.touched_at > refused.started_at
                )
            """
        )
    )
    found = {}
    for table, day, reason, version, started_at in cursor.fetchall():
        contract = CATALOG.get(table)
        if contract is None or version != code_version(contract, settings):
            continue
        if isinstance(contract.source, Landed) and (landing is None or _changed(landing, table, day, started_at)):
            continue
        found[table, day] = str(reason)
    return found


def _changed(landing: Landing, table: str, day: date, since: datetime) -> bool:
    # A file that is copied into place may bring its modification time along, and of one that is gone only its folder
    # tells: what counts is when the entries themselves changed.
    files = landing.of(table, day)
    entries = {*(file.path for file in files), *(file.path.parent for file in files)}
    try:
        return not files or any(datetime.fromtimestamp(entry.stat().st_ctime, tz=UTC) > since for entry in entries)
    except FileNotFoundError:
        return True
