import threading
from collections.abc import Iterator
from dataclasses import replace

import psycopg2
import pytest

from metalayer_assets.contracts import CATALOG, Column, Landed, Type
from metalayer_assets.warehouse import ddl
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.errors import ContractError
from metalayer_assets.warehouse.months import partition_name
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DATASETS, day
from metalayer_assets_tests.warehouse.conftest import new_house


@pytest.fixture(scope="module")
def standing(
    prepared_databases: tuple[Database, Database], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A warehouse in which every table by month has one; no test of this module changes it."""
    with new_house(prepared_databases[1], tmp_path_factory.mktemp("standing")) as house:
        for dataset, (_, _, row) in DATASETS.items():
            house.land(dataset, day(0), [row()])
        assert house.update() == []
        yield house


def test_every_table_and_every_month_stands_with_the_declared_columns(standing: House):
    found: dict[str, list[tuple[str, str, bool]]] = {}
    for relation, name, kind, required in standing.fetch(
        """
        select c.relnamespace::regnamespace || '.' || c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
            a.attnotnull
        from pg_class as c inner join pg_attribute as a on a.attrelid = c.oid
        where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
            and c.relnamespace::regnamespace::text in ('bronze', 'silver', 'gold', 'quarantine', 'meta', 'history')
        order by c.oid, a.attnum
        """
    ):
        found.setdefault(relation, []).append((name, kind, required))
    months = {"bronze": 1, "silver": 1, "gold": 1}
    declared = {}
    for contract in CATALOG.values():
        columns = [(column.name, column.type.sql, not column.nullable) for column in contract.columns]
        declared[contract.name] = columns
        if contract.by_month:
            declared[partition_name(contract, day(0))] = columns
            months[contract.layer] += 1
    assert found == declared
    assert all(months.values())


def test_every_table_has_the_declared_key_and_a_landed_one_none(standing: House):
    keys = dict(
        standing.fetch(
            """
            select c.conrelid::regclass::text, array_agg(a.attname::text order by k.position)
            from pg_constraint as c
            cross join unnest(c.conkey) with ordinality as k (attnum, position)
            inner join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.attnum
            inner join pg_class as r on r.oid = c.conrelid
            where c.contype = 'p' and not r.relispartition
                and r.relnamespace::regnamespace::text in ('bronze', 'silver', 'gold', 'quarantine', 'meta', 'history')
            group by 1
            """
        )
    )
    assert keys == {
        contract.name: list(contract.key)
        for contract in CATALOG.values()
        # Its rows come by COPY, already unique by file and line.
        if not isinstance(contract.source, Landed)
    }


def test_every_table_and_column_is_described_in_the_database(standing: House):
    described = dict(
        standing.fetch(
            """
            select c.relnamespace::regnamespace || '.' || c.relname || coalesce('.' || a.attname, ''), d.description
            from pg_description as d
            inner join pg_class as c on c.oid = d.objoid and d.classoid = 'pg_class'::regclass
            left join pg_attribute as a on a.attrelid = c.oid and a.attnum = d.objsubid and d.objsubid > 0
            where c.relnamespace::regnamespace::text in ('bronze', 'silver', 'gold', 'quarantine', 'meta', 'history')
            """
        )
    )
    assert described == {
        **{contract.name: contract.description for contract in CATALOG.values()},
        **{f"{c.name}.{column.name}": column.description for c in CATALOG.values() for column in c.columns},
    }
    assert all(described.values())


def ensure(database: Database) -> bool:
    """Bring a database to the catalog in a transaction of its own."""
    with database.transaction() as cursor:
        return ddl.ensure(cursor)


def test_a_second_time_there_is_nothing_to_do(database: Database):
    assert ensure(database)
    assert not ensure(database)


def test_two_processes_may_prepare_one_database_at_once(database: Database):
    done: list[bool] = []
    threads = [threading.Thread(target=lambda: done.append(ensure(database))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, False, True]


def test_a_new_table_is_made_beside_those_that_stand(database: Database, monkeypatch: pytest.MonkeyPatch):
    ensure(database)
    new = replace(CATALOG["gold.agg_daily_sales"], name="gold.agg_of_tomorrow")
    monkeypatch.setitem(CATALOG._by_name, new.name, new)
    monkeypatch.setattr(CATALOG, "_order", (*CATALOG._order, new.name))
    assert ensure(database)
    with database.transaction() as cursor:
        assert [name for name, _ in ddl.relation_columns(cursor, new.name)] == list(new.column_names)


def test_a_table_that_stands_with_other_columns_is_named_and_nothing_is_changed(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    ensure(database)
    facts = CATALOG["gold.fact_orders"]
    changed = replace(facts, columns=(*facts.columns, Column("discount", Type.NUMERIC, "Discount.")))
    monkeypatch.setitem(CATALOG._by_name, facts.name, changed)
    with pytest.raises(ContractError, match=r"stands otherwise .*: gold\.fact_orders \(discount numeric\)\. Look"):
        ensure(database)
    monkeypatch.undo()
    assert not ensure(database)


def test_columns_in_another_order_are_no_other_table(database: Database, monkeypatch: pytest.MonkeyPatch):
    ensure(database)
    facts = CATALOG["gold.fact_orders"]
    monkeypatch.setitem(CATALOG._by_name, facts.name, replace(facts, columns=facts.columns[::-1]))
    assert ensure(database)
    assert not ensure(database)


def test_another_key_and_a_column_that_may_be_null_are_another_table(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    ensure(database)
    facts = CATALOG["gold.fact_orders"]
    monkeypatch.setitem(CATALOG._by_name, facts.name, replace(facts, key=("order_date", "order_id")))
    with pytest.raises(ContractError, match=r"gold\.fact_orders \(key \(.*\) becomes \(order_date, order_id\)\)"):
        ensure(database)
    columns = tuple(replace(c, nullable=False) if c.name == "customer_id" else c for c in facts.columns)
    monkeypatch.setitem(CATALOG._by_name, facts.name, replace(facts, columns=columns))
    with pytest.raises(ContractError, match=r"gold\.fact_orders \(customer_id may not be null any more\)"):
        ensure(database)


def test_the_ledger_refuses_a_slice_that_does_not_account_for_its_rows(house: House):
    house.land("erp/orders", day(0), [DATASETS["erp/orders"][2]()])
    house.write("bronze.erp_orders", day(0))
    lose_a_row = "update meta.slice_ledger set rows_read = rows_read + 1"
    with pytest.raises(psycopg2.errors.CheckViolation, match="every_row_accounted"):
        house.execute(lose_a_row)
    # A refused write accounts for nothing: its numbers are evidence.
    house.execute("update meta.slice_ledger set status = 'refused', rows_read = 7")
    with pytest.raises(psycopg2.errors.CheckViolation):
        house.execute("update meta.slice_ledger set status = 'published'")
