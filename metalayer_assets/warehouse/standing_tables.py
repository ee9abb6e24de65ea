"""Read how tables stand in the database here; keep what contracts declare out (`table_changes`)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from metalayer_assets.contracts.validation import LAYERS
from metalayer_assets.warehouse.statements import bind

Cursor = Any

_PARTITION_KEY = re.compile(r'RANGE \("?(\w+)"?\)')


@dataclass(frozen=True)
class StandingTable:
    """A table as it stands.

    Attributes:
        columns: Type, and whether a value is required, of each column.
        key: Columns of its primary key.
        partitioned_by: Column that it is range-partitioned by.
        indexes: Names of its further indexes.
    """

    columns: Mapping[str, tuple[str, bool]]
    key: tuple[str, ...] = ()
    partitioned_by: str | None = None
    indexes: frozenset[str] = field(default_factory=frozenset)


def standing_tables(cursor: Cursor) -> dict[str, StandingTable]:
    """Every table of the warehouse's schemas, by `layer.table`; months are part of their table."""
    cursor.execute(
        bind(
            """
            select
                n.nspname || '.' || c.relname,
                (
                    select array_agg(array[a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull::text]
                        order by a.attnum)
                    from pg_attribute as a
                    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                ),
                (
                    select array_agg(a.attname::text order by k.position)
                    from pg_constraint as p
                    cross join unnest(p.conkey) with ordinality as k (attnum, position)
                    inner join pg_attribute as a on a.attrelid = p.conrelid and a.attnum = k.attnum
                    where p.conrelid = c.oid and p.contype = 'p'
                ),
                pg_get_partkeydef(c.oid),
                (
                    select array_agg(r.relname::text)
                    from pg_index as i
                    inner join pg_class as r on r.oid = i.indexrelid
                    where i.indrelid = c.oid and not i.indisprimary
                )
            from pg_class as c
            inner join pg_namespace as n on n.oid = c.relnamespace
            where n.nspname = any(:layers::name[]) and c.relkind in ('r', 'p') and not c.relispartition
            """
        ),
        {"layers": list(LAYERS)},
    )
    return {
        name: StandingTable(
            columns={column: (kind, required == "true") for column, kind, required in columns or ()},
            key=tuple(key or ()),
            partitioned_by=_partitioned_by(partition_key),
            indexes=frozenset(indexes or ()),
        )
        for name, columns, key, partition_key, indexes in cursor.fetchall()
    }


def _partitioned_by(definition: str | None) -> str | None:
    found = _PARTITION_KEY.fullmatch(definition or "")
    return found[1] if found else definition
