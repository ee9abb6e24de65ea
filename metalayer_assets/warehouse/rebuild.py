"""Build the warehouse once more from the landing folder here and hold it against the one that stands.

The second warehouse is built in a scratch database by the same plan and the same writer; of the one that stands
everything is only read. What is compared are checksums of the rows themselves, slice by slice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse import holdings, plan, registry
from metalayer_assets.warehouse.audit import Refusal
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.errors import MetaLayerError
from metalayer_assets.warehouse.holdings import Holding
from metalayer_assets.warehouse.landing import Landing, scan
from metalayer_assets.warehouse.plan import Scope, Work
from metalayer_assets.warehouse.scratch import scratch_database
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.slices import between
from metalayer_assets.warehouse.statements import bind
from metalayer_assets.warehouse.stuck import stuck
from metalayer_assets.warehouse.writer import SliceWriter

Cursor = Any
Slice = tuple[str, date]
Contents = Mapping[str, Mapping[date, Holding]]
_SHOWN = 3
_ROLLED_BACK = "rolled back%"


class NotComparable(MetaLayerError):
    """The warehouse is not what its landing folder says, and not said to be."""


@dataclass(frozen=True)
class Difference:
    """A slice that a rebuild makes otherwise.

    Attributes:
        slice: First day of the slice.
        standing: What it holds.
        rebuilt: What the rebuild holds for it.
        note: What is known of the cause; may be empty.
    """

    slice: date
    standing: Holding
    rebuilt: Holding
    note: str = ""

    def __str__(self) -> str:
        told = (
            f"slice {self.slice} holds {self.standing.rows} rows, checksum {self.standing.checksum}; "
            f"the rebuild made {self.rebuilt.rows} rows, checksum {self.rebuilt.checksum}"
        )
        return f"{told} ({self.note})" if self.note else told


@dataclass(frozen=True)
class TableComparison:
    """A table that stands, held against its rebuild.

    Attributes:
        table: Name of the table.
        rows: Rows that stand.
        slices: Slices with rows, in either.
        rebuilt_rows: Rows that the rebuild made.
        differences: The slices that differ, in order.
    """

    table: str
    rows: int
    slices: int
    rebuilt_rows: int
    differences: tuple[Difference, ...]


@dataclass
class Comparison:
    """A warehouse held against its rebuild.

    Attributes:
        tables: Every table of data: assets and quarantine.
        refused: What the rebuild was refused, with the reason.
    """

    tables: list[TableComparison]
    refused: dict[Slice, str] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Whether no slice differs."""
        return not any(table.differences for table in self.tables)


def check(
    writer: SliceWriter,
    *,
    keep: bool = False,
    opened: Callable[[Database], None] = lambda _: None,
    progress: Callable[[Work], None] = lambda _: None,
) -> Comparison:
    """Rebuild everything from the landing folder in a scratch database, and compare.

    Args:
        writer: The warehouse that stands; it is only read.
        keep: Leave the scratch database as it is.
        opened: Told the scratch database before anything is built.
        progress: Told every piece of work before it is done.

    Raises:
        NotComparable: Slices wait to be written, loaded files have left the landing folder, or it changed meanwhile.
        LandingError: The landing folder cannot be read.
        DatabaseError: There is no scratch database to be had.
    """
    settings = writer.settings
    landing = scan(settings)
    with writer.database.transaction(readonly=True) as cursor:
        waiting_for_a_person = stuck(cursor, settings, landing)
        _refuse_waiting(cursor, settings, landing, set(waiting_for_a_person))
        _refuse_vanished(cursor, landing)
        standing = contents(cursor)
        notes = {slice_: f"refused here: {reason}" for slice_, reason in waiting_for_a_person.items()}
        notes |= _rolled_back(cursor)
    with scratch_database(writer.database, settings, keep=keep) as scratch:
        opened(scratch)
        refused = build(scratch, settings, landing, progress)
        with scratch.transaction(readonly=True) as cursor:
            rebuilt = contents(cursor)
    if scan(settings) != landing:
        raise NotComparable("the landing folder changed while the warehouse was rebuilt from it: check again.")
    notes |= {slice_: f"refused in the rebuild: {reason}" for slice_, reason in refused.items()}
    return Comparison(compare(standing, rebuilt, notes), refused)


