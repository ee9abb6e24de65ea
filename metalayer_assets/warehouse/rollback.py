"""Bring a slice back to what it held after an earlier write, here; keep finding out what that was out (`as_of`).

A rollback is a write: it has a number, is audited, published and entered in the ledger like any other, and can be
rolled back in turn. It holds until something upstream touches the slice again.
"""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import psycopg2.errors

from metalayer_assets.contracts import CATALOG, Contract, Judged, Landed, Modelled
from metalayer_assets.contracts.replaced import Past, pasts_of
from metalayer_assets.warehouse import (
    contract_versions,
    holdings,
    kept_out,
    ledger,
    locks,
    outbox,
    replaced,
    rule_results,
)
from metalayer_assets.warehouse.as_of import Point, known_past
from metalayer_assets.warehouse.checksums import checksum, row_hash
from metalayer_assets.warehouse.errors import MetaLayerError, SettingError
from metalayer_assets.warehouse.ledger import SliceCounts, WriteReport
from metalayer_assets.warehouse.slices import checked, slice_of
from metalayer_assets.warehouse.staging import STAGE
from metalayer_assets.warehouse.statements import bind, ident, listed
from metalayer_assets.warehouse.writer import SliceWriter

Cursor = Any


# How the reason of a rollback's entry in the ledger begins.
_ROLLED_BACK = "rolled back to write "


class RollbackRefused(MetaLayerError):
    """A slice was not rolled back; it stands as before."""


def roll_back(
    writer: SliceWriter, contract: Contract, day: date, to_write: int, *, run_id: str | None = None
) -> WriteReport:
    """Restore a slice as it stood after one of its writes, with what was kept out of it then.

    Entries of the outbox that ask for the slice are removed, so that the next run does not undo this at once.

    Args:
        writer: Writer of the warehouse.
        contract: The table, made by a model.
        day: First day of the slice.
        to_write: Number of a write in the slice's ledger.
        run_id: Run to enter in the ledger.

    Returns:
        What the slice holds now; nothing is published when it held that already.

    Raises:
        SettingError: The table cannot be rolled back, or the write did not leave the slice in any state.
        PastUnknown: What the slice held then is not kept.
        RollbackRefused: What is kept does not agree with the ledger, or does not fit the rest of the table.
    """
    _check_table(contract)
    (day,) = checked(contract, [day])
    context = writer.context(contract, run_id=run_id)
    started_at = datetime.now(tz=UTC)
    try:
        with writer.database.transaction() as cursor:
            locks.lock_slices(cursor, contract.name, [day])
            counts = _counts_after(cursor, contract, day, to_write)
            for joins in contract.joins:
                locks.lock_reading(cursor, joins.table)
            told = standing = ledger.standing(cursor, contract.name, [day])
            if outbox.consume(cursor, contract.name, [day]):
                standing = holdings.as_held(cursor, contract, told, [day])
            report = WriteReport(contract.name, ledger.next_write_id(cursor), {day: counts}, frozenset())
            if not counts.same_content(standing.get(day)):
                for past in pasts_of(contract, CATALOG):
                    _stage(cursor, past, day, to_write, counts)
                report = replace(report, published=frozenset({day}))
                sound = replaced.sound_slices(
                    cursor, contract, report.write_id, told=told, standing=standing, counts=report.slices
                )
                report = writer.publish(cursor, contract, report, standing=standing, sound=sound)
            ledger.record(cursor, report, context, started_at=started_at)
            rule_results.record(cursor, report)
            ledger.note(cursor, report.table, report.write_id, f"{_ROLLED_BACK}{to_write}")
            return report
    except psycopg2.errors.UniqueViolation as error:
        raise RollbackRefused(
            f"slice {day} of {contract.name} cannot be rolled back to write {to_write}: a row of it has moved to"
            f" another slice since. {error.diag.message_detail} Roll that slice back first."
        ) from error


