"""Commands about the quality of what is published."""

from datetime import date

import click

from metalayer_assets.cli import cli
from metalayer_assets.cli.output import console, json_option, print_json, print_rows
from metalayer_assets.cli.warehouse_access import DAY, check_range, named_table, warehouse
from metalayer_assets.warehouse import quality_reports


@cli.command()
@click.argument("table", required=False)
@click.option("--from", "first", type=DAY, help="First slice.")
@click.option("--to", "last", type=DAY, help="Last slice.")
@json_option
def quality(*, table: str | None, first: date | None, last: date | None, as_json: bool) -> None:
    """Show quality scores by layer and table, or what each rule of TABLE found."""
    check_range(first, last)
    contract = named_table(table) if table else None
    with warehouse().database.transaction(readonly=True) as cursor:
        if contract:
            rules = quality_reports.by_rule(cursor, contract, first=first, last=last)
            if as_json:
                print_json(rules)
            else:
                print_rows(rules, empty=f"No rule of {contract.name} was asked of such slices.", thousands=True)
            return
        layers = quality_reports.by_layer(cursor, first=first, last=last)
        tables = quality_reports.by_table(cursor, first=first, last=last)
    if as_json:
        print_json({"layers": layers, "tables": tables})
        return
    print_rows(layers, empty="No such slice was judged.", thousands=True)
    if tables:
        console.print()
        print_rows(tables, thousands=True)
