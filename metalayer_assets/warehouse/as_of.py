"""Say here what a table held at a moment of the past or after a write: two functions per table, in SQL.

`history.<table>_at_write(write_id)` gives the rows that stood once every write up to that number was done, and
`history.<table>_as_of(moment)` those once every write was done that was finished by then. A row stood then if no later
write touched it, or the next one that did removed it, and if its slice had begun. The functions are plain SQL, so that
PostgreSQL reads of the table and of its history only what the outer query asks for.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

import psycopg2.errors

from metalayer_assets.contracts import CATALOG, Column, Contract
from metalayer_assets.contracts.dimensions import history_of
from metalayer_assets.contracts.replaced import CHANGE, REMOVED, SLICE, WRITE_ID, Past, pasts_of
from metalayer_assets.warehouse.errors import MetaLayerError, SettingError
from metalayer_assets.warehouse.replaced import same_key, standing_rows
from metalayer_assets.warehouse.slices import slice_of
from metalayer_assets.warehouse.statements import ident, listed, literal

Cursor = Any

# An analyst who asks in SQL is told as much as a user of the command line.
_IS_KNOWN = """
create or replace function history.is_known(asked_table text, asked_write bigint, asked_moment timestamp with time zone)
returns boolean
language plpgsql stable parallel safe
as $$
declare
    unknown record;
