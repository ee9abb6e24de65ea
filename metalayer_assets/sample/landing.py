"""Bring the parts together into a landing and its truth here; keep what rows hold and how files look out."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from metalayer_assets.sample.catalogue import Catalogue
from metalayer_assets.sample.crm import Crm
from metalayer_assets.sample.dirt import Soiler
from metalayer_assets.sample.files import SheetWriter
from metalayer_assets.sample.marker import Marker, write_whole
from metalayer_assets.sample.options import SampleOptions
from metalayer_assets.sample.rows import ACCOUNTS, CUSTOMERS, DATASETS, ORDERS, PRODUCTS, SALES, Dataset, Row
from metalayer_assets.sample.sheets import RESENT_DAY, resent_name, sheets
from metalayer_assets.sample.trade import Trade
from metalayer_assets.sample.truth import TRUTH_FILE, DatasetTally, FactTally, SampleTruth


def write_sample(root: Path, options: SampleOptions, on_day: Callable[[int, int], None] | None = None) -> SampleTruth:
    """Write a landing below `root`, and beside it the truth of what a correct warehouse makes of it.

    Equal options write equal bytes. A folder that a sample wrote before is written over, its own files only. Memory
    grows with the largest day, not with the number of days.

    Args:
        root: The landing folder: new, empty, or one that a sample wrote.
        options: What to write.
        on_day: Called after each day with its number, from 1, and the number of days.

    Raises:
        LandingError: The folder holds files of somebody else.
        OSError: The disk refused.
    """
    marker = Marker(root, options, _planned(options))
    marker.claim()
    sample = _Sample(root, options)
    for index in range(options.days):
        sample.write_day(index)
        if on_day is not None:
            on_day(index + 1, options.days)
    truth = sample.finish()
    write_whole(root / TRUTH_FILE, truth.to_json())
    marker.complete(sample.written)
    return truth


class _Sample:
    """The state that passes from day to day."""

    def __init__(self, root: Path, options: SampleOptions) -> None:
        self.written: set[str] = set()
        self._root = root
        self._options = options
        self._crm = Crm(options)
        self._catalogue = Catalogue(options)
        self._trade = Trade(options, self._crm, self._catalogue)
        self._facts = {ORDERS.name: FactTally(), SALES.name: FactTally()}
        self._tallies = {
            CUSTOMERS.name: DatasetTally(),
            ACCOUNTS.name: DatasetTally(),
            PRODUCTS.name: DatasetTally(),
            ORDERS.name: DatasetTally(self._facts[ORDERS.name], "order_date implausible"),
            SALES.name: DatasetTally(self._facts[SALES.name], "sale_date implausible"),
        }
        self._soilers = {d.name: Soiler(d, options, _expected_rows(d, options)) for d in DATASETS}
        self._resent: list[Row] = []
        self._settled: list[str] = []

    def write_day(self, index: int) -> None:
        """Write the files of one arrival day and count them."""
        crm = self._crm
        if index == 0:
            self._land(CUSTOMERS, index, crm.first_customers())
            self._land(ACCOUNTS, index, crm.first_accounts())
            self._land(PRODUCTS, index, [self._catalogue.first_extract()])
        else:
            customers, accounts = crm.changes(index)
            for dataset, rows in (
                (CUSTOMERS, customers),
                (ACCOUNTS, accounts),
                (PRODUCTS, self._catalogue.changes(index)),
            ):
                if rows:
                    self._land(dataset, index, [rows])
        orders, sales = self._trade.day(index)
        self._land(ORDERS, index, [orders])
        self._land(SALES, index, [sales], deletes=any(row.deleted for row in sales))
        self._settle(index)

    def finish(self) -> SampleTruth:
        """The truth, after the last day."""
        return SampleTruth(
            options=self._options.as_dict(),
            datasets={name: tally.finish() for name, tally in self._tallies.items()},
            fact_orders=self._facts[ORDERS.name].finish(by_status=True),
            fact_sales=self._facts[SALES.name].finish(by_status=False),
        )

    def _land(self, dataset: Dataset, index: int, blocks: Iterable[list[Row]], *, deletes: bool = True) -> None:
        """Write the rows of one dataset and day; blocks share no key."""
        arrival = self._options.day(index)
        folder = self._root / dataset.system / dataset.name / str(arrival)
        tally, soiler = self._tallies[dataset.name], self._soilers[dataset.name]
        tally.open_day(arrival)
        if dataset is ORDERS:
            self._land_copy(folder, index)
        remember = dataset is ORDERS and self._is_resent_tomorrow(index)
        parts = sheets(dataset, index, variety=self._options.variety, deletes=deletes)
        for sheet, share in zip(parts, _split(blocks, len(parts)), strict=True):
            has_sequence = "updated_at" in sheet.columns
            with SheetWriter(folder, dataset, sheet) as writer:
                for block in share:
                    for row in block:
                        again = soiler.touch(row, writer, arrival)
                        for told in (row,) if again is None else (row, again):
                            writer.write(told)
                            tally.add(told, has_sequence=has_sequence)
                            if remember:
                                self._resent.append(told)
                    if len(parts) == 1:
                        tally.forget()
            tally.add_file()
            self._note(folder / sheet.file_name)
        tally.close_day(lambda key: remember or self._trade.will_tell_again(key))

    def _land_copy(self, folder: Path, index: int) -> None:
        """Land yesterday's file again under another name, on the day after the one that is sent twice."""
        if not (index and self._is_resent_tomorrow(index - 1)):
            return
        sheet = sheets(ORDERS, index - 1, variety=True)[0]
        folder.mkdir(parents=True, exist_ok=True)
        source = folder.parent / str(self._options.day(index - 1)) / sheet.file_name
        part = folder / f".{resent_name(sheet)}.part"
        shutil.copyfile(source, part)
        part.replace(folder / resent_name(sheet))
        tally = self._tallies[ORDERS.name]
        for row in self._resent:
            tally.add(row)
        tally.add_file()
        self._note(folder / resent_name(sheet))
        self._resent = []

    def _settle(self, index: int) -> None:
        """Count the orders and sales of which nothing more comes; those of a day sent twice, a day later."""
        self._settled += self._trade.settled
        if self._is_resent_tomorrow(index):
            return
        for fact in self._facts.values():
            fact.settle(self._settled)
        self._settled = []

    def _is_resent_tomorrow(self, index: int) -> bool:
        return self._options.variety and index == RESENT_DAY and index + 1 < self._options.days

    def _note(self, path: Path) -> None:
        self.written.add(path.relative_to(self._root).as_posix())


