import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metalayer_assets.contracts import CATALOG, Column, Contract, Grain, Modelled, Type
from metalayer_assets.warehouse import staging, versions
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.errors import ContractError
from metalayer_assets.warehouse.staging import STAGE, copy_text, stage_frame
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import START

DAY = date(2024, 2, 29)
KINDS = Contract(
    name="gold.kinds",
    description="One column of every type.",
    columns=(
        Column("day", Type.DATE, "Day."),
        Column("line", Type.BIGINT, "Line."),
        Column("said", Type.TEXT, "Text."),
        Column("whole", Type.INTEGER, "Number."),
        Column("amount", Type.NUMERIC, "Amount."),
        Column("at", Type.TIMESTAMP, "Moment."),
        Column("sure", Type.BOOLEAN, "Truth."),
        Column("tags", Type.TEXTS, "Texts."),
        Column("told", Type.JSON, "Object."),
    ),
    key=("day", "line"),
    source=Modelled(),
    slice_by="day",
)
AWKWARD_TEXTS = [
    "",
    " ",
    "\\N",
    "\\",
    "\\.",
    "a\tb",
    "a\nb",
    "a\r\nb",
    "'",
    '"',
    "{}",
    "NULL",
    "nan",
    "é\u0301",
    "\x7f",
    "😀",
    ";--",
]


def staged(database: Database, contract: Contract, frame: pd.DataFrame, what: str) -> list[tuple[Any, ...]]:
    """What a frame becomes in the stage."""
    with database.transaction() as cursor:
        stage_frame(cursor, contract, frame)
        cursor.execute(f"select {what} from {STAGE} order by line")
        return list(cursor.fetchall())


def kinds(*rows: dict[str, Any]) -> pd.DataFrame:
    """A frame of the contract's columns, missing where a row says nothing."""
    told = [dict.fromkeys(KINDS.column_names) | {"day": DAY, "line": number} | row for number, row in enumerate(rows)]
    return pd.DataFrame(told, dtype=object)


def test_values_of_every_type_come_back_as_they_were(database: Database):
    frame = kinds(
        {
            "said": "Zoë",
            "whole": -1,
            "amount": Decimal("12345678901234567890.1234567890"),
            "at": datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC),
            "sure": True,
            "tags": ["a", 'b"c', "d,e", "{f}", "", "NULL", "\\", "g\th", None],
            "told": {"a": [1, None], "b": "\t'\\"},
        },
        {"amount": Decimal("1E+3"), "at": pd.Timestamp("1066-10-14 00:00", tz="UTC"), "sure": np.False_, "tags": []},
        {"amount": 0.1, "whole": np.int64(7), "tags": np.array(["x", "y"], dtype=object), "at": "2024-02-29 12:00+02"},
    )
    found = staged(database, KINDS, frame, "said, whole, amount, at, sure, tags, told")
    assert found == [
        (
            "Zoë",
            -1,
            Decimal("12345678901234567890.1234567890"),
            datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC),
            True,
            ["a", 'b"c', "d,e", "{f}", "", "NULL", "\\", "g\th", None],
            {"a": [1, None], "b": "\t'\\"},
        ),
        (None, None, Decimal(1000), datetime(1066, 10, 14, tzinfo=UTC), False, [], None),
        (None, 7, Decimal("0.1"), datetime(2024, 2, 29, 10, tzinfo=UTC), None, ["x", "y"], None),
    ]


def test_every_kind_of_missing_value_is_null(database: Database):
    missing = [None, pd.NA, pd.NaT, float("nan"), np.nan, np.float32("nan"), Decimal("NaN"), np.datetime64("NaT")]
    assert [copy_text(value) for value in missing] == [r"\N"] * len(missing)
    columns = [name for name in KINDS.column_names if name not in KINDS.key]
    frame = kinds(*(dict.fromkeys(columns, value) for value in missing))
    assert staged(database, KINDS, frame, ", ".join(columns)) == [(None,) * len(columns)] * len(missing)


def test_texts_that_mean_something_to_copy_come_back(database: Database):
    frame = kinds(*({"said": text, "tags": [text, text], "told": {text: text}} for text in AWKWARD_TEXTS))
    assert staged(database, KINDS, frame, "said, tags, told") == [
        (text, [text, text], {text: text}) for text in AWKWARD_TEXTS
    ]


_texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@pytest.fixture(scope="module")
def one_database(server_url: str) -> Database:
    return Database(server_url)


@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "said": st.none() | _texts,
                "tags": st.none() | st.lists(st.none() | _texts, max_size=3),
                "amount": st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=9),
                "told": st.none() | st.dictionaries(_texts, _texts | st.integers() | st.none(), max_size=2),
                "at": st.none() | st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
            }
        ),
        max_size=8,
    )
)
@settings(max_examples=40, deadline=None, database=None)
def test_any_values_come_back(one_database: Database, rows: list[dict[str, Any]]):
    frame = kinds(*rows) if rows else pd.DataFrame(columns=KINDS.column_names)
    found = staged(one_database, KINDS, frame, "said, tags, amount, told, at")
    assert found == [tuple(row[name] for name in ("said", "tags", "amount", "told", "at")) for row in rows]


