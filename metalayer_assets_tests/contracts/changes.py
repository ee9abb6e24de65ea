"""Change contracts of the catalog for tests here, and tell what is wrong with the catalog then."""

from dataclasses import replace
from typing import Any

from metalayer_assets.contracts import CATALOG, Catalog, Column, Contract
from metalayer_assets.contracts.validation import problems


def catalog_with(contract: Contract) -> Catalog:
    """The catalog with another contract in place of the one of that name, or beside the others."""
    others = [standing for standing in CATALOG.declared if standing.name != contract.name]
    return Catalog((*others, contract))


def told(contract: Contract, **changes: Any) -> list[str]:
    """Problems of the catalog when this contract is changed so."""
    return problems(catalog_with(replace(contract, **changes)))


def with_column(contract: Contract, changed: str, **changes: Any) -> tuple[Column, ...]:
    """The contract's columns, one of them changed."""
    return tuple(replace(column, **changes) if column.name == changed else column for column in contract.columns)


def without(contract: Contract, name: str) -> tuple[Column, ...]:
    """The contract's columns but one."""
    return tuple(column for column in contract.columns if column.name != name)
