"""Define the errors that a person may see here; keep handling of them out.

Every error carries one sentence that names the thing at fault and the fix. The CLI prints that sentence
without a traceback and exits non-zero; Dagster shows it as the failure's description.
"""


class MetaLayerError(Exception):
    """Base of every error whose message is written for the person who can fix its cause."""


class SettingError(MetaLayerError):
    """A setting (environment variable or option) has a value that cannot be used."""


class DatabaseError(MetaLayerError):
    """PostgreSQL cannot be reached, is too old, or refused a statement for a reason a person can fix."""


class LandingError(MetaLayerError):
    """A landing folder or file is not laid out or readable as the design asks."""


class ContractError(MetaLayerError):
    """A contract, its SQL model and the warehouse do not fit one another."""


class SliceRefused(MetaLayerError):
    """An audit refused to publish a slice; the old slice is still in place."""
