"""Choose here which rows get a blemish, and which one; the kinds themselves are in crm_dirt and erp_dirt."""

from collections import Counter
from datetime import date

from metalayer_assets.sample.blemish import Blemish
from metalayer_assets.sample.crm_dirt import ACCOUNT_BLEMISHES, CUSTOMER_BLEMISHES
from metalayer_assets.sample.draw import Draw
from metalayer_assets.sample.erp_dirt import ORDER_BLEMISHES, PRODUCT_BLEMISHES, SALE_BLEMISHES
from metalayer_assets.sample.files import SheetWriter
from metalayer_assets.sample.options import SampleOptions
from metalayer_assets.sample.rows import Dataset, Row

BLEMISHES: dict[str, tuple[Blemish, ...]] = {
    "customers": CUSTOMER_BLEMISHES,
    "accounts": ACCOUNT_BLEMISHES,
    "products": PRODUCT_BLEMISHES,
    "orders": ORDER_BLEMISHES,
    "sales": SALE_BLEMISHES,
}

# A small dataset may take more dirt than asked, so that it shows each kind once, but never more than this.
_MOST_TO_COVER = 0.25


class Soiler:
    """Give every so many rows of one dataset a blemish, each kind in turn.

    Args:
        dataset: Whose rows.
        options: The share of dirt and the seed.
        expected_rows: About how many rows will come, to fit each kind in at least once.
    """

    def __init__(self, dataset: Dataset, options: SampleOptions, expected_rows: int) -> None:
        self._draw = Draw(options.seed, "dirt", dataset.name)
        self._kinds = list(BLEMISHES[dataset.name])
        self._turns: Counter[str] = Counter()
        self._share = options.dirt
        self._untouched = len(self._kinds)
        self._to_cover = min(1.3 * len(self._kinds) / max(expected_rows, 1), _MOST_TO_COVER)
        for place in range(len(self._kinds) - 1, 0, -1):
            other = self._draw.below(place + 1)
            self._kinds[place], self._kinds[other] = self._kinds[other], self._kinds[place]
        self._kinds.sort(key=lambda kind: not kind.scarce)
        self._left = self._gap() if self._share else 0

    def touch(self, row: Row, writer: SheetWriter, arrival: date) -> Row | None:
        """Blemish the row when it is its turn; the answer is a second row to write after it, or None."""
        self._left -= 1
        if self._left:
            return None
        self._left = self._gap()
        for place, kind in enumerate(self._kinds):
            if self._fits(kind, row, writer):
                del self._kinds[place]
                self._kinds.append(kind)
                self._untouched -= 1
                return self._apply(kind, row, arrival)
        return None

    def _apply(self, kind: Blemish, row: Row, arrival: date) -> Row | None:
        target = row.copy() if kind.again else row
        target.blemish = kind.name
        kind.do(target, self._turns[kind.name], arrival)
        self._turns[kind.name] += 1
        return target if kind.again else None

    def _gap(self) -> int:
        share = max(self._share, self._to_cover) if self._untouched > 0 else self._share
        return 1 + int(self._draw.random() * (2 / share - 1))

    @staticmethod
    def _fits(kind: Blemish, row: Row, writer: SheetWriter) -> bool:
        sheet = writer.sheet
        if kind.column is not None and kind.column not in sheet.columns:
            return False
        if not kind.fits(row):
            return False
        if kind.name == "unclosed quote":
            # Two of them in one file would close each other, and not every reader could say which line is broken.
            return sheet.form != "parquet" and not writer.has_unclosed
        if kind.name == "invalid UTF-8":
            # Without valid multi-byte text around it nobody could tell the line from one in another encoding.
            return sheet.is_csv and sheet.encoding != "latin-1" and writer.count_non_ascii_lines() >= 3
        if kind.name == "too many fields":
            return sheet.is_csv
        return kind.name != "NUL byte" or sheet.form != "parquet"
