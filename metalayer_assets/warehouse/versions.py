"""Say here which version of the code a slice was written by; a slice of another version is restated."""

import hashlib
from functools import cache

from metalayer_assets.contracts import Contract, Judged, Landed
from metalayer_assets.warehouse import second_reading
from metalayer_assets.warehouse.judge import collapse
from metalayer_assets.warehouse.models import model_of
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.shipped import sql_folder
from metalayer_assets.warehouse.staging import STAGE, compiled_select


@cache
def _init_digest() -> str:
    folder = sql_folder() / "init"
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.glob("*.sql")))).hexdigest()


def code_version(contract: Contract, settings: Settings) -> str:
    """Version of everything but the data that decides what a slice holds.

    That is the contract and the statements that it and its model compile to, and for a judged table the functions that
    clean text, the first day of the calendar and the libraries that judge values.

    Raises:
        ContractError: The model and the contract do not fit.
    """
    parts = [contract.fingerprint()]
    if isinstance(contract.source, Judged):
        parts += [_init_digest(), settings.start_date.isoformat(), collapse(contract, STAGE)]
        parts += second_reading.version_parts(contract, model_of(contract))
    if not isinstance(contract.source, Landed) and contract.is_asset:
        parts.append(compiled_select(contract))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
