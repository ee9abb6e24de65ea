"""Profile the columns of extracts here, inside PostgreSQL, in one statement; keep comparing profiles out (`drift`).

Of a large extract a sample is profiled: the rows that a hash of the line number picks, so that the same extract always
gives the same profile. Where many are loaded at once, as in a first load of years, they share the rows that are looked
at. What is said of personal data is lengths and shapes, never a value.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from metalayer_assets.contracts import CATALOG, Column, Contract, Type
from metalayer_assets.contracts.bronze import ARRIVAL_DAY, FILE_ID, LINE
from metalayer_assets.warehouse.casts import read_fully
from metalayer_assets.warehouse.silver_readings import readings_of
from metalayer_assets.warehouse.statements import bind, ident, listed

Cursor = Any
Profile = dict[str, Any]

# Looked at of each of many extracts, however many they are.
FEWEST_ROWS = 50
TOP_VALUES, TOP_CODES, TOP_PATTERNS = 10, 100, 5
_SHOWN_CHARACTERS, _PATTERN_CHARACTERS = 100, 40
# No type of silver has a text that is longer.
_LONGEST_READABLE = 100

_UPPER, _LOWER, _DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "0123456789"
# What an amount and a moment consist of, beside the few letters of a currency or a month.
_NUMERAL, _DAYLIKE = f"{_DIGITS}+-., $£€()", f"{_DIGITS}+-.,:/ TZAPMapm"
_FLAGS = {
    "integer": "is_integer",
    "numeric": "is_numeric",
    "date": "is_timestamp and length <= 10",
    "timestamp": "is_timestamp",
    "boolean": "is_boolean",
}


def profile_days(
    cursor: Cursor,
    contract: Contract,
    sources: Iterable[str],
    rows: Mapping[date, int],
    *,
    most: int,
    write_id: int,
) -> dict[date, list[Profile]]:
    """Profile the extracts of some arrival days and keep the profiles in `meta.source_profiles`.

    Args:
        cursor: Cursor in the write's transaction.
        contract: The landed table.
        sources: Relations that hold the loaded rows, each with the contract's columns.
        rows: Rows of each day.
        most: About how many rows are looked at, at most: of one day, or of many together, but for `FEWEST_ROWS` of
            each; 0 looks at none.
        write_id: The write.

    Returns:
        The profiles by day, in the order of the contract's columns; days without rows have none.
    """
    days = {day: count for day, count in rows.items() if count}
    columns = [column for column in contract.columns if column.name not in {FILE_ID, LINE, ARRIVAL_DAY}]
    if not days or not columns or not most:
        return {}
    readings = readings_of(contract)
    most = max(most // len(days), min(most, FEWEST_ROWS))
    cursor.execute(
        bind(_statement([column.name for column in columns], _sampled(columns, sources, days, most))),
        {
            "table": contract.name,
            "write_id": write_id,
            "days": list(days),
            "rows": list(days.values()),
            "names": [column.name for column in columns],
            "is_pii": [column.pii for column in columns],
            "is_code": [column.name in readings and readings[column.name].is_code for column in columns],
        },
    )
    return _by_day(_as_profiles(cursor))


def sample_mask(rows: int, most: int) -> int:
    """The bits of a row's hash that must be zero for it to be looked at, so that about `most` rows are at most."""
    mask = 0
    while rows / (mask + 1) > most:
        mask = 2 * mask + 1
    return mask


def _sampled(columns: Sequence[Column], sources: Iterable[str], days: Mapping[date, int], most: int) -> str:
    by_mask: dict[int, list[date]] = {}
    for day, rows in days.items():
        by_mask.setdefault(sample_mask(rows, most), []).append(day)
    told = listed(column.name for column in columns)
    picked = []
    for mask, of_mask in sorted(by_mask.items()):
        named = ", ".join(f"date '{day.isoformat()}'" for day in of_mask)
        asked = f"{ident(ARRIVAL_DAY)} in ({named})"
        # The planner would ask for the day first, which nearly every row passes.
        where = f"case when hashint8({ident(LINE)}) & {mask} = 0 then {asked} end" if mask else asked
        picked += [
            f"select {ident(ARRIVAL_DAY)} as slice, {told} from {ident(source)} where {where}" for source in sources
        ]
    return " union all ".join(picked)


