"""List every kind of dirt of products, orders and sales here; keep choosing rows out."""

from collections.abc import Callable
from datetime import date, timedelta

from metalayer_assets.sample.blemish import (
    BLANKS,
    LINES,
    NO_DATES,
    NO_NUMBERS,
    REPEATED,
    Blemish,
    blank_sequence,
    break_line,
    day_as_sequence,
    padded,
    put,
    respell,
    told_twice,
)
from metalayer_assets.sample.rows import MONEY_PARTS, ORDERS, PRODUCTS, SALES, Dataset, Row

_NO_WHOLE_NUMBERS = ("0x1F", "5.5", *NO_NUMBERS)
_SPELLINGS = {
    "PENDING": ("OPEN", "NEW", "Processing", "pending"),
    "COMPLETED": ("PAID", "CLOSED", "COMPLETE", "complete", "Done", "delivered", "Completed"),
    "SHIPPED": ("Shipped", "SENT", "In Transit", "shipped"),
    "CANCELLED": ("canceled", "CANCEL", "Void", "cancelled"),
    "RETURNED": ("Return", "REFUNDED", "returned"),
}
_CREDITS = ("CANCELLED", "RETURNED")


def _move(dataset: Dataset, column: str, kind: str, day_of: Callable[[date], date]) -> Blemish:
    """Another business day, with the time of day kept; whether it is plausible is the tally's question."""
    place = dataset.places[column]

    def do(row: Row, _: int, arrival: date) -> None:
        row.day = day_of(arrival)
        row.texts[place] = f"{row.day}{row.texts[place][10:]}"

    return Blemish(f"{column} {kind}", do, column)


def _dollars(text: str) -> str:
    whole, _, rest = text.partition(".")
    return f"${int(whole):,}.{rest}"


def _iso(text: str) -> str:
    return f"{text.replace(' ', 'T')}Z"


def _without_last_zero(text: str) -> str:
    return text.removesuffix("0")


def _bare(text: str) -> str:
    return text[:10].replace("-", "")


def _slashed(text: str) -> str:
    return text[:10].replace("-", "/")


def _is_debit(row: Row) -> bool:
    return row.quantity > 0


def _is_priced(row: Row) -> bool:
    return row.unit > 0


def _completed_debit(row: Row) -> bool:
    return row.quantity > 0 and row.status not in _CREDITS


def _dates(dataset: Dataset, column: str) -> tuple[Blemish, ...]:
    """Blemishes of the business day of orders and sales."""
    return (
        put(dataset, column, "unreadable", NO_DATES, rule=True),
        put(dataset, column, "blank", BLANKS, rule=True),
        _move(dataset, column, "in 1899", lambda _: date(1899, 12, 30)),
        _move(dataset, column, "a day before the first plausible one", lambda _: date(2009, 12, 31)),
        _move(dataset, column, "two years ahead", lambda arrival: arrival + timedelta(days=730)),
        _move(dataset, column, "two days ahead", lambda arrival: arrival + timedelta(days=2)),
        _move(dataset, column, "one day ahead", lambda arrival: arrival + timedelta(days=1)),
        respell(dataset, column, "without time", lambda text: text[:10]),
        respell(dataset, column, "with slashes", _slashed),
        respell(dataset, column, "without separators", _bare),
        respell(dataset, column, "in ISO form", _iso),
        respell(dataset, column, "untrimmed", padded),
    )


def _order_blemishes() -> tuple[Blemish, ...]:
    customer, status = ORDERS.places["customer_id"], ORDERS.places["status"]
    quantity, price = ORDERS.places["quantity"], ORDERS.places["price_per_unit"]

    def respell_status(row: Row, turn: int, _: date) -> None:
        row.texts[status] = _SPELLINGS[row.status][turn % len(_SPELLINGS[row.status])]

    def negate(row: Row, _: int, __: date) -> None:
        row.texts[quantity] = f"-{row.texts[quantity]}"
        row.rule = "quantity negative"

    def give_away(row: Row, _: int, __: date) -> None:
        row.texts[price] = "0.00"
        row.unit = 0

    def one_more(row: Row, _: int, __: date) -> None:
        row.quantity += 1 if row.quantity > 0 else -1
        row.texts[quantity] = str(row.quantity)

    def not_null(row: Row, _: int, __: date) -> None:
        row.texts[customer] = "N/A"
        row.has_customer = True

    def blank_customer(row: Row, _: int, __: date) -> None:
        row.texts[customer] = "   "
        row.has_customer = False

    return (
        *LINES,
        Blemish("customer_id told as N/A", not_null, "customer_id"),
        Blemish("customer_id of spaces", blank_customer, "customer_id"),
        put(ORDERS, "order_id", "blank", BLANKS, rule=True),
        put(ORDERS, "product_code", "blank", BLANKS, rule=True),
        put(ORDERS, "quantity", "unreadable", _NO_WHOLE_NUMBERS, rule=True),
        put(ORDERS, "quantity", "blank", BLANKS, rule=True),
        put(ORDERS, "quantity", "zero", ("0", "0.0"), rule=True),
        Blemish("quantity negative", negate, "quantity", _completed_debit),
        put(ORDERS, "price_per_unit", "unreadable", NO_NUMBERS, rule=True),
        put(ORDERS, "price_per_unit", "blank", BLANKS, rule=True),
        respell(
            ORDERS, "price_per_unit", "negative", lambda t: f"-{t}", rule="price_per_unit negative", fits=_is_priced
        ),
        respell(
            ORDERS,
            "price_per_unit",
            "negative in parentheses",
            lambda t: f"({t})",
            rule="price_per_unit negative",
            fits=_is_priced,
        ),
        *_dates(ORDERS, "order_date"),
        put(ORDERS, "status", "unknown", ("N/A", "UNKNOWN", "COMPLETED?", "LOST", "1"), rule=True, fits=_is_debit),
        put(ORDERS, "status", "blank", BLANKS, rule=True, fits=_is_debit),
        # More often than the others: a source has many words for one status.
        *[Blemish("status in another spelling", respell_status, "status")] * 5,
        respell(ORDERS, "status", "untrimmed", padded),
        respell(ORDERS, "order_id", "untrimmed", padded),
        respell(ORDERS, "product_code", "untrimmed", padded),
        respell(ORDERS, "quantity", "with decimals", lambda text: f"{text}.0"),
        respell(ORDERS, "quantity", "untrimmed", padded),
        respell(ORDERS, "price_per_unit", "with a currency sign", _dollars),
        respell(
            ORDERS,
            "price_per_unit",
            "with thousands",
            _dollars,
            fits=lambda row: row.unit >= 1000 * MONEY_PARTS,
            scarce=True,
        ),
        respell(ORDERS, "price_per_unit", "without its last zero", _without_last_zero),
        Blemish("price_per_unit zero", give_away, "price_per_unit"),
        REPEATED,
        Blemish("key told twice", one_more, "quantity", again=True),
    )


