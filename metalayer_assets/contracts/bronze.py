"""Declare the bronze tables here: every line as it came. Keep cleaning and typing out (`silver`)."""

from metalayer_assets.contracts.model import Column, Contract, Landed
from metalayer_assets.contracts.types import Type

FILE_ID = "_file_id"
LINE = "_line"
ARRIVAL_DAY = "_arrival_day"

_PROVENANCE = (
    Column(FILE_ID, Type.BIGINT, "File that the line came in: meta.landed_files.file_id.", nullable=False),
    Column(
        LINE,
        Type.BIGINT,
        "Line of that file on which the record starts, the header being line 1.",
        nullable=False,
    ),
    Column(ARRIVAL_DAY, Type.DATE, "Day that the extract is for: the date in its path.", nullable=False),
)


def _text(name: str, description: str, *, pii: bool = False, optional: bool = False) -> Column:
    return Column(name, Type.TEXT, description, pii=pii, optional=optional)


_UPDATED_AT = _text("updated_at", "When the source changed the record; absent means the arrival day.", optional=True)
_IS_DELETED = _text("is_deleted", "Whether the source deleted the record; absent means it did not.", optional=True)


def _landed(name: str, dataset: str, description: str, *columns: Column) -> Contract:
    system = name.split("_", maxsplit=1)[0]
    return Contract(
        name=f"bronze.{name}",
        description=description,
        columns=(*columns, *_PROVENANCE),
        key=(ARRIVAL_DAY, FILE_ID, LINE),
        source=Landed(system=system, dataset=dataset),
        slice_by=ARRIVAL_DAY,
        by_month=True,
    )


BRONZE = (
    _landed(
        "crm_customers",
        "customers",
        "Customer master records as the CRM told them, one row per line of an extract.",
        _text("customer_id", "Identifier of the customer in the CRM."),
        _text("first_name", "Given name.", pii=True),
        _text("last_name", "Family name.", pii=True),
        _text("email", "E-mail address.", pii=True),
        _text("phone", "Telephone number in any notation.", pii=True),
        _text("address", "Street and number.", pii=True),
        _text("city", "City.", pii=True),
        _text("state", "State, as code or name."),
        _text("zip", "Postal code.", pii=True),
        _text("dob", "Date of birth.", pii=True),
        _text("created_date", "Day the customer was created in the CRM."),
        _UPDATED_AT,
        _IS_DELETED,
    ),
    _landed(
        "crm_accounts",
        "accounts",
        "Customer accounts as the CRM told them, one row per line of an extract.",
        _text("customer_id", "Identifier of the customer in the CRM."),
        _text("customer_name", "Name on the account.", pii=True),
        _text("email", "E-mail address of the account.", pii=True),
        _text("region", "Sales region or country."),
        _UPDATED_AT,
        _IS_DELETED,
    ),
    _landed(
        "erp_orders",
        "orders",
        "Orders as the ERP told them, one row per line of an extract.",
        _text("order_id", "Identifier of the order."),
        _text("customer_id", "Customer who ordered; empty when the shop does not know."),
        _text("product_code", "Product ordered."),
        _text("quantity", "Units ordered; negative on a cancellation."),
        _text("price_per_unit", "Price of one unit."),
        _text("order_date", "When the order was placed."),
        _text("status", "Status in the source's spelling."),
        _IS_DELETED,
    ),
    _landed(
        "erp_sales",
        "sales",
        "Sales lines as the ERP told them, one row per line of an extract.",
        _text("sales_id", "Identifier of the sales line."),
        _text("product_id", "Product sold."),
        _text("customer_id", "Customer who bought; empty when the shop does not know."),
        _text("quantity", "Units sold; negative on a return."),
        _text("sale_date", "When the sale happened."),
        _text("sale_amount", "Amount of the line."),
        _IS_DELETED,
    ),
    _landed(
        "erp_products",
        "products",
        "Product master records as the ERP told them, one row per line of an extract.",
        _text("product_code", "Identifier of the product."),
        _text("product_name", "Name of the product."),
        _text("category", "Category of the product."),
        _text("unit_cost", "What one unit costs us."),
        _text("list_price", "What one unit is listed at."),
        _UPDATED_AT,
        _IS_DELETED,
    ),
)
