"""Give tests a warehouse with its landing folder here: land, write, bring up to date, die, look. No Dagster."""

import itertools
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from metalayer_assets.contracts import CATALOG, contract_named
from metalayer_assets.warehouse import plan
from metalayer_assets.warehouse.audit import Refusal
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.frames import read_slices
from metalayer_assets.warehouse.landing import file_id_of, scan
from metalayer_assets.warehouse.ledger import WriteReport
from metalayer_assets.warehouse.plan import Scope
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.slices import between
from metalayer_assets.warehouse.verify import TableVerdict, verify
from metalayer_assets.warehouse.writer import SliceWriter
from metalayer_assets_tests.scenario import DATASETS, Row, land

# What tests land is dirty on purpose, and in days of a few rows.
LENIENT: dict[str, Any] = {"reject_limit": 1.0, "unreadable_limit": 1_000_000}


# Tables of what audits counted: they follow every write.
QUALITY = frozenset({"meta.data_quality_audit", "silver.data_quality_summary"})


class Crash(BaseException):
    """The process dies: nothing that catches errors may catch this."""


class CrashingDatabase(Database):
    """A database whose sessions die at a statement, counted over all of them from 1; 0 counts only.

    Attributes:
        seen: Statements so far.
    """

    def __init__(self, url: str, *, at: int = 0) -> None:
        super().__init__(url)
        self.seen = 0
        self._at = at

    def connect(self) -> Connection:
        """Open a connection that counts, and at its time dies as a killed process does."""
        connection = super().connect()
        database = self

        class Counting(Cursor):
            def execute(self, *arguments: Any, **named: Any) -> None:
                database.count(self.connection)
                super().execute(*arguments, **named)

            def copy_expert(self, *arguments: Any, **named: Any) -> None:
                database.count(self.connection)
                super().copy_expert(*arguments, **named)

        connection.cursor_factory = Counting
        return connection

    def count(self, connection: Connection) -> None:
        """Count a statement, and die before it if its time has come."""
        self.seen += 1
        if self.seen == self._at:
            connection.close()
            raise Crash


