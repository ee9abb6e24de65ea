"""Do here what people do with what is kept out: export, edit in a spreadsheet, correct, judge again."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metalayer_assets.contracts import contract_named
from metalayer_assets.warehouse.workbench.correction import Correction, correct
from metalayer_assets.warehouse.workbench.desk import Selection, desk_of
from metalayer_assets.warehouse.workbench.export import export_kept_out
from metalayer_assets.warehouse.workbench.listing import kept_out_rows
from metalayer_assets.warehouse.workbench.replay import Replayed, replaying
from metalayer_assets_tests.house import House

WAITING, EVERYTHING = Selection(), Selection(resolved=True, closed=True)


@dataclass
class Sheet:
    """An export as a person has it open."""

    path: Path
    names: list[str] = field(default_factory=list)
    rows: list[dict[str, str]] = field(default_factory=list)

    def save(self, **how: Any) -> Path:
        """Write it back as a spreadsheet does, which knows no NULL."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self.names, **{"lineterminator": "\r\n", **how})
        writer.writeheader()
        writer.writerows(self.rows)
        self.path.write_bytes(text.getvalue().encode())
        return self.path

    def edit(self, key: str, **values: str) -> "Sheet":
        """Change values of the rows with this value in the first column of the source."""
        first = next(name for name in self.names if not name.startswith("_"))
        found = [row for row in self.rows if row[first] == key]
        assert found
        for row in found:
            row.update(values)
        return self


def read_sheet(path: Path) -> Sheet:
    """Open an export."""
    reader = csv.DictReader(io.StringIO(path.read_bytes().decode(), newline=""))
    rows = list(reader)
    return Sheet(path, list(reader.fieldnames or ()), rows)


def export(house: House, table: str, to: Path, selection: Selection = WAITING) -> Sheet:
    """Export what is kept out of a table, and open it."""
    with house.database.transaction(readonly=True) as cursor, to.open("wb") as stream:
        export_kept_out(cursor, desk_of(contract_named(table)), selection, stream, marked=False)
    return read_sheet(to)


def correct_rows(house: House, table: str, to: Path, change: Callable[[Sheet], object], by: str = "ada") -> Correction:
    """Export, change, and take in."""
    sheet = export(house, table, to)
    change(sheet)
    return correct(house.writer, sheet.save(), by=by)


def replay(house: House, tables: Sequence[str], *rules: str) -> list[Replayed]:
    """Judge again what is kept out of tables."""
    with replaying(house.database, [desk_of(contract_named(table)) for table in tables], rules) as doing:
        doing.request(by="ada")
        assert house.update(doing.scope(), allow_shrink=True) == []
        return doing.result()


def listed(house: House, table: str, selection: Selection = WAITING) -> list[dict[str, Any]]:
    """Rows that are kept out of a table."""
    with house.database.transaction(readonly=True) as cursor:
        return kept_out_rows(cursor, desk_of(contract_named(table)), selection, limit=1000)
