"""Read the rows of a judged table here whose values the first reading left open: in every notation, set by set.

What a file shows of its notation is counted over the values of one column of one file, so that the reading of a row is
a function of its file alone, whatever else is loaded with it. Libraries are asked for each value once.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from metalayer_assets.contracts import Column, Contract, Type
from metalayer_assets.contracts.forms import Email, Phone
from metalayer_assets.warehouse.casts import is_dotted, notation
from metalayer_assets.warehouse.forms import email_form, hopeless, library_versions, phone_form, region_of, usual_form
from metalayer_assets.warehouse.judge import OPEN, judged_select
from metalayer_assets.warehouse.models import Model
from metalayer_assets.warehouse.readings import (
    FORMED,
    NOTATIONS,
    OPENED,
    code_joins,
    hint,
    judged_columns,
    notated_columns,
)
from metalayer_assets.warehouse.statements import bind, ident, listed, literal
from metalayer_assets.warehouse.tables import analyze

Cursor = Any
Binds = Mapping[str, object]

_CHUNK_ROWS = 5_000
_KEYS = "opened_keys"
_PLACE = ("source_file_id", "source_line")
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def read_open_rows(cursor: Cursor, contract: Contract, model: Model, stage: str, binds: Binds) -> int:
    """Take the rows that the first reading left open out of a stage and put them back in, read in full.

    Args:
        cursor: Cursor in the transaction of the stage.
        contract: The judged table.
        model: Its model.
        stage: Temporary table that `judged_select` has made.
        binds: Values that the model and the rules are bound with.

    Returns:
        How many rows were read again.
    """
    for table in (_KEYS, OPENED, FORMED, NOTATIONS):
        cursor.execute(f"drop table if exists pg_temp.{table}")
    cursor.execute(
        f"create temporary table {_KEYS} on commit drop as"
        f" select {listed(_PLACE)} from {ident(stage)} where _outcome = {OPEN}"
    )
    if not cursor.rowcount:
        return 0
    cursor.execute(
        bind(
            f"create temporary table {OPENED} on commit drop as select cleaned.* from ({model.select}) as cleaned"
            f" inner join {_KEYS} as opened using ({listed(_PLACE)})"
        ),
        binds,
    )
    _find_notations(cursor, contract, model, binds)
    cursor.execute(f"delete from {ident(stage)} where _outcome = {OPEN}")
    _open_dotted(cursor, contract, model, stage, binds)
    _find_forms(cursor, contract)
    for table in (OPENED, FORMED, NOTATIONS):
        analyze(cursor, table)
    cursor.execute(bind(f"insert into {ident(stage)} {judged_select(contract, model, fully=True)}"), binds)
    return int(cursor.rowcount)


def source_stamp(cursor: Cursor, contract: Contract, slices: Sequence[date]) -> object:
    """What changes when another run writes the slices' source: several statements must see one state of it."""
    cursor.execute(
        bind("select max(write_id) from meta.slice_ledger where table_name = any(:sources) and slice = any(:slices)"),
        {"sources": [reads.table for reads in contract.reads], "slices": list(slices)},
    )
    return cursor.fetchone()[0]


def _is_day(column: Column) -> bool:
    return column.type in (Type.DATE, Type.TIMESTAMP)


def _votes(columns: Sequence[Column], alias: str) -> str:
    return ", ".join(
        f"({literal(column.name)}, {notation(f'{alias}.{ident(column.name)}', column.type)})" for column in columns
    )


def _find_notations(cursor: Cursor, contract: Contract, model: Model, binds: Binds) -> None:
    """Count what the values of each file show; a file whose values contradict one another evenly shows nothing."""
    cursor.execute(
        f"create temporary table {NOTATIONS} (source_file_id bigint, column_name text, swapped boolean) on commit drop"
    )
    columns = list(notated_columns(contract))
    # A day that shows its order is open by itself, so that the open rows hold every vote.
    days = [column for column in columns if _is_day(column)]
    if days:
        _count_votes(cursor, OPENED, days, {})
    numbers = [column for column in columns if not _is_day(column)]
    # Points for decimals are no open values: their votes are counted where there are others, or where none would do.
    asked = " or ".join(_is_disputed(column) for column in numbers)
    if asked:
        cursor.execute(f"select distinct source_file_id from {OPENED} as told where {asked}")
        files = [file_id for (file_id,) in cursor.fetchall()]
        if files:
            rows = f"(select * from ({model.select}) as every where every.source_file_id = any(:files))"
            _count_votes(cursor, rows, numbers, {**binds, "files": files})


