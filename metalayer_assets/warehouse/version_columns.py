"""Define here what the engine knows of a version beside its attributes: keys, ends, the business days that join it."""

from metalayer_assets.contracts import Contract
from metalayer_assets.contracts.dimensions import FIRST_DAY, INFERRED_FROM, LAST_DAY, attributes_of, history_of
from metalayer_assets.warehouse.statements import ident, listed, literal
from metalayer_assets.warehouse.tellers import ORIGIN


def member_text(contract: Contract, prefix: str = "") -> str:
    """SQL expression of a member's natural key as one text, of which its keys are hashes."""
    return text_of(history_of(contract).natural_key, prefix)


def text_of(columns: tuple[str, ...], prefix: str = "") -> str:
    """SQL expression of these columns' values as one text; NULL where the only one is NULL."""
    qualifier = f"{prefix}." if prefix else ""
    if len(columns) == 1:
        return f"{qualifier}{ident(columns[0])}::text"
    return "jsonb_build_array(" + listed(columns, prefix) + ")::text"


def first_day_at(moment: str) -> str:
    """SQL expression of the first UTC day that does not begin before a moment."""
    return f"(({moment} at time zone 'UTC') + interval '1 day' - interval '1 microsecond')::date"


def version_columns(contract: Contract) -> str:
    """The contract's columns for a version, over the last step of its SELECT (`scd2`)."""
    history = history_of(contract)
    computed = {
        history.surrogate: f"meta.version_key({member_text(contract)}, _at)",
        "version": "_version::integer",
        "valid_from": "_at",
        "valid_to": "_ends_at",
        "is_current": "_ends_at is null",
        "is_inferred": "false",
        "facts_from": f"case when _version = 1 then {literal(FIRST_DAY.isoformat())}::date"
        f" else {first_day_at('_at')} end",
        "facts_until": f"coalesce({first_day_at('_next_opens_at')}, {literal(LAST_DAY.isoformat())}::date)",
        "change_hash": "_hash",
        **{name: f"_{name}" for name in ORIGIN},
        **{
            name: f"case when _ends_at is null then _last_{name} else _final_{name} end"
            for name in attributes_of(contract)
            if not contract.column(name).tracked
        },
    }
    return ",\n    ".join(f"{computed.get(name, ident(name))} as {ident(name)}" for name in contract.column_names)


def inferred_columns(contract: Contract) -> str:
    """The contract's columns for an inferred member, over a relation `named` of natural keys and origins."""
    history = history_of(contract)
    computed = {
        history.surrogate: f"meta.inferred_key({member_text(contract, 'named')})",
        "version": "1",
        "valid_from": f"{literal(INFERRED_FROM)}::timestamptz",
        "valid_to": "null::timestamptz",
        "is_current": "true",
        "is_inferred": "true",
        "facts_from": f"{literal(FIRST_DAY.isoformat())}::date",
        "facts_until": f"{literal(LAST_DAY.isoformat())}::date",
        "change_hash": "null::bigint",
        **{name: f"named.{name}" for name in (*history.natural_key, *ORIGIN)},
    }
    return ", ".join(
        f"{computed.get(column.name, f'null::{column.type.sql}')} as {ident(column.name)}"
        for column in contract.columns
    )
