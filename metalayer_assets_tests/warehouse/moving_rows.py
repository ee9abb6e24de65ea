"""Give tests a table here whose key does not say in which slice a row lies, so that a write may move it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

import pytest

from metalayer_assets.contracts import CATALOG, Column, Contract, Modelled, Type
from metalayer_assets.contracts.replaced import history_table
from metalayer_assets.warehouse import as_of, ledger, replaced
from metalayer_assets.warehouse.checksums import checksum, row_hash
from metalayer_assets.warehouse.ledger import SliceCounts, WriteContext, WriteReport
from metalayer_assets.warehouse.table_definitions import table_definition
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, day

Members = dict[str, tuple[int, int]]

MEMBERS = Contract(
    name="gold.members",
    description="Members of a club.",
    columns=(
        Column("member", Type.TEXT, "Name.", nullable=False),
        Column("rank", Type.INTEGER, "Rank."),
        Column("day", Type.DATE, "Day that told it.", nullable=False),
    ),
    key=("member",),
    source=Modelled(),
    slice_by="day",
)


@contextmanager
def with_members(house: House) -> Iterator[House]:
    """A warehouse with the table of members and its history."""
    declared = {MEMBERS.name: MEMBERS, "history.members": history_table(MEMBERS)}
    with pytest.MonkeyPatch.context() as patch:
        for name, contract in declared.items():
            patch.setitem(CATALOG._by_name, name, contract)
        patch.setattr(CATALOG, "_order", (*CATALOG._order, *declared))
        with house.database.transaction() as cursor:
            for contract in declared.values():
                for statement in table_definition(contract):
                    cursor.execute(statement)
            as_of.install(cursor)
        yield house
        house.execute("drop table gold.members, history.members")
        house.execute("drop function history.members_as_of(timestamptz), history.members_at_write(bigint)")


def write_members(house: House, old: Members, new: Members) -> int:
    """Bring the members from one state to another as the writer of a dimension does; the number of the write."""

    def rows(members: Members) -> list[tuple[str, int, date]]:
        return [(member, rank, day(number)) for member, (rank, number) in members.items()]

    removed, added = set(rows(old)) - set(rows(new)), set(rows(new)) - set(rows(old))
    with house.database.transaction() as cursor:
        standing = ledger.standing(cursor, MEMBERS.name)
        write_id = ledger.next_write_id(cursor)
        for name, changed in (("gone", removed), ("come", added)):
            cursor.execute(f"create temporary table {name} (member text, rank integer, day date) on commit drop")
            for row in changed:
                cursor.execute(f"insert into {name} values (%s, %s, %s)", row)
        replaced.keep(cursor, MEMBERS, write_id, removed="gone", added="come", standing=list(standing), kept=True)
        cursor.execute("delete from gold.members where member in (select member from gone)")
        cursor.execute("insert into gold.members select * from come")
        cursor.execute(f"select day, count(*), {checksum(row_hash(MEMBERS))} from gold.members group by 1")
        held = {found: SliceCounts(rows, rows, checksum=digest) for found, rows, digest in cursor.fetchall()}
        days = {found for *_, found in removed | added}
        counts = {found: held.get(found, SliceCounts()) for found in days} or {DAY: held.get(DAY, SliceCounts())}
        report = WriteReport(MEMBERS.name, write_id, counts, frozenset(days))
        ledger.record(cursor, report, WriteContext("x"), started_at=datetime.now(tz=UTC))
    return write_id
