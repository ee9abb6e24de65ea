"""Say here which rows of quarantine are meant: of which table, and which of them. Keep what is done with them out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from metalayer_assets.contracts import CATALOG, Contract, Judged, Landed
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.kept_out import LINES
from metalayer_assets.warehouse.statements import bind, ident, literal

Cursor = Any


@dataclass(frozen=True)
class Desk:
    """A table, and where what is kept out of it lies.

    Attributes:
        table: The table that rows are kept out of: judged, or landed where lines could not be read.
        quarantine: The quarantine table.
        landed: The bronze table of the files that the rows came in.
    """

    table: Contract
    quarantine: Contract
    landed: Contract

    @property
    def holds_lines(self) -> bool:
        """Whether unreadable lines are kept out and not rows."""
        return self.quarantine.name == LINES

    @property
    def label(self) -> str:
        """Name of the quarantine in lists, which for lines holds those of several tables."""
        return f"{self.quarantine.name} of {self.table.name}" if self.holds_lines else self.quarantine.name

    @property
    def scope(self) -> str:
        """SQL condition of the rows of `kept` that are kept out of this table."""
        return f"kept.table_name = {literal(self.table.name)}" if self.holds_lines else "true"

    @property
    def source_columns(self) -> tuple[str, ...]:
        """The columns of the source, in the order of the bronze table."""
        return tuple(name for name in self.landed.column_names if not name.startswith("_"))

    def description(self, rule: str) -> str:
        """What a rule asks, as a sentence; a reason why a line cannot be read is its own description."""
        if self.holds_lines:
            return rule
        known = (found.description for found in self.table.rules if found.id == rule)
        return next(known, "A rule that the contract no longer has.")


def desks() -> tuple[Desk, ...]:
    """Every table that something may be kept out of, upstream first."""
    return tuple(desk_of(contract) for contract in CATALOG.assets() if isinstance(contract.source, Judged | Landed))


def desk_of(contract: Contract) -> Desk:
    """Where what is kept out of a table lies; the quarantine table itself may be named as well.

    Raises:
        SettingError: Nothing is ever kept out of the table, or it holds lines of several.
    """
    if isinstance(contract.source, Landed):
        return Desk(contract, CATALOG[LINES], contract)
    if isinstance(contract.source, Judged):
        return Desk(contract, CATALOG[contract.source.quarantine], CATALOG[contract.reads[0].table])
    for judged in CATALOG.assets():
        if isinstance(judged.source, Judged) and judged.source.quarantine == contract.name:
            return desk_of(judged)
    if contract.name == LINES:
        named = ", ".join(desk.table.name for desk in desks() if desk.holds_lines)
        raise SettingError(f"{LINES} holds lines of several tables: name one of {named}.")
    raise SettingError(f"nothing is kept out of {contract.name}: name a bronze, silver or quarantine table.")


@dataclass(frozen=True)
class Selection:
    """Which rows of a desk are meant; an empty part selects everything.

    Attributes:
        rules: Rules of which a row broke at least one; of lines, the reasons.
        files: Landed files by their path below the landing folder, or by the end of it.
        lines: Lines of those files.
        first: First arrival day.
        last: Last arrival day.
        resolved: Also rows that were corrected or waived.
        closed: Also rows that a later write no longer kept out.
    """

    rules: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()
    first: date | None = None
    last: date | None = None
    resolved: bool = False
    closed: bool = False

    @property
    def is_everything(self) -> bool:
        """Whether no row that is kept out is left out."""
        return not (self.rules or self.files or self.lines or self.first or self.last)

    def condition(self, desk: Desk) -> str:
        """SQL condition of the rows of `kept` that are meant; its values are `binds`."""
        broken = "kept.reason = any(:rules)" if desk.holds_lines else "kept.failed_rules && :rules"
        return (
            f"{desk.scope} and (cardinality(:rules::text[]) = 0 or {broken})"
            " and (:file_ids::bigint[] is null or kept.source_file_id = any(:file_ids))"
            " and (cardinality(:lines::bigint[]) = 0 or kept.source_line = any(:lines))"
            " and (:first::date is null or kept.arrival_day >= :first)"
            " and (:last::date is null or kept.arrival_day <= :last)"
            " and (case when kept.state = 'open' then kept.resolution is null or :resolved else :closed end)"
        )

    def binds(self, cursor: Cursor) -> dict[str, object]:
        """The values of `condition`.

        Raises:
            SettingError: A file never landed.
        """
        return {
            "rules": list(self.rules),
            "file_ids": _file_ids(cursor, self.files) if self.files else None,
            "lines": list(self.lines),
            "first": self.first,
            "last": self.last,
            "resolved": self.resolved,
            "closed": self.closed,
        }


def check_rules(cursor: Cursor, rules: Sequence[str], among: Sequence[Desk]) -> None:
    """Verify that tables have rules of these names, or had: rows may be kept out by a rule that is gone by now.

    Lines are kept out for reasons, not by rules, and are not looked at.

    Raises:
        SettingError: None of the tables has, or had, a rule of that name.
    """
    if any(desk.holds_lines for desk in among):
        return
    known = {rule.id for desk in among for rule in desk.table.rules}
    for rule in (rule for rule in rules if rule not in known):
        broken = " union all ".join(
            f"select 1 from {ident(desk.quarantine.name)} where failed_rules @> array[:rule]" for desk in among
        )
        cursor.execute(bind(f"select exists ({broken})"), {"rule": rule})
        if cursor.fetchone() == (False,):
            raise SettingError(f"--rule {rule}: there is no such rule. Rules: {', '.join(sorted(known))}.")


def _file_ids(cursor: Cursor, files: Sequence[str]) -> list[int]:
    found: list[int] = []
    for file in files:
        cursor.execute(
            bind(
                "select distinct file_id from meta.landed_files"
                " where path = :file or right(path, length(:file) + 1) = '/' || :file"
            ),
            {"file": file},
        )
        matching = [file_id for (file_id,) in cursor.fetchall()]
        if not matching:
            raise SettingError(
                f"--file {file}: no file of that name was ever loaded. Give its path below the landing folder, such as"
                " erp/orders/2024-03-10/part-0.csv, or its name."
            )
        found += matching
    return found
