"""Assemble all contracts into one catalog here; keep their declarations out."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from metalayer_assets.contracts.bronze import BRONZE
from metalayer_assets.contracts.dimensions import DIMENSIONS
from metalayer_assets.contracts.gold import GOLD
from metalayer_assets.contracts.meta import META
from metalayer_assets.contracts.model import Contract, Extracts, Historised, Joins, Judged, Landed, Reads
from metalayer_assets.contracts.quality import DATA_QUALITY_SUMMARY, data_quality_audit
from metalayer_assets.contracts.quarantine import BRONZE_LINES, QUARANTINE_ACTIONS, quarantine_of
from metalayer_assets.contracts.replaced import with_history
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
            contract.name: [table for table in contract.upstream if table in self._by_name] for contract in contracts
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
        """The contracts that read a table, be it only for the members that it names, each with how."""
        return tuple(
            (contract, reads)
            for contract in self.values()
            for reads in (*contract.reads, *_named_by(contract))
            if reads.table == table
        )

    def joiners_of(self, dimension: str) -> tuple[tuple[Contract, Joins], ...]:
        """The contracts whose rows are joined to a dimension, each with how."""
        return tuple(
            (contract, joins) for contract in self.values() for joins in contract.joins if joins.table == dimension
        )

    def extracts_of(self, table: str) -> Extracts:
        """What the extracts say that a judged table is made from: changes, or everything there is."""
        landed = (self[reads.table].source for reads in self[table].reads if reads.table in self)
        return next((source.extracts for source in landed if isinstance(source, Landed)), Extracts.CHANGES)


def _named_by(contract: Contract) -> tuple[Reads, ...]:
    return contract.source.named_by if isinstance(contract.source, Historised) else ()


def _with_quality(contracts: tuple[Contract, ...]) -> tuple[Contract, ...]:
    ruled = tuple(contract for contract in contracts if contract.is_ruled)
    return (*contracts, data_quality_audit(ruled), DATA_QUALITY_SUMMARY)


def _with_quarantine(contracts: tuple[Contract, ...]) -> tuple[Contract, ...]:
    judged = tuple(contract for contract in contracts if isinstance(contract.source, Judged))
    return (*contracts, *(quarantine_of(contract) for contract in judged), BRONZE_LINES)


_DECLARED = (*BRONZE, *SILVER, *DIMENSIONS, *GOLD, *META, QUARANTINE_ACTIONS)
CATALOG = Catalog(with_history(_with_quarantine(_with_quality(_DECLARED))))


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
