"""Commands about what is kept out: quarantine and what belongs to it, correct, replay; and export, of any table."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import click

from metalayer_assets.cli import cli
from metalayer_assets.cli.exporting import counted, mark_option, output, tell, to_option
from metalayer_assets.cli.output import console, json_option, plain, print_json, print_rows
from metalayer_assets.cli.warehouse_access import DAY, check_range, named_table, warehouse
from metalayer_assets.cli.working import bring_up_to_date, print_summary
from metalayer_assets.warehouse.workbench import actions, waiver
from metalayer_assets.warehouse.workbench.correction import Correction
from metalayer_assets.warehouse.workbench.correction import correct as take_in
from metalayer_assets.warehouse.workbench.desk import Desk, Selection, check_rules, desk_of, desks
from metalayer_assets.warehouse.workbench.export import export_kept_out, formula_cells
from metalayer_assets.warehouse.workbench.listing import DEFAULT_GROUPS, Group, kept_out_counts, kept_out_rows
from metalayer_assets.warehouse.workbench.replay import Replayed, replaying

F = TypeVar("F", bound=Callable[..., Any])

_LIST = "list"


class _QuarantineGroup(click.Group):
    """A group that lists where no subcommand is named, so that `metalayer quarantine TABLE` goes on working."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name of the listing first where there is no other."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = [_LIST, *args]
        return super().parse_args(ctx, args)


def _selecting(*, resolved: bool) -> Callable[[F], F]:
    """Options that say which rows are meant."""
    options = [
        click.option("--rule", "rules", multiple=True, help="Only rows that broke this rule (of lines: this reason)."),
        click.option("--file", "files", multiple=True, help="Only rows of this landed file: its path, or its name."),
        click.option("--line", "lines", multiple=True, type=click.IntRange(1), help="Only this line of the file."),
        click.option("--day", type=DAY, help="Only this arrival day."),
        click.option("--from", "first", type=DAY, help="First arrival day."),
        click.option("--until", "last", type=DAY, help="Last arrival day."),
    ]
    if resolved:
        options += [
            click.option("--resolved", is_flag=True, help="Also rows that were corrected or waived."),
            click.option("--closed", is_flag=True, help="Also rows that a later write no longer kept out."),
        ]

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _selection(
    *,
    rules: tuple[str, ...],
    files: tuple[str, ...],
    lines: tuple[int, ...],
    day: date | None,
    first: date | None,
    last: date | None,
    resolved: bool = False,
    closed: bool = False,
) -> Selection:
    if day is not None and (first is not None or last is not None):
        raise click.UsageError("--day goes without --from and --until: it is one day.")
    check_range(first, last)
    if lines and not files:
        raise click.UsageError("--line goes with --file: a line is one of a file.")
    return Selection(rules, files, lines, day or first, day or last, resolved, closed)


@cli.group(cls=_QuarantineGroup)
def quarantine() -> None:
    """Look at what was kept out, and work on it; `metalayer quarantine [TABLE]` lists it."""


@quarantine.command(_LIST)
@click.argument("table", required=False)
@_selecting(resolved=True)
@click.option(
    "--by",
    "groups",
    multiple=True,
    type=click.Choice([group.value for group in Group]),
    help="Count by this, or by several.  [default without TABLE: table and rule]",
)
@click.option("--limit", type=click.IntRange(1, 100_000), default=20, show_default=True, help="Most rows.")
@json_option
def list_kept_out(*, table: str | None, groups: tuple[str, ...], limit: int, as_json: bool, **meant: Any) -> None:  # noqa: ANN401 -- the options of _selecting
    """Show what is kept out and not yet dealt with: counted, or the rows of TABLE with their raw values."""
    selection = _selection(**meant)
    among = (desk_of(named_table(table)),) if table else desks()
    with warehouse().database.transaction(readonly=True) as cursor:
        check_rules(cursor, selection.rules, among)
        if table and not groups:
            rows = kept_out_rows(cursor, among[0], selection, limit=limit)
        else:
            wanted = [Group(name) for name in dict.fromkeys(groups)] or DEFAULT_GROUPS
            rows = kept_out_counts(cursor, among, selection, wanted)
        dealt_with = not rows and bool(kept_out_counts(cursor, among, Selection(resolved=True, closed=True)))
    if as_json:
        print_json(rows)
    elif table and not groups and rows:
        for row in rows:
            _print_row(among[0], row)
    else:
        nothing = "Nothing of what was kept out is meant; --resolved and --closed show what was dealt with."
        print_rows(rows, empty=nothing if dealt_with else "Nothing was kept out.")


