"""Stage a dimension's write here: which members move, what their versions are now, and what differs from what stands.

Temporary tables, in the order in which they come to be: `moved_members` (members that the slices' rows tell of or told
of), `versions` (their versions now, and inferred members), `affected_members` (whose rows in the dimension are
compared), `removed_versions` and `added_versions` (the difference). When everything is derived anew, the members are
not listed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from metalayer_assets.contracts import CATALOG, Contract, Historised, Reads
from metalayer_assets.contracts.dimensions import history_of
from metalayer_assets.warehouse.checksums import row_hash
from metalayer_assets.warehouse.models import model_of
from metalayer_assets.warehouse.scd2 import versions_select
from metalayer_assets.warehouse.staging import check_types
from metalayer_assets.warehouse.statements import bind, ident, listed
from metalayer_assets.warehouse.tables import analyze
from metalayer_assets.warehouse.tellers import MOVED, ORIGIN, Members, Teller, kept_out_members, tellers
from metalayer_assets.warehouse.version_columns import inferred_columns

Cursor = Any
VERSIONS, KNOWN, AFFECTED = "versions", "known_versions", "affected_members"
ROW_HASH = "_row_hash"
_REMOVED, _ADDED = "removed_versions", "added_versions"
_MEMBERS_TO_FIND = "members_to_find"
# A row read in passing costs about a quarter of a look-up by key.
_ROWS_PER_LOOKUP = 4


@dataclass(frozen=True)
class Span:
    """What a write of a dimension derives.

    Attributes:
        days: Slices derived.
        applied: Every slice whose rows count: those derived, and those that stand.
        whole: Whether nothing stands beside the slices derived, so that every member is derived.
        snapshots: Of each source that tells full snapshots, by alias, the days that it told one for.
    """

    days: Sequence[date]
    applied: Sequence[date]
    whole: bool
    snapshots: Mapping[str, Sequence[date]]

    def binds(self) -> dict[str, object]:
        """Values of the statements' named binds."""
        lists = {f"snapshots_{alias}": list(days) for alias, days in self.snapshots.items()}
        return {"days": list(self.days), "applied": list(self.applied), **lists}


def span_of(cursor: Cursor, contract: Contract, days: Sequence[date], standing: Sequence[date]) -> Span:
    """What a write of these slices has to derive."""
    applied = sorted({*days, *standing})
    snapshots = {
        source.alias: _snapshot_days(cursor, source, applied)
        for source in tellers(contract, model_of(contract))
        if source.snapshots
    }
    return Span(sorted(days), applied, whole=len(applied) == len(set(days)), snapshots=snapshots)


def _snapshot_days(cursor: Cursor, source: Teller, applied: Sequence[date]) -> list[date]:
    # An extract without a single row is taken for none at all: it would delete everybody.
    cursor.execute(
        bind(
            """
            select latest.slice
            from (
                select distinct on (slice) slice, rows_read
                from meta.slice_ledger
                where table_name = :table and status <> 'refused' and slice = any(:applied)
                order by slice, write_id desc
            ) as latest
            where latest.rows_read > 0
            order by latest.slice
            """
        ),
        {"table": source.reads.table, "applied": list(applied)},
    )
    return [day for (day,) in cursor.fetchall()]


def find_moved(cursor: Cursor, contract: Contract, span: Span) -> int:
    """Make `moved_members`: whoever the slices' rows tell of, and whoever rows that are gone from them told of.

    Returns:
        How many they are; 0 when everything is derived anew, since nobody is listed then.
    """
    if span.whole:
        return 0
    history = history_of(contract)
    keys = history.natural_key
    told = [
        f"select {listed(reads.key)} from {ident(reads.table)} where {ident(reads.slice_by)} = any(:days)"
        for reads in contract.reads
    ]
    before = [
        part
        for source in tellers(contract, model_of(contract))
        if source.snapshots
        for part in _held_by_snapshots(contract, source)
    ]
    touched = ", ".join(
        f"touched.key[{place}]::{contract.column(name).type.sql}" for place, name in enumerate(keys, start=1)
    )
    gone = f"select {touched} from meta.touched_keys as touched where table_name = :table and slice = any(:days)"
    stands = f"select {listed(keys)} from {ident(contract.name)} where {ident(contract.sliced_by)} = any(:days)"
    columns = ", ".join(f"{ident(name)} {contract.column(name).type.sql}" for name in keys)
    cursor.execute(f"create temporary table {MOVED} ({columns}) on commit drop")
    # In the order of the key, so that look-ups go through an index from one end to the other and not to and fro.
    members = " union ".join([*told, *before, gone, stands])
    cursor.execute(
        bind(f"insert into {MOVED} ({listed(keys)}) {members} order by {listed(keys)}"),
        {"table": contract.name, **span.binds()},
    )
    moved = int(cursor.rowcount)
    analyze(cursor, MOVED)
    return moved