begin
    if asked_write is null and asked_moment is null then
        raise exception using message = format(
            'what %s held is asked for without a write or a moment: name one.', asked_table
        );
    end if;
    select forgotten.write_id, coalesce(forgotten.moment, max(write.finished_at)) as moment
    into unknown
    from meta.forgotten_writes as forgotten
    left join meta.slice_ledger as write
        on write.table_name = forgotten.table_name and write.write_id = forgotten.write_id
    where forgotten.table_name = asked_table
    group by forgotten.table_name, forgotten.write_id
    having forgotten.write_id > asked_write or coalesce(forgotten.moment, max(write.finished_at)) > asked_moment
    order by forgotten.write_id desc
    limit 1;
    if found then
        raise exception using message = format(
            'what %s held before write %s (%s UTC) is not known: its replaced rows are not kept.',
            asked_table, unknown.write_id, to_char(unknown.moment at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')
        );
    end if;
    return true;
end
$$"""


_NO_WRITE_LATER = 2**63 - 1


class PastUnknown(MetaLayerError):
    """What a table held then is not kept."""


@contextmanager
def known_past() -> Iterator[None]:
    """Run statements that ask for the past.

    Raises:
        PastUnknown: It is not kept.
    """
    try:
        yield
    except psycopg2.errors.RaiseException as error:
        raise PastUnknown(str(error.diag.message_primary)) from None


@dataclass(frozen=True)
class Point:
    """A point in a table's past: after a write, at a moment, or now, after every write."""

    write_id: int | None = None
    moment: datetime | None = None

    @classmethod
    def read(cls, text: str) -> "Point":
        """The point that a person means: a write's number, a day (its beginning in UTC), or a moment (UTC if unsaid).

        Raises:
            SettingError: It is none of them.
        """
        if text.isascii() and text.isdigit() and len(text) < 19:
            return cls(write_id=int(text))
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise SettingError(
                f"{text!r} is no point in time: write a write's number, a day as YYYY-MM-DD, or a moment as"
                " YYYY-MM-DDTHH:MM:SS."
            ) from None
        return cls(moment=moment if moment.tzinfo else moment.replace(tzinfo=UTC))

    def __str__(self) -> str:
        if self.moment is None:
            return "now" if self.write_id is None else f"write {self.write_id}"
        day = self.moment.timetz() == time(tzinfo=UTC)
        return str(self.moment.date()) if day else self.moment.isoformat(sep=" ", timespec="seconds")

    @property
    def value(self) -> int | datetime:
        """The argument of the table's function."""
        if self.moment is None:
            return _NO_WRITE_LATER if self.write_id is None else self.write_id
        return self.moment

    def rows_of(self, history: Contract, bind_name: str) -> str:
        """SQL of the rows that stood at the point; its value is to be bound to that name."""
        if self.moment is None:
            return f"{ident(f'{history.name}_at_write')}(:{bind_name}::bigint)"
        return f"{ident(f'{history.name}_as_of')}(:{bind_name}::timestamptz)"

    def done(self, bind_name: str) -> str:
        """SQL condition on a group of a write's ledger entries that it was done by then."""
        if self.moment is None:
            return f"write_id <= :{bind_name}::bigint"
        return f"min(finished_at) <= :{bind_name}::timestamptz"


def statements(past: Past) -> tuple[str, str]:
    """What creates the two functions of a table."""
    table = literal(past.asset.name)
    # A comparison with NULL would be known to be false before the question is asked whether the past is known.
    at_write = _body(
        past,
        known=f"history.is_known({table}, $1, null)",
        later=lambda event: f"{event}.{WRITE_ID} > coalesce($1, 0)",
        done="entry.write_id <= coalesce($1, 0)",
    )
    writes = (
        "with writes as materialized (select entry.write_id, min(entry.finished_at) > $1 as is_later"
        f" from meta.slice_ledger as entry where entry.table_name = {table} and entry.status <> 'refused'"
        " group by entry.write_id)\n"
    )
    as_of = writes + _body(
        past,
        known=f"history.is_known({table}, null, $1)",
        later=lambda event: f"{event}.{WRITE_ID} in (select writes.write_id from writes where writes.is_later)",
        done="entry.write_id in (select writes.write_id from writes where not writes.is_later)",
    )
    return (
        _function(past, "_as_of", "timestamp with time zone", as_of),
        _function(past, "_at_write", "bigint", at_write),
    )


def _function(past: Past, suffix: str, argument: str, body: str) -> str:
    names = {*past.column_names, *(column.name for column in past.table.columns if column.ordinal)}
    returned = [column for column in past.table.columns if column.name in names]
    columns = ", ".join(f"{ident(column.name)} {column.type.sql}" for column in returned)
    if len(names) > len(past.column_names):
        body = f"select {_numbered(past.table, returned)}\nfrom (\n{body}\n) as stood"
    # The argument has no name, which a column might have as well.
    return (
        f"create or replace function {ident(past.history.name + suffix)}({argument}) returns table ({columns})"
        f" language sql stable parallel safe as $$\n{body}\n$$"
    )


def _numbered(contract: Contract, columns: Sequence[Column]) -> str:
    """The columns of a dimension's versions, with the place that each had among those of its member."""
    member = listed(history_of(contract).natural_key, "stood")
    place = f"(row_number() over (partition by {member} order by stood.valid_from))::integer"
    return ", ".join(
        f"{place} as {ident(column.name)}" if column.ordinal else f"stood.{ident(column.name)}" for column in columns
    )


def _body(past: Past, *, known: str, later: Callable[[str], str], done: str) -> str:
    history = ident(past.history.name)
    stands, removed = slice_of(past.table, "stands"), f"removed.{SLICE}"
    begun = (
        "exists (select from meta.slice_ledger as entry"
        f" where entry.table_name = {literal(past.asset.name)} and entry.slice = {{day}}"
        f" and entry.status <> 'refused' and entry.{past.counted} > 0 and {done})"
    )
    # A subquery of its own is asked once and before any row is read, even where there is none.
    return f"""select {listed(past.column_names, "stands")}
from {ident(past.table.name)} as stands
where (select {known})
    and {standing_rows(past, "stands")}
    and {begun.format(day=stands)}
    and not exists (
        select from {history} as event
        where event.{SLICE} = {stands} and {same_key(past.table.key, "event", "stands")} and {later("event")}
    )
union all
select {listed(past.column_names, "removed")}
from {history} as removed
where (select {known})
    and removed.{CHANGE} = '{REMOVED}'
    and {later("removed")}
    and {begun.format(day=removed)}
    and not exists (
        select from {history} as event
        where event.{SLICE} = {removed} and {same_key(past.table.key, "event", "removed")} and {later("event")}
            and event.{WRITE_ID} < removed.{WRITE_ID}
    )"""


def definitions(assets: Iterable[Contract] | None = None) -> list[str]:
    """What creates the functions of tables with a history, those of every asset unless some are named."""
    named = CATALOG.assets() if assets is None else assets
    pasts = [past for contract in named for past in pasts_of(contract, CATALOG)]
    return [_IS_KNOWN, *(statement for past in pasts for statement in statements(past))]


def install(cursor: Cursor, assets: Iterable[Contract] | None = None) -> None:
    """Create the functions, those of every asset unless some are named; the tables must stand."""
    for statement in definitions(assets):
        cursor.execute("savepoint function")
        try:
            cursor.execute(statement)
        except psycopg2.errors.InvalidFunctionDefinition:
            # Other columns than before: such a function cannot be replaced.
            cursor.execute("rollback to savepoint function")
            cursor.execute(f"drop function {_signature(statement)}")
            cursor.execute(statement)
        cursor.execute("release savepoint function")


def _signature(statement: str) -> str:
    return statement.removeprefix("create or replace function ").split(" returns ")[0]
