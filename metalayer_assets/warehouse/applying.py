"""Bring tables in line with changed contracts here; keep what that takes out (`table_changes`).

An asset, its quarantine and their history change in one transaction, under the lock that writers of the asset take. A
table that cannot be altered is dropped and made anew in that transaction; what it held, the next run makes again. The
ledger is told what slices hold afterwards, so that it never says anything else than the rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import psycopg2

from metalayer_assets.contracts import CATALOG, Column, Contract, Judged, Landed, Type
from metalayer_assets.contracts.replaced import pasts_of
from metalayer_assets.warehouse import as_of, contract_versions, ddl, holdings, ledger, locks, outbox, registry
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.errors import ContractError
from metalayer_assets.warehouse.holdings import Holding
from metalayer_assets.warehouse.landing import Landing
from metalayer_assets.warehouse.ledger import SliceCounts, WriteContext, WriteReport
from metalayer_assets.warehouse.standing_tables import StandingTable, standing_tables
from metalayer_assets.warehouse.statements import bind, ident
from metalayer_assets.warehouse.table_changes import Kind, TableChange, changes
from metalayer_assets.warehouse.table_definitions import table_definition

Cursor = Any

# Kinds after which the rows of a table may hash otherwise.
_RESHAPING = frozenset({Kind.ADD, Kind.DROP, Kind.WIDEN, Kind.REBUILD})
_SHOWN = 3


@dataclass(frozen=True)
class Family:
    """Tables that change together: an asset, what is kept out of it, and the history of both; or a table alone."""

    asset: Contract | None
    members: tuple[Contract, ...]

    @property
    def name(self) -> str:
        """The table that it is called by."""
        return (self.asset or self.members[0]).name


def families() -> Iterator[Family]:
    """Every table in its family: what the warehouse keeps about itself first, then assets after their sources."""
    related = {contract.name: _related(contract) for contract in CATALOG.assets()}
    grouped = {member.name for members in related.values() for member in members}
    yield from (Family(None, (contract,)) for contract in CATALOG.values() if contract.name not in grouped)
    yield from (Family(CATALOG[name], members) for name, members in related.items())


def _related(asset: Contract) -> tuple[Contract, ...]:
    pasts = pasts_of(asset, CATALOG)
    members = [asset, *(past.table for past in pasts), *(past.history for past in pasts)]
    return tuple({member.name: member for member in members}.values())


def needed(cursor: Cursor, family: Family, standing: Mapping[str, StandingTable]) -> list[TableChange]:
    """What brings a family in line; losses of what is not there are none."""
    found = [change for member in family.members for change in changes(member, standing.get(member.name))]
    if any(change.kind is Kind.REBUILD and change.table == family.name for change in found) and family.asset:
        # The past of rows that are made anew is not theirs.
        history = pasts_of(family.asset, CATALOG)[0].history
        found = [change for change in found if change.table != history.name or change.kind is Kind.CREATE]
        if history.name in standing:
            lost = f"the replaced rows kept in {history.name}"
            found.append(TableChange(history.name, Kind.REBUILD, f"as {family.name}", loses=lost))
    return [change if _is_loss(cursor, change) else replace(change, loses="") for change in found]


def _is_loss(cursor: Cursor, change: TableChange) -> bool:
    if not change.loses:
        return False
    condition = f" where {ident(change.detail)} is not null" if change.kind is Kind.DROP else ""
    cursor.execute(f"select exists (select from {ident(change.table)}{condition})")
    return bool(cursor.fetchone()[0])


def apply(database: Database, landing: Landing | None, *, allow_loss: bool = False) -> list[TableChange]:
    """Bring every table in line with its contract, family by family; what was done.

    May be broken off and begun again at any point: a family is in line, or as it was.

    Args:
        database: The warehouse.
        landing: What lies in the landing folder, for landed tables that must be loaded again; None if it is not to be
            had.
        allow_loss: Go on where something is lost that no run makes again.

    Raises:
        ContractError: The contracts contradict themselves, something would be lost, or a table cannot be brought in
            line; everything before it is.
    """
    ddl.check_contracts()
    done: list[TableChange] = []
    with database.transaction() as cursor:
        locks.lock_catalog(cursor)
        standing = standing_tables(cursor)
        if not allow_loss:
            _refuse_losses([change for family in families() for change in needed(cursor, family, standing)])
        done += [
            change
            for contract in CATALOG.values()
            if contract.name not in standing
            for change in changes(contract, None)
        ]
        ddl.create_missing(cursor)
    for family in families():
        try:
            with database.transaction() as cursor:
                done += _bring_in_line(cursor, family, landing, allow_loss=allow_loss)
        except (psycopg2.ProgrammingError, psycopg2.DataError, psycopg2.IntegrityError) as error:
            raise ContractError(
                f"{family.name} was not brought in line and stands as before: {' '.join(str(error).split())}"
            ) from error
    with database.transaction() as cursor:
        ddl.ensure(cursor)
    return done


def _refuse_losses(steps: Sequence[TableChange]) -> None:
    lost = [step for step in steps if step.loses]
    if lost:
        named = ", ".join(change.loses for change in lost[:_SHOWN])
        more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
        raise ContractError(
            f"nothing was changed, since no run could make again what would be lost: {named}{more}. Look at it with"
            " `metalayer plan`, and if that is right run `metalayer apply --allow-loss`."
        )


def _bring_in_line(cursor: Cursor, family: Family, landing: Landing | None, *, allow_loss: bool) -> list[TableChange]:
    locks.lock_catalog(cursor)
    if family.asset:
        locks.lock_table(cursor, family.asset.name)
    standing = standing_tables(cursor)
    steps = needed(cursor, family, standing)
    if not allow_loss:
        # Rows may have come since all families were looked at.
        _refuse_losses(steps)
    if family.asset is None:
        _alter_alone(cursor, family.members[0], steps)
    elif any(step.kind in _RESHAPING for step in steps):
        _reshape(cursor, family.asset, family.members, steps, standing=standing[family.name], landing=landing)
    elif steps:
        _execute(cursor, family.members, steps)
    return steps


def _reshape(
    cursor: Cursor,
    asset: Contract,
    members: Sequence[Contract],
    steps: Sequence[TableChange],
    *,
    standing: StandingTable,
    landing: Landing | None,
) -> None:
    """Change what rows of an asset's tables are, and tell the ledger what its slices hold then."""
    rebuilt = {step.table for step in steps if step.kind is Kind.REBUILD}
    told = _sound(cursor, asset, standing)
    write_id = ledger.next_write_id(cursor)
    if asset.name in rebuilt and isinstance(asset.source, Landed):
        _unload(cursor, asset, landing)
    _execute(cursor, members, steps)
    if rebuilt:
        _forget(cursor, asset, write_id)
    _tell_ledger(cursor, asset, write_id, told, steps)
    outbox.touch_again(cursor, _to_make_again(asset, rebuilt))
    as_of.install(cursor, [asset])
    contract_versions.record(cursor, members, write_id)


