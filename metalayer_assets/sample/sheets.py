"""Decide here how each file of a landing is written: its name, format, encoding, columns; keep writing out."""

from dataclasses import dataclass, replace
from typing import Literal

from metalayer_assets.sample.rows import ACCOUNTS, CUSTOMERS, ORDERS, PRODUCTS, SALES, Dataset

Form = Literal["csv", "csv.gz", "jsonl", "parquet"]
LATIN_DAY = 5
RESENT_DAY = 17
GZIP_EVERY = 5


@dataclass(frozen=True)
class Sheet:
    """How one file is written.

    `columns` is the header in its order, without the drifted column, which comes last and is in no contract.
    """

    stem: str
    columns: tuple[str, ...]
    form: Form = "csv"
    delimiter: str = ","
    line_end: str = "\n"
    encoding: Literal["utf-8", "utf-8-sig", "latin-1"] = "utf-8"
    drifted: str | None = None

    @property
    def file_name(self) -> str:
        """The name of the file inside its day."""
        return f"{self.stem}.{self.form}"

    @property
    def is_csv(self) -> bool:
        """Whether the file is delimited text."""
        return self.form.startswith("csv")


def sheets(dataset: Dataset, index: int, *, variety: bool, deletes: bool = True) -> tuple[Sheet, ...]:
    """The files of one dataset on the day with this index; the rows of the day are split between them.

    Args:
        dataset: Whose files.
        index: The arrival day, counted from 0.
        variety: False gives one plain comma separated UTF-8 file.
        deletes: Whether the day tells deletes; sales carry is_deleted on such days only.
    """
    columns = dataset.columns
    if dataset is SALES and not deletes:
        columns = tuple(column for column in columns if column != "is_deleted")
    plain = Sheet(dataset.name, columns)
    if not variety:
        return (plain,)
    without = lacks(dataset, index)
    plain = replace(plain, columns=tuple(column for column in columns if column != without))
    if (dataset, index) == (ORDERS, 16):
        return replace(plain, stem="orders_1"), replace(plain, stem="orders_2")
    special: dict[tuple[Dataset, int], Sheet] = {
        (ORDERS, 6): replace(plain, form="jsonl"),
        (SALES, 8): replace(plain, form="parquet"),
        (ORDERS, 10): replace(plain, delimiter=";"),
        (SALES, 11): replace(plain, encoding="utf-8-sig", line_end="\r\n"),
        (ORDERS, 13): replace(plain, columns=_shuffled(plain.columns)),
        (CUSTOMERS, 7): replace(plain, drifted="loyalty_tier"),
        (PRODUCTS, LATIN_DAY): replace(plain, encoding="latin-1"),
    }
    if (dataset, index) in special:
        return (special[dataset, index],)
    if dataset in (ORDERS, SALES, ACCOUNTS) and index % GZIP_EVERY == GZIP_EVERY - 1:
        return (replace(plain, form="csv.gz"),)
    return (plain,)


def lacks(dataset: Dataset, index: int) -> str | None:
    """The optional column that the varied landing leaves out of this dataset on this day."""
    return {(CUSTOMERS, 9): "updated_at", (CUSTOMERS, 11): "is_deleted", (ORDERS, 15): "is_deleted"}.get(
        (dataset, index)
    )


def resent_name(sheet: Sheet) -> str:
    """The other name under which a file lands again on the next day; it sorts before that day's own file."""
    return f"copy_of_{sheet.file_name}"


def _shuffled(columns: tuple[str, ...]) -> tuple[str, ...]:
    middle = len(columns) // 2
    return columns[middle:][::-1] + columns[:middle]
