"""Read here what every slice of every asset holds, from its rows, and hold the ledger against it."""

from datetime import date

from metalayer_assets.contracts import CATALOG
from metalayer_assets.warehouse.checksums import checksum, row_hash
from metalayer_assets.warehouse.ledger import EMPTY_CHECKSUM
from metalayer_assets.warehouse.slices import slice_of
from metalayer_assets_tests.house import QUALITY, House

# The checksum of each slice that holds rows, by table and first day.
Slices = dict[tuple[str, date], str]


def slices(house: House) -> Slices:
    """The checksum of every slice of every asset, from its rows; the ledger must say the same."""
    parts = [
        f"select '{contract.name}', {slice_of(contract)}, {checksum(row_hash(contract))} from {contract.name}"
        " group by 2"
        for contract in CATALOG.assets()
    ]
    found = {(table, first): digest for table, first, digest in house.fetch(" union all ".join(parts))}
    ledgered = house.fetch(
        "select distinct on (table_name, slice) table_name, slice, checksum from meta.slice_ledger"
        " where status <> 'refused' order by table_name, slice, write_id desc"
    )
    assert {(table, first): digest for table, first, digest in ledgered if digest != EMPTY_CHECKSUM} == found
    return found


def changed(before: Slices, after: Slices) -> dict[str, list[date]]:
    """The slices that hold something else, by table; what audits counted of them is left out."""
    found: dict[str, list[date]] = {}
    for table, first in sorted(before.keys() | after.keys()):
        if table not in QUALITY and before.get((table, first)) != after.get((table, first)):
            found.setdefault(table, []).append(first)
    return found
