"""Load the real retail days in other orders than they came in here, and say how the warehouse then differs."""

import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TypeVar

from metalayer_assets.contracts import CATALOG, Grain
from metalayer_assets.warehouse import ddl
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.rebuild import Contents, compare, contents
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DATASETS

Item = TypeVar("Item")

TOLD = ("crm/accounts", "erp/orders", "erp/sales")
_STANDS = "select exists (select from meta.slice_ledger where table_name = %(table)s and slice = %(day)s)"
_TICK_NS = 1_000_000_000
_LONGEST_RANGE, _MOST_RANGES_AT_ONCE = 40, 4


def days_of(source: Path) -> list[date]:
    """The arrival days of the retail landing, in order."""
    return sorted({date.fromisoformat(folder.name) for told in TOLD for folder in (source / told).iterdir()})


def land(house: House, source: Path, dataset: str, day: date, *, again: bool = False) -> None:
    """Copy a day's files into the landing folder; of those that come again only the modification time differs."""
    target = house.settings.landing / dataset / day.isoformat()
    target.mkdir(parents=True, exist_ok=True)
    for path in (source / dataset / day.isoformat()).iterdir():
        copied = Path(shutil.copy2(path, target / path.name))
        if again:
            stamp = copied.stat().st_mtime_ns + _TICK_NS
            os.utime(copied, ns=(stamp, stamp))


def load_at_once(url: str, folder: Path, source: Path, days: Sequence[date]) -> Contents:
    """Land all days, load them as one range; what every slice then holds."""
    with closing(_house(url, folder)) as house:
        for dataset in TOLD:
            for day in days:
                land(house, source, dataset, day)
        _bring_up_to_date(house)
        return _contents(house)


def load_shuffled(
    url: str,
    folder: Path,
    source: Path,
    days: Sequence[date],
    *,
    seed: int,
    repeated: int,
    progress: Callable[[str], None] = lambda _: None,
) -> Contents:
    """Land each dataset's days in random ranges in a random order, and some days twice; what every slice then holds.

    After each landing the warehouse is brought up to date as far as chance has it, and at the end whole. A day that
    comes twice lands again with the same bytes, or all its tables are written again by hand: nothing may change.
    """
    rng = random.Random(seed)  # noqa: S311 -- orders, not secrets
    ranges = [(dataset, part) for dataset in TOLD for part in _ranges(days, rng)]
    rng.shuffle(ranges)
    twice = set(rng.sample(list(days), repeated))
    with closing(_house(url, folder)) as house:
        left = len(ranges)
        while ranges:
            together, ranges = _split(ranges, rng.randint(1, _MOST_RANGES_AT_ONCE))
            for dataset, part in together:
                for day in rng.sample(part, len(part)):
                    land(house, source, dataset, day)
            _bring_up_to_date(house, passes=rng.choice([None, None, 1, 2, 3]))
            for dataset, part in together:
                for day in sorted(twice & set(part)):
                    _repeat(house, source, dataset, day, by_hand=rng.random() < 0.5)
            progress(f"{left - len(ranges)} of {left} ranges")
        _bring_up_to_date(house)
        assert house.touched() == {}
        return _contents(house)


def differing_slices(one: Contents, other: Contents) -> list[str]:
    """Every slice that two warehouses hold otherwise, as a sentence."""
    return [f"{table.table}: {found}" for table in compare(one, other, {}) for found in table.differences]


def _house(url: str, folder: Path) -> House:
    (folder / "landing").mkdir(parents=True)
    settings = Settings(database_url=url, landing=folder / "landing")
    database = Database(url)
    with database.transaction() as cursor:
        ddl.ensure(cursor)
    return House(database, settings)


def _ranges(days: Sequence[date], rng: random.Random) -> Iterator[list[date]]:
    left = list(days)
    while left:
        part, left = _split(left, rng.randint(1, min(_LONGEST_RANGE, max(2, len(days) // 2))))
        yield part


def _split(items: list[Item], number: int) -> tuple[list[Item], list[Item]]:
    return items[:number], items[number:]


def _bring_up_to_date(house: House, *, passes: int | None = None) -> None:
    refusals = house.update(passes=passes)
    assert refusals == [], refusals


def _repeat(house: House, source: Path, dataset: str, day: date, *, by_hand: bool) -> None:
    bronze, silver, _ = DATASETS[dataset]
    if not by_hand:
        land(house, source, dataset, day, again=True)
        assert house.write(bronze, day).published == frozenset()
        return
    waiting = house.touched()
    gold = [contract.name for contract in CATALOG.assets() if contract.layer == "gold" and contract.grain is Grain.DAY]
    for table in (bronze, silver, *(() if waiting else gold)):
        # What waits is not there yet, and what was never written would stand without rows: all else is what it is.
        if day not in waiting.get(table, []) and house.value(_STANDS, table=table, day=day):
            assert house.write(table, day).published == frozenset()


def _contents(house: House) -> Contents:
    problems = house.problems()
    assert problems == [], problems[:5]
    with house.database.transaction(readonly=True) as cursor:
        return contents(cursor)
