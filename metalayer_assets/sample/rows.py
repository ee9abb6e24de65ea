"""Define the datasets of a sample landing and one row of them here; keep inventing and writing out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import itemgetter

# Money is whole numbers of this many parts of one unit, so that sums and products stay exact.
MONEY_PARTS = 10_000
_MINUTES = tuple(f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(24 * 60))
_SECONDS = tuple(f":{second:02d}" for second in range(60))


@dataclass(frozen=True)
class Dataset:
    """One extract of a source system: its columns as the source writes them."""

    system: str
    name: str
    columns: tuple[str, ...]
    optional: tuple[str, ...] = ()
    places: dict[str, int] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Number the columns once."""
        object.__setattr__(self, "places", {column: i for i, column in enumerate(self.columns)})


CUSTOMERS = Dataset(
    "crm",
    "customers",
    (
        "customer_id",
        "first_name",
        "last_name",
        "email",
        "phone",
        "address",
        "city",
        "state",
        "zip",
        "dob",
        "created_date",
        "updated_at",
        "is_deleted",
    ),
    optional=("updated_at", "is_deleted"),
)
ACCOUNTS = Dataset("crm", "accounts", ("customer_id", "customer_name", "email", "region"))
PRODUCTS = Dataset(
    "erp",
    "products",
    ("product_code", "product_name", "category", "unit_cost", "list_price", "updated_at", "is_deleted"),
    optional=("updated_at", "is_deleted"),
)
ORDERS = Dataset(
    "erp",
    "orders",
    (
        "order_id",
        "customer_id",
        "product_code",
        "quantity",
        "price_per_unit",
        "order_date",
        "status",
        "is_deleted",
    ),
    optional=("is_deleted",),
)
SALES = Dataset(
    "erp",
    "sales",
    ("sales_id", "product_id", "customer_id", "quantity", "sale_date", "sale_amount", "is_deleted"),
    optional=("is_deleted",),
)
DATASETS = (CUSTOMERS, ACCOUNTS, PRODUCTS, ORDERS, SALES)


@dataclass(slots=True)
class Row:
    """One row of an extract: what is written, and what its inventor knows that it means.

    `texts` are in the order of the dataset's columns; `key` is the business key, blank when it is.
    Customers and products carry `sequence` (None: the arrival day); orders and sales carry the rest, with money
    in 1/10,000. `blemish` names what was done to it, `rule` the rule it breaks so that it must be quarantined,
    `broken` how its line is unreadable.
    """

    texts: list[str]
    key: str
    sequence: datetime | None = None
    day: date | None = None
    status: str = ""
    quantity: int = 0
    unit: int = 0
    deleted: bool = False
    has_customer: bool = True
    blemish: str | None = None
    rule: str | None = None
    broken: str | None = None

    def copy(self) -> "Row":
        """The same row again, to be changed on its own."""
        return Row(
            list(self.texts),
            self.key,
            self.sequence,
            self.day,
            self.status,
            self.quantity,
            self.unit,
            self.deleted,
            self.has_customer,
            self.blemish,
            self.rule,
            self.broken,
        )


def money_text(parts: int) -> str:
    """An exact amount as text: at least two decimals, four when the amount has them."""
    if parts < 0:
        return "-" + money_text(-parts)
    whole, rest = divmod(parts, MONEY_PARTS)
    if rest % 100 == 0:
        return f"{whole}.{rest // 100:02d}"
    return f"{whole}.{rest:04d}".rstrip("0")


def clock_text(second: int) -> str:
    """A second of the day as HH:MM:SS."""
    minute, rest = divmod(second, 60)
    return _MINUTES[minute] + _SECONDS[rest]


def picker(dataset: Dataset, columns: Iterable[str]) -> Callable[[list[str]], tuple[str, ...]]:
    """A function from a row's texts to those of these columns, in this order."""
    first, *rest = (dataset.places[column] for column in columns)
    return itemgetter(first, *rest)
