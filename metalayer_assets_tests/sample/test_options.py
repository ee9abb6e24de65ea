"""Hold the options to their bounds."""

from datetime import date

import pytest

from metalayer_assets.sample import PRESETS, SampleOptions
from metalayer_assets.warehouse.errors import SettingError


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("days", 0),
        ("customers", 0),
        ("customers", 5_000_001),
        ("products", 0),
        ("orders_per_day", -1),
        ("changes", -1),
        ("tail_days", 60),
        ("tail_changes", -1),
        ("dirt", -0.01),
        ("dirt", 0.51),
        ("dirt", float("nan")),
        ("late", 1.01),
        ("seed", -1),
        ("first_day", date(2009, 12, 31)),
    ],
)
def test_an_option_out_of_its_bounds_is_named(option, value):
    with pytest.raises(SettingError, match=f"option {option} is {value}: set it to"):
        SampleOptions(**{option: value})


def test_the_presets_have_the_sizes_that_they_promise():
    assert set(PRESETS) == {"small", "medium", "full"}
    assert PRESETS["small"] == SampleOptions()
    medium, full = PRESETS["medium"], PRESETS["full"]
    assert medium.days * medium.orders_per_day >= 100_000
    assert full.customers == 1_000_000
    assert full.days - full.tail_days == 730
    assert (full.tail_days, full.tail_changes) == (30, 10_000)
    assert (full.days - full.tail_days) * full.orders_per_day >= 1_000_000


def test_the_tail_is_the_last_days():
    options = SampleOptions(days=10, tail_days=3)
    assert [index for index in range(10) if options.is_tail(index)] == [7, 8, 9]
    assert options.day(9) == date(2024, 1, 10)


def test_the_options_are_told_as_json_values():
    assert SampleOptions().as_dict()["first_day"] == "2024-01-01"
