"""Ask rules about a slice of pandas frames here, as `set_rules` asks them of a stage; keep rules about a row out.

The second opinion of tests, and the checks of frames that are to become a table.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pandas as pd

from metalayer_assets.contracts import Agrees, Complete, Contract, Grain, Holds, Known, SetRule, Unique
from metalayer_assets.warehouse.errors import ContractError

Truths = "pd.Series[Any]"
Frames = Mapping[str, pd.DataFrame]


def holds(contract: Contract, rule: SetRule, frame: pd.DataFrame, others: Frames) -> "pd.Series[Any]":
    """For every row whether it breaks the rule (false), keeps it (true), or cannot be asked (missing).

    Args:
        contract: The table that the frame is of.
        rule: The rule.
        frame: Slices of the table, whole, in the contract's dtypes.
        others: Frames of the tables that the rule looks into, by name.

    Raises:
        ContractError: The frame of such a table is not given.
    """
    asked = rule.holds
    if isinstance(asked, Holds):
        return asked.predicate.mask(frame)
    days = _slices(frame[contract.sliced_by], contract.grain)
    if isinstance(asked, Unique):
        return _unique(asked, frame, days)
    if isinstance(asked, Complete):
        return _complete(asked, frame, days)
    if asked.table not in others:
        raise ContractError(f"the rule {rule.id} of {contract.name} looks into {asked.table}: give a frame of it.")
    other = others[asked.table]
    if asked.where is not None:
        other = other[asked.where.mask(other).fillna(False).astype(bool)]
    if isinstance(asked, Known):
        return _known(asked, frame, other)
    return _agrees(asked, frame, days, other, contract.grain)


def _slices(day: "pd.Series[Any]", grain: Grain) -> "pd.Series[Any]":
    return day.map(lambda one: grain.first_day(one.date()))


def _asked_of(frame: pd.DataFrame, columns: tuple[str, ...], kept: "pd.Series[Any]") -> "pd.Series[Any]":
    return kept.astype("boolean").mask(frame[list(columns)].isna().any(axis=1))


def _unique(asked: Unique, frame: pd.DataFrame, days: "pd.Series[Any]") -> "pd.Series[Any]":
    things = pd.Series(list(zip(*(frame[name] for name in asked.of), strict=True)) if asked.of else frame.index)
    things.index = frame.index
    values = pd.Series(list(zip(days, *(frame[name] for name in asked.columns), strict=True)), index=frame.index)
    return _asked_of(frame, asked.columns, things.groupby(values, dropna=False).transform("nunique") <= 1)


def _complete(asked: Complete, frame: pd.DataFrame, days: "pd.Series[Any]") -> "pd.Series[Any]":
    missing = frame[asked.column].isna()
    may_miss = 1 - Decimal(str(asked.share))
    enough = {day: Decimal(int(part.sum())) <= len(part) * may_miss for day, part in missing.groupby(days)}
    return (~missing | days.map(enough)).astype("boolean")


def _known(asked: Known, frame: pd.DataFrame, other: pd.DataFrame) -> "pd.Series[Any]":
    there = set(zip(*(other[name] for name in asked.key), strict=True))
    named = zip(*(frame[name] for name in asked.columns), strict=True)
    return _asked_of(frame, asked.columns, pd.Series([name in there for name in named], index=frame.index))


def _agrees(
    asked: Agrees, frame: pd.DataFrame, days: "pd.Series[Any]", other: pd.DataFrame, grain: Grain
) -> "pd.Series[Any]":
    there = _slices(other[asked.slice_by], grain)
    theirs = {
        day: sum(Decimal(str(amount)) for amount in part.dropna()) if asked.of else Decimal(len(part))
        for day, part in (other[asked.of] if asked.of else there).groupby(there)
    }
    ours = {
        day: sum(Decimal(str(amount)) for amount in part.dropna()) for day, part in frame[asked.total].groupby(days)
    }
    return days.map(lambda day: ours[day] == theirs.get(day, Decimal(0))).astype("boolean")