class House:
    """A warehouse and its landing folder: land, write, bring up to date, look."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.settings = settings
        self.writer = SliceWriter(database, settings)
        # One session for looking, since opening one costs more than most looks.
        self._looking = database.connect()
        self._looking.set_session(readonly=True, autocommit=True)

    def with_settings(self, **changes: Any) -> "House":
        """The same warehouse, written with other settings."""
        other = copy(self)
        other.settings = replace(self.settings, **changes)
        other.writer = SliceWriter(self.database, other.settings)
        return other

    def close(self) -> None:
        """End the session for looking."""
        self._looking.close()

    def land(self, dataset: str, arrival: date, rows: Sequence[Row] | str | bytes, *, name: str = "part-0.csv") -> Path:
        """See `land`."""
        return land(self.settings.landing, dataset, arrival, rows, name=name)

    def unland(self, dataset: str, arrival: date, *, name: str = "part-0.csv") -> None:
        """Remove a landed file, and its folder when it was the last."""
        folder = self.settings.landing / dataset / arrival.isoformat()
        (folder / name).unlink()
        if not any(folder.iterdir()):
            folder.rmdir()

    def write(self, table: str, *days: date, allow_shrink: bool = False, run_id: str | None = None) -> WriteReport:
        """Write slices of a table."""
        contract = contract_named(table)
        return self.writer.write(
            contract, days, self.writer.context(contract, run_id=run_id, allow_shrink=allow_shrink)
        )

    def crash(self, table: str, *days: date, at: int) -> bool:
        """Write slices and die at a statement; whether the write came that far."""
        writer = SliceWriter(CrashingDatabase(self.database.url, at=at), self.settings)
        contract = contract_named(table)
        try:
            writer.write(contract, days, writer.context(contract, allow_shrink=True))
        except Crash:
            return True
        return False

    def load(self, dataset: str, *days: date) -> WriteReport:
        """Write bronze and silver of a dataset for these days; the report of silver."""
        bronze, silver, _ = DATASETS[dataset]
        self.write(bronze, *days)
        return self.write(silver, *days)

    def update(self, scope: Scope | None = None, *, allow_shrink: bool = False, passes: int | None = None) -> list[str]:
        """Do what the plan says, pass by pass, until nothing is left; the refusals met on the way.

        A pass that would be tried for ever fails the test.
        """
        scope = scope or Scope()
        refusals: list[str] = []
        for number in itertools.count(1):
            assert number < 40, f"the plan never comes to an end: {refusals[-3:]}"
            landing = scan(self.settings)
            with self._looking.cursor() as cursor:
                works = plan.next_pass(cursor, self.settings, landing, scope)
            if not works or (passes is not None and number > passes):
                return refusals
            for work in works:
                for table in work.tables:
                    days = between(work.grain, work.first, work.last)
                    try:
                        self.write(table, *days, allow_shrink=allow_shrink)
                    except Refusal as refusal:
                        scope.refused |= {(table, refused) for refused in refusal.reasons}
                        refusals.append(str(refusal))
                        break
        raise AssertionError

    def plan(self, scope: Scope | None = None) -> list[plan.Work]:
        """What is to do now."""
        with self._looking.cursor() as cursor:
            return plan.next_pass(cursor, self.settings, scan(self.settings), scope or Scope())

    def fetch(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        """Rows of a statement with psycopg2's named placeholders."""
        with self._looking.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    def value(self, statement: str, **values: object) -> Any:
        """The one value of a statement."""
        ((found,),) = self.fetch(statement, **values)
        return found

    def execute(self, statement: str, **values: object) -> None:
        """Run a statement that changes something, behind the warehouse's back."""
        with self.database.transaction() as cursor:
            cursor.execute(statement, values)

    def verdicts(self) -> dict[str, TableVerdict]:
        """What `metalayer verify` finds, by table."""
        with self._looking.cursor() as cursor:
            return {verdict.table: verdict for verdict in verify(cursor)}

    def problems(self) -> list[str]:
        """Every problem that verify finds, after its table's name."""
        return [f"{name}: {problem}" for name, found in self.verdicts().items() for problem in found.problems]

    def checksums(self) -> dict[str, str]:
        """The content of every table of data: rows and checksum."""
        return {name: found.checksum for name, found in self.verdicts().items()}

    def frame(self, table: str, *days: date) -> pd.DataFrame:
        """Slices of a table as a frame."""
        with self._looking.cursor() as cursor:
            return read_slices(cursor, CATALOG[table], days)

    def touched(self) -> dict[str, list[date]]:
        """The outbox: slices to restate, by table; those of what audits counted follow every write and are left out."""
        found: dict[str, list[date]] = {}
        for table, touched in self.fetch("select distinct table_name, slice from meta.touched_slices order by 1, 2"):
            if table not in QUALITY:
                found.setdefault(table, []).append(touched)
        return found

    def physical(self, table: str) -> list[tuple[Any, ...]]:
        """Where each row of a table lies and which transaction wrote it: changes when anything is written."""
        return self.fetch(f"select tableoid::bigint, ctid::text, xmin::text from {table} order by 1, 2")

    def state(self, *, ledger: bool = False) -> dict[str, tuple[int, str]]:
        """Number and hash of the rows of every table; if asked, of those too that keep evidence of refusals."""
        evidence = {"meta.slice_ledger", "meta.rule_results", "meta.schema_changes"}
        names = [name for name in CATALOG if ledger or name not in evidence]
        parts = [f"select '{n}', count(*), sum(hashtextextended(t::text, 0))::text from {n} as t" for n in names]
        return {name: (rows, digest) for name, rows, digest in self.fetch(" union all ".join(parts))}

    def ledger(self, table: str) -> list[tuple[Any, ...]]:
        """What the ledger says of each write of a table: slice, status, rows and reason."""
        return self.fetch(
            "select slice, status, rows_read, rows_written, rows_collapsed, rows_quarantined, reason"
            " from meta.slice_ledger where table_name = %(table)s order by write_id, slice",
            table=table,
        )

    def file_id(self, dataset: str, arrival: date, name: str = "part-0.csv") -> int:
        """The number of a landed file."""
        return file_id_of(f"{dataset}/{arrival.isoformat()}/{name}")
