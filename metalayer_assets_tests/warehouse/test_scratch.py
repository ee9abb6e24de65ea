"""What a scratch database is like; what is built in one is told in `test_rebuild`."""

from collections.abc import Callable

import pytest

from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.errors import DatabaseError
from metalayer_assets.warehouse.scratch import scratch_database
from metalayer_assets.warehouse.settings import Settings


@pytest.mark.parametrize(
    "options",
    ["locale_provider libc lc_collate 'C' lc_ctype 'C'", "locale_provider libc lc_collate 'C' lc_ctype 'C.UTF-8'"],
)
def test_the_scratch_database_has_the_locale_of_the_warehouse(
    create_database: Callable[[str], str], drop_database: Callable[[str], None], options: str
) -> None:
    live = Database(create_database(options))
    locale = "select datlocprovider, datcollate, datctype from pg_database where datname = current_database()"
    try:
        with scratch_database(live, Settings()) as lent, lent.transaction() as cursor:
            cursor.execute(locale)
            found = cursor.fetchall()
        with live.transaction() as cursor:
            cursor.execute(locale)
            assert cursor.fetchall() == found
        with pytest.raises(DatabaseError):
            lent.check()
    finally:
        drop_database(live.url)
