"""Declare the gold tables here: the star schema that analysts read. Keep how they are computed out (`sql/gold/`)."""

from metalayer_assets.contracts.codes import ORDER_SIZES, ORDER_STATUSES, REVENUE_STATUSES, REVERSAL_STATUSES
from metalayer_assets.contracts.model import (
    Column,
    Contract,
    Grain,
    Guard,
    Joins,
    Modelled,
    Reads,
)
from metalayer_assets.contracts.predicate import Col, Predicate
from metalayer_assets.contracts.rules import SetRule, Severity
from metalayer_assets.contracts.set_rules import Agrees, Known
from metalayer_assets.contracts.types import Type

# A corrected order leaves its old business day, so a gold day may shrink or empty for good reasons.
_FOLLOWS = Guard(max_loss=1.0, may_empty=True)

_CUSTOMER_KEY = Column(
    "customer_key",
    Type.BIGINT,
    "Version of gold.dim_customer valid on the business day; 0 where no customer is told.",
    nullable=False,
)
_PRODUCT_KEY = Column(
    "product_key", Type.BIGINT, "Version of gold.dim_product valid on the business day.", nullable=False
)
_TOLD = Col("change_hash").present
_MEMBERS_KNOWN = (
    SetRule(
        "customer_known",
        "A customer who is named is one that the CRM has told of.",
        Known(("customer_key", "customer_id"), "gold.dim_customer", ("customer_key", "customer_id"), where=_TOLD),
    ),
    SetRule(
        "product_known",
        "A product that is named is one that the ERP has told of.",
        Known(("product_key", "product_code"), "gold.dim_product", ("product_key", "product_code"), where=_TOLD),
    ),
)
_DIMENSIONS = (
    Joins("gold.dim_customer", key=("customer_id",), surrogate="customer_key"),
    Joins("gold.dim_product", key=("product_code",), surrogate="product_key"),
)
_PROVENANCE = (
    Column("arrival_day", Type.DATE, "Day that the telling which stands arrived.", nullable=False),
    Column("source_file_id", Type.BIGINT, "File that it came in.", nullable=False),
    Column("source_line", Type.BIGINT, "Line of that file.", nullable=False),
)

FACT_ORDERS = Contract(
    name="gold.fact_orders",
    description="The latest truth per order, on the business day it was placed.",
    columns=(
        Column("order_id", Type.TEXT, "Identifier of the order.", nullable=False),
        Column("order_date", Type.DATE, "Business day, UTC.", nullable=False),
        Column("ordered_at", Type.TIMESTAMP, "When the order was placed.", nullable=False),
        _CUSTOMER_KEY,
        Column("customer_id", Type.TEXT, "Customer who ordered; NULL when unknown."),
        _PRODUCT_KEY,
        Column("product_code", Type.TEXT, "Product ordered.", nullable=False),
        Column("status", Type.TEXT, f"One of {', '.join(ORDER_STATUSES)}.", nullable=False),
        Column("quantity", Type.INTEGER, "Units; negative on a cancellation or return.", nullable=False),
        Column("unit_price", Type.NUMERIC, "Exact price of one unit.", nullable=False),
        Column("total_amount", Type.NUMERIC, "quantity times unit_price, exact.", nullable=False),
        Column("order_size", Type.TEXT, f"One of {', '.join(ORDER_SIZES)}, by amount.", nullable=False),
        *_PROVENANCE,
    ),
    key=("order_id", "order_date"),
    source=Modelled(),
    slice_by="order_date",
    reads=(Reads("silver.orders", slice_by="order_date", key=("order_id",)),),
    joins=_DIMENSIONS,
    set_rules=_MEMBERS_KNOWN,
    indexes=(("order_date",),),
    guard=_FOLLOWS,
    by_month=True,
)

FACT_SALES = Contract(
    name="gold.fact_sales",
    description="The latest truth per sales line, on the business day of the sale.",
    columns=(
        Column("sales_id", Type.TEXT, "Identifier of the sales line.", nullable=False),
        Column("sale_date", Type.DATE, "Business day, UTC.", nullable=False),
        Column("sold_at", Type.TIMESTAMP, "When the sale happened.", nullable=False),
        _CUSTOMER_KEY,
        Column("customer_id", Type.TEXT, "Customer who bought; NULL when unknown."),
        _PRODUCT_KEY,
        Column("product_code", Type.TEXT, "Product sold.", nullable=False),
        Column("quantity", Type.INTEGER, "Units; negative on a return.", nullable=False),
        Column("sale_amount", Type.NUMERIC, "Exact amount of the line.", nullable=False),
        *_PROVENANCE,
    ),
    key=("sales_id", "sale_date"),
    source=Modelled(),
    slice_by="sale_date",
    reads=(Reads("silver.sales", slice_by="sale_date", key=("sales_id",)),),
    joins=_DIMENSIONS,
    set_rules=_MEMBERS_KNOWN,
    indexes=(("sale_date",),),
    guard=_FOLLOWS,
    by_month=True,
)