def _execute(cursor: Cursor, members: Sequence[Contract], steps: Sequence[TableChange]) -> None:
    for step in steps:
        if step.kind is Kind.REBUILD:
            cursor.execute(f"drop table {ident(step.table)}")
        for statement in step.statements:
            cursor.execute(bind(statement))
    for member in members:
        for statement in table_definition(member):
            cursor.execute(bind(statement))


def _alter_alone(cursor: Cursor, contract: Contract, steps: Sequence[TableChange]) -> None:
    """Bring a table in line whose rows the warehouse keeps about itself."""
    for step in steps:
        if step.kind is Kind.REBUILD and step.loses:
            raise ContractError(
                f"{contract.name} cannot be brought in line, since nothing makes its rows again: {step.detail}. Change"
                " the contract so that columns are only added or widened, or move the rows by hand."
            )
    if steps:
        _execute(cursor, [contract], steps)


def _sound(cursor: Cursor, asset: Contract, standing: StandingTable) -> dict[date, SliceCounts]:
    """What the ledger says of the slices that hold it: what was tampered with must not be entered as right."""
    # The ledger's checksums are those of the columns that were declared when the slices were written.
    _, before = contract_versions.latest_versions(cursor).get(asset.name, ("", {}))
    declared = [(column["name"], bool(column.get("ordinal"))) for column in before.get("columns", ())]
    if {name for name, _ in declared} != standing.columns.keys():
        ordinal = {column.name for column in asset.columns if column.ordinal}
        declared = [(name, name in ordinal) for name in standing.columns]
    columns = tuple(Column(name, Type.TEXT, "", ordinal=is_ordinal) for name, is_ordinal in declared)
    held = holdings.held(cursor, replace(asset, columns=columns))
    return {
        day: counts
        for day, counts in ledger.standing(cursor, asset.name).items()
        if held.get(day, Holding()) == Holding(counts.rows_written, counts.checksum)
    }


