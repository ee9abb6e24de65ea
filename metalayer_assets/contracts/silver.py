"""Declare the silver tables here: typed, cleaned, deduplicated, each record as told on its arrival day.

The models in `sql/silver/` clean text and name columns; types, casts, rules and grain are declared here.
"""

from metalayer_assets.contracts.bronze import ARRIVAL_DAY
from metalayer_assets.contracts.codes import ORDER_STATUSES, REVERSAL_STATUSES
from metalayer_assets.contracts.forms import Email, Phone, Zip
from metalayer_assets.contracts.model import Column, Contract, Judged, Reads
from metalayer_assets.contracts.places import REGION, REGIONS, STATE, US_STATES
from metalayer_assets.contracts.predicate import Col, Predicate
from metalayer_assets.contracts.rules import Rule, SetRule, Severity
from metalayer_assets.contracts.set_rules import Complete, Unique
from metalayer_assets.contracts.types import Type

# Supplied by the engine to every judged row: the first day of the calendar, METALAYER_START_DATE.
CALENDAR_START = Col("calendar_start")

_LONGEST_IDENTIFIER = 200

_PROVENANCE = (
    Column(
        "quality_score",
        Type.NUMERIC,
        "Share of the rules' weight that the row keeps, 0 to 1.",
        nullable=False,
    ),
    Column("broken_rules", Type.TEXTS, "Warning rules that the row breaks.", nullable=False),
    Column("arrival_day", Type.DATE, "Day that the extract is for.", nullable=False),
    Column("source_file_id", Type.BIGINT, "File that the row came in.", nullable=False),
    Column("source_line", Type.BIGINT, "Line of that file.", nullable=False),
)
_CHANGED_AT = Column(
    "changed_at",
    Type.TIMESTAMP,
    "Sequence of the change: updated_at where the source has it, else the arrival day.",
    nullable=False,
    derived="coalesce(updated_at, arrival_day::timestamp at time zone 'UTC')",
)
_UPDATED_AT = Column("updated_at", Type.TIMESTAMP, "When the source changed the record.")
_IS_DELETED = Column("is_deleted", Type.BOOLEAN, "Whether the source deleted the record.")


def _must(rule: str, description: str, holds: Predicate, *, dimension: str = "validity") -> Rule:
    return Rule(rule, description, holds, Severity.REJECT, dimension)


def _should(rule: str, description: str, holds: Predicate, *, dimension: str = "validity") -> Rule:
    return Rule(rule, description, holds, Severity.WARN, dimension)


def _given(column: str, description: str) -> Rule:
    return Rule(f"{column}_given", description, Col(column).present, Severity.REJECT, "completeness")


def _identifier(column: str, description: str) -> tuple[Rule, ...]:
    # A key is indexed, and an index takes no text beyond some 2,700 bytes: a field that a quote has left open to the
    # end of its file must not stop the day that it is in.
    return (_given(column, description), _short(column))


def _short(column: str) -> Rule:
    return _must(
        f"{column}_short",
        f"An identifier has at most {_LONGEST_IDENTIFIER} characters.",
        Col(column).within(_LONGEST_IDENTIFIER),
    )


def _readable(column: str, severity: Severity = Severity.REJECT) -> Rule:
    return Rule(
        f"{column}_readable",
        f"Where {column} is not blank, it can be read as its type, by itself or by the notation that its file shows.",
        severity=severity,
        readable=column,
    )


def _formed(rule: str, description: str, column: str) -> Rule:
    return Rule(rule, description, severity=Severity.WARN, readable=column)


def _in_calendar(column: str) -> tuple[Rule, ...]:
    return (
        _must(
            f"{column}_after_start",
            "The day is not before METALAYER_START_DATE, the first slice of the warehouse.",
            Col(column) >= CALENDAR_START,
            dimension="timeliness",
        ),
        _must(
            f"{column}_not_future",
            "The day is at most one day after the day that the row arrived.",
            Col(column).at_most(Col("arrival_day"), plus_days=1),
            dimension="timeliness",
        ),
    )


