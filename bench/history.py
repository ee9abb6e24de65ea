"""Measure here what a day of changes costs a dimension: on many members against few, and late against fresh."""

import statistics
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.slices import between
from metalayer_assets.warehouse.writer import SliceWriter

FIRST_DAY = date(2024, 1, 1)
_BASE_DAYS = 20
_HEADER = "customer_id,first_name,last_name,email,phone,address,city,state,zip,dob,created_date\n"
_FEW, _MANY, _CHANGES = 100_000, 1_000_000, 10_000
_STEPS = _FEW // _CHANGES
_TABLES = ("bronze.crm_customers", "silver.customers", "gold.dim_customer")


def _customer(number: int, day: date, city: str) -> str:
    return (
        f"C{number:07d},First{number % 5_000},Last{number % 20_000},user{number}@example.org,"
        f"+1555{number % 10_000_000:07d},{number % 900 + 1} Long Street Name,{city},CA,"
        f"{number % 90_000 + 10_000},{1950 + number % 50}-{number % 12 + 1:02d}-{number % 28 + 1:02d},{day}\n"
    )


class Members:
    """A warehouse with one dimension of many members, told over some days with gaps between them.

    Attributes:
        seconds: Of the first build of the dimension.
    """

    def __init__(self, database: Database, landing: Path, *, members: int) -> None:
        self._members = members
        self._landing = landing
        self._writer = SliceWriter(database, Settings(database_url=database.url, landing=landing))
        self._writer.prepare()
        per_day = members // _BASE_DAYS
        for index in range(_BASE_DAYS):
            day = self._base_day(index)
            told = (_customer(number, day, "Albany") for number in range(index * per_day, (index + 1) * per_day))
            self._land(day, told)
        days = [self._base_day(index) for index in range(_BASE_DAYS)]
        for table in _TABLES:
            started = time.perf_counter()
            self._write(table, days[0], days[-1])
            self.seconds = time.perf_counter() - started

    @staticmethod
    def _base_day(index: int) -> date:
        return FIRST_DAY + timedelta(days=10 * index)

    def _land(self, day: date, lines: Iterator[str]) -> None:
        folder = self._landing / "crm" / "customers" / day.isoformat()
        folder.mkdir(parents=True)
        with (folder / "customers.csv").open("w", encoding="utf-8") as stream:
            stream.write(_HEADER)
            for line in lines:
                stream.write(line)

    def _write(self, table: str, first: date, last: date) -> None:
        contract = CATALOG[table]
        self._writer.write(contract, between(contract.grain, first, last), self._writer.context(contract))

    def change(self, number: int, *, changes: int, late: bool) -> float:
        """Land a day of changes, spread over all members, and write it; seconds that the dimension's write took.

        Args:
            number: Which day of changes, from 0; each is a day of its own.
            changes: Members that move to another city.
            late: Whether the day lies among those that stand, and not after them.
        """
        day = FIRST_DAY + timedelta(days=10 * (number % _BASE_DAYS) + 5 if late else 10 * _BASE_DAYS + number)
        step = self._members // changes
        city = f"City{number}{'late' if late else ''}"
        self._land(day, (_customer(index * step + number % _STEPS, day, city) for index in range(changes)))
        for table in _TABLES[:-1]:
            self._write(table, day, day)
        started = time.perf_counter()
        self._write(_TABLES[-1], day, day)
        return time.perf_counter() - started


def measure(fresh_database: Callable[[str], Database], folder: Path, *, pairs: int) -> str:
    """Days of changes on few and on many members in turn, as rows of a table.

    Every pair is run twice, with the late day first and last: whichever comes second finds a version more.
    """
    few, many = (
        Members(fresh_database(f"bench_{members}"), folder / f"members_{members}", members=members)
        for members in (_FEW, _MANY)
    )
    ratios: dict[str, list[float]] = {"size": [], "late": [], "late size": []}
    seconds: list[float] = []
    for number in range(2 * pairs + 1):
        found = {}
        for members in (few, many) if number // 2 % 2 else (many, few):
            for late in (False, True) if number % 2 else (True, False):
                found[members, late] = members.change(number, changes=_CHANGES, late=late)
        if number == 0:
            continue
        seconds.append(found[many, False])
        ratios["size"].append(found[many, False] / found[few, False])
        ratios["late size"].append(found[many, True] / found[few, True])
        ratios["late"].append(found[many, True] / found[many, False])
    told = {
        "size": f"a fresh day on {_MANY:,} members | the same day on {_FEW:,}",
        "late size": f"a late day on {_MANY:,} members | the same day on {_FEW:,}",
        "late": f"a late day on {_MANY:,} members | a fresh day on them",
    }
    rows = [
        f"| gold.dim_customer, {_CHANGES:,} changes: {what} | **{statistics.median(ratios[name]):.2f}** |"
        f" {min(ratios[name]):.2f} to {max(ratios[name]):.2f} |"
        for name, what in told.items()
    ]
    size = f"A day of changes takes {statistics.median(seconds):.2f} s on {_MANY:,} members"
    first = f"their first build took {many.seconds:.1f} s"
    head = "| what | against | median ratio | all ratios |\n|---|---|---|---|"
    return "\n".join([f"{size}; {first}.", "", head, *rows])
