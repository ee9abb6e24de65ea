"""Read here what a dimension's model says of its sources, and compile what each source tells; keep versions out.

A source tells rows of members with a sequence (`_at`), its place among the sources (`_source`), whether it deletes
(`_deleted`), the row's origin, and the row itself as one value (`_row_<alias>`).
"""

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

import sqlglot
from sqlglot import exp

from metalayer_assets.contracts import CATALOG, Contract, Extracts, Judged, Reads
from metalayer_assets.contracts.dimensions import history_of
from metalayer_assets.warehouse.errors import ContractError
from metalayer_assets.warehouse.models import Model
from metalayer_assets.warehouse.statements import ident, listed

MOVED = "moved_members"
ORIGIN = ("arrival_day", "source_file_id", "source_line")
# What a parsed model may consist of.
_PLAIN = frozenset({"expressions", "from", "from_", "joins"})
_MIDNIGHT = "{}::timestamp at time zone 'UTC'"


@dataclass(frozen=True)
class Teller:
    """One source of a dimension.

    Attributes:
        alias: Its name in the model.
        reads: How the contract reads it.
        used: Columns of it that the model uses.
        snapshots: Whether its extracts are full snapshots.
    """

    alias: str
    reads: Reads
    used: tuple[str, ...]
    snapshots: bool


def tellers(contract: Contract, model: Model) -> tuple[Teller, ...]:
    """The sources of a dimension by the aliases of its model, in the contract's order.

    Raises:
        ContractError: The model names a source twice, or not with an alias, or is more than a plain SELECT.
    """
    query = _plain(model)
    aliases: dict[str, str] = {}
    for table in query.find_all(exp.Table):
        name = f"{table.db}.{table.name}"
        if name in aliases or not table.alias:
            raise ContractError(f"{model.path.name} must name {name} once, with an alias: `from {name} as …`.")
        aliases[name] = table.alias
    found = []
    for reads in contract.reads:
        alias = aliases[reads.table]
        used = {column.name for column in query.find_all(exp.Column) if column.table in ("", alias)}
        known = CATALOG[reads.table].column_names if reads.table in CATALOG else tuple(sorted(used))
        snapshots = reads.table in CATALOG and CATALOG.extracts_of(reads.table) is Extracts.SNAPSHOT
        found.append(Teller(alias, reads, tuple(name for name in known if name in used), snapshots))
    return tuple(found)


def _plain(model: Model) -> exp.Select:
    """The model's query: a projection of its sources, of which the engine runs nothing else."""
    query = sqlglot.parse_one(model.select, read="postgres")
    if not isinstance(query, exp.Select):
        raise ContractError(f"{model.path.name} must be one plain SELECT: it says what a member is like at one moment.")
    beyond = [name.strip("_") for name, given in query.args.items() if given and name not in _PLAIN]
    beyond += [f"{join.side or join.kind or 'plain'} join" for join in query.args.get("joins") or () if not _full(join)]
    if beyond:
        raise ContractError(
            f"{model.path.name} has a clause that would not be run ({', '.join(beyond).lower()}): it says what a member"
            " is like at one moment by SELECT, FROM and FULL JOIN alone."
        )
    return query


def _full(join: exp.Join) -> bool:
    return join.side == "FULL"


def projection(model: Model) -> str:
    """The text between SELECT and FROM of the model."""
    depth = 0
    tokens = sqlglot.tokenize(model.select, read="postgres")
    begin = tokens[0].end + 1
    for before, token in pairwise(tokens):
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        is_comparison = before.token_type is sqlglot.TokenType.DISTINCT
        if depth == 0 and token.token_type is sqlglot.TokenType.FROM and not is_comparison:
            return model.select[begin : token.start].strip()
    raise ContractError(f"{model.path.name} has no FROM: it says what a member is like from its sources.")


class Members(Enum):
    """Whose versions are made, and how their rows are found."""

    ALL = "all"
    MANY = "many"  # those of `moved_members`, by one look at every row
    FEW = "few"  # those of `moved_members`, each by the key's index


