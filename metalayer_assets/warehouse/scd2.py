"""Compile a dimension's contract and model into the SELECT of its versions here; keep its execution out.

The statement is one sort of everything that the sources told of the members, by member and sequence, and window
functions over it: each row is given the last row of every other source (`carried`), the rows of one sequence become
one change point (`points`), points that change nothing fall away (`edges`), and what is left are the versions.

Rules, in the order in which they are applied:

* At one sequence a source's deletion beats its other rows; of those, the row that arrived last stands.
* A member is closed from a change point at which any source deletes it until the next point without a deletion; what a
  source told before its own deletion is forgotten.
* A point whose tracked attributes equal those of the open version before it opens none.
* A version's origin is the row that first told what stands at its beginning: a row told again moves nothing.
"""

from metalayer_assets.contracts import Contract
from metalayer_assets.contracts.dimensions import attributes_of, history_of
from metalayer_assets.warehouse.models import Model
from metalayer_assets.warehouse.statements import ident, listed
from metalayer_assets.warehouse.tellers import ORIGIN, Members, Teller, projection, tellers, told_select
from metalayer_assets.warehouse.version_columns import version_columns


def versions_select(contract: Contract, model: Model, members: Members) -> str:
    """The SELECT of the versions of members.

    Its columns are the contract's. Binds: `:applied`, the arrival days whose rows count, and for every snapshot
    source `:snapshots_<alias>`, the days that a snapshot was told for.
    """
    history = history_of(contract)
    sources = tellers(contract, model)
    keys = listed(history.natural_key)
    names = attributes_of(contract)
    tracked = [name for name in names if contract.column(name).tracked]
    untracked = [name for name in names if not contract.column(name).tracked]
    told = "\n    union all\n".join(told_select(contract, source, sources, members) for source in sources)
    by_sequence = f"partition by {keys} order by _at, _source, _deleted, arrival_day, source_line"
    by_point = f"partition by {keys} order by _at"
    laterals = "\n    ".join(
        f"cross join lateral (select {listed(source.used, f'(carried._row_{source.alias})')}) as {ident(source.alias)}"
        if source.used
        else f"cross join lateral (select 1) as {ident(source.alias)}"
        for source in sources
    )
    return f"""with told as (
{told}
),
placed as (
    select
        told.*,
        row_number() over told_order as _no,
        lead(_at) over told_order is distinct from _at as _is_last,
        (
            lag(_at) over told_order = _at and lag(_source) over told_order = _source
            and lag(_deleted) over told_order = _deleted and {_same_content(sources)}
        ) is not true as _is_fresh
    from told
    window told_order as ({by_sequence})
),
known as (
    select
        placed.*,
        {_last_numbers(sources)}
        max(_no) filter (where _is_fresh) over until_now as _no_origin,
        max(_at) filter (where _deleted) over until_now as _deleted_at
    from placed
    window until_now as ({by_sequence} rows unbounded preceding)
),
carried as (
    select
        {listed(history.natural_key)},
        _at,
        _is_last,
        coalesce(_deleted_at = _at, false) as _closed,
        {", ".join(f"lag({name}, (_no - _no_origin)::integer) over told_order as _{name}" for name in ORIGIN)},
        {_carried_rows(sources)}
    from known
    window told_order as ({by_sequence})
),
points as (
    select
        state.*,
        hash_record_extended(row({listed(tracked)}), 0) as _hash
    from (
        select
            {listed(history.natural_key, "carried")},
            carried._at,
            carried._closed,
            {listed((f"_{name}" for name in ORIGIN), "carried")},
            projected.*
        from carried
        cross join lateral (
            select {projection(model)}
            from (select 1) as moment
            {laterals}
        ) as projected
        where carried._is_last
        order by {listed(history.natural_key, "carried")}, carried._at
        offset 0
    ) as state
    order by {keys}, _at
    offset 0
),
compared as (
    select
        points.*,
        lag(_closed) over point_order as _was_closed,
        (lag(_closed) over point_order is not false or lag(_hash) over point_order <> _hash) and not _closed as _opens
        {"".join(f", lag({ident(name)}) over point_order as _was_{name}" for name in untracked)}
        {"".join(f", last_value({ident(name)}) over whole_order as _last_{name}" for name in untracked)}
    from points
    window
        point_order as ({by_point}),
        whole_order as ({by_point} rows between unbounded preceding and unbounded following)
),
edges as (
    select
        compared.*,
        count(*) filter (where _opens) over (point_order rows unbounded preceding) as _version,
        lead(_at) over point_order as _ends_at,
        case when lead(_opens) over point_order then lead(_at) over point_order else lead(_at, 2) over point_order end
            as _next_opens_at
        {"".join(f", lead(_was_{name}) over point_order as _final_{name}" for name in untracked)}
    from compared
    where _opens or (_closed and _was_closed is false)
    window point_order as ({by_point})
)
select
    {version_columns(contract)}
from edges
where _opens"""


def _same_content(sources: tuple[Teller, ...]) -> str:
    return (
        " and ".join(
            f"({', '.join(f'(_row_{source.alias}).{ident(name)}' for name in source.used)}) is not distinct from"
            f" ({', '.join(f'(lag(_row_{source.alias}) over told_order).{ident(name)}' for name in source.used)})"
            if len(source.used) > 1
            else f"(_row_{source.alias}).{ident(source.used[0])} is not distinct from"
            f" (lag(_row_{source.alias}) over told_order).{ident(source.used[0])}"
            for source in sources
            if source.used
        )
        or "true"
    )


def _last_numbers(sources: tuple[Teller, ...]) -> str:
    if len(sources) == 1:
        return ""
    return "\n        ".join(
        f"max(_no) filter (where _source = {len(sources) - place}) over until_now as _no_{source.alias},"
        for place, source in enumerate(sources)
    )


def _carried_rows(sources: tuple[Teller, ...]) -> str:
    if len(sources) == 1:
        return f"_row_{sources[0].alias}"
    return ",\n        ".join(
        f"lag(_row_{source.alias}, (_no - _no_{source.alias})::integer) over told_order as _row_{source.alias}"
        for source in sources
    )
