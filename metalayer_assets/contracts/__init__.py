"""Tables as data. Define what a table is here; keep how it is built, loaded or shown out.

`CATALOG` holds every contract of the warehouse by its name, `layer.table`, in an order in which each table
stands after the tables that it reads. Nothing below this package imports Dagster or a database driver.
"""

from metalayer_assets.contracts.catalog import CATALOG, Catalog, contract_named
from metalayer_assets.contracts.model import (
    Column,
    Contract,
    DriftPolicy,
    Extracts,
    Grain,
    Guard,
    Historised,
    Joins,
    Judged,
    Landed,
    Modelled,
    Reads,
    Stored,
)
from metalayer_assets.contracts.rules import Rule, SetRule, Severity
from metalayer_assets.contracts.set_rules import Agrees, Complete, Holds, Known, Thresholds, Unique
from metalayer_assets.contracts.types import Type

__all__ = [
    "CATALOG",
    "Agrees",
    "Catalog",
    "Column",
    "Complete",
    "Contract",
    "DriftPolicy",
    "Extracts",
    "Grain",
    "Guard",
    "Historised",
    "Holds",
    "Joins",
    "Judged",
    "Known",
    "Landed",
    "Modelled",
    "Reads",
    "Rule",
    "SetRule",
    "Severity",
    "Stored",
    "Thresholds",
    "Type",
    "Unique",
    "contract_named",
]