def told_select(contract: Contract, source: Teller, sources: tuple[Teller, ...], members: Members) -> str:
    """The SELECT of what one source tells of members."""
    rank = len(sources) - sources.index(source)
    history = history_of(contract)
    alias = ident(source.alias)
    keys = ", ".join(
        f"{alias}.{ident(theirs)} as {ident(ours)}"
        for theirs, ours in zip(source.reads.key, history.natural_key, strict=True)
    )
    deleted = f"{alias}.{ident(history.deleted)} is true"
    rows = ", ".join(
        f"case when {deleted} then null else {alias} end as _row_{other.alias}"
        if other is source
        else f"null::{ident(other.reads.table)} as _row_{other.alias}"
        for other in sources
    )
    counts = f"{alias}.{ident(source.reads.slice_by)} = any(:applied)"
    by_key = members is Members.FEW and not source.snapshots
    if by_key:
        pairs = zip(source.reads.key, history.natural_key, strict=True)
        condition = " and ".join(f"{alias}.{ident(theirs)} = moved.{ident(ours)}" for theirs, ours in pairs)
    elif members is Members.ALL:
        condition = counts
    else:
        own = listed(source.reads.key, source.alias)
        condition = f"{counts} and ({own}) in (select {listed(history.natural_key)} from {MOVED})"
    if source.snapshots:
        return _told_by_snapshots(contract, source, sources, rank=rank, keys=keys, rows=rows, condition=condition)
    select = f"""    select
        {keys},
        {alias}.{ident(history.sequence)} as _at,
        {rank}::smallint as _source,
        {deleted} as _deleted,
        {listed(ORIGIN, source.alias)},
        {rows}
    from {ident(source.reads.table)} as {alias}
    where {condition}"""
    if not by_key:
        return select
    # The fence keeps the planner from turning the look-ups into one look at every row. Days are held back until a
    # member's rows are found: as a condition of the index, their list would be sorted anew for each look-up.
    found = f"select found.* from {MOVED} as moved cross join lateral (\n{select}\n    offset 0) as found"
    return f"    {found} where found.arrival_day = any(:applied)"


def _told_by_snapshots(
    contract: Contract,
    source: Teller,
    sources: tuple[Teller, ...],
    *,
    rank: int,
    keys: str,
    rows: str,
    condition: str,
) -> str:
    """A snapshot's rows, and a deletion on the first later snapshot that a member is not in.

    A row that was kept out of silver is no change, but its member was there: quarantine is asked as well.
    """
    history = history_of(contract)
    alias, ours = ident(source.alias), listed(history.natural_key)
    day = ident(source.reads.slice_by)
    own = listed(source.reads.key, source.alias)
    present = f"select {keys}, {alias}.{day} as _day from {ident(source.reads.table)} as {alias} where {condition}"
    kept_out = kept_out_members(contract, source)
    if kept_out:
        present += f" union select {keys}, {alias}.{day} from ({kept_out}) as {alias} where _is_open and {condition}"
    days = f"unnest(:snapshots_{source.alias}::date[])"
    missing_rows = ", ".join(f"null::{ident(other.reads.table)}" for other in sources)
    return f"""    select * from (
        select distinct on ({own}, {alias}.{day})
            {keys},
            {_MIDNIGHT.format(f"{alias}.{day}")} as _at,
            {rank}::smallint as _source,
            {alias}.{ident(history.deleted)} is true as _deleted,
            {listed(ORIGIN, source.alias)},
            {rows}
        from {ident(source.reads.table)} as {alias}
        where {condition}
        order by {own}, {alias}.{day}, {alias}.{ident(history.sequence)} desc, {alias}.{ident(history.deleted)} desc,
            {alias}.source_line desc
    ) as {alias}
    union all
    select {ours}, {_MIDNIGHT.format("_next_snapshot")}, {rank}::smallint, true, _next_snapshot, 0, 0, {missing_rows}
    from (
        select
            present.*,
            (select min(snapshot) from {days} as snapshot where snapshot > present._day) as _next_snapshot,
            lead(_day) over (partition by {ours} order by _day) as _next_told
        from ({present}) as present
    ) as followed
    where _next_snapshot is not null and _next_told is distinct from _next_snapshot"""


def kept_out_members(contract: Contract, source: Teller) -> str | None:
    """SELECT of the rows ever kept out of a source: its key, its slice, `_is_open`; None where nothing is judged."""
    judged = CATALOG[source.reads.table].source if source.reads.table in CATALOG else None
    if not isinstance(judged, Judged):
        return None
    # Quarantine keeps a key as text.
    keys = ", ".join(
        f"{ident(theirs)}::{contract.column(ours).type.sql} as {ident(theirs)}"
        for theirs, ours in zip(source.reads.key, history_of(contract).natural_key, strict=True)
    )
    return (
        f"select {keys}, arrival_day as {ident(source.reads.slice_by)}, state = 'open' as _is_open"
        f" from {ident(judged.quarantine)} where num_nulls({listed(source.reads.key)}) = 0"
    )
