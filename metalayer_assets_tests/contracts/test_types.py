"""Try to find a type that is stated twice."""

import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

import metalayer_assets
from metalayer_assets.contracts import CATALOG, Contract, Historised, Judged, Modelled, Type
from metalayer_assets.contracts.dimensions import history_of
from metalayer_assets.warehouse.models import model_of
from metalayer_assets_tests.scenario import DATASETS

MODELLED = [contract for contract in CATALOG.values() if isinstance(contract.source, Judged | Modelled | Historised)]


@pytest.mark.parametrize("contract", MODELLED, ids=lambda contract: contract.name)
def test_no_model_casts_a_column_that_its_contract_types(contract: Contract):
    casts = [
        cast.sql("postgres")
        for cast in sqlglot.parse_one(model_of(contract).select, read="postgres").find_all(exp.Cast)
        # Whether a row stands, and for how many, are no columns of a contract.
        if cast.find_ancestor(exp.Alias) is None or cast.find_ancestor(exp.Alias).alias not in {"_kept", "_folded"}
    ]
    # The calendar is made of nothing: no source gives its columns a type.
    assert casts == [] or contract.name == "gold.dim_date"


def test_the_test_above_sees_a_cast():
    assert list(sqlglot.parse_one("select a::numeric, cast(b as date) as b", read="postgres").find_all(exp.Cast))


def test_dtypes_of_frames_are_named_with_the_types_and_nowhere_else():
    package = Path(metalayer_assets.__file__).parent
    dtypes = re.compile("|".join(re.escape(kind.pandas) for kind in Type if kind.pandas not in {"object", "boolean"}))
    stating = [path.name for path in package.rglob("*.py") if dtypes.search(path.read_text(encoding="utf-8"))]
    assert stating == ["types.py"]


def test_every_sliced_table_has_its_slice_in_its_key():
    # What PostgreSQL asks of a partitioned table, and a distributed one of any.
    without = [c for c in CATALOG.values() if c.slice_by is not None and c.slice_by not in c.key]
    assert [c.name for c in without if not isinstance(c.source, Historised)] == []
    # A version is known by whom it is of and when it began; a row told earlier by another day moves it to that day's
    # slice, where it must not stand a second time. By natural key a dimension can be distributed all the same.
    for dimension in without:
        assert dimension.key == (*history_of(dimension).natural_key, "valid_from")
        assert not dimension.by_month


def test_what_can_identify_a_person_is_marked():
    marked = {f"{c.table}.{column.name}" for c in CATALOG.values() for column in c.columns if column.pii}
    for dataset, (bronze, silver, _) in DATASETS.items():
        names = {"first_name", "last_name", "email", "phone", "address", "customer_name", "dob", "zip"}
        for table in (bronze, silver):
            held = {f"{CATALOG[table].table}.{n}" for n in names if n in CATALOG[table].column_names}
            assert held <= marked, dataset
    assert "orders.raw" in marked
    assert "bronze_lines.raw" in marked
