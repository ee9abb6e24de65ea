"""Commands about the past of tables: diff, rollback, history."""

from dataclasses import asdict
from datetime import date
from typing import Any

import click

from metalayer_assets.cli import cli
from metalayer_assets.cli.output import console, json_option, plain, print_json, print_rows
from metalayer_assets.cli.warehouse_access import DAY, named_table, warehouse
from metalayer_assets.warehouse import replaced
from metalayer_assets.warehouse.as_of import Point
from metalayer_assets.warehouse.differences import Difference, RowChange, between, of_write
from metalayer_assets.warehouse.rollback import roll_back

_POINT_HELP = "a write's number, a day (its beginning, UTC) or a moment"


@cli.command()
@click.argument("table")
@click.option("--write", "write_id", type=click.IntRange(1), help="What this write changed.")
@click.option("--from", "start", help=f"What changed since: {_POINT_HELP}.")
@click.option("--to", "end", help="Until then; now if it is not given.")
@click.option("--slice", "day", type=DAY, help="Only this slice.")
@click.option("--limit", type=click.IntRange(0, 100_000), default=20, show_default=True, help="Most rows to list.")
@json_option
def diff(
    *,
    table: str,
    write_id: int | None,
    start: str | None,
    end: str | None,
    day: date | None,
    limit: int,
    as_json: bool,
) -> None:
    """Show which rows of TABLE were added, removed or changed, by one write or between two points of its past."""
    contract = named_table(table)
    if (write_id is None) == (start is None) or (write_id is not None and end is not None):
        raise click.UsageError("say what to compare: either --write N, or --from X with or without --to Y.")
    points = [Point() if text is None else Point.read(text) for text in (start, end)]
    with warehouse().database.transaction(readonly=True) as cursor:
        if write_id is not None:
            found = of_write(cursor, contract, write_id, day=day, limit=limit)
        else:
            found = between(cursor, contract, *points, day=day, limit=limit)
    if as_json:
        told = asdict(found)
        print_json(told | {"start": str(found.start), "end": str(found.end)})
        return
    _print_difference(found, None if write_id is None else f"write {write_id}")


def _print_difference(found: Difference, write: str | None) -> None:
    console.print(f"{found.table}: {write or f'{found.start} to {found.end}'}", style="italic", soft_wrap=True)
    console.print(f"{found.added:,} rows added, {found.removed:,} removed, {found.changed:,} changed.")
    if found.moved:
        console.print(f"Of those changed, {found.moved:,} only stand elsewhere in their files; they are listed last.")
    if found.begun_slices:
        first, last = found.begun_slices[0], found.begun_slices[-1]
        which = f"{first}" if first == last else f"{len(found.begun_slices):,} slices from {first} to {last}"
        console.print(f"Of those added, {found.begun_rows:,} are the first rows of {which}.", soft_wrap=True)
    if found.rows:
        print_rows([_shown(row) for row in found.rows])
    more = found.added + found.removed + found.changed - found.begun_rows - len(found.rows)
    if more:
        console.print(f"and {more:,} more rows; show them: --limit", soft_wrap=True)


def _shown(row: RowChange) -> dict[str, Any]:
    old, new = row.old or {}, row.new or {}
    changes = [f"{name} {_value(old[name])} → {_value(new[name])}" for name in old if name in new]
    return {"change": row.change, "slice": row.slice, **row.key, "old → new": ", ".join(changes)}


def _value(value: object) -> str:
    return "NULL" if value is None else str(plain(value))


@cli.command()
@click.argument("table")
@click.option("--slice", "day", type=DAY, required=True, help="Slice to restore, by its first day.")
@click.option("--to-write", type=click.IntRange(1), required=True, help="Write after which it stood so.")
@json_option
def rollback(*, table: str, day: date, to_write: int, as_json: bool) -> None:
    """Restore a slice of TABLE as it stood after an earlier write; what follows from it is restated by the next run."""
    contract = named_table(table)
    report = roll_back(warehouse(), contract, day, to_write)
    ((slice_, counts),) = report.slices.items()
    if as_json:
        print_json(
            {
                "table": report.table,
                "slice": slice_,
                "to_write": to_write,
                "write_id": report.write_id,
                "status": report.status(slice_),
                "rows_written": counts.rows_written,
                "rows_quarantined": counts.rows_quarantined,
                "checksum": counts.checksum,
                "touched": report.touched,
            }
        )
        return
    if not report.published:
        console.print(f"{report.table} {slice_} holds what it held after write {to_write}; nothing was written.")
        return
    console.print(
        f"{report.table} {slice_} stands as after write {to_write} again: {counts.rows_written:,} rows,"
        f" {counts.rows_quarantined:,} kept out. This is write {report.write_id}.",
        soft_wrap=True,
    )
    if report.touched:
        touched = ", ".join(f"{name} {len(days):,}" for name, days in report.touched.items())
        console.print(f"slices touched: {touched}; restate them: metalayer run", soft_wrap=True)


@cli.command()
@click.option("--forget", is_flag=True, help="First delete what is older than METALAYER_HISTORY_DAYS.")
@json_option
def history(*, forget: bool, as_json: bool) -> None:
    """Show how many replaced rows of each table are kept, and since when its past is known."""
    writer = warehouse()
    deleted: dict[str, int] = {}
    if forget:
        with writer.database.transaction() as cursor:
            deleted = replaced.forget(cursor, replaced.retained_since(writer.settings))
    with writer.database.transaction(readonly=True) as cursor:
        tables = replaced.kept_rows(cursor)
    if as_json:
        print_json({"deleted": deleted, "tables": tables})
        return
    if forget:
        console.print(f"Deleted {sum(deleted.values()):,} rows older than {writer.settings.history_days} days.")
    print_rows(tables, thousands=True)
