"""Try to publish a slice that is too bad, and to have a good one refused."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from metalayer_assets.contracts import CATALOG, Contract, Thresholds
from metalayer_assets.warehouse.audit import Refusal
from metalayer_assets.warehouse.ledger import WriteReport
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets_tests.house import LENIENT, House
from metalayer_assets_tests.scenario import DATASETS, DAY, Row, account, customer, day, order

ORDERS, ACCOUNTS, CUSTOMERS = "erp/orders", "crm/accounts", "crm/customers"


def rows(sound: int, broken: int) -> list[Row]:
    """Orders, of which the broken ones have no readable quantity."""
    return [order(f"O{n}") for n in range(sound)] + [order(f"X{n}", quantity="some") for n in range(broken)]


@pytest.fixture
def house(house: House) -> House:
    """A warehouse with the limits that a person has who sets none."""
    defaults = Settings()
    return house.with_settings(**{name: getattr(defaults, name) for name in LENIENT})


def land(house: House, dataset: str, *days: date) -> WriteReport:
    """Write the bronze slices alone."""
    return house.write(DATASETS[dataset][0], *days)


@pytest.mark.parametrize(
    ("sound", "broken", "changes", "refused"),
    [
        (94, 6, {}, True),
        (95, 5, {}, False),
        (9, 1, {}, False),
        (0, 5, {}, False),
        (0, 6, {}, True),
        (200, 10, {}, False),
        (94, 6, {"reject_limit": 0.06}, False),
        (94, 6, {"reject_rows": 6}, False),
        (99, 1, {"reject_rows": 0, "reject_limit": 0.0}, True),
        (100, 0, {"reject_rows": 0, "reject_limit": 0.0}, False),
        (0, 9, {"reject_limit": 1.0}, False),
    ],
)
def test_a_slice_is_refused_when_rules_keep_out_more_than_the_limit(
    house: House, sound: int, broken: int, changes: dict[str, float], refused: bool
):
    house = house.with_settings(**changes)
    house.land(ORDERS, DAY, rows(sound, broken))
    land(house, ORDERS, DAY)
    if refused:
        with pytest.raises(Refusal, match=f"rules keep out {broken} of {sound + broken} rows"):
            house.write("silver.orders", DAY)
    else:
        assert house.write("silver.orders", DAY).slices[DAY].rows_quarantined == broken


def test_a_refusal_names_the_worst_rules_and_three_rows_and_leaves_the_old_slice(house: House):
    house.land(ORDERS, DAY, rows(20, 0))
    assert house.update() == []
    before = house.physical("silver.orders")
    house.land(ORDERS, DAY, [*rows(20, 7), order("Y1", status="GIFTED"), order("Y2", quantity="", status="")])
    (refusal,) = house.update()
    assert refusal == (
        "silver.orders was not written, the old slices stay. 2024-03-10: rules keep out 9 of 29 rows (31.0%), more than"
        " 5.0%. Worst: quantity_given (8 rows), status_given (1 rows), status_known (1 rows). For example:"
        " erp/orders/2024-03-10/part-0.csv line 30: order_id Y2 breaks quantity_given, status_given;"
        " erp/orders/2024-03-10/part-0.csv line 22: order_id X0 breaks quantity_given;"
        " erp/orders/2024-03-10/part-0.csv line 23: order_id X1 breaks quantity_given. Mend the extract and land it"
        " again, or mend the rule; if the rows are to be kept out, raise METALAYER_REJECT_LIMIT."
    )
    assert house.physical("silver.orders") == before
    # The old bronze day is gone by then, as its file is: once the file is mended, all goes on.
    house.land(ORDERS, DAY, rows(21, 0))
    assert house.update() == []
    assert house.value("select count(*) from silver.orders") == 21
    assert house.problems() == []


def test_a_contract_has_limits_of_its_own(house: House, monkeypatch: pytest.MonkeyPatch):
    house.land(ORDERS, DAY, rows(50, 50))
    land(house, ORDERS, DAY)
    _declare(monkeypatch, house, "silver.orders", Thresholds(max_rejected=0.4))
    with pytest.raises(Refusal, match=r"more than 40\.0%.*raise the contract's thresholds\.$"):
        house.write("silver.orders", DAY)
    _declare(monkeypatch, house, "silver.orders", Thresholds(max_rejected=0.5))
    assert house.write("silver.orders", DAY).slices[DAY].rows_quarantined == 50


def _declare(monkeypatch: pytest.MonkeyPatch, house: House, table: str, thresholds: Thresholds) -> Contract:
    contract = replace(CATALOG[table], thresholds=thresholds)
    monkeypatch.setitem(CATALOG._by_name, table, contract)
    return contract


def test_a_score_below_what_is_wanted_refuses_only_where_the_contract_says_so(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    # Neither names nor e-mails: as the accounts of the retail data are.
    house.land(ACCOUNTS, DAY, [account(f"C{n}", customer_name="", email="") for n in range(10)])
    land(house, ACCOUNTS, DAY)
    assert house.write("silver.accounts", DAY).slices[DAY].quality_score == Decimal("0.6666")
    house.land(ACCOUNTS, day(1), [account("C1", customer_name="", email="")])
    land(house, ACCOUNTS, day(1))
    _declare(monkeypatch, house, "silver.accounts", Thresholds(refuse_below_score=True))
    with pytest.raises(
        Refusal,
        match=r"its quality score is 0\.6666, below 0\.95, which silver\.accounts must have\. The rules that cost"
        r" most: email_given \(1 rows\), name_given \(1 rows\)\. For example: crm/accounts/2024-03-11/part-0\.csv"
        r" line 2: customer_id C1 breaks name_given, email_given\. Mend",
    ):
        house.write("silver.accounts", day(1))
    _declare(monkeypatch, house, "silver.accounts", Thresholds(score=0.6, refuse_below_score=True))
    assert house.write("silver.accounts", day(1)).published == {day(1)}


def test_a_file_with_too_many_unreadable_lines_is_refused_and_says_which(house: House):
    header = ",".join(order("O0"))
    lines = [header, ",".join(order("O0").values()), *(f"too;few;{n}" for n in range(4))]
    house = house.with_settings(unreadable_limit=3)
    house.land(ORDERS, DAY, "\n".join(lines) + "\n")
    with pytest.raises(
        Refusal,
        match=r"part-0\.csv: 4 of 5 lines cannot be read, more than 3\. For example: line 3: .*; line 4: .*; line 5: .*"
        r"\. Mend the file and land it again; if the lines are to be kept out, raise METALAYER_UNREADABLE_LIMIT\.",
    ):
        land(house, ORDERS, DAY)
    assert house.value("select count(*) from quarantine.bronze_lines") == 0
    house = house.with_settings(unreadable_limit=4)
    assert land(house, ORDERS, DAY).slices[DAY].rows_quarantined == 4


def test_limits_hold_for_each_slice_of_a_range_by_itself(house: House):
    batches: Sequence[Sequence[Row]] = (rows(100, 0), rows(0, 6), rows(100, 0))
    for number, batch in enumerate(batches):
        house.land(ORDERS, day(number), batch)
    land(house, ORDERS, *(day(n) for n in range(3)))
    with pytest.raises(Refusal) as refused:
        house.write("silver.orders", *(day(n) for n in range(3)))
    assert refused.value.reasons.keys() == {day(1)}


def test_what_is_told_of_a_person_is_no_part_of_a_refusal(house: House):
    told = [customer(f"C{n}", email="ada@example.org", is_deleted="perhaps", dob="1815-12-10") for n in range(8)]
    house.land(CUSTOMERS, DAY, told)
    land(house, CUSTOMERS, DAY)
    with pytest.raises(Refusal) as refused:
        house.write("silver.customers", DAY)
    assert "is_deleted_readable (8 rows)" in str(refused.value)
    assert not any(word in str(refused.value) for word in ("ada@example.org", "1815", "Lovelace"))
