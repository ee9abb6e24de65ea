"""Compile a judged table's contract into the SELECT that casts, judges and collapses its rows here.

The compiled statement wraps the model: cleaned text → typed → derived → judged, with an outcome per row. Each
step is fenced with OFFSET 0, since PostgreSQL would otherwise inline a cast into every rule that reads it. A
materialised CTE would fence as well, but would write every step to disk and could not run in parallel.
"""

from metalayer_assets.contracts import Column, Contract, Judged, Rule, Severity, Type
from metalayer_assets.warehouse.casts import read_as
from metalayer_assets.warehouse.models import Model
from metalayer_assets.warehouse.statements import ident, listed, literal

WRITTEN, COLLAPSED, REJECTED = 0, 1, 2
_PROVENANCE = ("arrival_day", "source_file_id", "source_line")
_ADDED = ("quality_score", "broken_rules")
CALENDAR_START = "calendar_start"
_FENCE = "offset 0"


def _told(name: str) -> str:
    return f"{name}__told"


def _is_told(column: Column) -> bool:
    return column.derived is None and column.name not in (*_PROVENANCE, *_ADDED)


def _typed_columns(contract: Contract) -> str:
    readable = {rule.readable for rule in contract.rules}
    lines = [f"cleaned.{ident(name)}" for name in _PROVENANCE]
    for column in contract.columns:
        if not _is_told(column):
            continue
        told = f"cleaned.{ident(column.name)}"
        lines.append(f"{read_as(told, column.type)} as {ident(column.name)}")
        if column.name in readable and column.type is not Type.TEXT:
            lines.append(f"{told} as {ident(_told(column.name))}")
    return ",\n        ".join(lines)


def broken(contract: Contract, rule: Rule) -> str:
    """The SQL condition under which a row of the `derived` step breaks the rule."""
    if rule.readable is not None:
        name = rule.readable
        return f"({ident(_told(name))} is not null and {ident(name)} is null)"
    if rule.holds is None:
        raise ValueError(f"rule {rule.id} of {contract.name} says neither what holds nor what is readable")
    aliases = {column.name: ident(column.name) for column in contract.columns}
    aliases[CALENDAR_START] = f"cast(:{CALENDAR_START} as date)"
    return f"{rule.holds.sql(aliases)} is false"


def _names_of_broken(contract: Contract, severity: Severity) -> str:
    cases = [f"case when {broken(contract, rule)} then {literal(rule.id)} end" for rule in contract.rules_of(severity)]
    return "array_remove(array[" + ",\n            ".join([*cases, "null::text"]) + "], null)"


def _score(contract: Contract) -> str:
    total = sum(rule.weight for rule in contract.rules)
    lost = [
        f"{rule.weight} * ({literal(rule.id)} = any(judged.broken_rules))::integer"
        for rule in contract.rules_of(Severity.WARN)
    ]
    if not lost:
        return "1::numeric"
    if all(rule.weight == 1 for rule in contract.rules):
        return f"round(1 - cardinality(judged.broken_rules)::numeric / {total}, 4)"
    return f"round(1 - ({' + '.join(lost)})::numeric / {total}, 4)"


def judged_select(contract: Contract, model: Model) -> str:
    """The SELECT whose rows are the table's columns plus `_slice`, `_folded`, `_failed` and `_outcome`.

    `_outcome` is REJECTED for a row that broke a rejecting rule, else WRITTEN until `collapse` finds another row of its
    key and slice.

    Binds: `:slices` (the slices asked for) and `:calendar_start`.
    """
    if not isinstance(contract.source, Judged):
        raise TypeError(f"{contract.name} is not judged")
    derived = "".join(
        f",\n        {column.derived} as {ident(column.name)}" for column in contract.columns if column.derived
    )
    columns = ",\n    ".join(
        f"{_score(contract)} as quality_score" if name == "quality_score" else f"judged.{ident(name)}"
        for name in contract.column_names
    )
    return f"""select
    {columns},
    judged.{ident(contract.sliced_by)} as _slice,
    1::bigint as _folded,
    judged._failed,
    (case when cardinality(judged._failed) > 0 then {REJECTED} else {WRITTEN} end)::smallint as _outcome
from (
    select
        derived.*,
        {_names_of_broken(contract, Severity.REJECT)} as _failed,
        {_names_of_broken(contract, Severity.WARN)} as broken_rules
    from (
        select
            typed.*{derived}
        from (
            select
                {_typed_columns(contract)}
            from (
                {model.select}
                {_FENCE}
            ) as cleaned
            {_FENCE}
        ) as typed
        {_FENCE}
    ) as derived
    {_FENCE}
) as judged"""


def collapse(contract: Contract, stage: str) -> str:
    """The statement that collapses the rows of a stage that share key and slice into the one that stands.

    Where the contract says so, a deletion stands; else the last line of the file that comes last by name. Rejected rows
    never replace anything. Keys that are told once, nearly all, are only counted: ranking every row would cost as much
    as judging it.
    """
    deletion = contract.source.deletion if isinstance(contract.source, Judged) else None
    first = f"(staged.{ident(deletion)} is true) desc, " if deletion else ""
    key = ["_slice", *(name for name in contract.key if name != contract.sliced_by)]
    same = " and ".join(f"staged.{ident(name)} = repeated.{ident(name)}" for name in key)
    return f"""with repeated as (
    select {listed(key)}
    from {ident(stage)}
    where _outcome = {WRITTEN}
    group by {listed(key)}
    having count(*) > 1
),
ranked as (
    select
        staged.source_file_id,
        staged.source_line,
        row_number() over (
            partition by {listed(key, "staged")}
            order by {first}file.file_no desc nulls last, staged.source_line desc
        ) as place
    from {ident(stage)} as staged
    inner join repeated on {same}
    left join meta.landed_files as file on file.file_id = staged.source_file_id and file.state = 'loaded'
    where staged._outcome = {WRITTEN}
)
update {ident(stage)} as staged
set _outcome = {COLLAPSED}
from ranked
where ranked.place > 1
    and staged.source_file_id = ranked.source_file_id
    and staged.source_line = ranked.source_line"""