def _tell_ledger(
    cursor: Cursor,
    asset: Contract,
    write_id: int,
    told: Mapping[date, SliceCounts],
    steps: Sequence[TableChange],
) -> None:
    """Enter the slices whose rows hash otherwise now, or are gone, by the version of the code that made them."""
    changed = {step.table for step in steps}
    rows = holdings.held(cursor, asset)
    quarantine = asset.source.quarantine if isinstance(asset.source, Judged) else None
    kept_out = holdings.kept_out(cursor, quarantine) if quarantine in changed and quarantine else None
    entered = {}
    for day, counts in told.items():
        now = rows.get(day, Holding())
        out = Holding(counts.rows_quarantined, counts.quarantine_checksum)
        held = _accounted(counts, now, out if kept_out is None else kept_out.get(day, Holding()))
        if not held.same_content(counts):
            entered[day] = held
    report = WriteReport(asset.name, write_id, entered, frozenset(entered))
    ledger.record(cursor, report, WriteContext(code_version=""), started_at=datetime.now(tz=UTC))
    done = ", ".join(f"{step.kind.value} {step.detail}" for step in steps if step.table == asset.name)
    ledger.note(cursor, asset.name, write_id, f"contract applied: {done or 'what is kept out of it'}")


def _accounted(told: SliceCounts, rows: Holding, kept_out: Holding) -> SliceCounts:
    """What a slice holds after its table changed; rows that are gone are neither read nor collapsed any more."""
    collapsed = told.rows_collapsed if rows.rows == told.rows_written else 0
    return replace(
        told,
        rows_read=rows.rows + kept_out.rows + collapsed,
        rows_written=rows.rows,
        rows_collapsed=collapsed,
        rows_quarantined=kept_out.rows,
        checksum=rows.checksum,
        quarantine_checksum=kept_out.checksum,
        rules=(),
    )


def _to_make_again(asset: Contract, rebuilt: set[str]) -> list[str]:
    """The tables whose slices are to be made again because this one has changed; other code makes its own again."""
    readers = [reader for reader, _ in CATALOG.readers_of(asset.name)]
    if asset.name in rebuilt:
        own = [] if isinstance(asset.source, Landed) else [asset.name]
        return [*own, *(reader.name for reader in readers)]
    own = [asset.name] if rebuilt and not isinstance(asset.source, Landed) else []
    # What is kept out holds the raw row, all columns of it.
    return [*own, *(reader.name for reader in readers if isinstance(reader.source, Judged))]


def _forget(cursor: Cursor, asset: Contract, write_id: int) -> None:
    cursor.execute(
        bind(
            "insert into meta.forgotten_writes (table_name, write_id, moment)"
            " select :table, :write_id, clock_timestamp()"
            " where exists (select from meta.slice_ledger where table_name = :table and status <> 'refused')"
        ),
        {"table": asset.name, "write_id": write_id},
    )


def _unload(cursor: Cursor, asset: Contract, landing: Landing | None) -> None:
    """Let every file of a landed table count as new; only the landing folder can tell its rows again."""
    known = registry.known_files(cursor, asset.name)
    gone = [
        file_id
        for day, files in known.items()
        for file_id in files
        if landing is None or file_id not in {file.file_id for file in landing.of(asset.name, day)}
    ]
    if gone:
        names = sorted(registry.file_names(cursor, gone).values())
        raise ContractError(
            f"{asset.name} cannot be rebuilt: {len(names)} of its files have left the landing folder"
            f" ({', '.join(names[:_SHOWN])}). Put them back, or change the contract so that columns are only added."
        )
    cursor.execute(
        bind("update meta.landed_files set state = 'replaced' where table_name = :table and state = 'loaded'"),
        {"table": asset.name},
    )
