"""Keep which slices downstream a write has touched here (`meta.touched_slices`, an outbox).

An entry is written in the transaction of the write that changed a truth, and removed in the transaction of
the write that takes the change in. A crash between the two loses nothing and repeats nothing.

Who distrusts what stands enters slices as well (`touch_again`): those are held against their rows, since the ledger
would say that nothing has changed. Such an entry's cause is no write but a request, told by a negative number.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from metalayer_assets.contracts import CATALOG, Contract, Historised, Reads
from metalayer_assets.warehouse.checksums import row_hash
from metalayer_assets.warehouse.locks import lock_first, lock_touching
from metalayer_assets.warehouse.slices import slice_of, sliced
from metalayer_assets.warehouse.statements import bind, ident, listed

Cursor = Any

_CHANGED = "changed_rows"


def consume(cursor: Cursor, table: str, slices: Sequence[date]) -> list[date]:
    """Remove the entries of these slices; to be called before the slices' sources are read.

    An entry that commits after this statement stays, so a change that the coming read may or may not see is
    taken in once more.

    Returns:
        The slices that are to be held against their rows and not against the ledger.
    """
    gone = "where table_name = :table and slice = any(:slices)"
    binds = {"table": table, "slices": list(slices)}
    cursor.execute(bind(f"delete from meta.touched_keys {gone}"), binds)
    cursor.execute(bind(f"delete from meta.touched_slices {gone} returning slice, cause_write_id"), binds)
    return sorted({day for day, cause in cursor.fetchall() if cause < 0})


def touch_again(cursor: Cursor, tables: Collection[str]) -> int:
    """Enter every slice of these tables that stands, to be made again and held against its rows; how many."""
    cursor.execute(
        bind(
            """
            insert into meta.touched_slices (table_name, slice, cause_write_id)
            select distinct ledger.table_name, ledger.slice, -request.number
            from meta.slice_ledger as ledger
            cross join (select nextval('meta.write_number') as number) as request
            where ledger.table_name = any(:tables) and ledger.status <> 'refused'
            """
        ),
        {"tables": sorted(tables)},
    )
    return int(cursor.rowcount)


def ask_for(cursor: Cursor, table: str, slices: Collection[date]) -> None:
    """Enter these slices of a table, to be made again and held against their rows."""
    cursor.execute(
        bind(
            """
            insert into meta.touched_slices (table_name, slice, cause_write_id)
            select :table, asked.slice, -request.number
            from unnest(:slices::date[]) as asked (slice)
            cross join (select nextval('meta.write_number') as number) as request
            """
        ),
        {"table": table, "slices": sorted(slices)},
    )


def pending(cursor: Cursor) -> dict[str, list[date]]:
    """Touched slices by table, in order."""
    cursor.execute(
        "select table_name, array_agg(distinct slice order by slice) from meta.touched_slices group by table_name"
    )
    return dict(cursor.fetchall())


def latest_causes(cursor: Cursor) -> dict[str, int]:
    """The latest write or request that touched slices of each table that are still pending."""
    cursor.execute("select table_name, max(abs(cause_write_id)) from meta.touched_slices group by table_name")
    return dict(cursor.fetchall())


def first_rows(cursor: Cursor, contract: Contract) -> bool:
    """Whether no write before this one brought rows; if so, no other can until this transaction ends."""
    if _was_written(cursor, contract):
        return False
    lock_first(cursor, contract.name)
    return not _was_written(cursor, contract)


def _was_written(cursor: Cursor, contract: Contract) -> bool:
    cursor.execute(
        bind(
            "select exists (select from meta.slice_ledger"
            " where table_name = :table and status = 'published' and rows_written > 0)"
        ),
        {"table": contract.name},
    )
    return bool(cursor.fetchone()[0])


def needs_rows(contract: Contract, *, replacing: bool) -> bool:
    """Whether what a reader has to do depends on the rows that changed, and not only on the slices.

    Args:
        contract: The table written.
        replacing: Whether rows that stand may go.
    """
    return any(
        not _same_slice(contract, reads) or (replacing and _tells(reader, reads))
        for reader, reads in CATALOG.readers_of(contract.name)
    )


def _same_slice(contract: Contract, reads: Reads) -> bool:
    return reads.slice_by == contract.slice_by


def _tells(reader: Contract, reads: Reads) -> bool:
    """Whether the rows tell the history of the reader's members."""
    return isinstance(reader.source, Historised) and reads in reader.reads


def _is_watched(contract: Contract) -> bool:
    """Whether a reader must not see a write come in between two of its statements, or between two writers."""
    return any(
        not _same_slice(contract, reads) or isinstance(reader.source, Historised)
        for reader, reads in CATALOG.readers_of(contract.name)
    )