def _statement(names: Sequence[str], sampled: str) -> str:
    cells = ", ".join(f"({position}, sampled.{ident(name)})" for position, name in enumerate(names, 1))
    target = CATALOG["meta.source_profiles"]
    counts = ", ".join(f"'{kind}', coalesce(sum(n) filter (where {told}), 0)" for kind, told in _FLAGS.items())
    return f"""
with sampled as materialized ({sampled}),
told as materialized (
    select slice, place, value, count(*) as n
    from sampled cross join lateral (values {cells}) as cell (place, value)
    group by slice, place, value
),
cleaned as (
    select told.*, char_length(value) as length, meta.clean_text(value) as clean from told offset 0
),
read as materialized (
    select
        cleaned.*,
        {_reading()},
        {_shape()} as shape
    from (
        select cleaned.*, case when length <= {_LONGEST_READABLE} then clean end as short from cleaned offset 0
    ) as cleaned
),
asked as (
    select place, name, is_pii, is_code
    from unnest(:names::text[], :is_pii::boolean[], :is_code::boolean[])
        with ordinality as asked (name, is_pii, is_code, place)
),
summed as (
    select
        slice,
        place,
        sum(n) as profiled,
        coalesce(sum(n) filter (where value is null), 0) as nulls,
        coalesce(sum(n) filter (where value is not null and clean is null), 0) as blanks,
        count(value) as different,
        left(min(value collate "C") filter (where clean is not null), {_SHOWN_CHARACTERS}) as smallest,
        left(max(value collate "C") filter (where clean is not null), {_SHOWN_CHARACTERS}) as largest,
        min(length) as shortest,
        max(length) as longest,
        jsonb_build_object({counts}, 'text', coalesce(sum(n) filter (
            where clean is not null and (is_numeric or is_timestamp or is_boolean) is not true
        ), 0)) as types
    from read
    group by slice, place
),
top as materialized (
    select slice, place, jsonb_agg(jsonb_build_array(left(value, {_SHOWN_CHARACTERS}), n) order by rank) as found
    from (
        select
            read.slice, read.place, read.value, read.n, asked.is_code,
            row_number() over (
                partition by read.slice, read.place order by read.n desc, read.value collate "C"
            ) as rank
        from read inner join asked on asked.place = read.place
        where read.clean is not null and not asked.is_pii
    ) as ranked
    where rank <= case when is_code then {TOP_CODES} else {TOP_VALUES} end
    group by slice, place
),
shapes as materialized (
    select slice, place, jsonb_agg(jsonb_build_array(shape, n) order by rank) as found
    from (
        select
            slice, place, shape, sum(n) as n,
            row_number() over (partition by slice, place order by sum(n) desc, shape collate "C") as rank
        from read
        where shape is not null
        group by slice, place, shape
    ) as ranked
    where rank <= {TOP_PATTERNS}
    group by slice, place
)
insert into {ident(target.name)} ({listed(target.column_names)})
select
    :table, summed.slice, asked.name, :write_id::bigint, summed.place, days.rows, summed.profiled, summed.nulls,
    summed.blanks, summed.different, case when not asked.is_pii then summed.smallest end,
    case when not asked.is_pii then summed.largest end, summed.shortest, summed.longest, summed.types,
    case when not asked.is_pii then coalesce(top.found, '[]') end, coalesce(shapes.found, '[]')
from summed
inner join asked on asked.place = summed.place
inner join unnest(:days::date[], :rows::bigint[]) as days (slice, rows) on days.slice = summed.slice
left join top on top.slice = summed.slice and top.place = summed.place
left join shapes on shapes.slice = summed.slice and shapes.place = summed.place
returning {listed(target.column_names)}
"""


def _reading() -> str:
    """SQL of the flags: what silver reads where a file shows no notation, each asked only of text that it could be."""
    number, whole, moment, truth = (
        f"({read_fully('short', kind, 'null::boolean')}) is not null"
        for kind in (Type.NUMERIC, Type.INTEGER, Type.TIMESTAMP, Type.BOOLEAN)
    )
    # Currencies and months are named with few letters.
    numeral = f"short ~ '[0-9]' and char_length(translate(short, '{_NUMERAL}', '')) <= 4"
    daylike = f"short ~ '[0-9]' and char_length(translate(short, '{_DAYLIKE}', '')) <= 9"
    return f"""case when {numeral} then {number} end as is_numeric,
        case when {numeral} then {whole} end as is_integer,
        case when {daylike} then {moment} end as is_timestamp,
        case when length <= 5 then {truth} end as is_boolean"""


def _shape() -> str:
    told = f"left(clean, {_PATTERN_CHARACTERS})"
    # Letters of every script are personal: one that has no capital form in ASCII is as much of a name as one that has.
    only_ascii = f"regexp_replace({told}, '[^\\x01-\\x7f]', 'a', 'g')"
    plain = f"case when octet_length(clean) = char_length(clean) then {told} else {only_ascii} end"
    return f"translate({plain}, '{_DIGITS}{_UPPER}{_LOWER}', '{'9' * 10}{'A' * 26}{'a' * 26}')"


def _as_profiles(cursor: Cursor) -> list[Profile]:
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _by_day(profiles: Iterable[Profile]) -> dict[date, list[Profile]]:
    found: dict[date, list[Profile]] = {}
    for profile in sorted(profiles, key=lambda profile: (profile["slice"], profile["position"])):
        found.setdefault(profile["slice"], []).append(profile)
    return found


def latest(cursor: Cursor, table: str, day: date | None = None) -> list[Profile]:
    """The latest profile of an arrival day of a landed table, column by column.

    Args:
        cursor: Cursor.
        table: The landed table.
        day: The arrival day; None is the last that has a profile.
    """
    cursor.execute(
        bind(
            """
            select *
            from meta.source_profiles
            where table_name = :table and (slice, write_id) = (
                select slice, write_id
                from meta.source_profiles
                where table_name = :table and (:day::date is null or slice = :day)
                order by slice desc, write_id desc
                limit 1
            )
            order by position
            """
        ),
        {"table": table, "day": day},
    )
    return _as_profiles(cursor)


def share(profile: Profile, kind: str) -> float | None:
    """Share of a profile's values that read as a type; None where there are no values."""
    values = profile["rows_profiled"] - profile["nulls"] - profile["blanks"]
    return profile["types"][kind] / values if values else None


def missing(profile: Profile) -> float:
    """Share of a profile's rows that hold no value, or only white space."""
    return float((profile["nulls"] + profile["blanks"]) / profile["rows_profiled"])
