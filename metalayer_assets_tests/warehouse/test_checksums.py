"""Try to change what a slice holds so that its checksum does not notice."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import combinations
from typing import Any

import pytest

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse.checksums import checksum, row_hash
from metalayer_assets.warehouse.database import Database
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, order, sale

CONTRACT = CATALOG["gold.agg_daily_sales"]
Digest = Callable[[Sequence[dict[str, Any]]], str]


@pytest.fixture(scope="module")
def digest(server_url: str) -> Iterator[Digest]:
    """Function that gives the checksum of rows of the daily aggregate."""
    with closing(Database(server_url).connect()) as connection, connection.cursor() as cursor:
        columns = ", ".join(f"{column.name} {column.type.sql}" for column in CONTRACT.columns)
        cursor.execute(f"create temporary table told ({columns})")

        def digest(rows: Sequence[dict[str, Any]]) -> str:
            cursor.execute("truncate told")
            for row in rows:
                values = [row.get(name) for name in CONTRACT.column_names]
                cursor.execute(f"insert into told values ({', '.join(['%s'] * len(values))})", values)
            cursor.execute(f"select {checksum(row_hash(CONTRACT))} from told")
            return str(cursor.fetchone()[0])

        yield digest


def rows(count: int) -> list[dict[str, Any]]:
    """Days whose every column has a value of its own in each row."""
    numbers = [name for name in CONTRACT.column_names if name != "date"]
    return [
        {"date": f"2024-03-{1 + number:02}"}
        | {name: 100 * place + number for place, name in enumerate(numbers, start=1)}
        for number in range(count)
    ]


def test_the_order_of_rows_does_not_matter_and_their_number_does(digest: Digest):
    three = rows(3)
    assert digest(three) == digest(three[::-1])
    assert digest([]) == "0:0"
    seen = [
        digest(found) for found in ([], three[:1], three[:2], three, [*three, three[0]], [*three, three[0], three[0]])
    ]
    assert len(set(seen)) == len(seen)
    assert [text.split(":")[0] for text in seen] == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.parametrize("column", CONTRACT.column_names)
def test_no_two_rows_can_exchange_a_value_unnoticed(digest: Digest, column: str):
    before = rows(6)
    for one, other in combinations(range(6), 2):
        after = [dict(row) for row in before]
        after[one][column], after[other][column] = before[other][column], before[one][column]
        assert digest(after) != digest(before)


def test_no_two_columns_can_exchange_their_values_unnoticed(digest: Digest):
    before = rows(4)
    for one, other in combinations([name for name in CONTRACT.column_names if name != "date"], 2):
        after = [row | {one: row[other], other: row[one]} for row in before]
        assert digest(after) != digest(before)


def test_a_missing_value_is_not_a_zero(digest: Digest):
    before = rows(1)
    seen = {digest([before[0] | {"avg_order_value": value}]) for value in (None, 0, 1)}
    seen |= {digest([before[0] | {"net_revenue": None, "avg_order_value": 0}])}
    assert len(seen) == 4


def test_two_orders_that_exchange_their_amounts_are_a_change_everywhere(house: House):
    for number in range(3):
        house.land("erp/orders", DAY, [order("O1", quantity="1"), order("O2", quantity=str(2 + number))])
        house.land("erp/sales", DAY, [sale("S1", quantity="1"), sale("S2", quantity=str(2 + number))])
        assert house.update() == []
        house.land("erp/orders", DAY, [order("O1", quantity=str(2 + number)), order("O2", quantity="1")])
        house.land("erp/sales", DAY, [sale("S1", quantity=str(2 + number)), sale("S2", quantity="1")])
        assert house.update() == []
        assert house.fetch("select order_id, quantity from gold.fact_orders order by 1") == [
            ("O1", 2 + number),
            ("O2", 1),
        ]
        assert house.fetch("select sales_id, quantity from gold.fact_sales order by 1") == [
            ("S1", 2 + number),
            ("S2", 1),
        ]
        assert house.problems() == []
