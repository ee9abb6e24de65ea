"""Load the retail year in random orders and ranges, with days repeated; every slice must end as in one load of all.

    METALAYER_RETAIL_DATA=… python scripts/shuffled_load.py --orders 3 --folder /tmp/shuffled-load

The folder gets an embedded server, and a landing folder and a database for each load. Compared are the checksums of
every slice of every table, recomputed from the rows, quarantine included.
"""

import argparse
import sys
import time
from contextlib import closing
from datetime import date
from pathlib import Path

from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.embedded import EmbeddedServer
from metalayer_assets.warehouse.rebuild import Contents
from metalayer_assets.warehouse.settings import beside
from metalayer_assets_tests import retail
from metalayer_assets_tests.retail_orders import days_of, differing_slices, load_at_once, load_shuffled


def main() -> None:
    """Load in one range and in random orders; exit 1 when any slice differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=3)
    parser.add_argument("--repeated", type=int, default=30, help="days that come twice")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first order")
    parser.add_argument("--days", type=int, help="only the first days of the year")
    parser.add_argument("--folder", type=Path, required=True, help="an empty folder to work in")
    options = parser.parse_args()
    source = retail.landing()
    if source is None:
        sys.exit("the retail data is absent: set METALAYER_RETAIL_DATA to its folder")
    days = days_of(source)[: options.days]
    home = options.folder / "home"
    home.mkdir(mode=0o755, parents=True)
    server = EmbeddedServer(home)
    url = server.ensure_running()
    try:
        differing = _compare(url, options, source, days)
    finally:
        server.destroy()
    sys.exit(1 if differing else 0)


def _compare(url: str, options: argparse.Namespace, source: Path, days: list[date]) -> int:
    started = time.monotonic()
    expected = load_at_once(_database(url, "at_once"), options.folder / "at_once", source, days)
    print(f"{len(days)} days at once: {_told(expected)}, {time.monotonic() - started:.0f} s", flush=True)
    differing = 0
    for seed in range(options.seed, options.seed + options.orders):
        started = time.monotonic()
        name = f"order_{seed}"
        found = load_shuffled(
            _database(url, name), options.folder / name, source, days, seed=seed, repeated=options.repeated
        )
        different = differing_slices(expected, found)
        differing += len(different)
        print(
            f"order {seed}, {options.repeated} days twice: {_told(found)}, {time.monotonic() - started:.0f} s: "
            f"{f'{len(different)} slices differ' if different else 'every slice equal'}",
            *different[:10],
            sep="\n  ",
            flush=True,
        )
    return differing


def _database(url: str, name: str) -> str:
    with closing(Database(url).connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(f"create database {name} template template0")
    return beside(url, name)


def _told(contents: Contents) -> str:
    slices = sum(len(held) for held in contents.values())
    rows = sum(holding.rows for held in contents.values() for holding in held.values())
    return f"{len(contents)} tables, {slices:,} slices, {rows:,} rows"


if __name__ == "__main__":
    main()
