-- The telling of each order that arrived last, on its business day. An order told again with another date is
-- superseded on its old day; one whose last telling is a deletion is nowhere.
with told as (
    select
        o.order_id, o.order_date, o.ordered_at, o.customer_id, o.product_code, o.status, o.quantity, o.unit_price,
        o.total_amount, o.order_size, o.is_deleted, o.arrival_day, o.source_file_id, o.source_line
    from silver.orders as o
    where o.order_date = any(:slices)
),

latest as (
    select o.order_id, max(o.arrival_day) as arrival_day
    from silver.orders as o
    where o.order_id in (select told.order_id from told)
    group by o.order_id
)

select
    told.order_id,
    told.order_date,
    told.ordered_at,
    coalesce(hashtextextended(told.customer_id, 0), 0) as customer_key,
    told.customer_id,
    hashtextextended(told.product_code, 0) as product_key,
    told.product_code,
    told.status,
    told.quantity,
    told.unit_price,
    told.total_amount,
    told.order_size,
    told.arrival_day,
    told.source_file_id,
    told.source_line,
    told.arrival_day = latest.arrival_day and told.is_deleted is not true as _kept
from told
inner join latest on told.order_id = latest.order_id
