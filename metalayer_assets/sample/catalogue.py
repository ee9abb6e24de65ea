"""Invent the products of a sample landing and their price changes here; keep orders and writing out."""

from datetime import datetime, timedelta

from metalayer_assets.sample.draw import Draw
from metalayer_assets.sample.options import SampleOptions
from metalayer_assets.sample.rows import MONEY_PARTS, Row, clock_text, money_text
from metalayer_assets.sample.sheets import LATIN_DAY
from metalayer_assets.sample.words import PRODUCT_STYLES, PRODUCT_THINGS

_CENT = MONEY_PARTS // 100
_DEAR_EVERY, _BULK_EVERY = 11, 23


class Catalogue:
    """The products, their current prices, and what a day tells of them."""

    def __init__(self, options: SampleOptions) -> None:
        self._options = options
        self._draw = Draw(options.seed, "products")
        self.count = options.products
        self.prices = [self._first_price(number) for number in range(self.count)]
        self._gone = bytearray(self.count)
        self._accented = [number for number in range(self.count) if not _name(number).isascii()]

    def code(self, number: int) -> str:
        """The product code of a product, or of one that no extract tells of when the number is beyond them."""
        return f"P-{number + 1:05d}"

    def is_bulk(self, number: int) -> bool:
        """Whether the product is sold by the hundred, at a price with four decimals."""
        return number % _BULK_EVERY == _BULK_EVERY - 1

    def first_extract(self) -> list[Row]:
        """Every product, told on the first day and changed last in the year before it."""
        rows = []
        for number in range(self.count):
            day = self._options.first_day - timedelta(days=self._draw.between(1, 365))
            rows.append(self._row(number, f"{day} {clock_text(self._draw.below(86_400))}"))
        return rows

    def changes(self, index: int) -> list[Row]:
        """The price changes and the rare deletes of a day; none when the options ask for no changes."""
        options, draw = self._options, self._draw
        wanted = options.tail_changes // 200 if options.is_tail(index) else -(-options.changes // 4)
        numbers = [draw.below(self.count) for _ in range(min(wanted, self.count))]
        if wanted and options.variety and index == LATIN_DAY:
            # The file of that day is in Latin-1, which shows only by its accents.
            numbers += self._accented[:4]
        day = options.day(index)
        rows = []
        for number, second in zip(numbers, sorted(draw.below(86_400) for _ in numbers), strict=True):
            if self._gone[number]:
                continue
            if draw.chance(0.02):
                self._gone[number] = 1
            else:
                self.prices[number] = self._changed_price(number)
            rows.append(self._row(number, f"{day} {clock_text(second)}"))
        return rows

    def _row(self, number: int, updated_at: str) -> Row:
        price = self.prices[number]
        code = self.code(number)
        texts = [
            code,
            _name(number),
            PRODUCT_THINGS[number % len(PRODUCT_THINGS)][1],
            money_text(price * 6 // 10),
            money_text(price),
            updated_at,
            "true" if self._gone[number] else "false",
        ]
        return Row(texts, code, datetime.fromisoformat(updated_at))

    def _first_price(self, number: int) -> int:
        if self.is_bulk(number):
            return self._draw.between(105, 995)
        dear = 90 if number % _DEAR_EVERY == _DEAR_EVERY - 1 else 1
        return max(int(self._draw.log_normal(2.7, 0.8) * 100) * dear, 1) * _CENT

    def _changed_price(self, number: int) -> int:
        moved = self.prices[number] * self._draw.between(88, 115)
        return max(moved // 100, 1) if self.is_bulk(number) else max(moved // (100 * _CENT), 1) * _CENT


def _name(number: int) -> str:
    things, styles = len(PRODUCT_THINGS), len(PRODUCT_STYLES)
    name = f"{PRODUCT_STYLES[number // things % styles]} {PRODUCT_THINGS[number % things][0]}"
    series = number // (things * styles)
    return f"{name} No. {series + 1}" if series else name