def _held_by_snapshots(contract: Contract, source: Teller) -> list[str]:
    """SELECTs of whoever was in the snapshot before, since this one may miss them, or was ever kept out of this one."""
    keys, day = listed(source.reads.key), ident(source.reads.slice_by)
    before = (
        f"select max(earlier) from unnest(:days::date[]) as written"
        f" inner join unnest(:snapshots_{source.alias}::date[]) as earlier on earlier < written group by written"
    )
    held = [f"select {keys} from {ident(source.reads.table)} where {day} in ({before})"]
    kept_out = kept_out_members(contract, source)
    if kept_out:
        at_hand = f"{day} = any(:days) or (_is_open and {day} in ({before}))"
        held.append(f"select {keys} from ({kept_out}) as kept_out where {at_hand}")
    return held


def derive(cursor: Cursor, contract: Contract, span: Span, *, moved: int) -> None:
    """Make `versions`, each with the hash of its row, and `affected_members`.

    Args:
        cursor: Cursor in the write's transaction.
        contract: The dimension.
        span: What is derived.
        moved: How many members moved.

    Raises:
        ContractError: The model yields other types than the contract declares.
    """
    members = Members.ALL if span.whole else _how_to_find(cursor, contract, moved)
    select = versions_select(contract, model_of(contract), members)
    cursor.execute(
        bind(
            f"create temporary table {VERSIONS} on commit drop as"
            f" select made.*, {row_hash(contract, 'made')} as {ROW_HASH} from (\n{select}\n) as made"
        ),
        span.binds(),
    )
    check_types(cursor, contract, VERSIONS)
    _infer(cursor, contract, span)


def _how_to_find(cursor: Cursor, contract: Contract, moved: int) -> Members:
    """Whether a look-up of each member in every part of the sources is cheaper than one look at all their rows."""
    cursor.execute(
        bind(
            """
            select coalesce(sum(greatest(part.reltuples, 0)), 0), count(*)
            from unnest(:tables::text[]) as source (name)
            cross join lateral pg_partition_tree(source.name::regclass) as tree
            inner join pg_class as part on part.oid = tree.relid
            where tree.isleaf
            """
        ),
        {"tables": [reads.table for reads in contract.reads]},
    )
    rows, parts = cursor.fetchone()
    return Members.FEW if moved * parts * _ROWS_PER_LOOKUP < rows else Members.MANY


def _infer(cursor: Cursor, contract: Contract, span: Span) -> None:
    """Add a version for every member that rows name and no source tells of; its origin is the first row that does."""
    history = history_of(contract)
    keys, columns = history.natural_key, listed(contract.column_names)
    unversioned = f"not exists (select from {VERSIONS} as told where {_same(keys, 'told', 'named')})"
    naming = _naming_whole(history, unversioned) if span.whole else _naming(cursor, contract, span, unversioned)
    if naming:
        cursor.execute(
            bind(
                f"""
                insert into {VERSIONS} ({columns}, {ROW_HASH})
                select made.*, {row_hash(contract, "made")}
                from (select {inferred_columns(contract)} from (
                    select distinct on ({listed(keys)}) {listed(keys)}, {listed(ORIGIN)}
                    from ({" union all ".join(naming)}) as naming
                    order by {listed(keys)}, arrival_day, _place, source_file_id, source_line
                ) as named) as made
                """
            ),
            span.binds(),
        )
    if not span.whole:
        cursor.execute(
            f"create temporary table {AFFECTED} on commit drop as select {listed(keys)} from {VERSIONS}"
            f" union select {listed(keys)} from {MOVED} union select {listed(keys)} from {_MEMBERS_TO_FIND}"
            f" order by {listed(keys)}"
        )
        analyze(cursor, AFFECTED)
    analyze(cursor, VERSIONS)


def _naming_whole(history: Historised, unversioned: str) -> list[str]:
    return [_mentions(history.named_by, history.natural_key, "days", unversioned)] if history.named_by else []


