"""Recompute here, from the data alone, everything that the ledger says; keep repairing out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from metalayer_assets.contracts import CATALOG, Contract, Historised, Judged, Landed, Modelled
from metalayer_assets.contracts.bronze import ARRIVAL_DAY, FILE_ID
from metalayer_assets.warehouse import holdings, invariants, ledger, outbox
from metalayer_assets.warehouse.holdings import Holding
from metalayer_assets.warehouse.kept_out import LINES
from metalayer_assets.warehouse.ledger import SliceCounts
from metalayer_assets.warehouse.past_sums import broken_past
from metalayer_assets.warehouse.rollback import rolled_back
from metalayer_assets.warehouse.slices import slice_of
from metalayer_assets.warehouse.statements import bind, ident, listed

Cursor = Any
_SHOWN = 5
_SETTLED = "not {} = any(:waiting::date[])"


@dataclass
class TableVerdict:
    """What a table holds, and where it differs from what the ledger says.

    Attributes:
        table: Name of the table.
        rows: Rows that it holds.
        checksum: Order-free checksum of its content.
        slices: Slices that the ledger knows.
        pending: Slices that a change upstream has touched and that were not written since.
        problems: Differences, each as a sentence.
    """

    table: str
    rows: int
    checksum: str
    slices: int
    pending: int = 0
    problems: list[str] = field(default_factory=list)


def verify(cursor: Cursor) -> list[TableVerdict]:
    """Verdicts on every table of data: assets and quarantine. The transaction must see one moment only."""
    pending = outbox.pending(cursor)
    verdicts = []
    for contract in CATALOG.assets():
        standing = ledger.standing(cursor, contract.name)
        verdict = _checksums(cursor, contract, standing)
        verdict.pending = len(pending.get(contract.name, ()))
        # Neither holds what its sources say: the one not yet, the other not any more.
        behind = [*pending.get(contract.name, ()), *rolled_back(cursor, contract.name)]
        if isinstance(contract.source, Landed):
            verdict.problems += _files(cursor, contract)
        else:
            verdict.problems += _hops(cursor, contract, standing, set(behind))
        if isinstance(contract.source, Judged | Landed):
            verdict.problems += _kept_out(cursor, contract, standing)
        if isinstance(contract.source, Modelled | Historised) and "source_file_id" in contract.column_names:
            verdict.problems += _orphans(cursor, contract, behind)
        if isinstance(contract.source, Historised):
            verdict.problems += invariants.broken_history(cursor, contract, contract.name)
        verdict.problems += _unjoined(cursor, contract, {**pending, contract.name: behind})
        verdict.problems += broken_past(cursor, contract)
        verdicts.append(verdict)
    verdicts += [_quarantine(cursor, name) for name in CATALOG if name.startswith("quarantine.")]
    return verdicts


def _checksums(cursor: Cursor, contract: Contract, standing: dict[date, SliceCounts]) -> TableVerdict:
    found = holdings.held(cursor, contract)
    problems = []
    for day in sorted(found.keys() | standing.keys()):
        holding = found.get(day, Holding())
        rows, digest = holding.rows, holding.checksum
        told = standing.get(day)
        if told is None:
            problems.append(f"slice {day} holds {rows} rows that no write accounts for")
        elif digest != told.checksum:
            problems.append(f"slice {day} holds {rows} rows, checksum {digest}; the ledger says {told.checksum}")
        elif told.rows_read != told.rows_written + told.rows_collapsed + told.rows_quarantined:
            problems.append(f"slice {day} does not account for every row read")
    return TableVerdict(
        table=contract.name,
        rows=sum(holding.rows for holding in found.values()),
        checksum=_sum(holding.checksum for holding in found.values()),
        slices=len(standing),
        problems=problems,
    )


def _sum(digests: Iterable[str]) -> str:
    rows = total = 0
    for digest in digests:
        left, right = digest.split(":")
        rows, total = rows + int(left), total + int(right)
    return f"{rows}:{total}"


def _hops(cursor: Cursor, contract: Contract, standing: dict[date, SliceCounts], pending: set[date]) -> list[str]:
    if not contract.reads:
        return []
    from metalayer_assets.warehouse.audit import read_from_sources  # noqa: PLC0415 -- audit raises, verify reports

    slices = sorted(standing)
    at_source = read_from_sources(cursor, contract, slices) if slices else None
    held = Counter(at_source or {})
    if isinstance(contract.source, Historised):
        # An inferred member stands for the one row that named it first.
        held.update(_inferred(cursor, contract))
    return [
        f"slice {day} read {standing[day].rows_read} rows but its sources hold {held[day]}"
        for day in slices
        if day not in pending and standing[day].rows_read != held[day]
    ]


def _inferred(cursor: Cursor, contract: Contract) -> dict[date, int]:
    cursor.execute(f"select {slice_of(contract)}, count(*) from {ident(contract.name)} where is_inferred group by 1")
    return dict(cursor.fetchall())


def _unjoined(cursor: Cursor, contract: Contract, pending: Mapping[str, Sequence[date]]) -> list[str]:
    """Rows that carry another key than that of the version valid on their day, in slices that nothing has touched."""
    if any(pending.get(joins.table) for joins in contract.joins):
        return []
    waiting = {"waiting": list(pending.get(contract.name, ()))}
    found = [
        (
            joins,
            invariants.unjoined(
                cursor, contract, joins, contract.name, only=_SETTLED.format(slice_of(contract)), binds=waiting
            ),
        )
        for joins in contract.joins
    ]
    return [
        f"{rows} rows do not carry the key of the version of {joins.table} that is valid on their day"
        for joins, rows in found
        if rows
    ]


def _kept_out(cursor: Cursor, contract: Contract, standing: dict[date, SliceCounts]) -> list[str]:
    if isinstance(contract.source, Judged):
        table, meant_for = contract.source.quarantine, None
    else:
        table, meant_for = LINES, contract.name
    found = holdings.kept_out(cursor, table, meant_for=meant_for)
    problems = []
    for day in sorted(found.keys() | standing.keys()):
        holding = found.get(day, Holding())
        rows, digest = holding.rows, holding.checksum
        told = standing.get(day, SliceCounts())
        if (rows, digest) != (told.rows_quarantined, told.quarantine_checksum):
            problems.append(
                f"slice {day} kept {rows} rows in {table}, checksum {digest}; "
                f"the ledger says {told.rows_quarantined}, checksum {told.quarantine_checksum}"
            )
    return problems


def _files(cursor: Cursor, contract: Contract) -> list[str]:
    cursor.execute(
        bind(
            f"""
            select coalesce(file.path, 'file ' || held.file_id), held.n, file.rows_loaded
            from (
                select {ident(FILE_ID)} as file_id, {ident(ARRIVAL_DAY)} as day, count(*) as n
                from {ident(contract.name)} group by 1, 2
            ) as held
            full join (
                select file_id, arrival_day, path, rows_loaded from meta.landed_files
                where table_name = :table and state = 'loaded' and rows_loaded > 0
            ) as file on file.file_id = held.file_id and file.arrival_day = held.day
            where held.n is distinct from file.rows_loaded
            limit {_SHOWN}
            """
        ),
        {"table": contract.name},
    )
    return [
        f"{path}: {held or 0} rows stand in {contract.name}, {loaded or 0} were loaded"
        for path, held, loaded in cursor.fetchall()
    ]


def _orphans(cursor: Cursor, contract: Contract, behind: Sequence[date]) -> list[str]:
    named_by = contract.source.named_by if isinstance(contract.source, Historised) else ()
    keys = contract.source.natural_key if isinstance(contract.source, Historised) else contract.reads[0].key
    sources = (*contract.reads, *named_by)
    missing = " and ".join(
        f"""not exists (
            select from {ident(source.table)} as told
            where {" and ".join(f"told.{ident(t)} = made.{ident(o)}" for t, o in zip(source.key, keys, strict=True))}
                and told.arrival_day = made.arrival_day
                and told.source_file_id = made.source_file_id
                and told.source_line = made.source_line
        )"""
        for source in sources
    )
    cursor.execute(
        bind(
            f"select {listed(contract.key)} from {ident(contract.name)} as made"
            f" where {slice_of(contract, 'made')} <> all(:behind::date[]) and {missing} limit {_SHOWN}"
        ),
        {"behind": list(behind)},
    )
    told_by = " or ".join(source.table for source in sources)
    return [f"row {row} has no source row in {told_by}" for row in cursor.fetchall()]


def _quarantine(cursor: Cursor, name: str) -> TableVerdict:
    found = holdings.kept_out(cursor, name)
    return TableVerdict(
        table=name,
        rows=sum(holding.rows for holding in found.values()),
        checksum=_sum(holding.checksum for holding in found.values()),
        slices=len(found),
    )
