"""Measure here what the audit of writes costs: the same writes with it and without, against the bare load and SQL."""

import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from functools import reduce
from operator import and_
from typing import Any
from unittest.mock import patch

from metalayer_assets.contracts import CATALOG, Contract, Rule, Severity
from metalayer_assets.contracts.predicate import Predicate
from metalayer_assets.warehouse import audit, measuring
from metalayer_assets.warehouse.settings import Settings

# What is measured: bronze, a judged table, and facts that are joined and hold rules about slices.
AUDITED = ("bronze.erp_orders", "bronze.crm_customers", "silver.orders", "gold.fact_orders")


def _merely_kept_out(contract: Contract) -> Contract:
    """The contract with what rejects rows as one condition, as SQL by hand has it, and without all other rules."""
    holds = [rule.holds for rule in contract.rules_of(Severity.REJECT) if isinstance(rule.holds, Predicate)]
    rules = (Rule("sound", "A row is sound.", reduce(and_, holds)),) if holds else ()
    return replace(contract, rules=rules, set_rules=())


@contextmanager
def unaudited() -> Iterator[None]:
    """For the length of a block: rows are kept out and counted, but no rule, score, join or source is audited."""
    with ExitStack() as patches:
        bare = {name: _merely_kept_out(CATALOG[name]) for name in AUDITED}
        patches.enter_context(patch.dict(CATALOG._by_name, bare))  # noqa: SLF001
        for module, name, result in (
            (measuring, "_broken", {}),
            (audit, "read_from_sources", None),
            (audit, "unjoined", ""),
        ):
            patches.enter_context(patch.object(module, name, _always(result)))
        yield


def _always(result: object) -> Callable[..., Any]:
    return lambda *_, **__: result


def measure(
    run: Callable[[Settings, str], float], settings: Settings, bare: Callable[[str], float], *, pairs: int
) -> str:
    """What audit and profiles add to the writes, as shares of the bare load and SQL; rows of a table.

    Args:
        run: Writes everything into a fresh database of that name; seconds.
        settings: Of the writes.
        bare: Loads and transforms the same by hand, in the database of that name that was written to; seconds.
        pairs: How often.
    """
    audits, profiles = [], []
    for number in range(pairs + 1):
        variants = {
            "whole": (nullcontext(), settings),
            "unprofiled": (nullcontext(), replace(settings, profile_rows=0)),
            "unaudited": (unaudited(), replace(settings, profile_rows=0)),
        }
        seconds = {}
        for name in variants if number % 2 else reversed(variants):
            context, own = variants[name]
            with context:
                seconds[name] = run(own, f"bench_audit_{number}_{name}")
        if number:
            by_hand = bare(f"bench_audit_{number}_whole")
            audits.append((seconds["unprofiled"] - seconds["unaudited"]) / by_hand)
            profiles.append((seconds["whole"] - seconds["unprofiled"]) / by_hand)
    return "\n".join(
        f"| {what} | psql \\copy and SQL by hand | **{statistics.median(shares):.2f}** |"
        f" {min(shares):.2f} to {max(shares):.2f} |"
        for what, shares in (
            ("the audit of bronze, silver.orders and gold.fact_orders", audits),
            ("profiles of the extracts", profiles),
        )
    )
