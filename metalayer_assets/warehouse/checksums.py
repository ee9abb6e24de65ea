"""Define the checksum of a slice here: equal content, equal checksum, whatever the order of rows or of writes.

A checksum is `rows:sum`, where sum adds the 64-bit hashes of the rows. A sum, unlike an exclusive or, does not lose
pairs of equal rows. Values are hashed by their types, which costs half of hashing the rows' text; equal values hash
alike, so 1.5 and 1.50 are the same content.
"""

from metalayer_assets.contracts import Contract
from metalayer_assets.warehouse.statements import listed


def row_hash(contract: Contract, prefix: str = "") -> str:
    """SQL expression of one row's hash, over every column of the contract that says what the row is."""
    # The hash of a record adds its values' hashes, each times a power of 31: summed over rows it would not notice that
    # two rows have exchanged a value. The second hash, of the first, ties the values of a row together.
    return f"hashtextextended(hash_record_extended(row({listed(contract.content_names, prefix)}), 0)::text, 0)"


def checksum(hash_expression: str, condition: str | None = None) -> str:
    """SQL aggregate expression of the checksum over a group of rows, those that fulfil the condition."""
    narrowed = f" filter (where {condition})" if condition else ""
    return f"(count(*){narrowed} || ':' || coalesce(sum({hash_expression}){narrowed}, 0))"
