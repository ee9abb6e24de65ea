"""Load a folder of hostile CSV files and say what became of each: right, in part, refused, or wrong without a word.

    python scripts/hostile_corpus.py polluted_files
    python scripts/hostile_corpus.py my_files --source clean.csv --columns id,name,note

The folder is laid out as that of the Pollock benchmark: the files in `csv`, the table that each of them truly holds
under the same name in `clean`. Either may be missing: files are then taken from the folder itself, and the true table
is the one that they were all made from (`--source`, else `csv/source.csv`). A row must stand in both to be right.

The files go through the loader of bronze tables, with all columns of the source expected, into temporary tables that
are dropped at the end. The database is METALAYER_DATABASE_URL, or an embedded one that is removed afterwards. Exit
code 1 means that a file was loaded wrongly.
"""

import argparse
import csv
import json
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.embedded import EmbeddedServer
from metalayer_assets.warehouse.loading import SourceColumn
from metalayer_assets.warehouse.loading.header import spelling
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets_tests.warehouse.loading.bench import Bench
from metalayer_assets_tests.warehouse.loading.judging import OUTCOMES, WRONG, Judgement, Table, judge


def main() -> None:
    """Load every file, print the table, exit 1 when one is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--source", type=Path, help="the clean file that the others were made from")
    parser.add_argument("--columns", help="expected columns, comma-separated; by default those of the source")
    parser.add_argument("--optional", default="", help="those of them that a file may lack")
    parser.add_argument("--list", action="store_true", help="also name each file, its outcome and the first reason")
    parser.add_argument("--json", action="store_true", help="print the outcome of each file as JSON instead")
    options = parser.parse_args()
    folder = options.folder / "csv" if (options.folder / "csv").is_dir() else options.folder
    names, source = table_of(options.source or folder / "source.csv")
    names = options.columns.split(",") if options.columns else names
    optional = options.optional.split(",")
    columns = [SourceColumn(spelling(name), (name,), required=name not in optional) for name in names]
    found: dict[str, Judgement] = {}
    with database() as opened, tempfile.TemporaryDirectory() as scratch:
        bench = Bench(opened.connect().cursor(), Path(scratch))
        for path in sorted(folder.glob("*.csv")):
            clean = options.folder / "clean" / path.name
            truths = [true_rows(clean, len(names)), source] if clean.is_file() else [source]
            found[path.name] = judge(bench, path.name, path.read_bytes(), columns, truths)
        bench.cursor.connection.close()
    if options.json:
        print(json.dumps({name: judgement.__dict__ for name, judgement in found.items()}, indent=2))
    else:
        print("\n".join(summary(found)))
        for name, judgement in found.items():
            if options.list or judgement.outcome == WRONG:
                print(f"{name}: {judgement.outcome}. {(*judgement.reasons, '')[0]}")
    sys.exit(any(judgement.outcome == WRONG for judgement in found.values()))


def category(name: str) -> str:
    """What files are counted together: those that differ by the row and column that is polluted."""
    stem = name.removesuffix(".csv")
    return re.sub(r"_?\d+_col\d+$|_row\d+_col\d+$|_\d+(?=_0x20$)", "", stem) if stem.startswith("row_") else stem


def summary(found: dict[str, Judgement]) -> Iterator[str]:
    """The outcomes by category as a table in Markdown."""
    groups: defaultdict[str, list[Judgement]] = defaultdict(list)
    for name, judgement in found.items():
        groups[category(name)].append(judgement)
    yield "| category | files | " + " | ".join(OUTCOMES) + " | rows loaded | lines kept aside |"
    yield "|---|" + "---:|" * (len(OUTCOMES) + 3)
    for name, members in (*sorted(groups.items()), ("all", list(found.values()))):
        counts = [sum(member.outcome == outcome for member in members) for outcome in OUTCOMES]
        rows = [sum(member.loaded for member in members), sum(member.rejected for member in members)]
        yield "| " + " | ".join(map(str, (name, len(members), *counts, *rows))) + " |"


def table_of(path: Path) -> tuple[list[str], Table]:
    """Names and rows of a clean file, which the standard library reads."""
    with path.open(newline="", encoding="utf-8") as file:
        names, *rows = csv.reader(file)
    return names, [tuple(row) for row in rows]


def true_rows(path: Path, width: int) -> Table:
    """Rows of the true table of one file; a first row of names is none, whatever the file made of them."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [tuple(row) for row in csv.reader(file) if len(row) == width]
    return rows if path.name == "file_no_header.csv" else rows[1:]


@contextmanager
def database() -> Iterator[Database]:
    """The database of the environment, or one that is made for the purpose and removed."""
    if (given := Settings.from_environment().database_url) is not None:
        yield Database(given)
        return
    with tempfile.TemporaryDirectory(prefix="metalayer-hostile-") as home:
        Path(home).chmod(0o755)
        server = EmbeddedServer(Path(home))
        try:
            yield Database(server.ensure_running())
        finally:
            server.destroy()


if __name__ == "__main__":
    main()
