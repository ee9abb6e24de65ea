"""Invent the orders and sales of a sample landing here, day by day; keep customers, products and writing out.

An order is told once, or again on later days with another status, quantity or day; the sale follows its order.
Memory holds the orders that will be told again, never those that are settled.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from metalayer_assets.sample.catalogue import Catalogue
from metalayer_assets.sample.crm import Crm
from metalayer_assets.sample.draw import Draw
from metalayer_assets.sample.options import SampleOptions
from metalayer_assets.sample.rows import ORDERS, Row, clock_text, money_text
from metalayer_assets.sample.sheets import lacks

_WEEKDAYS = (1.0, 0.95, 1.0, 1.1, 1.3, 1.2, 0.6)
_MONTHS = (0.85, 0.8, 0.9, 0.95, 1.0, 0.95, 0.9, 0.9, 1.05, 1.15, 1.4, 1.5)
_QUANTITIES = (1,) * 40 + (2,) * 25 + (3,) * 12 + (4,) * 8 + (6,) * 7 + (12,) * 6 + (24,) * 2
_SOLD = ("COMPLETED", "SHIPPED")
_STRANGER = 9_000_000


@dataclass(slots=True, eq=False)
class _Order:
    """The state of one order as its source system knows it; `left` counts the tellings still to come."""

    key: str
    customer: str
    product: str
    quantity: int
    unit: int
    day: date
    clock: str
    status: str
    sale_key: str = ""
    sale_day: date = date.min
    sale_clock: str = ""
    left: int = 0


class Trade:
    """The orders and sales that each day tells; days must be asked for in their order, each once."""

    def __init__(self, options: SampleOptions, crm: Crm, catalogue: Catalogue) -> None:
        self._options = options
        self._crm = crm
        self._catalogue = catalogue
        self._draw = Draw(options.seed, "trade")
        self._counts = _orders_by_day(options)
        self._events: dict[int, list[tuple[_Order, str]]] = defaultdict(list)
        self._open: dict[str, _Order] = {}
        self._orders = 0
        self._sales = 0
        self.settled: list[str] = []

    def will_tell_again(self, key: str) -> bool:
        """Whether an order or the sale of an order may come on a later day."""
        return key in self._open

    def day(self, index: int) -> tuple[list[Row], list[Row]]:
        """The rows of orders and of sales of a day: corrections first, then the new orders.

        Afterwards `settled` holds the keys of which nothing more will come.
        """
        arrival = self._options.day(index)
        orders: list[Row] = []
        sales: list[Row] = []
        self.settled = []
        events = self._events.pop(index, [])
        for order, event in events:
            self._correct(order, event, arrival, orders, sales)
            order.left -= 1
            if not order.left:
                self._settle(order)
        new = self._counts[index]
        if self._options.is_tail(index):
            new = max(self._options.tail_changes - len(orders), 0)
        for _ in range(new):
            order = self._new_order(arrival)
            if order.status in _SOLD:
                self._sell(order, order.day, order.clock)
                sales.append(_sale_row(order))
            self._plan(order, index)
            orders.append(_order_row(order))
        return orders, sales

    def _new_order(self, arrival: date) -> _Order:
        draw, random = self._draw, self._draw.random
        self._orders += 1
        late = random() < self._options.late
        day = max(arrival - timedelta(days=draw.between(1, 10)), self._options.first_day) if late else arrival
        chance = random()
        if chance < 0.005:
            customer = self._crm.identify(_STRANGER + draw.below(500))
        elif chance < 0.035:
            customer = ""
        else:
            customer = self._crm.identify(int(self._crm.count * random() ** 2))
        catalogue = self._catalogue
        number = int(catalogue.count * random() ** 1.7)
        unit = catalogue.prices[number]
        quantity = _QUANTITIES[int(random() * 100)]
        if catalogue.is_bulk(number):
            quantity *= 100
        elif random() < 0.15:
            unit = max(unit * 9 // 1_000, 1) * 100
        status, quantity = self._first_status(quantity)
        # A few orders are for a product of which no extract has told.
        code = catalogue.code(number if random() > 0.002 else catalogue.count + number)
        clock = clock_text(int(25_200 + 57_600 * (random() + random()) / 2))
        return _Order(f"SO{self._orders:08d}", customer, code, quantity, unit, day, clock, status)

    def _first_status(self, quantity: int) -> tuple[str, int]:
        chance = self._draw.random()
        if chance < 0.66:
            return "COMPLETED", quantity
        if chance < 0.82:
            return "SHIPPED", quantity
        if chance < 0.93:
            return "PENDING", quantity
        signed = -quantity if self._draw.chance(0.5) else quantity
        return ("CANCELLED", signed) if chance < 0.98 else ("RETURNED", signed)

    def _plan(self, order: _Order, index: int) -> None:
        """Decide now what will be told of the order later, so that the others need not be remembered."""
        draw = self._draw
        chance = draw.random()
        if order.status == "PENDING" and chance < 0.92:
            told = "COMPLETED" if chance < 0.6 else "SHIPPED" if chance < 0.8 else "CANCELLED"
            self._schedule(order, index + draw.between(1, 12), told)
        elif order.status == "SHIPPED" and chance < 0.5:
            self._schedule(order, index + draw.between(2, 6), "COMPLETED")
        elif order.status == "COMPLETED" and chance < 0.03:
            self._schedule(order, index + draw.between(3, 20), "RETURNED")
        chance = draw.random()
        if chance < 0.025:
            event = "quantity" if chance < 0.012 else "day" if chance < 0.022 else "delete"
            self._schedule(order, index + draw.between(1, 9), event)

    def _schedule(self, order: _Order, index: int, event: str) -> None:
        if event == "delete" and self._options.variety and lacks(ORDERS, index) == "is_deleted":
            index += 1
        if index >= self._options.days:
            return
        self._events[index].append((order, event))
        order.left += 1
        self._open[order.key] = order
        if order.sale_key:
            self._open[order.sale_key] = order

    def _settle(self, order: _Order) -> None:
        for key in (order.key, order.sale_key):
            if key:
                self._open.pop(key, None)
                self.settled.append(key)

    def _correct(self, order: _Order, event: str, arrival: date, orders: list[Row], sales: list[Row]) -> None:
        deleted = event == "delete"
        had_sale = bool(order.sale_key)
        tell_sale = had_sale and (deleted or (event == "quantity" and order.status in _SOLD))
        if event == "quantity":
            order.quantity += 1 if order.quantity > 0 else -1
        elif event == "day":
            order.day = max(order.day - timedelta(days=self._draw.between(1, 3)), self._options.first_day)
        elif not deleted:
            tell_sale = self._change_status(order, event, arrival, sales)
        orders.append(_order_row(order, deleted=deleted))
        if tell_sale:
            if order.left > 1:
                self._open[order.sale_key] = order
            sales.append(_sale_row(order, deleted=deleted))

    def _change_status(self, order: _Order, status: str, arrival: date, sales: list[Row]) -> bool:
        """Move the order on; whether its sale is told for the first time."""
        order.status = status
        if status in _SOLD and not order.sale_key:
            self._sell(order, arrival, clock_text(self._draw.between(28_800, 79_200)))
            return True
        if status == "RETURNED" and order.sale_key:
            sales.append(self._return_row(order, arrival))
        if status in ("RETURNED", "CANCELLED") and self._draw.chance(0.5):
            order.quantity = -order.quantity
        return False

    def _sell(self, order: _Order, day: date, clock: str) -> None:
        self._sales += 1
        order.sale_key, order.sale_day, order.sale_clock = f"S{self._sales:09d}", day, clock

    def _return_row(self, order: _Order, arrival: date) -> Row:
        """A sale of its own that takes the goods back: quantity and amount are both negative."""
        self._sales += 1
        row = _sale_row(order, key=f"S{self._sales:09d}", quantity=-order.quantity)
        row.day = arrival
        row.texts[4] = f"{arrival} {clock_text(self._draw.between(28_800, 79_200))}"
        if self._draw.chance(0.5):
            row.texts[5] = f"({row.texts[5].removeprefix('-')})"
        return row


def _orders_by_day(options: SampleOptions) -> list[int]:
    """How many new orders each day before the tail has: the average is exact, weekday and season move the days."""
    days = options.days - options.tail_days
    weights = [_WEEKDAYS[d.weekday()] * _MONTHS[d.month - 1] for d in map(options.day, range(days))]
    total, weight, told = options.orders_per_day * days, sum(weights), 0
    counts, passed = [], 0.0
    for share in weights:
        passed += share
        due = round(total * passed / weight)
        counts.append(due - told)
        told = due
    return counts + [0] * options.tail_days


def _order_row(order: _Order, *, deleted: bool = False) -> Row:
    texts = [
        order.key,
        order.customer,
        order.product,
        str(order.quantity),
        money_text(order.unit),
        f"{order.day} {order.clock}",
        order.status,
        "true" if deleted else "false",
    ]
    return Row(
        texts, order.key, None, order.day, order.status, order.quantity, order.unit, deleted, order.customer != ""
    )


def _sale_row(order: _Order, *, deleted: bool = False, key: str = "", quantity: int = 0) -> Row:
    key, quantity = key or order.sale_key, quantity or order.quantity
    texts = [
        key,
        order.product,
        order.customer,
        str(quantity),
        f"{order.sale_day} {order.sale_clock}",
        money_text(quantity * order.unit),
        "true" if deleted else "false",
    ]
    return Row(texts, key, None, order.sale_day, "", quantity, order.unit, deleted, order.customer != "")
