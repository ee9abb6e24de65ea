"""Change contracts and models for the length of a block here, with the tables that follow from them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from metalayer_assets.contracts import CATALOG, Column, Contract, Judged
from metalayer_assets.contracts.quarantine import quarantine_of
from metalayer_assets.contracts.replaced import history_table, keeps_history
from metalayer_assets.warehouse import models
from metalayer_assets.warehouse.shipped import sql_folder

# What a model's text becomes: what stands in it, and what takes its place.
Edits = Mapping[str, tuple[str, str]]


@contextmanager
def changed_contracts(folder: Path, *contracts: Contract, edits: Edits | None = None) -> Iterator[None]:
    """Let the catalog hold these contracts in place of those of their names, and models be edited, in a folder."""
    for shipped in sql_folder().glob("*/*.sql"):
        path = folder / shipped.parent.name / shipped.name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = shipped.read_text(encoding="utf-8")
        old, new = (edits or {}).get(f"{shipped.parent.name}.{shipped.stem}", ("", ""))
        assert old in text
        path.write_text(text.replace(old, new) if old else text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "sql_folder", lambda: folder)
        for contract in contracts:
            kept_out = [quarantine_of(contract)] if isinstance(contract.source, Judged) else []
            for changed in (contract, *kept_out):
                patch.setitem(CATALOG._by_name, changed.name, changed)
                if keeps_history(changed):
                    history = history_table(changed)
                    patch.setitem(CATALOG._by_name, history.name, history)
        yield


def with_column(table: str, column: Column, *, before: str) -> Contract:
    """A contract with one more column, before another."""
    contract = CATALOG[table]
    place = contract.column_names.index(before)
    return replace(contract, columns=(*contract.columns[:place], column, *contract.columns[place:]))


def without_column(table: str, name: str) -> Contract:
    """A contract with one column less."""
    contract = CATALOG[table]
    return replace(contract, columns=tuple(column for column in contract.columns if column.name != name))


def with_types(table: str, **types: object) -> Contract:
    """A contract with other types of columns."""
    contract = CATALOG[table]
    columns = (replace(c, type=types[c.name]) if c.name in types else c for c in contract.columns)  # type: ignore[arg-type]
    return replace(contract, columns=tuple(columns))
