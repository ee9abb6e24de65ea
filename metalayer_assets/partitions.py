"""Define which slices exist, as Dagster partitions, here; keep what a slice holds out.

A partition key is the first day of a slice, `YYYY-MM-DD`, whatever the slice's length.
"""

from datetime import date

import dagster as dg

from metalayer_assets.contracts import Contract, Grain
from metalayer_assets.warehouse.settings import Settings

KEY_FORMAT = "%Y-%m-%d"

# Tomorrow may already have come elsewhere on earth, and a row may lie one day after its arrival: two days past today.
_DAYS_AHEAD = 3
_CRON = {Grain.DAY: "0 0 * * *", Grain.MONTH: "0 0 1 * *", Grain.YEAR: "0 0 1 1 *"}


def partitions_of(grain: Grain, settings: Settings) -> dg.TimeWindowPartitionsDefinition:
    """All slices of that length, from the one that holds METALAYER_START_DATE, in UTC."""
    first = grain.first_day(settings.start_date).isoformat()
    if grain is Grain.DAY:
        return dg.DailyPartitionsDefinition(start_date=first, end_offset=_DAYS_AHEAD)
    # Those days may lie in the month or year to come.
    return dg.TimeWindowPartitionsDefinition(start=first, fmt=KEY_FORMAT, cron_schedule=_CRON[grain], end_offset=2)


def slice_of_key(key: str) -> date:
    """The first day of the slice that a partition key names."""
    return date.fromisoformat(key)


def key_of_slice(day: date) -> str:
    """The partition key of a slice."""
    return day.isoformat()


def mapping_between(upstream: Contract, downstream: Contract) -> dg.PartitionMapping | None:
    """How the slices of a table depend on those of a source; None where Dagster's own rule is right.

    Facts are sliced by business day and their sources by arrival day: any arrival may touch any business day, so the
    same day is only the usual case. What is really touched is kept in `meta.touched_slices`.
    """
    if upstream.grain is downstream.grain:
        return None
    return dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)
