-- The facts of all orders from silver, by hand: the latest telling of each order, no ledger, no slices.
drop table if exists bare.fact_orders;

create table bare.fact_orders as
select distinct on (order_id)
    order_id, order_date, ordered_at, coalesce(hashtextextended(customer_id, 0), 0) as customer_key, customer_id,
    hashtextextended(product_code, 0) as product_key, product_code, status, quantity, unit_price, total_amount,
    order_size, arrival_day, source_file_id, source_line
from silver.orders
order by order_id, arrival_day desc;

alter table bare.fact_orders add primary key (order_id);
create index on bare.fact_orders (order_date);
analyze bare.fact_orders;
