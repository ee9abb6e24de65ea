"""Define the options of a sample landing and their presets here; keep writing out."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from metalayer_assets.warehouse.errors import SettingError

EARLIEST_DAY = date(2010, 1, 1)
MOST_CUSTOMERS = 5_000_000


@dataclass(frozen=True)
class SampleOptions:
    """What a sample landing holds; equal options give equal bytes (with equal zlib and pyarrow versions).

    Attributes:
        days: Arrival days, the first of which brings the full extract of customers, accounts and products.
        first_day: The first arrival day.
        customers: Customers of the first extract; new ones join on later days.
        products: Products of the first extract.
        orders_per_day: Average new orders per day; weekdays and seasons move them, the total stays exact.
        changes: Changed customers per day, and as many account and a few product changes in proportion.
        tail_days: The last days that bring `tail_changes` rows a day instead of the ordinary load.
        tail_changes: Rows of each of customers, accounts and orders on a tail day (sales follow the orders).
        dirt: Share of rows with a blemish, 0 to 0.5; a dataset too small for one of each kind takes more.
        late: Share of new orders whose business day is up to 10 days before their arrival day, 0 to 1.
        variety: Whether some days come in other formats, encodings, delimiters and column orders.
        seed: Another seed gives another landing of the same kind.

    Raises:
        SettingError: An option is out of its bounds.
    """

    days: int = 60
    first_day: date = date(2024, 1, 1)
    customers: int = 400
    products: int = 60
    orders_per_day: int = 120
    changes: int = 8
    tail_days: int = 0
    tail_changes: int = 0
    dirt: float = 0.02
    late: float = 0.02
    variety: bool = True
    seed: int = 7

    def __post_init__(self) -> None:
        """Refuse options out of their bounds."""
        bounds: dict[str, tuple[float, float]] = {
            "days": (1, 10_000),
            "customers": (1, MOST_CUSTOMERS),
            "products": (1, 50_000),
            "orders_per_day": (0, 1_000_000),
            "changes": (0, MOST_CUSTOMERS),
            "tail_days": (0, self.days - 1),
            "tail_changes": (0, 1_000_000),
            "dirt": (0, 0.5),
            "late": (0, 1),
            "seed": (0, 2**63),
        }
        for name, (least, most) in bounds.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise SettingError(f"The sample option {name} is {value}: set it to a value from {least} to {most}.")
        if not EARLIEST_DAY <= self.first_day <= date(2200, 1, 1):
            raise SettingError(
                f"The sample option first_day is {self.first_day}: set it to a day from {EARLIEST_DAY} to 2200-01-01."
            )

    def day(self, index: int) -> date:
        """The arrival day with this index, 0 the first."""
        return self.first_day + timedelta(days=index)

    def is_tail(self, index: int) -> bool:
        """Whether the day with this index belongs to the tail of change extracts."""
        return index >= self.days - self.tail_days

    def as_dict(self) -> dict[str, Any]:
        """The options as JSON values."""
        return {name: str(v) if isinstance(v, date) else v for name, v in vars(self).items()}


PRESETS: dict[str, SampleOptions] = {
    "small": SampleOptions(),
    "medium": SampleOptions(days=365, customers=20_000, products=500, orders_per_day=275, changes=60),
    # At least 1,000,000 rows in each of customers, accounts, orders and sales, then 30 days of 10,000 changes.
    "full": SampleOptions(
        days=760,
        first_day=date(2022, 1, 1),
        customers=1_000_000,
        products=10_000,
        orders_per_day=1_460,
        changes=0,
        tail_days=30,
        tail_changes=10_000,
        variety=False,
    ),
}
