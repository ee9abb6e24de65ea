-- The telling of each sales line that arrived last, on its business day; corrections and deletions as for orders.
with told as (
    select
        s.sales_id, s.sale_date, s.sold_at, s.customer_id, s.product_code, s.quantity, s.sale_amount, s.is_deleted,
        s.arrival_day, s.source_file_id, s.source_line
    from silver.sales as s
    where s.sale_date = any(:slices)
),

latest as (
    select s.sales_id, max(s.arrival_day) as arrival_day
    from silver.sales as s
    where s.sales_id in (select told.sales_id from told)
    group by s.sales_id
)

select
    told.sales_id,
    told.sale_date,
    told.sold_at,
    coalesce(hashtextextended(told.customer_id, 0), 0) as customer_key,
    told.customer_id,
    hashtextextended(told.product_code, 0) as product_key,
    told.product_code,
    told.quantity,
    told.sale_amount,
    told.arrival_day,
    told.source_file_id,
    told.source_line,
    told.arrival_day = latest.arrival_day and told.is_deleted is not true as _kept
from told
inner join latest on told.sales_id = latest.sales_id
