"""Declare the dimensions here: members with the versions that they went through. Keep how versions are made out.

The models in `sql/gold/` say what a member is like at one moment; `warehouse.scd2` makes the history of it.
"""

from datetime import date

from metalayer_assets.contracts.bronze import ARRIVAL_DAY
from metalayer_assets.contracts.model import Column, Contract, Guard, Historised, Reads
from metalayer_assets.contracts.types import Type

# An inferred member is valid since ever: nobody has told when it began.
INFERRED_FROM = "1900-01-01 00:00:00+00"
FIRST_DAY, LAST_DAY = date(1, 1, 1), date(9999, 12, 31)

# A late change may take a version back, or move it to the slice of the day that told it first.
_FOLLOWS = Guard(max_loss=1.0, may_empty=True)

_SILVER_SLICE = ARRIVAL_DAY.removeprefix("_")

# What the engine yields for every version, beside the surrogate, the natural key and the attributes.
VERSION = Column("version", Type.INTEGER, "Place among the member's versions, from 1.", nullable=False, ordinal=True)
_VERSION_TIME = (
    Column("valid_from", Type.TIMESTAMP, "Sequence of the change that opened the version.", nullable=False),
    Column("valid_to", Type.TIMESTAMP, "Sequence of the change that ended it, exclusive; NULL while it is open."),
    Column("is_current", Type.BOOLEAN, "Whether the version is open.", nullable=False),
    Column(
        "is_inferred",
        Type.BOOLEAN,
        "Whether no source has told of the member yet: it is known only from rows that name it.",
        nullable=False,
    ),
)
_VERSION_ORIGIN = (
    Column(
        "facts_from",
        Type.DATE,
        "First business day whose facts join the version; the first version takes all days before as well.",
        nullable=False,
    ),
    Column(
        "facts_until",
        Type.DATE,
        "First business day whose facts join the next version; days of a gap belong to the version before it.",
        nullable=False,
    ),
    Column("change_hash", Type.BIGINT, "Hash of the tracked attributes; NULL for an inferred member."),
    Column("arrival_day", Type.DATE, "Day that the row which opened the version arrived.", nullable=False),
    Column("source_file_id", Type.BIGINT, "File that the row came in.", nullable=False),
    Column("source_line", Type.BIGINT, "Line of that file.", nullable=False),
)
ENGINE_COLUMNS = (VERSION, *_VERSION_TIME, *_VERSION_ORIGIN)


def history_of(contract: Contract) -> Historised:
    """The contract's statement of its history.

    Raises:
        TypeError: The table is no dimension.
    """
    if not isinstance(contract.source, Historised):
        raise TypeError(f"{contract.name} has no history")
    return contract.source


def attributes_of(contract: Contract) -> tuple[str, ...]:
    """What is known of a dimension's members: neither keys nor what the engine knows of a version."""
    history = history_of(contract)
    own = {history.surrogate, *history.natural_key, *(column.name for column in ENGINE_COLUMNS)}
    return tuple(name for name in contract.column_names if name not in own)


def dimension(
    name: str,
    description: str,
    *,
    natural_key: tuple[Column, ...],
    surrogate: str,
    attributes: tuple[Column, ...],
    reads: tuple[Reads, ...],
    named_by: tuple[Reads, ...] = (),
) -> Contract:
    """The contract of a dimension: its own columns among those that the engine yields for every version.

    Args:
        name: `gold.dim_<member>`.
        description: What a member is.
        natural_key: Columns that identify a member.
        surrogate: Name of the column that identifies a version.
        attributes: What is known of a member; each tracked or not.
        reads: The tables that tell of members, with their natural key. Of what several tell at one moment, the row of
            the first stands as the version's origin.
        named_by: Tables that name members, with the columns that do.
    """
    keys = tuple(column.name for column in natural_key)
    identity = Column(surrogate, Type.BIGINT, f"The version: hash of {', '.join(keys)} and valid_from.", nullable=False)
    return Contract(
        name=name,
        description=description,
        columns=(identity, *natural_key, VERSION, *_VERSION_TIME, *attributes, *_VERSION_ORIGIN),
        key=(*keys, "valid_from"),
        source=Historised(natural_key=keys, surrogate=surrogate, named_by=named_by),
        slice_by=_SILVER_SLICE,
        reads=reads,
        indexes=((_SILVER_SLICE,),),
        guard=_FOLLOWS,
    )


DIM_CUSTOMER = dimension(
    "gold.dim_customer",
    "Customers as the CRM has told of them, one row per version; those known only from orders or sales are inferred.",
    natural_key=(Column("customer_id", Type.TEXT, "Identifier of the customer.", nullable=False),),
    surrogate="customer_key",
    attributes=(
        Column("customer_name", Type.TEXT, "Name on the account, else first and last name.", pii=True),
        Column("first_name", Type.TEXT, "Given name.", pii=True),
        Column("last_name", Type.TEXT, "Family name.", pii=True),
        Column("email", Type.TEXT, "E-mail address of the customer, else of the account.", pii=True),
        Column("phone", Type.TEXT, "Telephone number, E.164 where derivable.", pii=True),
        Column("address", Type.TEXT, "Street and number.", pii=True),
        Column("city", Type.TEXT, "City.", pii=True),
        Column("state", Type.TEXT, "State code."),
        Column("zip", Type.TEXT, "Postal code.", pii=True),
        Column("region", Type.TEXT, "Sales region or country of the account."),
        Column("dob", Type.DATE, "Date of birth.", pii=True),
        Column("created_date", Type.DATE, "Day the customer was created in the CRM.", tracked=False),
        Column(
            "quality_score",
            Type.NUMERIC,
            "The lower score of the two rows that the version is told by, 0 to 1.",
            tracked=False,
        ),
    ),
    reads=(
        Reads("silver.customers", slice_by=_SILVER_SLICE, key=("customer_id",)),
        Reads("silver.accounts", slice_by=_SILVER_SLICE, key=("customer_id",)),
    ),
    named_by=(
        Reads("silver.orders", slice_by=_SILVER_SLICE, key=("customer_id",)),
        Reads("silver.sales", slice_by=_SILVER_SLICE, key=("customer_id",)),
    ),
)

DIM_PRODUCT = dimension(
    "gold.dim_product",
    "Products as the ERP has told of them, one row per version; those known only from orders or sales are inferred.",
    natural_key=(Column("product_code", Type.TEXT, "Identifier of the product.", nullable=False),),
    surrogate="product_key",
    attributes=(
        Column("product_name", Type.TEXT, "Name of the product."),
        Column("category", Type.TEXT, "Category of the product."),
        Column("unit_cost", Type.NUMERIC, "What one unit costs us, exact."),
        Column("list_price", Type.NUMERIC, "What one unit is listed at, exact."),
    ),
    reads=(Reads("silver.products", slice_by=_SILVER_SLICE, key=("product_code",)),),
    named_by=(
        Reads("silver.orders", slice_by=_SILVER_SLICE, key=("product_code",)),
        Reads("silver.sales", slice_by=_SILVER_SLICE, key=("product_code",)),
    ),
)

DIMENSIONS = (DIM_CUSTOMER, DIM_PRODUCT)