def _print_row(desk: Desk, row: dict[str, Any]) -> None:
    state = f", closed {row['state']}" if row["state"] != "open" else ""
    seen = f"{row['first_seen_at']:%Y-%m-%d %H:%M}"
    console.print(
        f"{row['file']} line {row['source_line']}  (day {row['arrival_day']}, first seen {seen} UTC{state})",
        soft_wrap=True,
        markup=False,
    )
    for reason in row["reasons"]:
        told = reason["rule"] if desk.holds_lines else f"{reason['rule']}: {reason['description']}"
        console.print(f"  {told}", soft_wrap=True, markup=False)
    if row["resolution"]:
        moment = f"{row['resolved_at']:%Y-%m-%d %H:%M}"
        where = f" in {row['corrected_in']} line {row['corrected_line']}" if row["corrected_in"] else ""
        note = f": {row['note']}" if row["note"] else ""
        console.print(
            f"  {row['resolution']} by {row['resolved_by']} {moment} UTC{where}{note}", soft_wrap=True, markup=False
        )
    raw = row["raw"]
    told = plain(raw) if desk.holds_lines else "  ".join(f"{k}={_quoted(raw[k])}" for k in _in_order(desk, raw))
    console.print(f"  {told}\n", soft_wrap=True, markup=False)


def _in_order(desk: Desk, raw: dict[str, Any]) -> list[str]:
    return [name for name in desk.source_columns if raw.get(name) is not None]


def _quoted(value: str) -> str:
    return repr(value)


_by = click.option("--by", help="Who acts.  [default: METALAYER_USER, else the user of the operating system]")


@quarantine.command("export")
@click.argument("table")
@to_option
@mark_option
@_selecting(resolved=True)
def export_quarantine(*, table: str, to: str, bom: bool, **meant: Any) -> None:  # noqa: ANN401 -- the options of _selecting
    """Copy the rows kept out of TABLE to a CSV file, raw values as they landed, with where from and why before them.

    Correct the values there and take the file back in: metalayer correct FILE.csv
    """
    desk, selection = desk_of(named_table(table)), _selection(**meant)
    with warehouse().database.transaction(readonly=True) as cursor, output(to) as stream:
        check_rules(cursor, selection.rules, [desk])
        rows = export_kept_out(cursor, desk, selection, stream, marked=bom)
        formulas = formula_cells(cursor, desk, selection)
    tell(f"{counted(rows)} of {desk.label} written to {to}.", to)
    if formulas:
        tell(
            f"Values that begin like a formula, written as they landed: {formulas:,}; open the file with all columns as"
            " text.",
            to,
        )


@quarantine.command("waive")
@click.argument("table")
@_selecting(resolved=False)
@click.option("--all", "everything", is_flag=True, help="All rows that are kept out of the table.")
@click.option("--note", required=True, help="Why they may stay out.")
@_by
@json_option
def waive(*, table: str, everything: bool, note: str, by: str | None, as_json: bool, **meant: Any) -> None:  # noqa: ANN401 -- the options of _selecting
    """Accept that rows of TABLE stay out: they are listed no more, and recorded with who said so, when and why."""
    desk, selection = _meant(table, everything=everything, meant=meant)
    rows = waiver.waive(warehouse(), desk, selection, by=by, note=note)
    _print_action(desk, "waived", rows, as_json=as_json)


@quarantine.command("reopen")
@click.argument("table")
@_selecting(resolved=False)
@click.option("--all", "everything", is_flag=True, help="All rows that were waived.")
@click.option("--note", help="Why.")
@_by
@json_option
def reopen(*, table: str, everything: bool, note: str | None, by: str | None, as_json: bool, **meant: Any) -> None:  # noqa: ANN401 -- the options of _selecting
    """Take waivers of rows of TABLE back, and corrections whose file is gone from landing and bronze."""
    desk, selection = _meant(table, everything=everything, meant=meant)
    rows = waiver.reopen(warehouse(), desk, selection, by=by, note=note)
    _print_action(desk, "reopened", rows, as_json=as_json)


