from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest

from metalayer_assets.contracts import CATALOG, Contract, Judged, Severity
from metalayer_assets.contracts.predicate import Present
from metalayer_assets.warehouse.scores import score
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import AWKWARD, DATASETS, DAY, EDGES, customer, order, sale

JUDGED = [contract for contract in CATALOG.values() if isinstance(contract.source, Judged)]


def quarantine_of(contract: Contract) -> str:
    assert isinstance(contract.source, Judged)
    return contract.source.quarantine


def test_every_rule_of_every_judged_table_is_broken_by_a_row_of_the_scenario():
    rules = {contract.name: {rule.id for rule in contract.rules} for contract in JUDGED}
    assert {silver: set(AWKWARD[dataset]) for dataset, (_, silver, _) in DATASETS.items()} == rules


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_row_breaks_its_rule_and_no_other(house: House, dataset: str):
    _, silver, clean = DATASETS[dataset]
    contract = CATALOG[silver]
    severities = {rule.id: rule.severity for rule in contract.rules}
    rows = [clean("fine"), *EDGES[dataset], *AWKWARD[dataset].values()]
    house.land(dataset, DAY, rows)
    report = house.load(dataset, DAY)

    by_line = dict(zip(range(2, 2 + len(rows)), [set(), *({} for _ in EDGES[dataset]), *AWKWARD[dataset]], strict=True))
    expected = {line: [rule] if rule else [] for line, rule in by_line.items()}
    written = dict(house.fetch(f"select source_line, broken_rules from {silver}"))
    kept_out = dict(house.fetch(f"select source_line, failed_rules from {quarantine_of(contract)}"))
    rejecting = {line for line, rules in expected.items() if rules and severities[rules[0]] is Severity.REJECT}
    assert kept_out == {line: expected[line] for line in rejecting}
    assert written == {line: rules for line, rules in expected.items() if line not in rejecting}

    counts = report.slices[DAY]
    row_rules = {rule.id for rule in contract.rules}
    broken = {rule.rule_id: rule.rows_broken for rule in counts.rules}
    assert {rule: rows for rule, rows in broken.items() if rows and rule in row_rules} == dict.fromkeys(
        AWKWARD[dataset], 1
    )
    # Whether something is given is asked of every row, and of its form only where it is.
    asked = {rule.rule_id: rule.rows_examined for rule in counts.rules}
    assert {asked[rule.id] for rule in contract.rules if isinstance(rule.holds, Present)} == {len(rows)}
    assert all(0 < asked[rule] <= len(rows) for rule in AWKWARD[dataset])
    told = dict(house.fetch("select rule_id, rows_broken from meta.rule_results where table_name = %(t)s", t=silver))
    assert told == broken


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_quarantine_keeps_the_raw_values_to_the_last_blank(house: House, dataset: str):
    bronze, silver, clean = DATASETS[dataset]
    contract = CATALOG[silver]
    rejecting = {rule.id for rule in contract.rules_of(Severity.REJECT)}
    odd = {name: f' {value} "|\\\n\té' for name, value in clean("").items()}
    odd[next(iter(odd))] = " \t "
    rows = [row for rule, row in AWKWARD[dataset].items() if rule in rejecting] + [odd]
    house.land(dataset, DAY, rows)
    house.load(dataset, DAY)
    columns = [c.name for c in CATALOG[bronze].columns if not c.name.startswith("_")]
    kept = [raw for (raw,) in house.fetch(f"select raw from {quarantine_of(contract)} order by source_line")]
    # Nothing between two commas is no value, nor is a column that the file lacks.
    assert kept == [{name: row.get(name) or None for name in columns} for row in rows]
    assert house.problems() == []


