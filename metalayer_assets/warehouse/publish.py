"""Replace slices of a table by the rows of a stage here, whole, inside the caller's transaction."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from metalayer_assets.contracts import Contract
from metalayer_assets.warehouse.months import Shell
from metalayer_assets.warehouse.slices import slice_of
from metalayer_assets.warehouse.statements import bind, ident, listed

Cursor = Any


def replace_slices(
    cursor: Cursor, contract: Contract, slices: Sequence[date], stage: str, *, holding_rows: Sequence[date]
) -> None:
    """Delete the slices and insert their staged rows.

    Args:
        cursor: Cursor in the write's transaction.
        contract: The table.
        slices: The slices that change.
        stage: Relation with the contract's columns, `_slice` and `_outcome`.
        holding_rows: Those of the slices that the stage holds rows of.
    """
    shell = Shell(cursor, contract, holding_rows) if contract.by_month else None
    in_shell = [day for day in holding_rows if shell and shell.holds(day)]
    standing = [day for day in slices if day not in set(in_shell)]
    if shell and in_shell:
        insert_staged(cursor, contract, shell.relation, in_shell, stage)
        shell.graft()
    delete_slices(cursor, contract, standing)
    insert_staged(cursor, contract, contract.name, [day for day in holding_rows if day in set(standing)], stage)


def delete_slices(cursor: Cursor, contract: Contract, slices: Sequence[date]) -> None:
    """Delete every row of these slices."""
    if slices:
        cursor.execute(
            bind(f"delete from {ident(contract.name)} where {slice_of(contract)} = any(:slices)"),
            {"slices": list(slices)},
        )


def insert_staged(cursor: Cursor, contract: Contract, target: str, slices: Sequence[date], stage: str) -> None:
    """Insert the rows that stand of these slices."""
    if slices:
        columns = listed(contract.column_names)
        cursor.execute(
            bind(
                f"insert into {ident(target)} ({columns}) select {columns} from {ident(stage)}"
                " where _outcome = 0 and _slice = any(:slices)"
            ),
            {"slices": list(slices)},
        )