def build(
    database: Database, settings: Settings, landing: Landing, progress: Callable[[Work], None]
) -> dict[Slice, str]:
    """Load an empty database from a landing folder, pass by pass; what was refused, with the reason.

    A first load takes nothing back, so no slice is refused because it would shrink.
    """
    settings = replace(settings, database_url=database.url)
    writer = SliceWriter(database, settings)
    writer.prepare()
    scope = Scope()
    refused: dict[Slice, str] = {}
    while True:
        with database.transaction(readonly=True) as cursor:
            works = plan.next_pass(cursor, settings, landing, scope)
        if not works:
            return refused
        for work in works:
            progress(work)
            for name in work.tables:
                contract = CATALOG[name]
                try:
                    writer.write(contract, between(work.grain, work.first, work.last), writer.context(contract))
                except Refusal as refusal:
                    refused |= {(name, day): reason for day, reason in refusal.reasons.items()}
                    scope.refused |= {(name, day) for day in refusal.reasons}
                    break


def contents(cursor: Cursor) -> Contents:
    """What every slice of every table of data holds, by the rows: assets, and what is kept out."""
    found = {contract.name: holdings.held(cursor, contract) for contract in CATALOG.assets()}
    return found | {name: holdings.kept_out(cursor, name) for name in CATALOG if name.startswith("quarantine.")}


def compare(standing: Contents, rebuilt: Contents, notes: Mapping[Slice, str]) -> list[TableComparison]:
    """Hold contents against one another, table by table; a slice without rows equals one that is not there."""
    nothing = Holding()
    tables = []
    for name in standing:
        here, there = standing[name], rebuilt[name]
        days = sorted(here.keys() | there.keys())
        differences = tuple(
            Difference(day, here.get(day, nothing), there.get(day, nothing), notes.get((name, day), ""))
            for day in days
            if here.get(day, nothing) != there.get(day, nothing)
        )
        rows, rebuilt_rows = (sum(holding.rows for holding in held.values()) for held in (here, there))
        tables.append(TableComparison(name, rows, len(days), rebuilt_rows, differences))
    return tables


def _refuse_waiting(cursor: Cursor, settings: Settings, landing: Landing, refused: set[Slice]) -> None:
    works = plan.next_pass(cursor, settings, landing, Scope(refused=set(refused)))
    if works:
        raise NotComparable(
            f"slices wait to be written, the first of them {works[0].tables[0]} {works[0].first}, so the warehouse is "
            "not what its landing folder says: run `metalayer run` first."
        )


def _refuse_vanished(cursor: Cursor, landing: Landing) -> None:
    vanished = [
        file_id
        for contract in CATALOG.assets()
        for day, files in registry.known_files(cursor, contract.name).items()
        for file_id in files.keys() - {file.file_id for file in landing.of(contract.name, day)}
    ]
    if vanished:
        names = sorted(registry.file_names(cursor, vanished).values())
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        raise NotComparable(
            f"{len(names)} loaded files have left the landing folder since ({', '.join(names[:_SHOWN])}{more}), so it "
            "cannot tell the warehouse any more: put them back, or set METALAYER_LANDING to a folder that holds all."
        )


def _rolled_back(cursor: Cursor) -> dict[Slice, str]:
    """Slices that stand as a person has rolled them back, with the ledger's words."""
    cursor.execute(
        bind(
            """
            select latest.table_name, latest.slice, latest.reason
            from (
                select distinct on (table_name, slice) table_name, slice, reason
                from meta.slice_ledger
                where status <> 'refused'
                order by table_name, slice, write_id desc
            ) as latest
            where latest.reason like :rolled_back
            """
        ),
        {"rolled_back": _ROLLED_BACK},
    )
    return {(table, day): str(reason) for table, day, reason in cursor.fetchall()}


def changed_by(cursor: Cursor, run_ids: Sequence[str]) -> list[Slice]:
    """The slices that stood and that runs have replaced, by table and slice."""
    # A range may bridge slices that were never written and stand without rows afterwards: those have not changed.
    cursor.execute(
        bind(
            """
            select distinct written.table_name, written.slice
            from meta.slice_ledger as written
            where written.run_id = any(:runs::text[]) and written.status = 'published'
                and exists (
                    select from meta.slice_ledger as before
                    where before.table_name = written.table_name and before.slice = written.slice
                        and before.write_id < written.write_id and before.status <> 'refused'
                )
            order by written.table_name, written.slice
            """
        ),
        {"runs": list(run_ids)},
    )
    return [(table, day) for table, day in cursor.fetchall()]