@pytest.mark.parametrize(
    ("dataset", "row", "broken"),
    [
        ("erp/orders", order(), 0),
        ("erp/orders", order(customer_id=""), 1),
        ("crm/customers", customer(email="x", phone="x", state="x", dob="x", created_date="x"), 5),
        ("crm/customers", customer(email="", phone="", state="", dob="", created_date="", last_name=""), 2),
    ],
)
def test_the_score_is_the_share_of_the_rules_that_a_row_keeps(
    house: House, dataset: str, row: Mapping[str, str], broken: int
):
    house.land(dataset, DAY, [row])
    report = house.load(dataset, DAY)
    silver = DATASETS[dataset][1]
    expected = round(1 - Decimal(broken) / len(CATALOG[silver].rules), 4)
    assert house.value(f"select quality_score from {silver}") == expected
    row_rules = {rule.id for rule in CATALOG[silver].rules}
    assert sum(rule.rows_broken for rule in report.slices[DAY].rules if rule.rule_id in row_rules) == broken
    assert report.slices[DAY].quality_score == score(report.slices[DAY].rules)


def test_what_is_missing_breaks_nothing_but_that_it_is_missing(house: House):
    # Of a line with next to nothing on it, nobody can say that it is a record.
    house.land("erp/orders", DAY, [{**dict.fromkeys(order(), ""), "customer_id": "C1", "is_deleted": "no"}])
    house.load("erp/orders", DAY)
    assert house.value("select failed_rules from quarantine.orders") == [
        "order_id_given",
        "product_code_given",
        "quantity_given",
        "unit_price_given",
        "ordered_at_given",
        "status_given",
    ]


def test_the_last_line_that_can_be_read_stands_for_the_day(house: House):
    house.land(
        "erp/orders",
        DAY,
        [order("O1", quantity="1"), order("O2"), order(" O1 ", quantity="2"), order("O1", quantity="none")],
    )
    report = house.load("erp/orders", DAY)
    assert house.fetch("select order_id, quantity, source_line from silver.orders order by 1") == [
        ("O1", 2, 4),
        ("O2", 2, 3),
    ]
    # The broken telling is kept out, and replaces nothing.
    assert house.fetch("select order_id, source_line, raw ->> 'quantity' from quarantine.orders") == [("O1", 5, "none")]
    counts = report.slices[DAY]
    assert (counts.rows_read, counts.rows_written, counts.rows_collapsed, counts.rows_quarantined) == (4, 2, 1, 1)


def test_a_later_file_by_name_beats_a_later_line(house: House):
    house.land("erp/orders", DAY, [order(quantity="9")], name="part-2.csv")
    house.land("erp/orders", DAY, [order("O2"), order("O3"), order(quantity="1")], name="part-1.csv")
    house.land("erp/orders", DAY, [order("O4"), order(quantity="5")], name="part-10.csv")
    house.load("erp/orders", DAY)
    assert house.fetch("select quantity, source_file_id from silver.orders where order_id = 'O1'") == [
        (9, house.file_id("erp/orders", DAY, "part-2.csv"))
    ]


def test_a_file_that_comes_late_and_stands_first_by_name_replaces_nothing(house: House):
    house.land("erp/orders", DAY, [order(quantity="9")], name="b.csv")
    assert house.update() == []
    house.land("erp/orders", DAY, [order(quantity="1")], name="a.csv")
    assert house.update() == []
    assert house.value("select quantity from silver.orders") == 9
    assert (
        house.value(
            "select rows_collapsed from meta.slice_ledger where table_name = 'silver.orders'"
            " order by write_id desc limit 1"
        )
        == 1
    )


def test_a_deletion_is_a_telling_like_any_other(house: House):
    house.land("erp/orders", DAY, [order(is_deleted="true"), order("O2"), order("O2", is_deleted="yes")])
    house.load("erp/orders", DAY)
    assert house.fetch("select order_id, is_deleted from silver.orders order by 1") == [("O1", True), ("O2", True)]


