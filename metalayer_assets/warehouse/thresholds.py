"""Decide here whether a slice is too bad to be published: too many rows or lines kept out, too low a score.

What was found is counted elsewhere (`measuring`, `set_rules`, `bronze_stage`). A reason names the limit, the worst
rules and three example rows, and what a person can do.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from metalayer_assets.contracts import CATALOG, Contract, Judged
from metalayer_assets.warehouse import set_rules
from metalayer_assets.warehouse.drift_policy import KEPT_OUT
from metalayer_assets.warehouse.kept_out import REJECTED_LINES, REJECTED_ROWS
from metalayer_assets.warehouse.landing import LandedFile
from metalayer_assets.warehouse.ledger import RuleCount, SliceCounts
from metalayer_assets.warehouse.loading import LoadReport
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.staging import STAGE
from metalayer_assets.warehouse.statements import bind, ident

Cursor = Any
_WORST_RULES = 3
_EXAMPLES = 3


def too_bad(
    cursor: Cursor, contract: Contract, counts: Mapping[date, SliceCounts], settings: Settings
) -> dict[date, str]:
    """Slices that are not to be published, and why.

    Args:
        cursor: Cursor in the write's transaction, after the rejected rows of a judged table were found.
        contract: The table.
        counts: What the stage holds.
        settings: Limits of tables that declare none.
    """
    reasons = set_rules.refused(contract, {day: found.rules for day, found in counts.items()})
    if contract.thresholds.refuse_below_score:
        reasons |= _below_score(cursor, contract, counts, settings)
    return reasons | _rejected(cursor, contract, counts, settings)


def score_wanted(contract: Contract, settings: Settings) -> float:
    """The quality score that a slice of the table should have."""
    declared = contract.thresholds.score
    return settings.quality_target if declared is None else declared


def _below_score(
    cursor: Cursor, contract: Contract, counts: Mapping[date, SliceCounts], settings: Settings
) -> dict[date, str]:
    wanted = score_wanted(contract, settings)
    refused = {
        day: found for day, found in counts.items() if found.quality_score is not None and found.quality_score < wanted
    }
    examples = _warned_rows(cursor, contract, list(refused)) if refused else {}
    return {
        day: f"its quality score is {found.quality_score}, below {wanted}, which {contract.name} must have. The rules"
        f" that cost most: {_worst(found.rules, by_weight=True)}.{_for_example(examples.get(day, ()))} Mend the source,"
        " or lower the score in the contract's thresholds."
        for day, found in refused.items()
    }


def _for_example(examples: Sequence[str]) -> str:
    return f" For example: {'; '.join(examples)}." if examples else ""


def _rejected(
    cursor: Cursor, contract: Contract, counts: Mapping[date, SliceCounts], settings: Settings
) -> dict[date, str]:
    if not isinstance(contract.source, Judged):
        return {}
    declared = contract.thresholds.max_rejected
    limit = settings.reject_limit if declared is None else declared
    refused = {
        day: found
        for day, found in counts.items()
        if found.rows_quarantined > settings.reject_rows and found.rows_quarantined > limit * found.rows_read
    }
    if not refused:
        return {}
    examples = _example_rows(cursor, contract, list(refused))
    where = "METALAYER_REJECT_LIMIT" if declared is None else "the contract's thresholds"
    return {
        day: f"rules keep out {found.rows_quarantined:,} of {found.rows_read:,} rows"
        f" ({found.rows_quarantined / found.rows_read:.1%}), more than {limit:.1%}. Worst:"
        f" {_worst(found.rules, by_weight=False)}. For example: {'; '.join(examples.get(day, ()))}."
        f" Mend the extract and land it again, or mend the rule; if the rows are to be kept out, raise {where}."
        for day, found in refused.items()
    }


def _worst(rules: Sequence[RuleCount], *, by_weight: bool) -> str:
    broken = [rule for rule in rules if rule.rows_broken and (by_weight or rule.severity == "reject")]
    broken.sort(key=lambda rule: (-rule.rows_broken * (rule.weight if by_weight else 1), rule.rule_id))
    return ", ".join(f"{rule.rule_id} ({rule.rows_broken:,} rows)" for rule in broken[:_WORST_RULES])


def _example_rows(cursor: Cursor, contract: Contract, days: Sequence[date]) -> dict[date, list[str]]:
    """Rows kept out, told by file and line, business key and rules; no value of a person."""
    quarantine = CATALOG[contract.source.quarantine] if isinstance(contract.source, Judged) else contract
    key = quarantine.columns[4].name
    rows = f"select arrival_day, source_file_id, source_line, {ident(key)}, failed_rules from {ident(REJECTED_ROWS)}"
    return _told_rows(cursor, rows, key, days)


def _warned_rows(cursor: Cursor, contract: Contract, days: Sequence[date]) -> dict[date, list[str]]:
    """Rows that break most rules, told likewise."""
    if not isinstance(contract.source, Judged):
        return {}
    key = contract.key[0]
    rows = (
        f"select _slice as arrival_day, source_file_id, source_line, {ident(key)}::text as {ident(key)},"
        f" _failed || broken_rules as failed_rules from {ident(STAGE)} where cardinality(_failed || broken_rules) > 0"
    )
    return _told_rows(cursor, rows, key, days)


def _told_rows(cursor: Cursor, rows: str, key: str, days: Sequence[date]) -> dict[date, list[str]]:
    cursor.execute(
        bind(
            f"""
            select example.arrival_day, file.path, example.source_line, example.{ident(key)}, example.failed_rules
            from (
                select rejected.*, row_number() over (
                    partition by arrival_day
                    order by cardinality(failed_rules) desc, source_file_id, source_line
                ) as place
                from ({rows}) as rejected
                where arrival_day = any(:days)
            ) as example
            left join meta.landed_files as file
                on file.file_id = example.source_file_id and file.state = 'loaded'
            where example.place <= :examples
            order by example.arrival_day, example.place
            """
        ),
        {"days": list(days), "examples": _EXAMPLES},
    )
    found: dict[date, list[str]] = {}
    for day, path, line, business_key, rules in cursor.fetchall():
        named = f"{key} {business_key} breaks" if business_key else "it breaks"
        found.setdefault(day, []).append(f"{path} line {line}: {named} {', '.join(rules)}")
    return found


def unreadable(
    cursor: Cursor,
    contract: Contract,
    loads: Mapping[date, Sequence[tuple[LandedFile, LoadReport]]],
    settings: Settings,
) -> dict[date, str]:
    """Days with a file of which too many lines cannot be read, and why.

    Args:
        cursor: Cursor in the write's transaction, after the files were loaded.
        contract: The landed table.
        loads: What was loaded, by day and file.
        settings: Limits of tables that declare none.
    """
    declared = contract.thresholds.max_unreadable
    limit = settings.unreadable_limit if declared is None else declared
    where = "METALAYER_UNREADABLE_LIMIT" if declared is None else "the contract's thresholds"
    reasons: dict[date, str] = {}
    for day, files in loads.items():
        for file, report in files:
            # A file that the contract keeps out as a whole is not one that cannot be read.
            if report.path != KEPT_OUT and report.rows_rejected > limit and day not in reasons:
                reasons[day] = (
                    f"{file.path}: {report.rows_rejected:,} of {report.records_read:,} lines cannot be read, more than"
                    f" {limit:,}. For example: {'; '.join(_example_lines(cursor, file))}. Mend the file and land it"
                    f" again; if the lines are to be kept out, raise {where}."
                )
    return reasons


def _example_lines(cursor: Cursor, file: LandedFile) -> list[str]:
    cursor.execute(
        bind(
            f"select source_line, reason from {ident(REJECTED_LINES)} where source_file_id = :file"
            " order by source_line limit :examples"
        ),
        {"file": file.file_id, "examples": _EXAMPLES},
    )
    return [f"line {line}: {reason}" for line, reason in cursor.fetchall()]