def _split(blocks: Iterable[list[Row]], parts: int) -> Iterator[Iterable[list[Row]]]:
    """The blocks as they come for one file; else all rows cut into even parts."""
    if parts == 1:
        yield blocks
        return
    rows = [row for block in blocks for row in block]
    for part in range(parts):
        yield [rows[len(rows) * part // parts : len(rows) * (part + 1) // parts]]


def _planned(options: SampleOptions) -> set[str]:
    """Every path that writing may create."""
    paths: set[str] = set()
    for index in range(options.days):
        for dataset in DATASETS:
            folder = f"{dataset.system}/{dataset.name}/{options.day(index)}"
            written = sheets(dataset, index, variety=options.variety)
            paths.update(f"{folder}/{sheet.file_name}" for sheet in written)
            if dataset is ORDERS and options.variety and index == RESENT_DAY + 1:
                paths.add(f"{folder}/{resent_name(sheets(ORDERS, RESENT_DAY, variety=True)[0])}")
    return paths


def _expected_rows(dataset: Dataset, options: SampleOptions) -> int:
    """About how many rows a dataset will have; only the spread of dirt depends on it."""
    if dataset in (ORDERS, SALES):
        return options.orders_per_day * options.days
    if dataset is PRODUCTS:
        return options.products + options.changes * options.days // 4
    share = 1.0 if dataset is CUSTOMERS else 0.5
    return options.customers + int(options.changes * options.days * share)