def _sale_blemishes() -> tuple[Blemish, ...]:
    quantity, amount = SALES.places["quantity"], SALES.places["sale_amount"]

    def give_away(row: Row, _: int, __: date) -> None:
        row.texts[amount] = "0.00"
        row.unit = 0

    def tell_quantity(row: Row, _: int, __: date) -> None:
        # The amount stays as told, so the price of one is no longer exact: count it as one unit of the whole.
        row.texts[quantity] = str(row.quantity + 1)
        row.unit, row.quantity = row.quantity * row.unit, 1

    return (
        *LINES,
        put(SALES, "sales_id", "blank", BLANKS, rule=True),
        put(SALES, "product_id", "blank", BLANKS, rule=True),
        put(SALES, "quantity", "unreadable", _NO_WHOLE_NUMBERS, rule=True),
        put(SALES, "quantity", "blank", BLANKS, rule=True),
        put(SALES, "quantity", "zero", ("0", "0.0"), rule=True),
        put(SALES, "sale_amount", "unreadable", NO_NUMBERS, rule=True),
        put(SALES, "sale_amount", "blank", BLANKS, rule=True),
        respell(SALES, "sale_amount", "negative", lambda t: f"-{t}", rule="sale_amount sign", fits=_is_debit),
        respell(SALES, "sale_amount", "in parentheses", lambda t: f"({t})", rule="sale_amount sign", fits=_is_debit),
        *_dates(SALES, "sale_date"),
        respell(SALES, "sales_id", "untrimmed", padded),
        respell(SALES, "quantity", "with decimals", lambda text: f"{text}.0"),
        respell(SALES, "sale_amount", "with a currency sign", _dollars, fits=_is_debit),
        respell(
            SALES,
            "sale_amount",
            "with thousands",
            _dollars,
            fits=lambda row: row.quantity * row.unit >= 1000 * MONEY_PARTS,
            scarce=True,
        ),
        respell(SALES, "sale_amount", "without its last zero", _without_last_zero, fits=_is_debit),
        Blemish("sale_amount zero", give_away, "sale_amount"),
        REPEATED,
        Blemish("key told twice", tell_quantity, "quantity", _is_debit, again=True),
    )


def _money(column: str) -> tuple[Blemish, ...]:
    rule = f"{column} negative"
    return (
        put(PRODUCTS, column, "unreadable", NO_NUMBERS, rule=True),
        respell(PRODUCTS, column, "negative", lambda text: f"-{text}", rule=rule),
        respell(PRODUCTS, column, "negative in parentheses", lambda text: f"({text})", rule=rule),
        respell(PRODUCTS, column, "with a currency sign", _dollars),
    )


PRODUCT_BLEMISHES = (
    *LINES,
    break_line("invalid UTF-8"),
    put(PRODUCTS, "product_code", "blank", BLANKS, rule=True),
    *_money("unit_cost"),
    *_money("list_price"),
    put(PRODUCTS, "updated_at", "unreadable", NO_DATES, rule=True),
    blank_sequence(PRODUCTS),
    day_as_sequence(PRODUCTS),
    respell(PRODUCTS, "updated_at", "in ISO form", _iso),
    respell(PRODUCTS, "product_code", "untrimmed", padded),
    respell(PRODUCTS, "product_name", "untrimmed", padded),
    respell(PRODUCTS, "category", "in odd case", str.upper),
    REPEATED,
    told_twice(PRODUCTS, "category", ("Clearance", "Seasonal")),
)
ORDER_BLEMISHES = _order_blemishes()
SALE_BLEMISHES = _sale_blemishes()