def _meant(table: str, *, everything: bool, meant: dict[str, Any]) -> tuple[Desk, Selection]:
    desk, selection = desk_of(named_table(table)), _selection(**meant)
    if selection.is_everything != everything:
        raise click.UsageError(
            "say which rows: --rule, --file with or without --line, --day, --from, --until; or --all."
        )
    return desk, selection


def _print_action(desk: Desk, what: str, rows: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"table": desk.table.name, what: rows})
    else:
        console.print(f"{counted(rows)} of {desk.label} {what}.", soft_wrap=True, markup=False)


@quarantine.command("actions")
@click.argument("table", required=False)
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Most entries.")
@json_option
def list_actions(*, table: str | None, limit: int, as_json: bool) -> None:
    """Show who did what with what was kept out, latest first."""
    name = desk_of(named_table(table)).table.name if table else None
    with warehouse().database.transaction(readonly=True) as cursor:
        rows = actions.entries(cursor, name, limit=limit)
    if as_json:
        print_json(rows)
    else:
        print_rows(rows, empty="Nobody did anything yet.")


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@_by
@click.option("--note", help="What to note with it.")
@click.option("--dry-run", is_flag=True, help="Only say what the file changes.")
@json_option
def correct(*, file: Path, by: str | None, note: str | None, dry_run: bool, as_json: bool) -> None:
    """Take in FILE, a corrected export: what it changes lands beside what it corrects, and loads with the next run."""
    done = take_in(warehouse(), file, by=by, note=note, dry_run=dry_run)
    if as_json:
        print_json(asdict(done))
    else:
        _print_correction(done, dry_run=dry_run)


def _print_correction(done: Correction, *, dry_run: bool) -> None:
    print_rows([asdict(change) for change in done.changes], empty="The file changes nothing.")
    console.print(
        f"{counted(done.corrected)} of {done.table} {'would be ' if dry_run else ''}corrected,"
        f" {done.unchanged:,} left as they are.",
        soft_wrap=True,
    )
    for name in done.files:
        console.print(f"landed: {name}", soft_wrap=True, markup=False)
    if done.files:
        console.print("bring it in: metalayer run")


@cli.command()
@click.argument("table", required=False)
@click.option("--rule", "rules", multiple=True, help="Only slices with rows that broke this rule.")
@click.option("--note", help="What to note with it.")
@_by
@json_option
def replay(*, table: str | None, rules: tuple[str, ...], note: str | None, by: str | None, as_json: bool) -> None:
    """Judge again the slices with rows that are kept out, of TABLE or of all; what now passes is written and closed."""
    among = [desk_of(named_table(table))] if table else [desk for desk in desks() if not desk.holds_lines]
    writer = warehouse()
    name = actions.acting(writer.settings, by)
    with replaying(writer.database, among, rules) as doing:
        if not doing.slices:
            if as_json:
                print_json({"tables": [], "problems": [], "runs": []})
            else:
                console.print("No row that is kept out is concerned.")
            return
        doing.request(by=name, note=note)
        summary = bring_up_to_date(writer, doing.scope(), as_json=as_json)
        done = doing.result()
    if as_json:
        print_json({"tables": [asdict(table) for table in done], "problems": summary.problems, "runs": summary.runs})
    else:
        print_summary(summary)
        _print_replayed(done)
    if summary.problems:
        sys.exit(1)


def _print_replayed(done: Sequence[Replayed]) -> None:
    for table in done:
        resolved = f" ({table.resolved:,} of them corrected or waived)" if table.resolved else ""
        newly = f"; {table.newly_out:,} others are newly kept out" if table.newly_out else ""
        console.print(
            f"{table.table}: {table.slices:,} slices judged again; of {counted(table.rows)} {table.passed:,} are"
            f" kept out no longer, {table.rows - table.passed:,} still are{resolved}{newly}.",
            soft_wrap=True,
        )
        for rule in table.still_out:
            console.print(f"  {rule.rows:,} {rule.rule}: {rule.description}", soft_wrap=True, markup=False)
