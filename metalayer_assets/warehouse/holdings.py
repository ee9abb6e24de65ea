"""Read here what slices hold from their rows; keep what the ledger says that they hold out (`ledger`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from metalayer_assets.contracts import CATALOG, Contract, Judged
from metalayer_assets.warehouse.checksums import checksum, row_hash
from metalayer_assets.warehouse.kept_out import content_checksum
from metalayer_assets.warehouse.ledger import EMPTY_CHECKSUM, SliceCounts
from metalayer_assets.warehouse.slices import slice_of
from metalayer_assets.warehouse.statements import bind, ident, literal

Cursor = Any


@dataclass(frozen=True)
class Holding:
    """Rows of a slice, and the checksum of their content."""

    rows: int = 0
    checksum: str = EMPTY_CHECKSUM


def held(cursor: Cursor, contract: Contract, slices: Sequence[date] | None = None) -> dict[date, Holding]:
    """What the slices of an asset's table hold, all of them or those asked for; slices without rows are absent."""
    day = slice_of(contract)
    counted = f"select {day}, count(*), {checksum(row_hash(contract))} from {ident(contract.name)}"
    return _by_slice(cursor, f"{counted} where {_asked(day)} group by 1", slices)


def kept_out(
    cursor: Cursor, quarantine: str, slices: Sequence[date] | None = None, *, meant_for: str | None = None
) -> dict[date, Holding]:
    """What a quarantine table keeps out now, by arrival day; days without rows are absent.

    Args:
        cursor: Cursor.
        quarantine: Name of the quarantine table.
        slices: The days asked for; None is all.
        meant_for: Of unreadable lines, only those of this bronze table.
    """
    counted = f"select arrival_day, count(*), {content_checksum(CATALOG[quarantine])} from {ident(quarantine)}"
    scope = f"table_name = {literal(meant_for)}" if meant_for else "true"
    open_rows = f"state = 'open' and {scope} and {_asked('arrival_day')}"
    return _by_slice(cursor, f"{counted} where {open_rows} group by 1", slices)


def _asked(day: str) -> str:
    return f"(:slices::date[] is null or {day} = any(:slices))"


def _by_slice(cursor: Cursor, statement: str, slices: Sequence[date] | None) -> dict[date, Holding]:
    cursor.execute(bind(statement), {"slices": None if slices is None else list(slices)})
    return {day: Holding(rows, digest) for day, rows, digest in cursor.fetchall()}


def as_held(
    cursor: Cursor, contract: Contract, standing: Mapping[date, SliceCounts], slices: Sequence[date] | None = None
) -> dict[date, SliceCounts]:
    """The counts of slices that stand with rows and checksums as the data has them, whatever the ledger says.

    Args:
        cursor: Cursor in the write's transaction.
        contract: The table.
        standing: What the ledger says of its slices: rows read and collapsed are taken from there.
        slices: The slices asked for; None is all. One that neither the ledger nor the data knows is absent.
    """
    rows = held(cursor, contract, slices)
    out = kept_out(cursor, contract.source.quarantine, slices) if isinstance(contract.source, Judged) else {}
    known = {*standing, *rows, *out}
    return {
        day: replace(
            standing.get(day, SliceCounts()),
            rows_written=rows.get(day, Holding()).rows,
            checksum=rows.get(day, Holding()).checksum,
            rows_quarantined=out.get(day, Holding()).rows,
            quarantine_checksum=out.get(day, Holding()).checksum,
        )
        for day in (known if slices is None else known & set(slices))
    }
