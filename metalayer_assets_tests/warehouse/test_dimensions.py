"""Try to break a dimension that two sources tell of: what each change carries, where it begins, what it forgets."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from metalayer_assets.warehouse.database import Database
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import DAY, Row, day, order
from metalayer_assets_tests.warehouse.conftest import new_house
from metalayer_assets_tests.warehouse.members import (
    ACCOUNTS,
    CUSTOMERS,
    ORDERS,
    at,
    company,
    lived,
    origins,
    person,
    update,
)
from metalayer_assets_tests.warehouse.tellings import Held, Telling, versions_of

EXAMPLES = 5


def test_each_change_carries_what_the_other_source_told_last(house: House):
    house.land(CUSTOMERS, DAY, [person(city="Oslo", updated_at=at(1)), person(city="Rome", updated_at=at(5))])
    house.land(ACCOUNTS, DAY, [company(region="EMEA", updated_at=at(3)), company(region="APAC", updated_at=at(7))])
    update(house)
    assert lived(house) == [
        (at(1), at(3), "Oslo", None, "Ada Lovelace"),
        (at(3), at(5), "Oslo", "EMEA", "Lady Ada"),
        (at(5), at(7), "Rome", "EMEA", "Lady Ada"),
        (at(7), None, "Rome", "APAC", "Lady Ada"),
    ]


def test_what_both_sources_tell_at_one_moment_is_one_version_that_the_first_source_began(house: House):
    house.land(ACCOUNTS, DAY, [company(updated_at=at(3))])
    update(house)
    assert origins(house) == [(DAY, 2, "accounts")]
    house.land(CUSTOMERS, day(1), [person("C0"), person(city="Oslo", updated_at=at(3))])
    update(house)
    assert lived(house) == [(at(3), None, "Oslo", "EMEA", "Lady Ada")]
    assert origins(house) == [(day(1), 3, "customers")]
    assert house.problems() == []


def test_a_deletion_by_one_source_closes_and_forgets_only_what_that_source_told(house: House):
    house.land(CUSTOMERS, DAY, [person(city="Oslo", updated_at=at(1))])
    house.land(ACCOUNTS, DAY, [company(updated_at=at(2)), company(updated_at=at(4), is_deleted="true")])
    update(house)
    assert lived(house)[-1][:2] == (at(2), at(4))
    # The other source opens again: it is told, the deleted one is not.
    house.land(CUSTOMERS, day(1), [person(city="Rome", updated_at=at(6))])
    update(house)
    assert lived(house)[-1] == (at(6), None, "Rome", None, "Ada Lovelace")
    # And the deleted one comes back, with what it tells now.
    house.land(ACCOUNTS, day(2), [company(region="LATAM", updated_at=at(8))])
    update(house)
    assert lived(house)[2:] == [
        (at(6), at(8), "Rome", None, "Ada Lovelace"),
        (at(8), None, "Rome", "LATAM", "Lady Ada"),
    ]
    assert house.problems() == []


def test_a_member_that_one_source_opens_again_carries_what_the_other_told_before(house: House):
    house.land(ACCOUNTS, DAY, [company(updated_at=at(1))])
    house.land(CUSTOMERS, DAY, [person(updated_at=at(2)), person(updated_at=at(3), is_deleted="true")])
    house.land(ACCOUNTS, day(1), [company(updated_at=at(5))])
    update(house)
    # The account has told nothing new, but it has told: the member is there again, as the account knows it.
    assert lived(house)[2:] == [(at(5), None, None, "EMEA", "Lady Ada")]
    house.land(CUSTOMERS, day(2), [person(city="Rome", updated_at=at(4))])
    update(house)
    assert lived(house)[2:] == [(at(4), None, "Rome", "EMEA", "Lady Ada")]
    assert house.problems() == []


def test_at_one_moment_the_deletion_by_one_source_closes_and_what_the_other_tells_is_kept(house: House):
    house.land(ACCOUNTS, DAY, [company(updated_at=at(1)), company(updated_at=at(3), is_deleted="true")])
    house.land(CUSTOMERS, DAY, [person(city="Oslo", updated_at=at(3))])
    house.land(ACCOUNTS, day(1), [company(region="APAC", updated_at=at(5))])
    update(house)
    assert lived(house) == [
        (at(1), at(3), None, "EMEA", "Lady Ada"),
        (at(5), None, "Oslo", "APAC", "Lady Ada"),
    ]


def test_a_version_begins_with_the_row_that_told_it_first(house: House):
    house.land(CUSTOMERS, day(2), [person("C0"), person(city="Oslo", updated_at=at(1))])
    update(house)
    assert origins(house) == [(day(2), 3, "customers")]
    # An earlier arrival of the same row is found out late; a later one moves nothing.
    house.land(CUSTOMERS, day(1), [person(city="Oslo", updated_at=at(1))])
    house.land(CUSTOMERS, day(3), [person(city="Oslo", updated_at=at(1))])
    update(house)
    assert origins(house) == [(day(1), 2, "customers")]
    # Another value at the same moment wins by its arrival, and told again after that it is told anew.
    house.land(CUSTOMERS, day(2), [person("C0"), person(city="Rome", updated_at=at(1))])
    update(house)
    assert [(version[2], *origin) for version, origin in zip(lived(house), origins(house), strict=True)] == [
        ("Oslo", day(3), 2, "customers")
    ]
    assert house.problems() == []


_some = st.sampled_from
_cities, _regions = _some(["Oslo", "Rome"]), _some(["EMEA", "APAC"])
_tellings = st.builds(
    Telling,
    member=_some(["C1", "C1", "C2"]),
    at=_some([at(n, hour) for n, hour in ((2, 0), (4, 0), (4, 8), (5, 0), (7, 0))]),
    place=st.just((DAY, 0)),
    tracked=st.tuples(_some(["0", "1"])),
    untracked=st.tuples(_some(["2023-01-01", "2023-01-02"])),
    deleted=_some([False, False, False, True]),
    source=_some([0, 1]),
)
_CITY, _REGION = {"0": "Oslo", "1": "Rome"}, {"0": "EMEA", "1": "APAC"}


def _row_of(telling: Telling) -> Row:
    told = {"updated_at": telling.at, "is_deleted": "true" if telling.deleted else ""}
    (value,), (note,) = telling.tracked, telling.untracked
    if telling.source == 0:
        return person(telling.member, city=_CITY[value or ""], created_date=note, **told)
    return company(telling.member, region=_REGION[value or ""], **told)


def _put(house: House, arrival: date, tellings: Sequence[Telling]) -> list[Telling]:
    """Land a day of both sources; the tellings with their places."""
    placed = []
    for source, dataset in enumerate((CUSTOMERS, ACCOUNTS)):
        of_source = [telling for telling in tellings if telling.source == source]
        house.land(dataset, arrival, [_row_of(telling) for telling in of_source])
        placed += [replace(telling, place=(arrival, place)) for place, telling in enumerate(of_source)]
    # An account has nothing that is not tracked.
    return [replace(telling, untracked=()) if telling.source else telling for telling in placed]


def _joined(versions: Sequence[Held], business_day: date) -> datetime | None:
    """When the version began that a fact of a day joins: the last begun at the day's beginning, else the first."""
    begun = [held for held in versions if held.valid_from <= datetime.combine(business_day, datetime.min.time(), UTC)]
    return (begun[-1] if begun else versions[0]).valid_from if versions else None


