import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from metalayer_assets.contracts import CATALOG, contract_named
from metalayer_assets.warehouse.errors import SettingError
from metalayer_assets.warehouse.trace import raw_line, trace
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import AWKWARD, DAY, account, csv_text, customer, day, order, product, sale


def steps(house: House, table: str, key: str) -> list[dict[str, Any]]:
    with house.database.transaction(readonly=True) as cursor:
        return trace(cursor, contract_named(table), key, house.settings.landing)


def test_a_fact_is_followed_to_the_line_that_told_it_last(house: House):
    house.land("erp/orders", DAY, [order("O1"), order("O2")])
    house.land("erp/orders", day(1), [order("O3"), order("O1", quantity="5", status="shipped")], name="late.csv")
    assert house.update() == []
    found = steps(house, "gold.fact_orders", "O1")
    assert [step["table"] for step in found] == ["gold.fact_orders", "silver.orders", "bronze.erp_orders", "landing"]
    assert [step["note"] for step in found] == ["", "came from", "came from", "came from"]
    assert found[0]["row"]["quantity"] == found[1]["row"]["quantity"] == 5
    assert found[2]["row"]["status"] == "shipped"
    line = found[3]["row"]
    assert (line["file"], line["line"]) == ("erp/orders/2024-03-11/late.csv", 3)
    assert line["text"] == "O1,C1,P1,5,10.50,2024-03-09,shipped"


def test_every_fact_of_an_awkward_landing_leads_to_its_line(house: House):
    house.land("erp/orders", DAY, [order("fine"), *AWKWARD["erp/orders"].values()])
    house.land("erp/sales", DAY, [*AWKWARD["erp/sales"].values(), sale("fine")])
    assert house.update() == []
    for table in ("fact_orders", "fact_sales"):
        keys = [key for (key,) in house.fetch(f"select {CATALOG[f'gold.{table}'].key[0]} from gold.{table}")]
        assert len(keys) == 2
        for key in keys:
            last = steps(house, table, key)[-1]
            assert last["row"]["text"].startswith(key)


@pytest.mark.parametrize("table", ["silver.customers", "bronze.crm_customers"])
def test_every_telling_of_a_key_is_shown_by_the_name_that_people_know(house: House, table: str):
    house.land("crm/customers", DAY, [customer("C1"), customer("C2")])
    house.land("crm/customers", day(1), [customer("C1", email="new@example.org")])
    assert house.update() == []
    lines = [step["row"] for step in steps(house, table, "C1") if step["table"] == "landing"]
    assert [(line["file"], line["line"]) for line in lines] == [
        ("crm/customers/2024-03-10/part-0.csv", 2),
        ("crm/customers/2024-03-11/part-0.csv", 2),
    ]


def test_every_version_of_a_member_is_followed_to_the_line_that_began_it(house: House):
    house.land("crm/accounts", DAY, [account("C2"), account("C1")])
    house.land("crm/customers", day(1), [customer("C1", city="Troy")])
    # Told again: the version began with what was told first.
    house.land("crm/customers", day(2), [customer("C1", city="Troy")])
    house.land("crm/accounts", day(3), [account("C1", region="APAC")])
    assert house.update() == []
    found = steps(house, "dim_customer", "C1")
    assert [step["table"] for step in found] == [
        *("gold.dim_customer", "silver.accounts", "bronze.crm_accounts", "landing"),
        *("gold.dim_customer", "silver.customers", "bronze.crm_customers", "landing"),
        *("gold.dim_customer", "silver.accounts", "bronze.crm_accounts", "landing"),
    ]
    assert [step["note"] for step in found] == ["", "came from", "came from", "came from"] * 3
    versions = [step["row"] for step in found if step["table"] == "gold.dim_customer"]
    assert [(row["version"], row["city"], row["region"]) for row in versions] == [
        (1, None, "EMEA"),
        (2, "Troy", "EMEA"),
        (3, "Troy", "APAC"),
    ]
    lines = [step["row"] for step in found if step["table"] == "landing"]
    assert [(line["file"], line["line"], line["text"]) for line in lines] == [
        ("crm/accounts/2024-03-10/part-0.csv", 3, "C1,Ada Lovelace,ada@example.org,EMEA"),
        ("crm/customers/2024-03-11/part-0.csv", 2, ",".join(customer("C1", city="Troy").values())),
        ("crm/accounts/2024-03-13/part-0.csv", 2, "C1,Ada Lovelace,ada@example.org,APAC"),
    ]


def test_an_inferred_member_is_followed_to_the_line_that_named_it_first(house: House):
    house.land("erp/orders", day(1), [order("O1"), order("O2", customer_id="C2")])
    house.land("erp/sales", DAY, [sale("S1"), sale("S2", customer_id="", product_id="P2")])
    house.land("erp/orders", day(2), [order("O3", customer_id="C2", product_code="P2")])
    assert house.update() == []
    expected = {
        ("dim_customer", "C1"): ("silver.sales", "erp/sales/2024-03-10/part-0.csv", 2),
        ("dim_customer", "C2"): ("silver.orders", "erp/orders/2024-03-11/part-0.csv", 3),
        ("dim_product", "P1"): ("silver.sales", "erp/sales/2024-03-10/part-0.csv", 2),
        ("dim_product", "P2"): ("silver.sales", "erp/sales/2024-03-10/part-0.csv", 3),
    }
    for (table, key), (source, file, line) in expected.items():
        version, told, _, landed = steps(house, table, key)
        assert version["row"]["is_inferred"]
        assert (told["table"], landed["row"]["file"], landed["row"]["line"]) == (source, file, line)
    # Told of by the CRM, a member is no longer what somebody else made of it.
    house.land("crm/customers", day(3), [customer("C2")])
    house.land("erp/products", day(3), [product("P2")])
    assert house.update() == []
    for table, key, source in (("dim_customer", "C2", "silver.customers"), ("dim_product", "P2", "silver.products")):
        version, told, _, landed = steps(house, table, key)
        assert not version["row"]["is_inferred"]
        assert (told["table"], landed["row"]["line"]) == (source, 2)


