"""Compile a judged table's contract into the SELECT that casts, judges and collapses its rows here.

The compiled statement wraps the model: cleaned text → typed → derived → judged, with an outcome per row. How a text
is read stands in `readings`. Each step is fenced with OFFSET 0, since PostgreSQL would otherwise inline a cast into
every rule that reads it. A materialised CTE would fence as well, but would write every step to disk and could not run
in parallel.
"""

from metalayer_assets.contracts import Contract, Judged, Rule, Severity
from metalayer_assets.warehouse import readings
from metalayer_assets.warehouse.models import Model
from metalayer_assets.warehouse.statements import ident, listed, literal

WRITTEN, COLLAPSED, REJECTED = 0, 1, 2
# Of a row that the first reading leaves to the second; none of them is left in a stage.
OPEN = 3
CALENDAR_START = "calendar_start"
_FENCE = "offset 0"


def broken(contract: Contract, rule: Rule) -> str:
    """The SQL condition under which a row of the `derived` step breaks the rule."""
    if rule.readable is not None:
        return readings.is_unread(contract, rule.readable)
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


def judged_select(contract: Contract, model: Model, *, fully: bool = False) -> str:
    """The SELECT whose rows are the table's columns plus `_slice`, `_folded`, `_failed` and `_outcome`.

    `_outcome` is OPEN for a row that must be read in full, REJECTED for one that broke a rejecting rule, else WRITTEN
    until `collapse` finds another row of its key and slice.

    Args:
        contract: The judged table.
        model: Its model.
        fully: Whether to read the rows that a first reading left open (`readings.OPENED`), instead of the model's.

    Binds: `:slices` (the slices asked for; not of a reading in full) and `:calendar_start`.
    """
    if not isinstance(contract.source, Judged):
        raise TypeError(f"{contract.name} is not judged")
    derived = "".join(
        f",\n        {column.derived} as {ident(column.name)}" for column in contract.columns if column.derived
    )
    cleaned = f"select * from {readings.OPENED}" if fully else model.select
    is_open = "" if fully else f",\n        ({readings.is_open(contract)}) as _open"
    opened = "" if fully else f"when judged._open then {OPEN} "
    columns = ",\n    ".join(
        f"{_score(contract)} as quality_score" if name == "quality_score" else f"judged.{ident(name)}"
        for name in contract.column_names
    )
    return f"""select
    {columns},
    judged.{ident(contract.sliced_by)} as _slice,
    1::bigint as _folded,
    judged._failed,
    (case {opened}when cardinality(judged._failed) > 0 then {REJECTED} else {WRITTEN} end)::smallint as _outcome
from (
    select
        derived.*,
        {_names_of_broken(contract, Severity.REJECT)} as _failed,
        {_names_of_broken(contract, Severity.WARN)} as broken_rules
    from (
        select
            typed.*{readings.formed_columns(contract)}{derived}{is_open}
        from (
            select
                {readings.typed_columns(contract, fully=fully)}
            from (
                {cleaned}
                {_FENCE}
            ) as cleaned
            {readings.joins(contract, fully=fully)}
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
