"""Try to break the dimensions with several sessions at once: facts, dimensions and sources written at the same moment.

Nothing here waits for a time to pass, only for one another.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from metalayer_assets.warehouse import dimension_stage, ledger, locks, outbox, rekey, staging
from metalayer_assets.warehouse.database import Database
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DATASETS, DAY, account, customer, day, order, product, sale
from metalayer_assets_tests.warehouse.conftest import new_house
from metalayer_assets_tests.warehouse.contents import slices
from metalayer_assets_tests.warehouse.test_contention import Held, Task

CUSTOMERS, ORDERS, PRODUCTS = "silver.customers", "silver.orders", "silver.products"
DIM_CUSTOMER, DIM_PRODUCT, FACTS, SALES = "gold.dim_customer", "gold.dim_product", "gold.fact_orders", "gold.fact_sales"

# What each writer writes: after `disturb` there is something to do for every one of them.
WRITES = {
    CUSTOMERS: [DAY, day(1)],
    ORDERS: [DAY, day(1)],
    PRODUCTS: [DAY],
    DIM_CUSTOMER: [DAY, day(1)],
    DIM_PRODUCT: [DAY, day(1)],
    FACTS: [date(2024, 3, number) for number in (3, 5, 7, 9)],
    SALES: [date(2024, 3, 5)],
}


@dataclass(frozen=True)
class Step:
    """A step of a writer, before or after which it is held."""

    module: ModuleType
    name: str
    after: bool = True

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} {self.name}"


RECORDED = Step(ledger, "record")
# Who is held where, and who comes meanwhile: before and after each lock is taken, and before the commit.
PAIRS = [
    (DIM_CUSTOMER, Step(locks, "lock_reading"), ORDERS),
    (DIM_CUSTOMER, Step(dimension_stage, "find_moved"), CUSTOMERS),
    (DIM_CUSTOMER, Step(dimension_stage, "compare"), DIM_CUSTOMER),
    (DIM_CUSTOMER, Step(locks, "lock_touching", after=False), FACTS),
    (DIM_CUSTOMER, Step(rekey, "touch", after=False), FACTS),
    (DIM_CUSTOMER, RECORDED, DIM_PRODUCT),
    (FACTS, Step(outbox, "consume"), DIM_CUSTOMER),
    (FACTS, Step(staging, "stage_select"), DIM_CUSTOMER),
    (FACTS, RECORDED, ORDERS),
    (CUSTOMERS, Step(outbox, "touch", after=False), DIM_CUSTOMER),
    (CUSTOMERS, RECORDED, DIM_CUSTOMER),
]


def settle(house: House) -> None:
    """Bring members and trade into a warehouse."""
    house.land("crm/accounts", DAY, [account(updated_at="2024-03-01")])
    house.land("erp/sales", DAY, [sale("S5", sale_date="2024-03-05")])
    disturb(house, 0)
    assert house.update(allow_shrink=True) == []


def disturb(house: House, turn: int) -> None:
    """Let both days come otherwise, and once more otherwise: the former is in silver then, the latter in bronze."""
    for again in (False, True):
        other = 2 * turn + again
        late, earlier = f"2024-03-0{4 + other % 3}", f"2024-03-0{1 + other % 2}"
        days = (3, 5, 7, 9)[other % 2 :]
        house.land("crm/customers", DAY, [customer(city="Oslo", updated_at=earlier), customer(f"C{2 + other % 3}")])
        house.land("crm/customers", day(1), [customer(city="Rome", updated_at=late), customer(f"C{7 + other % 2}")])
        house.land("erp/products", DAY, [product(updated_at=earlier), product(f"P{2 + other % 2}")])
        house.land("erp/products", day(1), [product(list_price="12", updated_at=late)])
        house.land("erp/orders", DAY, [order(f"O{n}", order_date=f"2024-03-0{n}") for n in days])
        house.land("erp/orders", day(1), [order("N1", order_date=late), order("N2", customer_id=f"C{6 + other % 3}")])
        for dataset in ("crm/customers", "erp/products", "erp/orders"):
            bronze, silver, _ = DATASETS[dataset]
            house.write(bronze, DAY, day(1), allow_shrink=True)
            if not again:
                house.write(silver, DAY, day(1), allow_shrink=True)


@pytest.fixture
def two_houses(prepared_databases: tuple[Database, Database], tmp_path: Path) -> Iterator[tuple[House, House]]:
    """An empty warehouse, and another that sees the same landing folder."""
    landing = tmp_path / "landing"
    with new_house(prepared_databases[0], landing) as house, new_house(prepared_databases[1], landing) as rebuilt:
        yield house, rebuilt


def wait_for_the_other(house: House, task: Task) -> None:
    """Return when a write has come to its end, or waits for another."""
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    while task.is_alive() and not house.value(waiting):
        pass


def check_rest(house: House, after: str = "") -> None:
    """Bring the warehouse to rest: nothing is left to do, and no fact carries a stale key."""
    assert house.update(allow_shrink=True) == [], after
    assert house.touched() == {}, after
    assert house.problems() == [], after


def check_end(house: House, rebuilt: House) -> None:
    """Bring the warehouse to rest: it must be what one load makes of the landing folder."""
    check_rest(house)
    assert rebuilt.update() == []
    assert slices(house) == slices(rebuilt)


@pytest.mark.parametrize("held", dict.fromkeys(held for held, *_ in PAIRS))
def test_whatever_two_writers_do_at_once_no_fact_keeps_a_stale_key(
    two_houses: tuple[House, House], monkeypatch: pytest.MonkeyPatch, held: str
):
    house, rebuilt = two_houses
    settle(house)

    def write(table: str) -> object:
        return house.write(table, *WRITES[table], allow_shrink=True)

    for turn, (table, step, other) in enumerate(PAIRS, start=1):
        if table != held:
            continue
        disturb(house, turn)
        with monkeypatch.context() as patch:
            first = Held(patch, step.module, step.name, lambda: write(held), after=step.after).arrived()
            second = Task(lambda other=other: write(other))
            wait_for_the_other(house, second)
            first.release()
            second.result()
        check_rest(house, f"{held} held {step}, meanwhile {other}")
    check_end(house, rebuilt)


def test_writers_of_everything_at_once_end_like_one(two_houses: tuple[House, House]):
    house, rebuilt = two_houses
    settle(house)
    disturb(house, 1)

    def write_all(tables: Sequence[str]) -> None:
        for table in tables:
            house.write(table, *WRITES[table], allow_shrink=True)

    names = list(WRITES)
    turns = [names, names[::-1], [*names[3:], *names[:3]], [DIM_CUSTOMER, FACTS] * 3]
    tasks = [Task(lambda turn=turn: write_all(turn)) for turn in turns]
    for task in tasks:
        task.result()
    check_end(house, rebuilt)


def test_writers_of_two_dimensions_do_not_wait_for_one_another(house: House, monkeypatch: pytest.MonkeyPatch):
    settle(house)
    disturb(house, 1)
    with monkeypatch.context() as patch:
        first = Held(patch, ledger, "record", lambda: house.write(DIM_CUSTOMER, *WRITES[DIM_CUSTOMER])).arrived()
        assert Task(lambda: house.write(DIM_PRODUCT, *WRITES[DIM_PRODUCT])).result().published
        assert first.release().published
    check_rest(house)


def test_the_sources_of_a_dimension_stand_still_while_it_is_derived(house: House, monkeypatch: pytest.MonkeyPatch):
    settle(house)
    disturb(house, 1)
    # Orders name members: they are a source as well.
    for source in (CUSTOMERS, ORDERS):
        with monkeypatch.context() as patch:
            found = Held(
                patch, dimension_stage, "find_moved", lambda: house.write(DIM_CUSTOMER, DAY), after=True
            ).arrived()
            other = Task(lambda source=source: house.write(source, *WRITES[source], allow_shrink=True))
            wait_for_the_other(house, other)
            assert other.is_alive(), source
            found.release()
            assert other.result().published
    check_rest(house)
