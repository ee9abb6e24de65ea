"""Make the month partitions of big tables here.

A month that does not exist yet is filled before it is attached: its rows go into a shell, a partitioned table
without indexes that no reader sees, and `graft` moves the shell's months under the table, where PostgreSQL
builds their indexes over the finished rows. Attaching takes no lock that a reader would wait for.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from metalayer_assets.contracts import Contract, Grain
from metalayer_assets.warehouse.locks import lock_months
from metalayer_assets.warehouse.statements import bind, ident
from metalayer_assets.warehouse.tables import analyze

Cursor = Any


def month_of(day: date) -> date:
    """The first day of the day's month."""
    return Grain.MONTH.first_day(day)


def partition_name(contract: Contract, month: date) -> str:
    """`layer.table_yYYYYmMM`."""
    return f"{contract.layer}.{contract.table}_y{month:%Y}m{month:%m}"


def missing_months(cursor: Cursor, contract: Contract, slices: Iterable[date]) -> list[date]:
    """First days of the slices' months that the table has no partition for."""
    names = {partition_name(contract, month): month for month in sorted({month_of(day) for day in slices})}
    # Asked of the catalog's rows: to_regclass would go on remembering that a month was missing after another writer,
    # for whose lock this one has waited, has made it.
    cursor.execute(
        bind(
            """
            select n.nspname || '.' || c.relname
            from pg_class as c
            inner join pg_namespace as n on n.oid = c.relnamespace
            where n.nspname = :layer and c.relname = any(:tables::name[])
            """
        ),
        {"layer": contract.layer, "tables": [name.split(".")[1] for name in names]},
    )
    standing = {name for (name,) in cursor.fetchall()}
    return [month for name, month in names.items() if name not in standing]


class Shell:
    """Months under construction: a partitioned table of the contract's columns, private to the transaction."""

    def __init__(self, cursor: Cursor, contract: Contract, slices: Sequence[date]) -> None:
        """Make the months of these slices that do not exist yet; `months` is empty when all do."""
        self._cursor = cursor
        self._contract = contract
        self.relation = f"{contract.layer}.{contract.table}_shell"
        self.months: list[date] = []
        if not missing_months(cursor, contract, slices):
            return
        lock_months(cursor, contract.name)
        self.months = missing_months(cursor, contract, slices)
        if not self.months:
            return
        cursor.execute(
            f"create table {ident(self.relation)} (like {ident(contract.name)} including defaults)"
            f" partition by range ({ident(contract.sliced_by)})"
        )
        for month in self.months:
            cursor.execute(
                bind(
                    f"create table {ident(partition_name(contract, month))} partition of {ident(self.relation)}"
                    " for values from (:first) to (:next)"
                ),
                self._bounds(month),
            )

    @staticmethod
    def _bounds(month: date) -> dict[str, date]:
        return {"first": month, "next": Grain.MONTH.next_slice(month)}

    def holds(self, day: date) -> bool:
        """Whether the slice's month is under construction."""
        return month_of(day) in self.months

    def graft(self) -> None:
        """Put the finished months under the table and drop the shell."""
        if not self.months:
            return
        for month in self.months:
            name = ident(partition_name(self._contract, month))
            self._cursor.execute(f"alter table {ident(self.relation)} detach partition {name}")
            self._cursor.execute(
                bind(
                    f"alter table {ident(self._contract.name)} attach partition {name}"
                    " for values from (:first) to (:next)"
                ),
                self._bounds(month),
            )
        self._cursor.execute(f"drop table {ident(self.relation)}")
        # The next model reads the new months at once; and at the table above them autovacuum never looks.
        analyze(self._cursor, self._contract.name)
