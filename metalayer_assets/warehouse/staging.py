"""Build the stage of a write here: every row that a slice's sources yield, each with its outcome.

A stage is a temporary table `staged` with the contract's columns and four more: `_slice` (first day of the row's
slice), `_outcome` (0 written, 1 collapsed, 2 rejected), `_folded` (source rows that the row stands for) and
`_failed` (rejecting rules that it broke). Bronze has a stage of its own (`bronze_stage`).
"""

import io
import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from metalayer_assets.contracts import Contract, Historised, Judged
from metalayer_assets.warehouse.ddl import relation_columns
from metalayer_assets.warehouse.errors import ContractError
from metalayer_assets.warehouse.judge import COLLAPSED, WRITTEN, collapse, judged_select
from metalayer_assets.warehouse.models import FOLDED, KEPT, Model, model_of
from metalayer_assets.warehouse.scd2 import versions_select
from metalayer_assets.warehouse.second_reading import read_open_rows, source_stamp
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.statements import bind, ident, listed
from metalayer_assets.warehouse.tellers import Members

Cursor = Any
STAGE = "staged"
_FRAME_CHUNK_ROWS = 50_000


def compiled_select(contract: Contract) -> str:
    """The SELECT that contract and model of a table compile to: the rows of its stage, or a dimension's versions.

    Raises:
        ContractError: The model and the contract do not fit.
    """
    model = model_of(contract)
    if isinstance(contract.source, Historised):
        return versions_select(contract, model, Members.FEW)
    return judged_select(contract, model) if isinstance(contract.source, Judged) else _modelled_select(contract, model)


def stage_select(cursor: Cursor, contract: Contract, slices: Sequence[date], settings: Settings) -> None:
    """Run the table's model for the slices, inside PostgreSQL, into the stage.

    Raises:
        ContractError: The model and the contract do not fit.
    """
    select = compiled_select(contract)
    binds = {"slices": list(slices), "calendar_start": settings.start_date}
    while True:
        stamp = source_stamp(cursor, contract, slices) if isinstance(contract.source, Judged) else None
        cursor.execute(f"drop table if exists pg_temp.{ident(STAGE)}")
        cursor.execute(bind(f"create temporary table {ident(STAGE)} on commit drop as\n{select}"), binds)
        if not isinstance(contract.source, Judged):
            break
        again = read_open_rows(cursor, contract, model_of(contract), STAGE, binds)
        # Both readings must be of one state of the source.
        if not again or source_stamp(cursor, contract, slices) == stamp:
            cursor.execute(bind(collapse(contract, STAGE)))
            break
    check_types(cursor, contract, STAGE)


def _modelled_select(contract: Contract, model: Model) -> str:
    folded = f"model.{ident(FOLDED)}" if FOLDED in model.outputs else "1"
    outcome = f"case when model.{ident(KEPT)} then {WRITTEN} else {COLLAPSED} end" if KEPT in model.outputs else "0"
    return (
        f"select {listed(contract.column_names, 'model')},"
        f" date_trunc('{contract.grain.value}', model.{ident(contract.sliced_by)})::date as _slice,"
        f" ({folded})::bigint as _folded, null::text[] as _failed, ({outcome})::smallint as _outcome"
        f"\nfrom (\n{model.select}\n) as model"
    )


def check_types(cursor: Cursor, contract: Contract, made: str) -> None:
    """Verify that a temporary table that a model has made has the contract's columns in their types.

    Raises:
        ContractError: It has not; the message names the columns.
    """
    standing = dict(relation_columns(cursor, f"pg_temp.{made}"))
    wrong = [
        f"{column.name} is {standing[column.name]}, declared {column.type.sql}"
        for column in contract.columns
        if standing[column.name] != column.type.sql
    ]
    if wrong:
        raise ContractError(f"the model of {contract.name} yields other types than its contract: {'; '.join(wrong)}.")


def stage_frame(cursor: Cursor, contract: Contract, frame: pd.DataFrame) -> None:
    """COPY a pandas frame into the stage, in chunks, with the contract's types.

    Raises:
        ContractError: The frame's columns are not the contract's.
    """
    missing = [name for name in contract.column_names if name not in frame.columns]
    unknown = [str(name) for name in frame.columns if name not in contract.column_names]
    if missing or unknown:
        raise ContractError(
            f"the frame for {contract.name} has other columns than its contract: missing {missing}, unknown {unknown}."
        )
    columns = ", ".join(f"{ident(column.name)} {column.type.sql}" for column in contract.columns)
    slice_of = f"date_trunc('{contract.grain.value}', {ident(contract.sliced_by)}::timestamp)::date"
    cursor.execute(f"drop table if exists pg_temp.{ident(STAGE)}")
    cursor.execute(
        f"create temporary table {ident(STAGE)} ({columns},"
        f" _slice date generated always as ({slice_of}) stored,"
        " _folded bigint default 1, _failed text[], _outcome smallint default 0) on commit drop"
    )
    for start in range(0, len(frame), _FRAME_CHUNK_ROWS):
        part = frame.iloc[start : start + _FRAME_CHUNK_ROWS].loc[:, list(contract.column_names)]
        lines = ("\t".join(map(copy_text, row)) for row in part.itertuples(index=False, name=None))
        text = io.StringIO("".join(f"{line}\n" for line in lines))
        cursor.copy_expert(f"copy {ident(STAGE)} ({listed(contract.column_names)}) from stdin", text)


_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def _array_item(item: object) -> str:
    if item is None:
        return "NULL"
    quoted = str(item).replace("\\", r"\\").replace('"', r"\"")
    return f'"{quoted}"'


def copy_text(value: object) -> str:
    """One value in the text format of COPY; every kind of missing value is NULL."""
    if isinstance(value, list | tuple | np.ndarray):
        return ("{" + ",".join(map(_array_item, value)) + "}").translate(_ESCAPES)
    # Of a value that is there, only NaN is not equal to itself: as a float of any width, and as a Decimal.
    if value is None or value is pd.NA or value != value:  # noqa: PLR0124
        return r"\N"
    if isinstance(value, dict):
        return json.dumps(value).translate(_ESCAPES)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value).translate(_ESCAPES)
