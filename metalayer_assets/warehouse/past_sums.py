"""Hold what is kept of a table's past against the ledger here, write by write.

A checksum is a sum over rows: what a write has added to it must be what the rows that came add, less what the rows that
went did. So every past state is checked without being made. Of what was before a table's columns changed, the ledger
has the sums of other columns, and nothing can be held against them.
"""

from typing import Any

from metalayer_assets.contracts import CATALOG, Contract
from metalayer_assets.contracts.replaced import ADDED, CHANGE, SLICE, WRITE_ID, Past, pasts_of
from metalayer_assets.warehouse.checksums import row_hash
from metalayer_assets.warehouse.kept_out import content_hash
from metalayer_assets.warehouse.statements import bind, ident

Cursor = Any


def broken_past(cursor: Cursor, asset: Contract) -> list[str]:
    """Writes of a table whose kept rows are not the difference that the ledger tells, each as a sentence."""
    return [problem for past in pasts_of(asset, CATALOG) for problem in _broken(cursor, past)]


def _broken(cursor: Cursor, past: Past) -> list[str]:
    kept_out = past.table is not past.asset
    checksum = "quarantine_checksum" if kept_out else "checksum"
    hashed = content_hash(past.table) if kept_out else row_hash(past.table)
    sign = f"case {CHANGE} when '{ADDED}' then 1 else -1 end"
    cursor.execute(
        bind(
            f"""
            select told.slice, told.write_id, coalesce(told.rows, 0), coalesce(kept.rows, 0)
            from (
                select
                    slice,
                    write_id,
                    split_part({checksum}, ':', 1)::numeric
                        - lag(split_part({checksum}, ':', 1)::numeric) over in_order as rows,
                    split_part({checksum}, ':', 2)::numeric
                        - lag(split_part({checksum}, ':', 2)::numeric) over in_order as hashes,
                    max({past.counted}) over (in_order rows between unbounded preceding and 1 preceding) > 0 as begun
                from meta.slice_ledger
                where table_name = :table and status <> 'refused'
                window in_order as (partition by slice order by write_id)
            ) as told
            left join (
                select
                    {SLICE} as slice,
                    {WRITE_ID} as write_id,
                    sum({sign}) as rows,
                    sum({sign} * ({hashed})::numeric) as hashes
                from {ident(past.history.name)}
                group by 1, 2
            ) as kept on kept.slice = told.slice and kept.write_id = told.write_id
            where told.begun
                and told.write_id > coalesce(
                    (select max(write_id) from meta.forgotten_writes where table_name = :table), 0
                )
                and told.write_id > coalesce(
                    (select max(write_id) from meta.contract_versions where table_name = :table), 0
                )
                and (told.rows, told.hashes) is distinct from (coalesce(kept.rows, 0), coalesce(kept.hashes, 0))
            order by 1, 2
            """
        ),
        {"table": past.asset.name},
    )
    return [
        f"slice {day}: write {write_id} changed it by {told:+} rows, {past.history.name} keeps {kept:+} or others"
        for day, write_id, told, kept in cursor.fetchall()
    ]