_UTC_DATE = "({} at time zone 'UTC')::date"

ORDERS = Contract(
    name="silver.orders",
    description="Orders as told on an arrival day; the last readable telling of a day stands for the day.",
    columns=(
        Column("order_id", Type.TEXT, "Identifier of the order.", nullable=False),
        Column("customer_id", Type.TEXT, "Customer who ordered; NULL when unknown."),
        Column("product_code", Type.TEXT, "Product ordered.", nullable=False),
        Column("quantity", Type.INTEGER, "Units; negative on a cancellation or return.", nullable=False),
        Column("unit_price", Type.NUMERIC, "Exact price of one unit.", nullable=False),
        Column(
            "ordered_at",
            Type.TIMESTAMP,
            "When the order was placed; UTC where no zone is told.",
            nullable=False,
        ),
        Column("status", Type.TEXT, "One of the order statuses of the glossary.", nullable=False),
        _IS_DELETED,
        Column(
            "order_date",
            Type.DATE,
            "Business day: the UTC day of ordered_at.",
            nullable=False,
            derived=_UTC_DATE.format("ordered_at"),
        ),
        Column(
            "total_amount",
            Type.NUMERIC,
            "quantity times unit_price, exact.",
            nullable=False,
            derived="quantity * unit_price",
        ),
        Column(
            "order_size",
            Type.TEXT,
            "SMALL below 100, MEDIUM below 1000, else LARGE, by the absolute amount.",
            nullable=False,
            derived="case when abs(quantity * unit_price) < 100 then 'SMALL'"
            " when abs(quantity * unit_price) < 1000 then 'MEDIUM' else 'LARGE' end",
        ),
        *_PROVENANCE,
    ),
    key=("order_id", "arrival_day"),
    source=Judged(quarantine="quarantine.orders"),
    slice_by="arrival_day",
    reads=(Reads("bronze.erp_orders", slice_by=ARRIVAL_DAY),),
    rules=(
        *_identifier("order_id", "An order has an identifier."),
        *_identifier("product_code", "An order names its product."),
        _short("customer_id"),
        _given("quantity", "A whole number of units is given."),
        _must("quantity_not_zero", "An order moves at least one unit.", Col("quantity") != 0),
        _must(
            "negative_quantity_reversal",
            "A negative quantity stands only on a cancelled or returned order.",
            (Col("quantity") >= 0) | Col("status").one_of(*REVERSAL_STATUSES),
            dimension="consistency",
        ),
        _given("unit_price", "A readable price is given."),
        _must("unit_price_not_negative", "A price is not negative.", Col("unit_price") >= 0),
        _given("ordered_at", "A readable order date is given."),
        *_in_calendar("order_date"),
        _must("status_known", "The status is one of the code list.", Col("status").one_of(*ORDER_STATUSES)),
        _given("status", "An order has a status."),
        _readable("is_deleted"),
        _should(
            "customer_id_given",
            "An order names its customer.",
            Col("customer_id").present,
            dimension="completeness",
        ),
    ),
    set_rules=(
        SetRule(
            "customers_named",
            "At least half of the orders of a day name their customer.",
            Complete("customer_id", 0.5),
            dimension="completeness",
        ),
    ),
    indexes=(("arrival_day",), ("order_date",)),
    by_month=True,
)

