"""Define how slices are named, listed and found in SQL here."""

from collections.abc import Sequence
from datetime import date

from metalayer_assets.contracts import Contract, Grain
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.statements import ident


def slice_of(contract: Contract, prefix: str = "") -> str:
    """SQL expression of the first day of the slice that a row lies in."""
    column = f"{prefix}.{ident(contract.sliced_by)}" if prefix else ident(contract.sliced_by)
    return sliced(column, contract.grain)


def sliced(expression: str, grain: Grain) -> str:
    """SQL expression of the first day of the slice that a day lies in; a day column itself where that is the same."""
    return expression if grain is Grain.DAY else f"date_trunc('{grain.value}', {expression})::date"


def checked(contract: Contract, slices: Sequence[date]) -> list[date]:
    """The slices in order, each once.

    Raises:
        SettingError: There are none, or one is not the first day of a slice of the table.
    """
    if not slices:
        raise SettingError(f"no slice of {contract.name} was asked for: a range must not be empty or run backwards.")
    for day in slices:
        if contract.grain.first_day(day) != day:
            raise SettingError(
                f"{day} is not a slice of {contract.name}: a {contract.grain.value} is named by its first day, "
                f"{contract.grain.first_day(day)}."
            )
    return sorted(set(slices))


def between(grain: Grain, first: date, last: date) -> list[date]:
    """The slices from the one that holds the first day to the one that holds the last.

    Raises:
        SettingError: The range runs backwards.
    """
    if last < first:
        raise SettingError(
            f"the range from {first} to {last} runs backwards: the first day must not be after the last."
        )
    found = [grain.first_day(first)]
    while grain.next_slice(found[-1]) <= last:
        found.append(grain.next_slice(found[-1]))
    return found
