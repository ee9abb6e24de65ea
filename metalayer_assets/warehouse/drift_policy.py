"""Load a landed file as the policy of its contract has it, here: whether it is loaded, refused or kept out.

That depends on the file and on the contract alone, never on other extracts: a slice is the same in any order of loads.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from metalayer_assets.contracts import Contract, DriftPolicy, Landed
from metalayer_assets.warehouse.landing import LandedFile
from metalayer_assets.warehouse.loading import (
    Drift,
    HeaderRefused,
    LoadReport,
    SourceColumn,
    keep_file_out,
    load_file,
)
from metalayer_assets.warehouse.loading.header import shown, spelling, spellings
from metalayer_assets.warehouse.loading.stage import undone_on_error

Cursor = Any
Relation = tuple[str | None, str]

KEPT_OUT = "kept_out"
# What the header of a file has that the contract does not allow. An optional column may be absent.
STRUCTURAL = frozenset({"extra_column", "duplicate_header", "missing_required"})
_MOST_NAMED = 5
# Of a header with more unexpected columns the loader names only the first.
_MOST_EXTRA = 500


def source_columns(contract: Contract) -> list[SourceColumn]:
    """The columns that files of a landed table may have, with every spelling."""
    return [
        SourceColumn(name=column.name, source_names=(column.name, *column.source_names), required=not column.optional)
        for column in contract.columns
        if not column.name.startswith("_")
    ]


def policy_of(contract: Contract) -> DriftPolicy:
    """The policy of a landed table."""
    return contract.source.drift if isinstance(contract.source, Landed) else DriftPolicy.EVOLVE


def load_under_policy(
    cursor: Cursor,
    contract: Contract,
    file: LandedFile,
    *,
    stage: Relation,
    rejects: Relation,
    constants: Mapping[str, object],
) -> LoadReport:
    """Load a file, or keep it out as a whole where the policy says so.

    Raises:
        HeaderRefused: Its columns are not those that the contract allows, and the policy is to refuse it.
        LandingError: The file cannot be loaded.
    """
    policy, columns = policy_of(contract), source_columns(contract)
    try:
        if policy is DriftPolicy.EVOLVE:
            return load_file(cursor, file.path, stage=stage, rejects=rejects, columns=columns, constants=constants)
        with undone_on_error(cursor):
            report = load_file(cursor, file.path, stage=stage, rejects=rejects, columns=columns, constants=constants)
            if structural(report.drift):
                raise HeaderRefused(f"{file.path}: {_told(report.drift)}", report.drift, report.header)
            return report
    except HeaderRefused as refused:
        if policy is DriftPolicy.EVOLVE:
            raise
        if policy is DriftPolicy.FREEZE:
            raise HeaderRefused(f"{refused} {_frozen(contract)}", refused.drift, refused.header) from None
        return keep_file_out(
            cursor,
            file.path,
            rejects=rejects,
            constants=constants,
            reason=f"the file is kept out as a whole (policy quarantine of {contract.name}): {_told(refused.drift)}",
            header=refused.header,
            drift=refused.drift,
        )


def structural(drift: Iterable[Drift]) -> list[Drift]:
    """The findings that the contract does not allow."""
    return [found for found in drift if found.kind in STRUCTURAL]


def _told(drift: Iterable[Drift]) -> str:
    found = structural(drift)
    more = f" And {len(found) - _MOST_NAMED} more differences." if len(found) > _MOST_NAMED else ""
    return " ".join(one.detail for one in found[:_MOST_NAMED]) + more


def _frozen(contract: Contract) -> str:
    return (
        f"The contract of {contract.name} freezes its columns (policy freeze), so the slice stands as before: declare "
        "the column there, or add the name to source_names of the column that it stands for, or set the policy to "
        "evolve or quarantine, or land the file with the declared columns."
    )


def reads_otherwise(contract: Contract, header: Sequence[str], drift: Sequence[Mapping[str, str]], path: str) -> bool:
    """Whether a file that is loaded would be read otherwise under the contract as it is now.

    That is so once a column that nobody expected is declared or taken back, and once the policy no longer keeps the
    file out, or now does.

    Args:
        contract: The landed table.
        header: Column names of the file.
        drift: What was found then.
        path: How the file was read.
    """
    columns = source_columns(contract)
    known = spellings(columns)
    extra = {name for name in map(shown, header) if spelling(name) not in known}
    then = {found["column"] for found in drift if found["kind"] == "extra_column"}
    if not header or len(extra) > _MOST_EXTRA:
        return False
    if extra != then:
        return True
    present = {known.get(spelling(name)) for name in header}
    breached = (
        bool(extra)
        or any(column.required and column.name not in present for column in columns)
        or any(found["kind"] == "duplicate_header" for found in drift)
    )
    return (path == KEPT_OUT) != (breached and policy_of(contract) is DriftPolicy.QUARANTINE)
