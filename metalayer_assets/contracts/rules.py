"""Define what a rule is here, about a row or about a slice; keep the rules themselves out (`silver`, `gold`)."""

from dataclasses import dataclass
from enum import Enum

from metalayer_assets.contracts.predicate import Predicate
from metalayer_assets.contracts.set_rules import Kind


class Severity(Enum):
    """What a broken rule does to its row, or where it is a rule about a slice, to the slice."""

    REJECT = "reject"  # the row goes to quarantine, the slice is refused
    WARN = "warn"  # the row is kept, and the quality score lowered


@dataclass(frozen=True)
class Rule:
    """A named truth about every row of a judged table.

    Attributes:
        id: Stable name, shown in quarantine and in checks.
        description: What must hold, as a sentence.
        holds: The predicate; the rule is broken where it is false.
        severity: What a broken rule does.
        dimension: Completeness, validity, uniqueness, consistency, timeliness or accuracy.
        weight: Share in the quality score of row and slice, relative to the other rules of the table.
        readable: Name of a column whose source text must be readable as the column's type, or come to its form; then
            `holds` is None.
        version: To be raised when what the rule means changes, so that scores before and after are told apart.
        owner: Team that answers for the rule; None: the table's.
    """

    id: str
    description: str
    holds: Predicate | None = None
    severity: Severity = Severity.REJECT
    dimension: str = "validity"
    weight: int = 1
    readable: str | None = None
    version: int = 1
    owner: str | None = None


@dataclass(frozen=True)
class SetRule:
    """A named truth about the rows of a slice together, published or to be.

    Attributes:
        id: Stable name, shown in checks.
        description: What must hold, as a sentence.
        holds: What is asked of the slice.
        severity: What a broken rule does: REJECT refuses the slice.
        dimension: As of a `Rule`.
        weight: Share in the slice's quality score, relative to the other rules of the table.
        version: As of a `Rule`.
        owner: As of a `Rule`.
    """

    id: str
    description: str
    holds: Kind
    severity: Severity = Severity.WARN
    dimension: str = "consistency"
    weight: int = 1
    version: int = 1
    owner: str | None = None