def test_every_version_of_an_awkward_landing_leads_to_its_line(house: House):
    for dataset in AWKWARD:
        house.land(dataset, DAY, [*AWKWARD[dataset].values()])
        house.land(dataset, day(1), [*reversed(AWKWARD[dataset].values())])
    assert house.update() == []
    members = {
        "dim_customer": {"C1", *(f"C{number:02}" for number in range(4, 14))},
        "dim_product": {"P1", "P08", "P09"},
    }
    for table, keys in members.items():
        natural_key = CATALOG[f"gold.{table}"].key[0]
        assert {key for (key,) in house.fetch(f"select {natural_key} from gold.{table}")} == keys
        for key in keys:
            assert key in steps(house, table, key)[-1]["row"]["text"].split(",")


def test_a_sum_tells_what_was_folded_into_it(house: House):
    house.land("erp/orders", DAY, [order("O1"), order("O2")])
    house.land("erp/sales", DAY, [sale()])
    assert house.update() == []
    assert [(step["table"], step["row"]) for step in steps(house, "agg_daily_sales", "2024-03-09")[1:]] == [
        ("gold.fact_orders", {"rows": 2, "files": 1}),
        ("gold.fact_sales", {"rows": 1, "files": 1}),
    ]


@pytest.mark.parametrize(
    ("table", "key", "problem"),
    [
        ("gold.fact_orders", "O9", r"gold\.fact_orders holds no row whose order_id is 'O9'"),
        ("bronze.erp_orders", "2024-03-10", r"bronze\.erp_orders holds no row whose order_id is '2024-03-10'"),
        ("gold.dim_date", "2024-03-10", r"rows of gold\.dim_date do not come from landed files"),
        (
            "quarantine.orders",
            "2024-03-10",
            r"rows of quarantine\.orders cannot be traced: name a bronze, silver or gold",
        ),
        ("meta.landed_files", "1", r"rows of meta\.landed_files cannot be traced"),
    ],
)
def test_what_cannot_be_traced_is_told(house: House, table: str, key: str, problem: str):
    house.land("erp/orders", DAY, [order(), order("O9", quantity="0")])
    assert house.update() == []
    with pytest.raises(SettingError, match=problem):
        steps(house, table, key)


def told_line(house: House, key: str = "O2") -> dict[str, Any]:
    return steps(house, "silver.orders", key)[-1]["row"]


def test_a_file_that_has_gone_or_changed_gives_no_text(house: House):
    house.land("erp/orders", DAY, [order("O1"), order("O2")])
    assert house.update() == []
    assert told_line(house)["text"].startswith("O2,")
    # The new file is not loaded yet: its third line is not what the row came from.
    house.land("erp/orders", DAY, [order("O1"), order("O7")])
    line = told_line(house)
    assert (line["line"], "text" in line) == (3, False)
    house.unland("erp/orders", DAY)
    assert "text" not in told_line(house)


def test_the_line_is_found_in_every_format(house: House):
    rows = [order("O1"), order("O2", customer_id="Zoë")]
    text = csv_text(rows, order())
    landed = {
        "csv.gz": gzip.compress(text.encode()),
        "utf16.csv": text.encode("utf-16"),
        "latin.csv": text.encode("latin-1"),
        "crlf.csv": text.replace("\n", "\r\n").encode(),
        "cr.csv": text.replace("\n", "\r").encode(),
        "bom.csv": b"\xef\xbb\xbf" + text.encode(),
        "embedded.csv": text.replace("O1,C1", 'O1,"C1\nof\r\nthree lines"').encode(),
        "json.jsonl": "\n".join(json.dumps(dict(row), ensure_ascii=False) for row in rows).encode(),
    }
    for number, (name, content) in enumerate(landed.items()):
        house.land("erp/orders", day(number), content, name=f"part.{name}")
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), _place(house, day(20), "part.parquet"))
    assert house.update() == []
    found = [step["row"] for step in steps(house, "silver.orders", "O2") if step["table"] == "landing"]
    texts = {line["file"].rpartition("/part.")[2]: line.get("text") for line in found}
    expected = "O2,Zoë,P1,2,10.50,2024-03-09,PAID"
    assert texts == {
        **dict.fromkeys(landed, expected),
        "json.jsonl": json.dumps(dict(rows[1]), ensure_ascii=False),
        "parquet": None,
    }


def _place(house: House, arrival: Any, name: str) -> Path:
    folder = house.settings.landing / "erp/orders" / arrival.isoformat()
    folder.mkdir(parents=True)
    return folder / name


def test_a_line_beyond_the_end_is_none(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text("one\ntwo")
    assert [raw_line(path, number, None) for number in (1, 2, 3)] == ["one", "two", None]
