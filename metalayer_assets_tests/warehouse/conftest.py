"""Give tests of the writing half a warehouse here: one database per session, emptied for every test."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from metalayer_assets.warehouse import ddl
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets_tests.house import LENIENT, House
from metalayer_assets_tests.scenario import START

# Leaves the tables as `ddl.ensure` makes them: months go, rows go, numbers start anew.
_EMPTY = """
do $$
declare
    relation text;
begin
    for relation in
        select i.inhrelid::regclass::text from pg_inherits as i join pg_class as c on c.oid = i.inhrelid
        where c.relkind = 'r'
    loop
        execute 'drop table ' || relation;
    end loop;
    for relation in
        select c.oid::regclass::text from pg_class as c
        where c.relkind = 'r' and c.relnamespace::regnamespace::text = any(
            array['bronze', 'silver', 'gold', 'quarantine', 'meta', 'history'])
    loop
        execute 'delete from ' || relation;
    end loop;
    alter sequence meta.write_number restart;
end
$$
"""


@pytest.fixture(scope="session")
def prepared_databases(
    create_database: Callable[[str], str], drop_database: Callable[[str], None]
) -> Iterator[tuple[Database, Database]]:
    """Two databases with every table of the catalog, for a warehouse and for one to compare it with."""
    databases = Database(create_database("")), Database(create_database(""))
    for database in databases:
        with database.transaction() as cursor:
            ddl.ensure(cursor)
    yield databases
    for database in databases:
        drop_database(database.url)


def empty(database: Database) -> None:
    """Bring a prepared database back to what `ddl.ensure` makes."""
    with database.transaction() as cursor:
        cursor.execute(_EMPTY)


@pytest.fixture
def house(prepared_databases: tuple[Database, Database], tmp_path: Path) -> Iterator[House]:
    """An empty warehouse with an empty landing folder."""
    with new_house(prepared_databases[0], tmp_path / "landing") as house:
        yield house


@contextmanager
def new_house(database: Database, landing: Path) -> Iterator[House]:
    """An empty warehouse on a prepared database, and its landing folder."""
    empty(database)
    landing.mkdir(exist_ok=True)
    settings = Settings(database_url=database.url, landing=landing, start_date=START, **LENIENT)
    with closing(House(database, settings)) as house:
        yield house