def _agrees(
    rule: str, total: str, table: str, slice_by: str, *, of: str | None = None, where: Predicate | None = None
) -> SetRule:
    return SetRule(
        rule,
        f"{total} is what {table} holds for the day.",
        Agrees(total, table, slice_by, of=of, where=where),
        Severity.REJECT,
        "accuracy",
    )


_REVENUE = " and ".join(REVENUE_STATUSES)
_REVERSAL = " and ".join(REVERSAL_STATUSES)

AGG_DAILY_SALES = Contract(
    name="gold.agg_daily_sales",
    description="Orders and sales of one business day; a day without either has no row.",
    columns=(
        Column("date", Type.DATE, "Business day, UTC.", nullable=False),
        Column("total_orders", Type.BIGINT, "Orders of any status.", nullable=False),
        Column("total_revenue", Type.NUMERIC, f"Amount of {_REVENUE} orders, exact.", nullable=False),
        Column("cancelled_amount", Type.NUMERIC, f"Amount of {_REVERSAL} orders, signed as told.", nullable=False),
        Column(
            "net_revenue",
            Type.NUMERIC,
            "total_revenue plus the negative amounts among cancelled_amount: what reversals take back.",
            nullable=False,
        ),
        Column("avg_order_value", Type.NUMERIC, f"Mean amount of {_REVENUE} orders, to four decimals."),
        Column("unique_customers", Type.BIGINT, "Known customers with an order that day.", nullable=False),
        Column("unique_products", Type.BIGINT, "Products ordered that day.", nullable=False),
        Column("total_quantity", Type.BIGINT, f"Units of {_REVENUE} orders.", nullable=False),
        Column("sales_lines", Type.BIGINT, "Sales lines.", nullable=False),
        Column("sales_amount", Type.NUMERIC, "Amount of sales lines, exact.", nullable=False),
    ),
    key=("date",),
    source=Modelled(),
    slice_by="date",
    reads=(
        Reads("gold.fact_orders", slice_by="order_date"),
        Reads("gold.fact_sales", slice_by="sale_date"),
    ),
    set_rules=(
        _agrees("orders_agree", "total_orders", "gold.fact_orders", "order_date"),
        _agrees(
            "revenue_agrees",
            "total_revenue",
            "gold.fact_orders",
            "order_date",
            of="total_amount",
            where=Col("status").one_of(*REVENUE_STATUSES),
        ),
        _agrees("sales_lines_agree", "sales_lines", "gold.fact_sales", "sale_date"),
        _agrees("sales_amount_agrees", "sales_amount", "gold.fact_sales", "sale_date", of="sale_amount"),
    ),
    guard=_FOLLOWS,
)

DIM_DATE = Contract(
    name="gold.dim_date",
    description="The calendar, one row per day, one slice per year.",
    columns=(
        Column("date_key", Type.INTEGER, "The day as yyyymmdd.", nullable=False),
        Column("date", Type.DATE, "The day.", nullable=False),
        Column("day_of_week", Type.INTEGER, "ISO day of the week, Monday being 1.", nullable=False),
        Column("day_name", Type.TEXT, "English name of the day of the week.", nullable=False),
        Column("day_of_month", Type.INTEGER, "Day of the month, from 1.", nullable=False),
        Column("day_of_year", Type.INTEGER, "Day of the year, from 1.", nullable=False),
        Column("iso_week", Type.INTEGER, "ISO 8601 week.", nullable=False),
        Column("iso_year", Type.INTEGER, "Year that the ISO week belongs to.", nullable=False),
        Column("month", Type.INTEGER, "Month, from 1.", nullable=False),
        Column("month_name", Type.TEXT, "English name of the month.", nullable=False),
        Column("quarter", Type.INTEGER, "Quarter, from 1.", nullable=False),
        Column("year", Type.INTEGER, "Calendar year.", nullable=False),
        Column("is_weekend", Type.BOOLEAN, "Saturday or Sunday.", nullable=False),
        Column("is_month_end", Type.BOOLEAN, "Last day of its month.", nullable=False),
        Column(
            "is_holiday",
            Type.BOOLEAN,
            "Fixed-date holiday: 1 January, 1 May, 25 or 26 December.",
            nullable=False,
        ),
        Column("fiscal_year", Type.INTEGER, "Fiscal year; it begins in January.", nullable=False),
        Column("fiscal_quarter", Type.INTEGER, "Quarter of the fiscal year.", nullable=False),
        Column("fiscal_month", Type.INTEGER, "Month of the fiscal year.", nullable=False),
    ),
    key=("date",),
    source=Modelled(),
    slice_by="date",
    grain=Grain.YEAR,
    reads=(),
    freshness=None,
)

GOLD = (DIM_DATE, FACT_ORDERS, FACT_SALES, AGG_DAILY_SALES)