def note_changes(
    cursor: Cursor, contract: Contract, slices: Sequence[date], stage: str, *, replaced: Sequence[date], all_new: bool
) -> None:
    """Before the slices are replaced: keep which rows will come or go, as the columns that readers are touched by.

    Args:
        cursor: Cursor in the write's transaction.
        contract: The table.
        slices: Its slices that change.
        stage: The stage.
        replaced: Those of the slices that hold rows now; in the others every staged row is a change.
        all_new: Whether these are the `first_rows` of the table: only the slices that they touch are of interest.
    """
    staged = f"from {ident(stage)} where _outcome = 0 and _slice"
    binds = {"slices": list(slices), "replaced": list(replaced)}
    create = f"create temporary table {_CHANGED} on commit drop as"
    if all_new:
        columns = _reader_columns(contract, keys=False)
        cursor.execute(bind(f"{create} select distinct {listed(columns)} {staged} = any(:slices)"), binds)
        return
    columns = _reader_columns(contract, keys=True)
    compared = f"select {listed(columns)}, {row_hash(contract)} as _hash"
    new = f"{compared} {staged} = any(:replaced)"
    old = f"{compared} from {ident(contract.name)} where {slice_of(contract)} = any(:replaced)"
    cursor.execute(
        bind(
            f"{create} select {listed(columns)} {staged} = any(:slices) and _slice <> all(:replaced)"
            f" union all select {listed(columns)} from (({new} except all {old}) union all ({old} except all {new}))"
            " as changed"
        ),
        binds,
    )


def _reader_columns(contract: Contract, *, keys: bool) -> tuple[str, ...]:
    names = {
        name
        for reader, reads in CATALOG.readers_of(contract.name)
        if not _same_slice(contract, reads) or (keys and _tells(reader, reads))
        for name in (reads.slice_by, *(reads.key if keys else ()))
    }
    return tuple(sorted(names))


def touch(
    cursor: Cursor, contract: Contract, slices: Sequence[date], write_id: int, *, all_new: bool, noted: bool
) -> dict[str, list[date]]:
    """After the slices were replaced: enter every slice downstream whose truth changed.

    Args:
        cursor: Cursor in the write's transaction, after `note_changes` where `noted`.
        contract: The table written.
        slices: Its slices whose rows changed.
        write_id: The write.
        all_new: Whether these are the `first_rows` of the table, so that no other telling can stand there.
        noted: Whether the rows that changed were noted.

    Returns:
        The slices touched, by table.
    """
    touched: dict[str, list[date]] = {}
    if _is_watched(contract):
        lock_touching(cursor, contract.name)
    for reader, reads in CATALOG.readers_of(contract.name):
        if _same_slice(contract, reads):
            source = "select unnest(:slices::date[]) as day"
        else:
            source = f"select {ident(reads.slice_by)} as day from {_CHANGED}"
            if reads.key and not all_new:
                # Another telling of a changed key may gain or lose its place, wherever its business day lies.
                source += (
                    f" union select told.{ident(reads.slice_by)} from {ident(contract.name)} as told"
                    f" where ({listed(reads.key, 'told')}) in (select {listed(reads.key)} from {_CHANGED})"
                )
        cursor.execute(
            bind(
                f"""
                insert into meta.touched_slices (table_name, slice, cause_write_id)
                select distinct :reader, {sliced("source.day", reader.grain)}, :write_id::bigint
                from ({source}) as source
                where source.day is not null
                on conflict do nothing
                returning slice
                """
            ),
            {"slices": list(slices), "reader": reader.name, "write_id": write_id},
        )
        found = sorted(day for (day,) in cursor.fetchall())
        if noted and not all_new and _tells(reader, reads):
            _touch_keys(cursor, reader, reads, write_id)
        if found:
            touched[reader.name] = sorted({*touched.get(reader.name, []), *found})
    return touched


def _touch_keys(cursor: Cursor, reader: Contract, reads: Reads, write_id: int) -> None:
    """Enter the members that the changed rows tell of: of rows that are gone, nothing else would."""
    key = ", ".join(f"{ident(name)}::text" for name in reads.key)
    cursor.execute(
        bind(
            f"""
            insert into meta.touched_keys (table_name, slice, cause_write_id, key)
            select distinct :reader, {sliced(ident(reads.slice_by), reader.grain)}, :write_id::bigint, array[{key}]
            from {_CHANGED}
            on conflict do nothing
            """
        ),
        {"reader": reader.name, "write_id": write_id},
    )
