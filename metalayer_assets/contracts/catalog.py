"""Assemble all contracts into one catalog here; keep their declarations out."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from metalayer_assets.contracts.bronze import BRONZE
from metalayer_assets.contracts.gold import GOLD
from metalayer_assets.contracts.meta import META
from metalayer_assets.contracts.model import Contract, Judged, Reads
from metalayer_assets.contracts.quarantine import BRONZE_LINES, quarantine_of
from metalayer_assets.contracts.silver import SILVER


class Catalog(Mapping[str, Contract]):
    """Contracts by name, each after the tables that it reads.

    Attributes:
        declared: The contracts as they were given; `validation.problems` says whether they fit one another.
    """

    def __init__(self, contracts: tuple[Contract, ...]) -> None:
        self.declared = contracts
        self._by_name = {contract.name: contract for contract in contracts}
        graph = {
            contract.name: [reads.table for reads in contract.reads if reads.table in self._by_name]
            for contract in contracts
        }
        try:
            self._order = tuple(TopologicalSorter(graph).static_order())
        except CycleError:
            self._order = tuple(self._by_name)

    def __getitem__(self, name: str) -> Contract:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._order)

    def __len__(self) -> int:
        return len(self._order)

    def assets(self) -> tuple[Contract, ...]:
        """Contracts of the tables that are nodes of the asset graph, upstream first."""
        return tuple(contract for contract in self.values() if contract.is_asset)

    def readers_of(self, table: str) -> tuple[tuple[Contract, Reads], ...]:
        """The contracts that read a table, each with its statement of how."""
        return tuple(
            (contract, reads) for contract in self.values() for reads in contract.reads if reads.table == table
        )


def _with_quarantine(contracts: tuple[Contract, ...]) -> tuple[Contract, ...]:
    judged = tuple(contract for contract in contracts if isinstance(contract.source, Judged))
    return (*contracts, *(quarantine_of(contract) for contract in judged), BRONZE_LINES)


CATALOG = Catalog(_with_quarantine((*BRONZE, *SILVER, *GOLD, *META)))


def contract_named(name: str) -> Contract:
    """The contract of a table given as `layer.table`, or as `table` where that is unambiguous.

    Raises:
        KeyError: No such table; the message lists near names.
    """
    if name in CATALOG:
        return CATALOG[name]
    matching = [known for known in CATALOG if known.split(".")[1] == name]
    # A quarantine table is named like the table that it keeps rows out of: the bare name means the latter.
    assets = [known for known in matching if CATALOG[known].is_asset]
    if len(assets or matching) == 1:
        return CATALOG[(assets or matching)[0]]
    if matching:
        raise KeyError(f"'{name}' is ambiguous: {', '.join(matching)}. Name the layer too.")
    raise KeyError(f"there is no table '{name}'. Tables: {', '.join(sorted(CATALOG))}.")
