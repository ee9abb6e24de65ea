"""Find, read and describe the SELECT of a table here; keep its execution out (`staging`)."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError

from metalayer_assets.contracts import Contract, Historised, Judged, Modelled
from metalayer_assets.contracts.dimensions import attributes_of
from metalayer_assets.warehouse.errors import ContractError
from metalayer_assets.warehouse.shipped import sql_folder

KEPT = "_kept"
FOLDED = "_folded"
_RESERVED = frozenset({KEPT, FOLDED})


@dataclass(frozen=True)
class Model:
    """The SELECT of one table.

    Attributes:
        path: The file, `sql/<layer>/<table>.sql`.
        select: Its text; the slices asked for are bound as `:slices`.
        outputs: Names of the columns it yields.
        tables: The tables it reads, as `layer.table`.
    """

    path: Path
    select: str
    outputs: tuple[str, ...]
    tables: frozenset[str]


@cache
def _parsed(path: Path) -> Model:
    text = path.read_text(encoding="utf-8").strip().rstrip(";")
    try:
        statements = sqlglot.parse(text, read="postgres")
    except ParseError as error:
        raise ContractError(f"{path.name} cannot be read as SQL: {str(error).splitlines()[0]}") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise ContractError(f"{path.name} must hold exactly one SELECT.")
    query = statements[0]
    tables = frozenset(f"{table.db}.{table.name}" for table in query.find_all(exp.Table) if table.db)
    return Model(path=path, select=text, outputs=tuple(query.named_selects), tables=tables)


def model_of(contract: Contract) -> Model:
    """The model of a judged or modelled table, checked against the contract.

    Raises:
        ContractError: The file is missing or is not one SELECT, it reads other tables than the contract says, or its
            columns are not those that the contract expects of it.
    """
    path = sql_folder() / contract.layer / f"{contract.table}.sql"
    if not path.is_file():
        raise ContractError(f"{contract.name} has no model: write one SELECT into sql/{contract.layer}/{path.name}.")
    model = _parsed(path)
    declared = {reads.table for reads in contract.reads} | {joins.table for joins in contract.joins}
    if model.tables != declared:
        raise ContractError(
            f"sql/{contract.layer}/{path.name} reads {sorted(model.tables)} but the contract of {contract.name} "
            f"declares {sorted(declared)}: make `reads`, `joins` and the SELECT agree."
        )
    expected = set(expected_outputs(contract))
    found = set(model.outputs) - (_RESERVED if isinstance(contract.source, Modelled) else frozenset())
    if found != expected:
        raise ContractError(
            f"sql/{contract.layer}/{path.name} and the contract of {contract.name} differ: "
            f"missing {sorted(expected - found)}, unknown {sorted(found - expected)}."
        )
    return model


def expected_outputs(contract: Contract) -> tuple[str, ...]:
    """The columns that the model of a table must yield.

    A judged table's model yields cleaned text for every column that is neither derived nor added by the audit; that of
    a dimension yields what is known of a member.
    """
    if isinstance(contract.source, Historised):
        return attributes_of(contract)
    if isinstance(contract.source, Judged):
        return tuple(
            column.name
            for column in contract.columns
            if column.derived is None and column.name not in {"quality_score", "broken_rules"}
        )
    return contract.column_names