def check_customers(house: House, told: Mapping[date, Sequence[Telling]]) -> None:
    """Hold the dimension of customers, and the facts joined to it, against the versions that the tellings result in."""
    due = versions_of([telling for day_told in told.values() for telling in day_told], sources=2)
    shown = house.fetch(
        "select customer_id, version, valid_from, valid_to, first_name is not null, city, region, created_date::text,"
        " arrival_day, source_line - 2 from gold.dim_customer where not is_inferred order by customer_id, valid_from"
    )
    assert shown == [
        (
            *(held.member, held.version, held.valid_from, held.valid_to, held.tracked[0] is not None),
            _CITY[held.tracked[0][0] or ""] if held.tracked[0] else None,
            _REGION[held.tracked[1][0] or ""] if held.tracked[1] else None,
            held.untracked[0][0] if held.untracked[0] else None,
            *held.origin,
        )
        for held in due
    ]
    facts = house.fetch(
        "select customer_id, order_date, version.valid_from, coalesce(version.is_inferred, true)"
        " from gold.fact_orders as fact left join gold.dim_customer as version using (customer_key, customer_id)"
        " order by order_id"
    )
    assert facts
    for member, business_day, joined, is_inferred in facts:
        of_member = [held for held in due if held.member == member]
        assert is_inferred == (not of_member)
        if of_member:
            assert joined == _joined(of_member, business_day), (member, business_day)


@given(st.data())
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_two_sources_in_any_order_restated_at_will_make_the_history_that_one_moment_after_the_other_makes(
    prepared_databases: tuple[Database, Database], data: st.DataObject
):
    arrivals = data.draw(st.lists(st.integers(0, 2), min_size=2, max_size=5), "arrivals")
    with (
        TemporaryDirectory() as folder,
        new_house(prepared_databases[0], Path(folder) / "landing") as house,
    ):
        house.land(
            ORDERS,
            DAY,
            [
                order(f"O{n}-{who}", customer_id=who, order_date=f"2024-03-0{n}")
                for n in range(2, 8)
                for who in ("C1", "C2")
            ],
        )
        told: dict[date, Sequence[Telling]] = {}
        for number in arrivals:
            told[day(number)] = _put(house, day(number), data.draw(st.lists(_tellings, max_size=5), f"day {number}"))
            if data.draw(st.booleans(), "update"):
                update(house)
                check_customers(house, told)
        update(house)
        check_customers(house, told)
        assert house.problems() == []
