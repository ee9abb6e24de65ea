-- The telling of each order that arrived last, on its business day. An order told again with another date is
-- superseded on its old day; one whose last telling is a deletion is nowhere. Customer and product are joined as they
-- were on the business day; one that its dimension does not know yet gets the key that its inferred member will have.
with superseded as (
    select distinct
        told.order_id,
        told.arrival_day
    from silver.orders as told
    inner join silver.orders as later on told.order_id = later.order_id and told.arrival_day < later.arrival_day
    where told.order_date = any(:slices)
)

select
    told.order_id,
    told.order_date,
    told.ordered_at,
    coalesce(customer.customer_key, meta.inferred_key(told.customer_id), 0) as customer_key,
    told.customer_id,
    coalesce(product.product_key, meta.inferred_key(told.product_code)) as product_key,
    told.product_code,
    told.status,
    told.quantity,
    told.unit_price,
    told.total_amount,
    told.order_size,
    told.arrival_day,
    told.source_file_id,
    told.source_line,
    superseded.order_id is null and told.is_deleted is not true as _kept
from silver.orders as told
left join superseded on told.order_id = superseded.order_id and told.arrival_day = superseded.arrival_day
left join gold.dim_customer as customer
    on
        told.customer_id = customer.customer_id
        and told.order_date >= customer.facts_from
        and told.order_date < customer.facts_until
left join gold.dim_product as product
    on
        told.product_code = product.product_code
        and told.order_date >= product.facts_from
        and told.order_date < product.facts_until
where told.order_date = any(:slices)
