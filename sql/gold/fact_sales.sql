-- The telling of each sales line that arrived last, on its business day; corrections and deletions as for orders.
with superseded as (
    select distinct
        told.sales_id,
        told.arrival_day
    from silver.sales as told
    inner join silver.sales as later on told.sales_id = later.sales_id and told.arrival_day < later.arrival_day
    where told.sale_date = any(:slices)
)

select
    told.sales_id,
    told.sale_date,
    told.sold_at,
    coalesce(customer.customer_key, meta.inferred_key(told.customer_id), 0) as customer_key,
    told.customer_id,
    coalesce(product.product_key, meta.inferred_key(told.product_code)) as product_key,
    told.product_code,
    told.quantity,
    told.sale_amount,
    told.arrival_day,
    told.source_file_id,
    told.source_line,
    superseded.sales_id is null and told.is_deleted is not true as _kept
from silver.sales as told
left join superseded on told.sales_id = superseded.sales_id and told.arrival_day = superseded.arrival_day
left join gold.dim_customer as customer
    on
        told.customer_id = customer.customer_id
        and told.sale_date >= customer.facts_from
        and told.sale_date < customer.facts_until
left join gold.dim_product as product
    on
        told.product_code = product.product_code
        and told.sale_date >= product.facts_from
        and told.sale_date < product.facts_until
where told.sale_date = any(:slices)