def test_every_change_of_a_customer_in_one_extract_stays(house: House):
    house.land(
        "crm/customers",
        DAY,
        [
            customer(email="a@example.org", updated_at="2024-03-09T10:00:00Z"),
            customer(email="b@example.org", updated_at="2024-03-09 12:00:00+02:00"),
            customer(email="c@example.org", updated_at="2024-03-09T11:00:00Z"),
            customer(email="d@example.org"),
        ],
    )
    report = house.load("crm/customers", DAY)
    # The second is told of the same moment in another zone.
    assert house.fetch("select email, changed_at::text from silver.customers order by changed_at") == [
        ("b@example.org", "2024-03-09 10:00:00+00"),
        ("c@example.org", "2024-03-09 11:00:00+00"),
        ("d@example.org", "2024-03-10 00:00:00+00"),
    ]
    assert report.slices[DAY].rows_collapsed == 1


def test_the_business_day_is_the_day_in_utc(house: House):
    house.land(
        "erp/orders", DAY, [order("O1", order_date="2024-03-10 00:30:00+02:00"), order("O2", order_date="20240309")]
    )
    house.land("erp/sales", DAY, [sale(sale_date="2024-03-08T23:30:00-01:00")])
    house.load("erp/orders", DAY)
    house.load("erp/sales", DAY)
    assert house.fetch("select distinct order_date from silver.orders") == [(date(2024, 3, 9),)]
    assert house.fetch("select sale_date from silver.sales") == [(date(2024, 3, 9),)]


def test_amounts_are_exact_and_sizes_follow_the_absolute_amount(house: House):
    told = {
        "O1": ("1", "99.999", "SMALL"),
        "O2": ("1", "100", "MEDIUM"),
        "O3": ("3", "333.333333333333333333", "MEDIUM"),
        "O4": ("2", "500.00", "LARGE"),
        "O5": ("-1", "1000", "LARGE"),
    }
    house.land(
        "erp/orders",
        DAY,
        [order(key, quantity=q, price_per_unit=p, status="cancelled") for key, (q, p, _) in told.items()],
    )
    house.load("erp/orders", DAY)
    assert house.fetch("select order_id, total_amount, order_size from silver.orders order by 1") == [
        (key, int(quantity) * Decimal(price), size) for key, (quantity, price, size) in told.items()
    ]


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("paid", "COMPLETED"),
        (" Complete ", "COMPLETED"),
        ("in transit", "SHIPPED"),
        ("canceled", "CANCELLED"),
        ("Return", "RETURNED"),
        ("new", "PENDING"),
    ],
)
def test_a_source_spelling_of_a_status_is_read(house: House, told: str, status: str):
    house.land("erp/orders", DAY, [order(status=told)])
    house.load("erp/orders", DAY)
    assert house.value("select status from silver.orders") == status


def test_a_restatement_with_an_earlier_calendar_lets_older_rows_in(house: House):
    house.land("erp/orders", DAY, [order(order_date="2022-12-31")])
    assert house.update() == []
    assert house.value("select count(*) from silver.orders") == 0
    earlier = house.with_settings(start_date=date(2022, 1, 1))
    assert earlier.update() == []
    assert earlier.value("select count(*) from gold.fact_orders") == 1
    assert earlier.value("select count(*) from quarantine.orders where state = 'open'") == 0
    assert earlier.problems() == []


def test_nothing_of_a_rejected_row_reaches_gold(house: House):
    house.land("erp/orders", DAY, [*AWKWARD["erp/orders"].values()])
    house.land("erp/sales", DAY, [*AWKWARD["erp/sales"].values()])
    assert house.update() == []
    assert house.fetch("select order_id from gold.fact_orders") == [("O14",)]
    assert house.fetch("select sales_id from gold.fact_sales") == [("S11",)]
    # No customer is told: the unknown member.
    assert house.fetch("select customer_key, customer_id from gold.fact_orders") == [(0, None)]
    # Nor does a rejected row name anybody.
    assert house.fetch("select customer_id from gold.dim_customer") == []
    assert house.fetch("select product_code from gold.dim_product") == [("P1",)]