def _naming(cursor: Cursor, contract: Contract, span: Span, unversioned: str) -> list[str]:
    """SELECTs of the rows that may name a member first, when only some members are looked at."""
    history = history_of(contract)
    keys = history.natural_key
    day = ident(contract.sliced_by)
    # Of these members, no row of the slices may be the first to name them: all rows are asked.
    cursor.execute(
        bind(
            f"""
            create temporary table {_MEMBERS_TO_FIND} on commit drop as
            select {listed(keys)} from {MOVED} as named where {unversioned}
            union
            select {listed(keys)} from {ident(contract.name)} as named
            where named.is_inferred and named.{day} = any(:days) and {unversioned}
            """
        ),
        span.binds(),
    )
    if not history.named_by:
        return []
    searched = cursor.rowcount > 0
    known = (
        f"not exists (select from {ident(contract.name)} as known where {_same(keys, 'known', 'named')}"
        " and not known.is_inferred"
        f" and not exists (select from {MOVED} as moved where {_same(keys, 'moved', 'known')}))"
    )
    named_now = _mentions(history.named_by, keys, "days", f"{unversioned} and {known}")
    named_before = (
        f"select {listed(keys)}, {listed(ORIGIN)}, 0 as _place from {ident(contract.name)} as named"
        f" where is_inferred and {day} <> all(:days) and {unversioned}"
        f" and ({listed(keys, 'named')}) in (select {listed(keys)} from ({named_now}) as mentioned)"
    )
    if not searched:
        return [named_now, named_before]
    wanted = f"({listed(keys, 'named')}) in (select {listed(keys)} from {_MEMBERS_TO_FIND})"
    return [named_now, named_before, _mentions(history.named_by, keys, "applied", wanted)]


def _mentions(named_by: Sequence[Reads], keys: Sequence[str], days: str, condition: str) -> str:
    parts = []
    for number, reads in enumerate(named_by, start=1):
        own = ", ".join(f"source.{ident(t)} as {ident(o)}" for t, o in zip(reads.key, keys, strict=True))
        given = " and ".join(f"named.{ident(key)} is not null" for key in keys)
        parts.append(
            f"select {listed(keys)}, {listed(ORIGIN)}, {number} as _place from (select {own},"
            f" {listed(ORIGIN, 'source')} from {ident(reads.table)} as source"
            f" where source.{ident(reads.slice_by)} = any(:{days})) as named where {given} and {condition}"
        )
    return " union all ".join(parts)


def _same(keys: Sequence[str], left: str, right: str) -> str:
    return " and ".join(f"{left}.{ident(key)} = {right}.{ident(key)}" for key in keys)


@dataclass(frozen=True)
class Difference:
    """What a write of a dimension changes.

    Attributes:
        removed: Relation of the rows that go.
        added: Relation of the rows that come.
        rows_removed: Rows that go.
        rows_added: Rows that come.
        stands: Whether the dimension held any row; then the members' rows before are in `known_versions`.
    """

    removed: str
    added: str
    rows_removed: int
    rows_added: int
    stands: bool


def compare(cursor: Cursor, contract: Contract, span: Span, *, stands: bool) -> Difference:
    """Find which rows of the dimension go and which come.

    Args:
        cursor: Cursor in the write's transaction.
        contract: The dimension.
        span: What was derived.
        stands: Whether the dimension holds any row.
    """
    columns = listed(contract.column_names)
    if not stands:
        cursor.execute(f"create temporary table {_REMOVED} on commit drop as select * from {VERSIONS} where false")
        cursor.execute(f"select count(*) from {VERSIONS}")
        return Difference(_REMOVED, VERSIONS, 0, int(cursor.fetchone()[0]), stands=False)
    scope = f"{ident(contract.name)} as known"
    if not span.whole:
        member = _same(history_of(contract).natural_key, "affected", "known")
        scope = f"{AFFECTED} as affected inner join {scope} on {member}"
    cursor.execute(
        f"create temporary table {KNOWN} on commit drop as"
        f" select {listed(contract.column_names, 'known')}, {row_hash(contract, 'known')} as {ROW_HASH} from {scope}"
    )
    analyze(cursor, KNOWN)
    changed = []
    for name, these, others in ((_REMOVED, KNOWN, VERSIONS), (_ADDED, VERSIONS, KNOWN)):
        same = f"{_same(contract.key, 'these', 'others')} and these.{ROW_HASH} = others.{ROW_HASH}"
        cursor.execute(
            f"create temporary table {name} on commit drop as select {columns}, {ROW_HASH} from {these} as these"
            f" where not exists (select from {others} as others where {same})"
        )
        changed.append(cursor.rowcount)
    rows_removed, rows_added = changed
    return Difference(_REMOVED, _ADDED, rows_removed, rows_added, stands=True)


def told_rows(cursor: Cursor, contract: Contract, days: Sequence[date]) -> dict[date, int]:
    """Rows that the sources hold for each slice, inferred members not counted."""
    counted = " union all ".join(
        f"select {ident(reads.slice_by)} as day, count(*) as n from {ident(reads.table)}"
        f" where {ident(reads.slice_by)} = any(:days) group by 1"
        for reads in contract.reads
    )
    cursor.execute(bind(f"select day, sum(n)::bigint from ({counted}) as counted group by day"), {"days": list(days)})
    return dict(cursor.fetchall())


def source_tables(contract: Contract) -> list[str]:
    """Every table whose rows decide what the dimension holds, in the order in which they are locked."""
    return sorted({reads.table for reads in (*contract.reads, *history_of(contract).named_by)} & set(CATALOG))
