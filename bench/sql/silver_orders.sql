-- What a careful engineer would write by hand for the rules of silver.orders: one pass, rejected rows aside, the last row
-- of a key stands; no ledger, no checksum, no score per rule, no slices.
drop table if exists bare.orders, bare.orders_rejected, bare.orders_judged;

create table bare.orders_judged as
with typed as materialized (
    select
        btrim(order_id) as order_id,
        nullif(btrim(customer_id), '') as customer_id,
        btrim(product_code) as product_code,
        case when pg_input_is_valid(quantity, 'integer') then quantity::integer end as quantity,
        case when pg_input_is_valid(price_per_unit, 'numeric') then price_per_unit::numeric end as unit_price,
        case when pg_input_is_valid(order_date, 'timestamptz') then order_date::timestamptz end as ordered_at,
        case upper(btrim(status))
            when 'PAID' then 'COMPLETED' when 'CLOSED' then 'COMPLETED' when 'COMPLETE' then 'COMPLETED'
            when 'OPEN' then 'PENDING' when 'CANCELED' then 'CANCELLED'
            else upper(btrim(status))
        end as status,
        line
    from bare.erp_orders
)
select
    *,
    row_number() over (partition by order_id order by line desc) as rank,
    order_id is null or product_code is null or quantity is null or quantity = 0 or unit_price is null or unit_price < 0
    or ordered_at is null or ordered_at < '2010-01-01' or ordered_at > '2030-01-01'
    or (quantity < 0 and status not in ('CANCELLED', 'RETURNED'))
    or status not in ('PENDING', 'COMPLETED', 'SHIPPED', 'CANCELLED', 'RETURNED') as rejected
from typed;

create table bare.orders as
select
    order_id, customer_id, product_code, quantity, unit_price, ordered_at, status,
    (ordered_at at time zone 'UTC')::date as order_date,
    quantity * unit_price as total_amount,
    case
        when abs(quantity * unit_price) < 100 then 'SMALL' when abs(quantity * unit_price) < 1000 then 'MEDIUM' else 'LARGE'
    end as order_size,
    (ordered_at at time zone 'UTC')::date as arrival_day,
    line
from bare.orders_judged
where not rejected and rank = 1;

create table bare.orders_rejected as select * from bare.orders_judged where rejected;
alter table bare.orders add primary key (order_id);
create index on bare.orders (order_date);
create index on bare.orders (arrival_day);
analyze bare.orders;
