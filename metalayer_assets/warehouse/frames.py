"""Give and judge pandas frames of contract tables here: the pandera schema, and reading slices as frames."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd
import pandera.pandas as pa

from metalayer_assets.contracts import Agrees, Contract, Known, SetRule
from metalayer_assets.contracts.predicate import Predicate
from metalayer_assets.warehouse import frame_rules
from metalayer_assets.warehouse.errors import ContractError
from metalayer_assets.warehouse.slices import slice_of
from metalayer_assets.warehouse.statements import bind, ident, listed

Cursor = Any


def pandera_schema(
    contract: Contract, *, calendar_start: date | None = None, others: Mapping[str, pd.DataFrame] | None = None
) -> pa.DataFrameSchema:
    """The contract as a pandera schema: columns, dtypes, nullability, and every rule that a frame can be asked.

    A rule over text that cannot be read has no place here, since a frame holds typed values. Of the rules about slices,
    those that look into other tables are asked where frames of these are given.

    Args:
        contract: The contract.
        calendar_start: First day of the warehouse; needed when a rule asks for it.
        others: Frames of other tables that rules look into, by name.
    """
    given = others or {}
    checks = []
    for rule in contract.rules:
        if rule.holds is None:
            continue

        def unbroken(frame: pd.DataFrame, holds: Predicate = rule.holds) -> "pd.Series[Any]":
            if calendar_start is not None:
                frame = frame.assign(calendar_start=pd.Timestamp(calendar_start))
            return holds.mask(frame).fillna(True).astype(bool)

        checks.append(pa.Check(unbroken, name=rule.id, error=rule.id, ignore_na=False, description=rule.description))
    for set_rule in contract.set_rules:
        if isinstance(set_rule.holds, Known | Agrees) and set_rule.holds.table not in given:
            continue

        def kept(frame: pd.DataFrame, rule: SetRule = set_rule) -> "pd.Series[Any]":
            return frame_rules.holds(contract, rule, frame, given).fillna(True).astype(bool)

        checks.append(
            pa.Check(kept, name=set_rule.id, error=set_rule.id, ignore_na=False, description=set_rule.description)
        )
    return pa.DataFrameSchema(
        columns={
            column.name: pa.Column(
                dtype=column.type.pandas,
                nullable=column.nullable,
                description=column.description,
                required=True,
            )
            for column in contract.columns
        },
        checks=checks,
        name=contract.name,
        strict=True,
    )


def read_slices(
    cursor: Cursor, contract: Contract, slices: Sequence[date], columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Slices of a table as a frame with the contract's dtypes; no slices give an empty frame.

    Raises:
        ContractError: A column asked for is not in the contract.
    """
    wanted = list(columns or contract.column_names)
    unknown = [name for name in wanted if name not in contract.column_names]
    if unknown:
        raise ContractError(f"{contract.name} has no column {', '.join(unknown)}; it has {contract.column_names}.")
    cursor.execute(
        bind(
            f"select {listed(wanted)} from {ident(contract.name)} where {slice_of(contract)} = any(:slices::date[])"
            f" order by {listed(contract.key)}"
        ),
        {"slices": list(slices)},
    )
    frame = pd.DataFrame(cursor.fetchall(), columns=wanted)
    return typed(frame, contract)


def typed(frame: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """The frame with each column in the contract's dtype."""
    result = frame.copy()
    for name in frame.columns:
        dtype: Any = contract.column(str(name)).type.pandas
        if dtype != "object":
            result[name] = result[name].astype(dtype)
    return result