def _is_disputed(column: Column) -> str:
    told = f"told.{ident(column.name)}"
    condition = f"{notation(told, column.type)} = 1"
    return condition if column.type is Type.NUMERIC else f"({condition} or {told} ~ ',000$')"


def _count_votes(cursor: Cursor, rows: str, columns: Sequence[Column], binds: Binds) -> None:
    cursor.execute(
        bind(
            f"""
            insert into {NOTATIONS}
            select told.source_file_id, vote.column_name, sum(vote.notation) > 0
            from {rows} as told
            cross join lateral (values {_votes(columns, "told")}) as vote (column_name, notation)
            where vote.notation <> 0
            group by 1, 2
            having sum(vote.notation) <> 0
            """
        ),
        binds,
    )


def _open_dotted(cursor: Cursor, contract: Contract, model: Model, stage: str, binds: Binds) -> None:
    """Open the rows, too, whose decimal point their file shows to be one of thousands."""
    numbers = [column for column in notated_columns(contract) if not _is_day(column)]
    cursor.execute(
        f"select distinct source_file_id from {NOTATIONS} where swapped and column_name = any(%(names)s)",
        {"names": [column.name for column in numbers]},
    )
    files = [file_id for (file_id,) in cursor.fetchall()]
    if not files:
        return
    dotted = " or ".join(
        f"({is_dotted(f'cleaned.{ident(column.name)}')} and exists (select from {NOTATIONS} as shown"
        f" where shown.swapped and shown.column_name = {literal(column.name)}"
        " and shown.source_file_id = cleaned.source_file_id))"
        for column in numbers
    )
    cursor.execute(
        bind(
            f"""
            insert into {OPENED}
            select cleaned.*
            from ({model.select}) as cleaned
            left join {_KEYS} as opened using ({listed(_PLACE)})
            where cleaned.source_file_id = any(:files) and opened.source_line is null and ({dotted})
            """
        ),
        {**binds, "files": files},
    )
    same = " and ".join(f"staged.{name} = opened.{name}" for name in _PLACE)
    cursor.execute(f"delete from {ident(stage)} as staged using {OPENED} as opened where {same}")


def _find_forms(cursor: Cursor, contract: Contract) -> None:
    """Ask the libraries for each open value once, a chunk in memory at a time."""
    cursor.execute(
        f"create temporary table {FORMED} (column_name text, told text, hint text, form text) on commit drop"
    )
    for column, form in judged_columns(contract):
        told, region = f"cleaned.{ident(column.name)}", hint(contract, form)
        cursor.execute(
            f"""
            declare open_values no scroll cursor for
            select distinct {told}, {region}
            from {OPENED} as cleaned
            {code_joins(contract)}
            where {told} is not null and {usual_form(told, form, region)} is null and not {hopeless(told, form)}
            """
        )
        judge = _judge_of(form)
        while True:
            cursor.execute(f"fetch {_CHUNK_ROWS} from open_values")
            chunk = cursor.fetchall()
            if not chunk:
                break
            found = ((column.name, told, hint, judge(told, hint)) for told, hint in chunk)
            lines = ("\t".join(map(_copied, row)) for row in found if row[3] is not None)
            cursor.copy_expert(f"copy {FORMED} from stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        cursor.execute("close open_values")


def _judge_of(form: Email | Phone) -> Callable[[str, str], str | None]:
    if isinstance(form, Email):
        return lambda told, _: email_form(told)
    return lambda told, hint: phone_form(told, region_of(form, hint), form.region)


def _copied(text: str | None) -> str:
    return (text or "").translate(_ESCAPES)


def version_parts(contract: Contract, model: Model) -> list[str]:
    """What the second reading adds to that which decides what a slice holds."""
    libraries = [library_versions()] if any(judged_columns(contract)) else []
    return [judged_select(contract, model, fully=True), *libraries]
