"""Load landed files for a write of a bronze table here, by COPY, without a second copy of the rows.

Days of months that do not exist yet are loaded straight into the months' shell; days of standing months go
through a temporary table. Either way no reader sees a row before the transaction commits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from metalayer_assets.contracts import Contract, Severity
from metalayer_assets.contracts.bronze import ARRIVAL_DAY, FILE_ID
from metalayer_assets.warehouse.checksums import checksum, row_hash
from metalayer_assets.warehouse.drift_policy import load_under_policy
from metalayer_assets.warehouse.errors import LandingError
from metalayer_assets.warehouse.kept_out import REJECTED_LINES, line_checksums
from metalayer_assets.warehouse.landing import LandedFile
from metalayer_assets.warehouse.ledger import EMPTY_CHECKSUM, RuleCount, SliceCounts
from metalayer_assets.warehouse.loading import HeaderRefused, LoadReport
from metalayer_assets.warehouse.months import Shell
from metalayer_assets.warehouse.publish import delete_slices
from metalayer_assets.warehouse.scores import score
from metalayer_assets.warehouse.statements import bind, ident, listed

Cursor = Any

_STAGE = "staged"
# The one rule of a landed table: a line of its files is a record.
LINE_READABLE = "line_readable"


@dataclass
class BronzeStage:
    """Landed files of some arrival days, loaded but not published.

    Attributes:
        loads: What was loaded, by day and file.
        broken: Days with a file that cannot be loaded at all, and why.
        refused: Those of them of which the file's columns are the cause.
    """

    shell: Shell
    loads: dict[date, list[tuple[LandedFile, LoadReport]]] = field(default_factory=dict)
    broken: dict[date, str] = field(default_factory=dict)
    refused: dict[date, tuple[LandedFile, HeaderRefused]] = field(default_factory=dict)

    @property
    def relations(self) -> list[str]:
        """Where the loaded rows are."""
        return [_STAGE, *([self.shell.relation] if self.shell.months else [])]

    def placed(self, days: Sequence[date]) -> dict[str, list[date]]:
        """The days by the relation that holds their rows."""
        found: dict[str, list[date]] = {}
        for day in days:
            found.setdefault(self.shell.relation if self.shell.holds(day) else _STAGE, []).append(day)
        return found


def load_days(cursor: Cursor, contract: Contract, files: Mapping[date, Sequence[LandedFile]]) -> BronzeStage:
    """Load the files of these days. A file that cannot be loaded breaks its day only; the others go on loading."""
    stage = BronzeStage(shell=Shell(cursor, contract, list(files)))
    cursor.execute(
        f"create temporary table {ident(_STAGE)} (like {ident(contract.name)} including defaults) on commit drop"
    )
    cursor.execute(
        f"create temporary table {ident(REJECTED_LINES)}"
        " (_line bigint, raw bytea, reason text, _file_id bigint, _arrival_day date) on commit drop"
    )
    for day, landed in sorted(files.items()):
        target: tuple[str | None, str] = (None, _STAGE)
        if stage.shell.holds(day):
            layer, table = stage.shell.relation.split(".")
            target = (layer, table)
        cursor.execute("savepoint arrival_day")
        try:
            loaded = []
            for file in landed:
                loaded.append((file, _load(cursor, contract, file, target, day)))
            stage.loads[day] = loaded
        except LandingError as error:
            cursor.execute("rollback to savepoint arrival_day")
            stage.broken[day] = str(error)
            if isinstance(error, HeaderRefused):
                stage.refused[day] = (file, error)
        cursor.execute("release savepoint arrival_day")
    _prepare_rejected_lines(cursor, contract)
    return stage


def _load(
    cursor: Cursor,
    contract: Contract,
    file: LandedFile,
    target: tuple[str | None, str],
    day: date,
) -> LoadReport:
    return load_under_policy(
        cursor,
        contract,
        file,
        stage=target,
        rejects=(None, REJECTED_LINES),
        constants={FILE_ID: file.file_id, ARRIVAL_DAY: day},
    )


def measure_days(
    cursor: Cursor, contract: Contract, stage: BronzeStage, days: Sequence[date]
) -> dict[date, SliceCounts]:
    """Count and checksum the loaded rows per day."""
    parts = [
        f"select _arrival_day, count(*), {checksum(row_hash(contract))} from {ident(source)} group by _arrival_day"
        for source in stage.relations
    ]
    cursor.execute(" union all ".join(parts))
    loaded = {day: (rows, digest) for day, rows, digest in cursor.fetchall()}
    kept_out = line_checksums(cursor)
    found = {}
    for day in days:
        reports = [report for _, report in stage.loads.get(day, ())]
        rows, digest = loaded.get(day, (0, EMPTY_CHECKSUM))
        read, rejected = (sum(getattr(report, n) for report in reports) for n in ("records_read", "rows_rejected"))
        readable = RuleCount(LINE_READABLE, Severity.REJECT.value, read, rejected)
        found[day] = SliceCounts(
            rows_read=read,
            rows_written=rows,
            rows_quarantined=rejected,
            checksum=digest,
            quarantine_checksum=kept_out.get(day, EMPTY_CHECKSUM),
            quality_score=score([readable]),
            rules=(readable,),
        )
    return found


def _prepare_rejected_lines(cursor: Cursor, contract: Contract) -> None:
    """Give the rejected lines the names and the row hash that the quarantine table knows them by."""
    renames = {"_line": "source_line", "_file_id": "source_file_id", "_arrival_day": "arrival_day"}
    for old, new in renames.items():
        cursor.execute(f"alter table {ident(REJECTED_LINES)} rename column {ident(old)} to {ident(new)}")
    cursor.execute(
        bind(
            f"alter table {ident(REJECTED_LINES)}"
            " add column row_hash text generated always as (md5(raw)) stored,"
            f" add column table_name text default '{contract.name}'"
        )
    )


def publish_days(cursor: Cursor, contract: Contract, stage: BronzeStage, days: Sequence[date]) -> None:
    """Replace the days by what was loaded for them; days that were loaded but did not change are left as they stand."""
    if stage.shell.months:
        stage.shell.graft()
    standing = [day for day in days if not stage.shell.holds(day)]
    delete_slices(cursor, contract, standing)
    if standing:
        columns = listed(contract.column_names)
        cursor.execute(
            bind(
                f"insert into {ident(contract.name)} ({columns}) select {columns} from {ident(_STAGE)}"
                " where _arrival_day = any(:days)"
            ),
            {"days": list(standing)},
        )