SALES = Contract(
    name="silver.sales",
    description="Sales lines as told on an arrival day; the last readable telling of a day stands for the day.",
    columns=(
        Column("sales_id", Type.TEXT, "Identifier of the sales line.", nullable=False),
        Column("product_code", Type.TEXT, "Product sold.", nullable=False),
        Column("customer_id", Type.TEXT, "Customer who bought; NULL when unknown."),
        Column("quantity", Type.INTEGER, "Units; negative on a return.", nullable=False),
        Column("sale_amount", Type.NUMERIC, "Exact amount of the line.", nullable=False),
        Column("sold_at", Type.TIMESTAMP, "When the sale happened; UTC where no zone is told.", nullable=False),
        _IS_DELETED,
        Column(
            "sale_date",
            Type.DATE,
            "Business day: the UTC day of sold_at.",
            nullable=False,
            derived=_UTC_DATE.format("sold_at"),
        ),
        *_PROVENANCE,
    ),
    key=("sales_id", "arrival_day"),
    source=Judged(quarantine="quarantine.sales"),
    slice_by="arrival_day",
    reads=(Reads("bronze.erp_sales", slice_by=ARRIVAL_DAY),),
    rules=(
        *_identifier("sales_id", "A sales line has an identifier."),
        *_identifier("product_code", "A sales line names its product."),
        _short("customer_id"),
        _given("quantity", "A whole number of units is given."),
        _must("quantity_not_zero", "A sale moves at least one unit.", Col("quantity") != 0),
        _given("sale_amount", "A readable amount is given."),
        _must(
            "amount_sign_follows_quantity",
            "Amount and quantity do not have opposite signs.",
            ((Col("quantity") > 0) & (Col("sale_amount") >= 0))
            | ((Col("quantity") < 0) & (Col("sale_amount") <= 0))
            | (Col("quantity") == 0),
            dimension="consistency",
        ),
        _given("sold_at", "A readable sale date is given."),
        *_in_calendar("sale_date"),
        _readable("is_deleted"),
        _should(
            "customer_id_given",
            "A sales line names its customer.",
            Col("customer_id").present,
            dimension="completeness",
        ),
    ),
    indexes=(("arrival_day",), ("sale_date",)),
    by_month=True,
)

CUSTOMERS = Contract(
    name="silver.customers",
    description="Customer master changes, one row per customer and change told on an arrival day.",
    columns=(
        Column("customer_id", Type.TEXT, "Identifier of the customer.", nullable=False),
        Column("first_name", Type.TEXT, "Given name in its normal form.", pii=True),
        Column("last_name", Type.TEXT, "Family name in its normal form.", pii=True),
        Column("email", Type.TEXT, "E-mail address in lower case; as told where it is none.", pii=True, form=Email()),
        Column(
            "phone",
            Type.TEXT,
            "Telephone number, E.164 where derivable, else as told.",
            pii=True,
            form=Phone(region="US", state="state"),
        ),
        Column("address", Type.TEXT, "Street and number.", pii=True),
        Column("city", Type.TEXT, "City.", pii=True),
        Column("state", Type.TEXT, "State code; as told where no code is known.", form=STATE),
        Column("zip", Type.TEXT, "Postal code.", pii=True, form=Zip(state="state")),
        Column("dob", Type.DATE, "Date of birth.", pii=True),
        Column("created_date", Type.DATE, "Day the customer was created in the CRM."),
        _UPDATED_AT,
        _IS_DELETED,
        _CHANGED_AT,
        *_PROVENANCE,
    ),
    key=("customer_id", "changed_at", "arrival_day"),
    source=Judged(quarantine="quarantine.customers", deletion="is_deleted"),
    slice_by="arrival_day",
    reads=(Reads("bronze.crm_customers", slice_by=ARRIVAL_DAY),),
    rules=(
        *_identifier("customer_id", "A customer has an identifier."),
        _readable("updated_at"),
        _readable("is_deleted"),
        _should("email_given", "A customer has an e-mail address.", Col("email").present, dimension="completeness"),
        _formed("email_valid", "An e-mail address is one by the rules of the internet.", "email"),
        _formed("phone_valid", "A telephone number can be written as E.164.", "phone"),
        _should(
            "last_name_given",
            "A customer has a family name.",
            Col("last_name").present,
            dimension="completeness",
        ),
        _formed("zip_plausible", "In the United States a ZIP code has five digits, or nine with a hyphen.", "zip"),
        _should("state_known", "The state is one of the code list.", Col("state").one_of(*US_STATES)),
        _readable("dob", Severity.WARN),
        _should("dob_plausible", "A birth is not after the arrival day.", Col("dob") <= Col("arrival_day")),
        _readable("created_date", Severity.WARN),
        _should(
            "created_not_future",
            "A customer is created at most one day after the arrival day.",
            Col("created_date").at_most(Col("arrival_day"), plus_days=1),
            dimension="timeliness",
        ),
    ),
    set_rules=(
        SetRule(
            "email_of_one",
            "No e-mail address is told of two customers on a day.",
            Unique(("email",), of=("customer_id",)),
            dimension="uniqueness",
        ),
    ),
    indexes=(("arrival_day",),),
    by_month=True,
)

