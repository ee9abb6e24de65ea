"""Define the stage and rejects tables of a test, and how a file is loaded and looked at, here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from metalayer_assets.warehouse.loading import LoadReport, SourceColumn, load_file
from metalayer_assets.warehouse.loading.delimited import DelimitedFile
from metalayer_assets.warehouse.loading.source import format_of
from metalayer_assets.warehouse.loading.stage import Table, set_constants, undone_on_error
from metalayer_assets.warehouse.statements import ident

THREE = (
    SourceColumn("id", ("id",), required=True),
    SourceColumn("name", ("name", "full name"), required=True),
    SourceColumn("note", ("note",), required=False),
)
FOUR = (*THREE, SourceColumn("place", ("place",), required=False))
ONE = (SourceColumn("id", ("id",), required=True),)

Row = tuple[object, ...]


@dataclass(frozen=True)
class Loaded:
    report: LoadReport
    rows: list[Row]
    rejects: list[tuple[int, bytes, str]]


class Bench:
    """Tables of one transaction that is rolled back; `load` empties them first."""

    constants = {"_file_id": 7, "_arrival_day": date(2024, 2, 29)}  # noqa: RUF012

    def __init__(self, cursor: Cursor, folder: Path) -> None:
        self.cursor = cursor
        self.folder = folder
        self.columns: Sequence[SourceColumn] = ()
        self._loads = 0
        self.use(THREE)

    def use(self, columns: Sequence[SourceColumn]) -> None:
        if [column.name for column in columns] == [column.name for column in self.columns]:
            return
        self.columns = columns
        names = "".join(f"{ident(column.name)} text, " for column in columns)
        self.cursor.execute(
            "drop table if exists pg_temp.stage, pg_temp.rejects;"
            f"create temporary table stage ({names} _line bigint, _file_id bigint, _arrival_day date);"
            "create temporary table rejects"
            " (_line bigint, raw bytea, reason text, _file_id bigint, _arrival_day date)"
        )

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def load(self, path: Path, columns: Sequence[SourceColumn] = THREE, *, route: str = "auto") -> Loaded:
        """Load by `load_file`, or by force of `fast` or `careful` one of the ways of delimited files."""
        self.use(columns)
        # Deleted rows are read over again by each delete that follows; to truncate costs a file each time.
        self._loads += 1
        self.cursor.execute(
            "truncate stage, rejects" if self._loads % 50 == 0 else "delete from stage; delete from rejects"
        )
        if route == "auto":
            report = load_file(
                self.cursor,
                path,
                stage=(None, "stage"),
                rejects=(None, "rejects"),
                columns=columns,
                constants=self.constants,
            )
        else:
            stage = Table(None, "stage", self.constants)
            file = DelimitedFile(path, compressed=format_of(path)[1], columns=columns)
            set_constants(self.cursor, stage, numbered=True)
            with undone_on_error(self.cursor):
                if route == "fast":
                    report = file.load_fast(self.cursor, stage)
                else:
                    report = file.load_carefully(self.cursor, stage, Table(None, "rejects", self.constants))
        return Loaded(report, self.rows(), self.rejects())

    def rows(self) -> list[Row]:
        """Rows of the stage as (line, columns…), by line."""
        names = ", ".join(ident(column.name) for column in self.columns)
        self.cursor.execute(f"select _line, {names} from stage order by _line")
        return self.cursor.fetchall()

    def rejects(self) -> list[tuple[int, bytes, str]]:
        self.cursor.execute("select _line, raw, reason from rejects order by _line, reason")
        return [(line, bytes(raw), reason) for line, raw, reason in self.cursor.fetchall()]
