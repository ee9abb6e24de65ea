"""Judge again here what is kept out, after a rule or a model was mended; keep running the writes out (`plan`).

The slices concerned are asked for like any that need restating, so that what a crash leaves undone is done by the next
run. What becomes of each row is told by comparing with what was open before.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812 -- psycopg2 names its classes in lower case

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse import outbox
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.plan import Scope
from metalayer_assets.warehouse.statements import bind, ident, listed, literal
from metalayer_assets.warehouse.workbench import actions
from metalayer_assets.warehouse.workbench.desk import Desk, check_rules

Cursor = Any

_BEFORE = "kept_out_before"
_KEY = ("arrival_day", "source_file_id", "source_line", "row_hash")


@dataclass(frozen=True)
class StillOut:
    """Rows that a replay keeps out again, by a rule that they break now."""

    rule: str
    description: str
    rows: int


@dataclass(frozen=True)
class Replayed:
    """What a replay made of what was kept out of a table.

    Attributes:
        table: The table.
        slices: Slices judged again.
        rows: Rows that were open, and broke one of the rules asked for.
        passed: Those of them that are kept out no longer.
        resolved: Those still kept out that were corrected or waived.
        still_out: The others, by the rules that they break now; a row that breaks several is counted for each.
        newly_out: Rows of these slices that were not kept out before.
    """

    table: str
    slices: int
    rows: int
    passed: int
    resolved: int
    still_out: tuple[StillOut, ...]
    newly_out: int


class Replay:
    """The rows that a replay concerns, as they were before it; made by `replaying`.

    Attributes:
        slices: Slices with such rows, by table.
    """

    def __init__(self, connection: Connection, desks: Sequence[Desk], rules: Sequence[str]) -> None:
        self._connection = connection
        self._cursor: Cursor = connection.cursor()
        self._desks = {desk.table.name: desk for desk in desks}
        self.slices = self._remember(list(rules))

    def scope(self) -> Scope:
        """What to run: the slices concerned, and what they touch; whatever else waits is left to a run."""
        tables = set(self.slices)
        for contract in CATALOG.assets():
            if tables.intersection(contract.upstream):
                tables.add(contract.name)
        return Scope(tables=frozenset(tables), only=self.slices, outdated=False)

    def request(self, *, by: str, note: str | None = None) -> None:
        """Ask for the slices concerned, and record who did."""
        for table, days in self.slices.items():
            outbox.ask_for(self._cursor, table, days)
            action = actions.begin(self._cursor, actions.REPLAYED, table, by, note=note)
            concerned = (
                f"select arrival_day, source_file_id, source_line, null::text as corrected_in from {_BEFORE}"
                " where concerned and table_name = :table_name"
            )
            actions.enter(self._cursor, action, concerned, {})
        self._connection.commit()

    def result(self) -> list[Replayed]:
        """What became of the rows, table by table."""
        found = [self._result(desk) for table, desk in self._desks.items() if table in self.slices]
        self._connection.commit()
        return found

    def _remember(self, rules: list[str]) -> Mapping[str, frozenset[date]]:
        concerned = "(cardinality(:rules::text[]) = 0 or failed_rules && :rules)"
        parts = [
            f"select {literal(name)} as table_name, {listed(_KEY)}, {concerned} as concerned"
            f" from {ident(desk.quarantine.name)} where state = 'open' and arrival_day in ("
            f"select arrival_day from {ident(desk.quarantine.name)} where state = 'open' and {concerned})"
            for name, desk in self._desks.items()
        ]
        self._cursor.execute(bind(f"create temporary table {_BEFORE} as {' union all '.join(parts)}"), {"rules": rules})
        self._cursor.execute(f"select table_name, array_agg(distinct arrival_day) from {_BEFORE} group by table_name")
        slices = {table: frozenset(days) for table, days in self._cursor.fetchall()}
        # The rows are remembered by the session: no transaction stays open while others write.
        self._connection.commit()
        return slices

    def _result(self, desk: Desk) -> Replayed:
        same = f"({listed(_KEY, 'before')}) = ({listed(_KEY, 'kept')})"
        now = f"from {_BEFORE} as before inner join {ident(desk.quarantine.name)} as kept on {same}"
        concerned = "where before.concerned and before.table_name = :table"
        binds = {"table": desk.table.name, "days": sorted(self.slices[desk.table.name])}

        def fetch(statement: str) -> list[tuple[Any, ...]]:
            self._cursor.execute(bind(statement), binds)
            return list(self._cursor.fetchall())

        resolved_too = "kept.state = 'open' and kept.resolution is not null"
        ((rows, passed, resolved),) = fetch(
            "select count(*), count(*) filter (where kept.state = 'closed'),"
            f" count(*) filter (where {resolved_too}) {now} {concerned}"
        )
        broken = fetch(
            f"select broken.rule, count(*) {now} cross join unnest(kept.failed_rules) as broken (rule)"
            f" {concerned} and kept.state = 'open' and kept.resolution is null group by broken.rule order by 2 desc, 1"
        )
        ((newly_out,),) = fetch(
            f"select count(*) from {ident(desk.quarantine.name)} as kept"
            " where kept.state = 'open' and kept.arrival_day = any(:days)"
            f" and not exists (select from {_BEFORE} as before where before.table_name = :table and {same})"
        )
        still_out = tuple(StillOut(rule, desk.description(rule), count) for rule, count in broken)
        return Replayed(desk.table.name, len(binds["days"]), rows, passed, resolved, still_out, newly_out)


@contextmanager
def replaying(database: Database, desks: Sequence[Desk], rules: Sequence[str]) -> Iterator[Replay]:
    """The rows to judge again: those that broke one of the rules, or any where none is named.

    Args:
        database: The warehouse.
        desks: Tables to look at.
        rules: Names of rules.

    Raises:
        SettingError: A table holds unreadable lines, or there is no such rule.
    """
    for desk in desks:
        if desk.holds_lines:
            raise SettingError(
                f"{desk.table.name} keeps out lines that could not be read, which no rule judges: name a silver table."
                " A file is read again when its content changes."
            )
    with database.transaction(readonly=True) as cursor:
        check_rules(cursor, rules, desks)
    with closing(database.connect()) as connection:
        yield Replay(connection, desks, rules)
