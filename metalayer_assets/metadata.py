"""Translate contracts and write reports into Dagster metadata here; keep both out."""

from datetime import date
from typing import Any

import dagster as dg

from metalayer_assets.contracts import Contract, Judged, Landed, Rule, Severity
from metalayer_assets.extract_tables import changes_table, profile_table
from metalayer_assets.warehouse.drift import Observed
from metalayer_assets.warehouse.ledger import SliceCounts, WriteReport

_KINDS = {"bronze": {"bronze"}, "silver": {"silver"}, "gold": {"gold"}, "meta": set[str]()}
_WORST_RULES = 5


def asset_key(table: str) -> dg.AssetKey:
    """`layer.table` as an asset key."""
    return dg.AssetKey(table.split("."))


def table_name(key: dg.AssetKey) -> str:
    """An asset key as `layer.table`."""
    return ".".join(key.path)


def column_schema(contract: Contract) -> dg.TableSchema:
    """The contract's columns with types, constraints and tags, for the Columns tab."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.type.sql,
                description=column.description,
                constraints=dg.TableColumnConstraints(
                    nullable=column.nullable,
                    unique=contract.key == (column.name,),
                    other=_rules_on(contract, column.name),
                ),
                tags={"pii": ""} if column.pii else {},
            )
            for column in contract.columns
        ],
        constraints=dg.TableConstraints(other=[f"primary key ({', '.join(contract.key)})"]),
    )


def _rules_on(contract: Contract, column: str) -> list[str]:
    return [rule.id for rule in contract.rules if _first_column(contract, rule) == column]


def _first_column(contract: Contract, rule: Rule) -> str | None:
    if rule.readable is not None:
        return rule.readable
    named = rule.holds.columns() if rule.holds else frozenset()
    return next((column.name for column in contract.columns if column.name in named), None)


def definition_metadata(contract: Contract) -> dict[str, Any]:
    """What is known of a table before any run."""
    metadata: dict[str, Any] = {
        "dagster/column_schema": column_schema(contract),
        "dagster/table_name": contract.name,
        "grain": f"one slice per {contract.grain.value}, by {contract.slice_by}",
        "key": ", ".join(contract.key),
    }
    if isinstance(contract.source, Landed):
        metadata["landing"] = f"{contract.source.system}/{contract.source.dataset}/<arrival day>/"
    if isinstance(contract.source, Judged):
        metadata["quarantine"] = contract.source.quarantine
    if contract.all_rules:
        metadata["rules"] = dg.MetadataValue.md(_rules_table(contract))
    return metadata


def _rules_table(contract: Contract) -> str:
    rows = [
        f"| {rule.id} | {rule.severity.value} | {rule.dimension} | {rule.weight} | {rule.description} |"
        for rule in contract.all_rules
    ]
    return "\n".join(["| rule | broken: | dimension | weight | what must hold |", "|---|---|---|---|---|", *rows])


def kinds(contract: Contract) -> set[str]:
    """Kinds of the asset, which the UI shows as icons."""
    source = {"csv"} if isinstance(contract.source, Landed) else {"sql"}
    return {"postgres", *_KINDS[contract.layer], *source}


def slice_metadata(report: WriteReport, day: date) -> dict[str, Any]:
    """What one slice holds and where its rows went."""
    counts = report.slices[day]
    return {
        "dagster/partition_row_count": counts.rows_written,
        "status": report.status(day),
        **_accounting(counts),
        "checksum": counts.checksum,
        **({} if counts.quality_score is None else {"quality_score": float(counts.quality_score)}),
        **_observed(report.observed.get(day)),
    }


def _observed(observed: Observed | None) -> dict[str, Any]:
    """What was seen of the extract: how it differs, in words, and the profile of its columns."""
    if observed is None:
        return {}
    told: dict[str, Any] = {}
    if observed.changes:
        told["schema_changes"] = dg.MetadataValue.md(changes_table(observed.changes))
    if observed.profile:
        told["profile"] = dg.MetadataValue.md(profile_table(observed.profile))
    return told


def _accounting(counts: SliceCounts) -> dict[str, int]:
    return {
        "rows_read": counts.rows_read,
        "rows_written": counts.rows_written,
        "rows_collapsed": counts.rows_collapsed,
        "rows_quarantined": counts.rows_quarantined,
    }


def write_metadata(report: WriteReport, *, table_rows: int) -> dict[str, Any]:
    """What a write did over all its slices."""
    metadata: dict[str, Any] = {
        "dagster/row_count": table_rows,
        # A number would be plotted.
        "write_id": str(report.write_id),
        "slices_published": len(report.published & report.slices.keys()),
        "slices_unchanged": len(report.slices.keys() - report.published),
    }
    if report.beside:
        metadata["slices_beside"] = f"{len(report.beside)}, {min(report.beside)} to {max(report.beside)}"
    for table, days in report.touched.items():
        metadata[f"touched {table}"] = f"{len(days)} slices, {days[0]} to {days[-1]}"
    return metadata


def broken_rules(
    report: WriteReport, days: list[date], *, costly: bool = False
) -> dict[str, tuple[str, int, int, list[str]]]:
    """Rules that rows of these slices broke: severity, rows broken, rows examined, sample keys.

    Those that reject come first, or where asked those that cost the score most.
    """
    weights = {rule.rule_id: rule.weight for day in days for rule in report.slices[day].rules}
    found: dict[str, tuple[str, int, int, list[str]]] = {}
    for day in days:
        for rule in report.slices[day].rules:
            severity, broken, examined, keys = found.get(rule.rule_id, (rule.severity, 0, 0, []))
            found[rule.rule_id] = (
                severity,
                broken + rule.rows_broken,
                examined + rule.rows_examined,
                sorted({*keys, *rule.sample_keys})[:_WORST_RULES],
            )
    worst = sorted(
        ((rule, told) for rule, told in found.items() if told[1]),
        key=lambda item: (not costly and item[1][0] != Severity.REJECT.value, -item[1][1] * weights[item[0]]),
    )
    return dict(worst)