def test_typed_frames_come_back_too(database: Database):
    frame = pd.DataFrame(
        {
            "day": pd.Series([DAY, None], dtype="datetime64[us]").fillna(pd.Timestamp(DAY)),
            "line": pd.Series([1, 2], dtype="Int64"),
            "said": pd.Series(["a", None], dtype="string"),
            "whole": pd.Series([5, None], dtype="Int64"),
            "amount": pd.Series([0.5, None], dtype="float32"),
            "at": pd.Series(pd.to_datetime(["2024-02-29 10:00+02:00", None], utc=True)),
            "sure": pd.Series([True, None], dtype="boolean"),
            "tags": pd.Series([["a"], None], dtype=object),
            "told": pd.Series([{}, None], dtype=object),
        }
    )
    found = staged(database, KINDS, frame, "said, whole, amount, at, sure, tags, told")
    assert found == [("a", 5, Decimal("0.5"), datetime(2024, 2, 29, 8, tzinfo=UTC), True, ["a"], {}), (None,) * 7]


def test_a_frame_larger_than_a_chunk_loses_nothing(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(staging, "_FRAME_CHUNK_ROWS", 3)
    frame = kinds(*({"whole": number} for number in range(7)))
    assert staged(database, KINDS, frame, "line, whole") == [(number, number) for number in range(7)]
    assert staged(database, KINDS, frame.iloc[:0], "line") == []


def test_columns_may_stand_in_any_order_but_must_be_the_contracts(database: Database):
    frame = kinds({"said": "a", "whole": 3})
    assert staged(database, KINDS, frame[frame.columns[::-1]], "said, whole, line") == [("a", 3, 0)]
    with pytest.raises(ContractError, match=r"gold\.kinds .* missing \['said'\], unknown \['sayd'\]"):
        staged(database, KINDS, frame.rename(columns={"said": "sayd"}), "said")


def test_a_row_lies_in_the_slice_of_its_day(database: Database):
    frame = kinds({}, {"day": pd.Timestamp("2024-12-31 23:00")}, {"day": None})
    assert staged(database, KINDS, frame, "_slice") == [(DAY,), (date(2024, 12, 31),), (None,)]
    yearly = replace(KINDS, grain=Grain.YEAR)
    assert staged(database, yearly, frame, "_slice") == [(date(2024, 1, 1),)] * 2 + [(None,)]
    monthly = replace(KINDS, grain=Grain.MONTH)
    assert staged(database, monthly, frame, "_slice, _folded, _outcome") == [
        (date(2024, 2, 1), 1, 0),
        (date(2024, 12, 1), 1, 0),
        (None, 1, 0),
    ]


@pytest.fixture
def sql_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models in place of the project's."""
    from metalayer_assets.warehouse import models  # noqa: PLC0415 -- patched where it is looked up

    (tmp_path / "gold").mkdir()
    monkeypatch.setattr(models, "sql_folder", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (None, "gold.dim_date has no model: write one SELECT into sql/gold/dim_date.sql."),
        ("select (1", "dim_date.sql cannot be read as SQL"),
        ("", "dim_date.sql must hold exactly one SELECT."),
        ("select 1; select 2", "dim_date.sql must hold exactly one SELECT."),
        ("delete from gold.dim_date", "dim_date.sql must hold exactly one SELECT."),
        ("select 1 as date_key", "sql/gold/dim_date.sql and the contract of gold.dim_date differ: missing ['date',"),
        (
            "select o.order_id from silver.orders as o",
            "reads ['silver.orders'] but the contract of gold.dim_date declares []",
        ),
    ],
)
def test_a_model_that_does_not_fit_its_contract_is_told(sql_folder: Path, model: str | None, problem: str):
    if model is not None:
        (sql_folder / "gold" / "dim_date.sql").write_text(model)
    with pytest.raises(ContractError) as raised:
        staging.compiled_select(CATALOG["gold.dim_date"])
    assert problem in str(raised.value)


def test_a_model_of_other_types_is_told_column_by_column(house: House, sql_folder: Path):
    contract = CATALOG["gold.dim_date"]
    values = {column.name: f"null::{column.type.sql}" for column in contract.columns}
    values |= {"date": "day", "day_name": "1::bigint", "year": "1.5"}
    outputs = ", ".join(f"{value} as {name}" for name, value in values.items())
    (sql_folder / "gold" / "dim_date.sql").write_text(f"select {outputs} from unnest(:slices) as day")
    with pytest.raises(ContractError, match="day_name is bigint, declared text; year is numeric, declared integer"):
        house.write("gold.dim_date", date(2024, 1, 1))
    assert json.dumps(house.fetch("select * from meta.slice_ledger")) == "[]"


def test_whatever_decides_what_a_slice_holds_changes_its_version(house: House, monkeypatch: pytest.MonkeyPatch):
    orders, facts, landed = CATALOG["silver.orders"], CATALOG["gold.fact_orders"], CATALOG["bronze.erp_orders"]

    def version(contract: Contract, **changes: Any) -> str:
        return versions.code_version(contract, replace(house.settings, **changes))

    before = {contract.name: version(contract) for contract in (orders, facts, landed)}
    assert before == {contract.name: version(contract) for contract in (orders, facts, landed)}
    assert version(orders, start_date=DAY) != before[orders.name]
    assert version(facts, start_date=DAY) == before[facts.name]
    assert version(replace(facts, description="")) != before[facts.name]
    # How a text is read and which line stands is nowhere in the contract and yet decides what a slice holds.
    for constant, value in {"casts._MOMENT": "^[0-9]+$", "casts._CURRENCY": "EUR", "judge.COLLAPSED": 7}.items():
        with monkeypatch.context() as patch:
            patch.setattr(f"metalayer_assets.warehouse.{constant}", value)
            assert version(orders) != before[orders.name]
    assert version(facts) == before[facts.name]
    assert version(landed) == before[landed.name]
    assert house.settings.start_date == START
