"""Find the files that belong to the project but are no Python here: SQL, and the configuration of Dagster."""

from pathlib import Path

from metalayer_assets.warehouse.errors import ContractError

_PACKAGE = Path(__file__).resolve().parent.parent
# Beside the package in a checkout, inside it in an installed wheel.
_PLACES = (_PACKAGE.parent, _PACKAGE / "_shipped")


def shipped(name: str) -> Path:
    """The file or folder of that name at the top of the project.

    Raises:
        ContractError: It is missing.
    """
    for place in _PLACES:
        if (place / name).exists():
            return place / name
    raise ContractError(f"{name} is missing: expected at {_PLACES[0] / name}.")


def sql_folder() -> Path:
    """The folder of SQL files: `<layer>/<table>.sql`, `init/*.sql` and `checks/*.sql`."""
    return shipped("sql")


def checks_statement(name: str) -> str:
    """The statement of `sql/checks/<name>.sql`."""
    return (sql_folder() / "checks" / f"{name}.sql").read_text(encoding="utf-8")
