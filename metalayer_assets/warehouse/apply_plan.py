"""Say here what changed contracts would do to the warehouse, before they do it; nothing is changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from metalayer_assets.contracts import CATALOG, Contract, Judged, Landed
from metalayer_assets.warehouse import contract_versions, ledger, registry
from metalayer_assets.warehouse.applying import families, needed
from metalayer_assets.warehouse.contract_versions import declared, differences
from metalayer_assets.warehouse.landing import Landing
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.standing_tables import standing_tables
from metalayer_assets.warehouse.table_changes import Kind, TableChange
from metalayer_assets.warehouse.versions import code_version

Cursor = Any


@dataclass(frozen=True)
class TablePlan:
    """What a changed contract does to a table.

    Attributes:
        table: The table.
        changes: What `apply` does to it.
        declared: What else its contract says otherwise than when the warehouse was last brought to it.
        restated: Slices that the next run makes again; those downstream follow where rows differ.
        out_of_reach: Arrival days that would be loaded again but for files that have left the landing folder.
    """

    table: str
    changes: tuple[TableChange, ...] = ()
    declared: tuple[str, ...] = ()
    restated: int = 0
    out_of_reach: int = 0


def plan(cursor: Cursor, settings: Settings, landing: Landing | None) -> list[TablePlan]:
    """The tables that something happens to, upstream first.

    Args:
        cursor: Cursor; nothing is changed.
        settings: The settings, of which the code version is made.
        landing: What lies in the landing folder; None if it is not to be had.
    """
    standing = standing_tables(cursor)
    steps: dict[str, list[TableChange]] = {}
    for family in families():
        for change in needed(cursor, family, standing):
            steps.setdefault(change.table, []).append(change)
    versions = contract_versions.latest_versions(cursor)
    has_ledger = "meta.slice_ledger" in standing and "meta.landed_files" in standing
    found = []
    for contract in CATALOG.values():
        own = tuple(steps.get(contract.name, ()))
        restated, out_of_reach = _restated(cursor, contract, settings, landing, steps) if has_ledger else (0, 0)
        _, told = versions.get(contract.name, ("", None))
        said = tuple(differences(told, declared(contract))) if told is not None else ()
        if own or said or restated or out_of_reach:
            found.append(TablePlan(contract.name, own, said, restated, out_of_reach))
    strangers = sorted(name for name in standing if name not in CATALOG)
    return found + [TablePlan(name, declared=("there is none; the table is left alone",)) for name in strangers]


def _restated(
    cursor: Cursor,
    contract: Contract,
    settings: Settings,
    landing: Landing | None,
    steps: Mapping[str, list[TableChange]],
) -> tuple[int, int]:
    if not contract.is_asset:
        return 0, 0
    known = ledger.standing(cursor, contract.name)
    if _is(Kind.REBUILD, contract.name, steps):
        return len(known), 0
    if isinstance(contract.source, Landed):
        return _loaded_again(cursor, contract, landing)
    sources = [reads.table for reads in contract.reads]
    if isinstance(contract.source, Judged) and any(steps.get(source) for source in sources):
        return len(known), 0
    return len(ledger.outdated(cursor, contract.name, code_version(contract, settings))), 0


def _is(kind: Kind, table: str, steps: Mapping[str, list[TableChange]]) -> bool:
    return any(change.kind is kind for change in steps.get(table, ()))


def _loaded_again(cursor: Cursor, contract: Contract, landing: Landing | None) -> tuple[int, int]:
    """Days with files of whose columns the contract makes something else now: those in reach, and the others."""
    again: dict[date, bool] = {}
    for day, files in registry.known_files(cursor, contract.name).items():
        otherwise = {file_id for file_id, file in files.items() if file.reads_otherwise}
        if otherwise:
            there = {file.file_id for file in landing.of(contract.name, day)} if landing else set()
            again[day] = files.keys() <= there
    return sum(again.values()), sum(not reach for reach in again.values())