ACCOUNTS = Contract(
    name="silver.accounts",
    description="Account changes, one row per customer and change told on an arrival day.",
    columns=(
        Column("customer_id", Type.TEXT, "Identifier of the customer.", nullable=False),
        Column("customer_name", Type.TEXT, "Name on the account in its normal form.", pii=True),
        Column("email", Type.TEXT, "E-mail address in lower case; as told where it is none.", pii=True, form=Email()),
        Column("region", Type.TEXT, "Sales region or country; as told where the list knows none.", form=REGION),
        _UPDATED_AT,
        _IS_DELETED,
        _CHANGED_AT,
        *_PROVENANCE,
    ),
    key=("customer_id", "changed_at", "arrival_day"),
    source=Judged(quarantine="quarantine.accounts", deletion="is_deleted"),
    slice_by="arrival_day",
    reads=(Reads("bronze.crm_accounts", slice_by=ARRIVAL_DAY),),
    rules=(
        *_identifier("customer_id", "An account has a customer."),
        _readable("updated_at"),
        _readable("is_deleted"),
        _should("name_given", "An account has a name.", Col("customer_name").present, dimension="completeness"),
        _should("email_given", "An account has an e-mail address.", Col("email").present, dimension="completeness"),
        _formed("email_valid", "An e-mail address is one by the rules of the internet.", "email"),
        _should("region_given", "An account has a region.", Col("region").present, dimension="completeness"),
        _should("region_known", "The region is one of the code list.", Col("region").one_of(*REGIONS)),
    ),
    indexes=(("arrival_day",),),
    by_month=True,
)

PRODUCTS = Contract(
    name="silver.products",
    description="Product master changes, one row per product and change told on an arrival day.",
    columns=(
        Column("product_code", Type.TEXT, "Identifier of the product.", nullable=False),
        Column("product_name", Type.TEXT, "Name of the product."),
        Column("category", Type.TEXT, "Category of the product."),
        Column("unit_cost", Type.NUMERIC, "What one unit costs us, exact."),
        Column("list_price", Type.NUMERIC, "What one unit is listed at, exact."),
        _UPDATED_AT,
        _IS_DELETED,
        _CHANGED_AT,
        *_PROVENANCE,
    ),
    key=("product_code", "changed_at", "arrival_day"),
    source=Judged(quarantine="quarantine.products", deletion="is_deleted"),
    slice_by="arrival_day",
    reads=(Reads("bronze.erp_products", slice_by=ARRIVAL_DAY),),
    rules=(
        *_identifier("product_code", "A product has a code."),
        _readable("updated_at"),
        _readable("is_deleted"),
        _readable("unit_cost"),
        _readable("list_price"),
        _must("unit_cost_not_negative", "A cost is not negative.", Col("unit_cost") >= 0),
        _must("list_price_not_negative", "A price is not negative.", Col("list_price") >= 0),
        _should(
            "product_name_given",
            "A product has a name.",
            Col("product_name").present,
            dimension="completeness",
        ),
        _should(
            "price_covers_cost",
            "A product is not listed below its cost.",
            Col("list_price") >= Col("unit_cost"),
            dimension="consistency",
        ),
    ),
    indexes=(("arrival_day",),),
    by_month=True,
)

SILVER = (CUSTOMERS, ACCOUNTS, ORDERS, SALES, PRODUCTS)