def rolled_back(cursor: Cursor, table: str) -> list[date]:
    """Slices of a table that hold what a rollback brought back, and not what their sources say."""
    cursor.execute(
        bind(
            """
            select latest.slice
            from (
                select distinct on (slice) slice, reason
                from meta.slice_ledger
                where table_name = :table and status <> 'refused'
                order by slice, write_id desc
            ) as latest
            where starts_with(latest.reason, :rolled_back)
            order by latest.slice
            """
        ),
        {"table": table, "rolled_back": _ROLLED_BACK},
    )
    return [day for (day,) in cursor.fetchall()]


def _check_table(contract: Contract) -> None:
    if isinstance(contract.source, Landed):
        raise SettingError(
            f"{contract.name} holds what its files hold and is not rolled back: put the old file back into the landing"
            " folder, then: metalayer run"
        )
    if not contract.is_asset:
        raise SettingError(f"{contract.name} has no slices to roll back: name a silver or gold table.")
    if not isinstance(contract.source, Judged | Modelled):
        sources = ", ".join(dict.fromkeys(reads.table for reads in contract.reads))
        raise SettingError(
            f"{contract.name} follows from every slice of {sources}, so that no slice of it can be rolled back alone:"
            " roll back those of its sources, then: metalayer run"
        )


def _counts_after(cursor: Cursor, contract: Contract, day: date, write_id: int) -> SliceCounts:
    """What the ledger says that the slice held after the write."""
    cursor.execute(
        bind(
            """
            select
                status, reason, rows_read, rows_written, rows_collapsed, rows_quarantined, checksum,
                quarantine_checksum, quality_score
            from meta.slice_ledger
            where table_name = :table and slice = :day and write_id = :write_id
            """
        ),
        {"table": contract.name, "day": day, "write_id": write_id},
    )
    found = cursor.fetchone()
    if found is None:
        raise SettingError(
            f"write {write_id} did not write slice {day} of {contract.name}; see which did:"
            f" metalayer ledger {contract.name} --slice {day}"
        )
    status, reason, *counts = found
    if status == ledger.REFUSED:
        raise SettingError(
            f"write {write_id} of slice {day} of {contract.name} was refused, so nothing stood after it: {reason}"
        )
    return replace(SliceCounts(*counts), rules=rule_results.after(cursor, contract.name, day, write_id))


def _stage(cursor: Cursor, past: Past, day: date, write_id: int, counts: SliceCounts) -> None:
    """Stage the rows that stood, or were kept out, after the write, and hold them against the ledger."""
    point = Point(write_id)
    if past.table is past.asset:
        stage, told, hashed = STAGE, counts.checksum, checksum(row_hash(past.table))
        outcome = ", :day::date as _slice, 1::bigint as _folded, null::text[] as _failed, 0::smallint as _outcome"
    else:
        stage, told, hashed = kept_out.REJECTED_ROWS, counts.quarantine_checksum, kept_out.content_checksum(past.table)
        outcome = ""
    with known_past():
        cursor.execute(
            bind(
                f"create temporary table {ident(stage)} on commit drop as"
                f" select {listed(past.column_names, 'stood')}{outcome}"
                f" from {point.rows_of(past.history, 'write_id')} as stood"
                f" where {slice_of(past.table, 'stood')} = :day"
            ),
            {"write_id": write_id, "day": day},
        )
    cursor.execute(f"select {hashed} from {ident(stage)}")
    (found,) = cursor.fetchone()
    changed = contract_versions.last_change(cursor, past.asset.name)
    if found != told and changed is not None and write_id < changed:
        raise RollbackRefused(
            f"slice {day} of {past.asset.name} cannot be rolled back to write {write_id}: write {changed} has changed"
            " the table's columns since, so that nothing proves that these are the rows of then."
        )
    if found != told:
        raise RollbackRefused(
            f"slice {day} of {past.asset.name} cannot be rolled back to write {write_id}: what is kept of"
            f" {past.table.name} has the checksum {found}, the ledger says {told}. Somebody has changed rows behind the"
            " warehouse's back: metalayer verify"
        )
