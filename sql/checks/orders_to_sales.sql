-- Orders that money moved for against sales lines of the same business day: paired by customer, product and quantity,
-- in the order of their amounts. A row that its partner's quarantine keeps alone is explained.
with both_sides as (
    select
        'order' as side,
        order_id as key,
        order_date as day,
        customer_id,
        product_code,
        quantity::numeric as quantity,
        total_amount as amount,
        false as is_quarantined
    from gold.fact_orders
    where order_date between :first and :last and (status in ('COMPLETED', 'SHIPPED') or quantity < 0)
    union all
    select
        'sale' as side,
        sales_id as key,
        sale_date as day,
        customer_id,
        product_code,
        quantity::numeric as quantity,
        sale_amount as amount,
        false as is_quarantined
    from gold.fact_sales
    where sale_date between :first and :last
    union all
    select
        kept_out.side,
        kept_out.key,
        case
            when pg_input_is_valid(left(kept_out.day, 10), 'date') and kept_out.day ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}'
                then left(kept_out.day, 10)::date
            else kept_out.arrival_day
        end as day,
        meta.clean_text(kept_out.customer_id) as customer_id,
        meta.clean_text(kept_out.product_code) as product_code,
        case
            when kept_out.quantity ~ '^-?[0-9]+([.][0-9]+)?$' and pg_input_is_valid(kept_out.quantity, 'numeric')
                then kept_out.quantity::numeric
        end as quantity,
        null as amount,
        true as is_quarantined
    from (
        select
            'order' as side,
            order_id as key,
            arrival_day,
            raw ->> 'order_date' as day,
            raw ->> 'customer_id' as customer_id,
            raw ->> 'product_code' as product_code,
            raw ->> 'quantity' as quantity
        from quarantine.orders
        where state = 'open'
        union all
        select
            'sale' as side,
            sales_id as key,
            arrival_day,
            raw ->> 'sale_date' as day,
            raw ->> 'customer_id' as customer_id,
            raw ->> 'product_id' as product_code,
            raw ->> 'quantity' as quantity
        from quarantine.sales
        where state = 'open'
    ) as kept_out
),

numbered as (
    select
        *,
        row_number() over (
            partition by side, day, customer_id, product_code, quantity
            order by is_quarantined, amount, key
        ) as place
    from both_sides
    where day between :first and :last
),

orders as (
    select *
    from numbered
    where side = 'order'
),

sales as (
    select *
    from numbered
    where side = 'sale'
),

paired as (
    select
        coalesce(orders.day, sales.day) as day,
        orders.key as order_key,
        sales.key as sale_key,
        case when not orders.is_quarantined then orders.amount end as order_amount,
        case when not sales.is_quarantined then sales.amount end as sale_amount,
        coalesce(not orders.is_quarantined, false) as has_order,
        coalesce(not sales.is_quarantined, false) as has_sale,
        coalesce(orders.is_quarantined, false) or coalesce(sales.is_quarantined, false) as is_explained
    from orders
    full join sales
        on
            orders.day = sales.day
            and coalesce(orders.customer_id, '') = coalesce(sales.customer_id, '')
            and orders.product_code = sales.product_code
            and orders.quantity = sales.quantity
            and orders.place = sales.place
),

judged as (
    select
        *,
        has_order <> has_sale and not is_explained as is_alone,
        coalesce(order_amount <> sale_amount, false) as is_changed,
        case when has_order then 'order ' || order_key else 'sale ' || sale_key end as key
    from paired
    where has_order or has_sale
),

summed as (
    select
        day,
        count(*) filter (where has_order) as order_rows,
        count(*) filter (where has_sale) as sale_rows,
        count(*) filter (where has_order and not has_sale and is_explained)
        - count(*) filter (where has_sale and not has_order and is_explained) as explained_rows,
        count(*) filter (where is_alone) as lone_rows,
        (array_agg(key order by key) filter (where is_alone))[1:(:sample)] as lone_keys,
        coalesce(sum(order_amount), 0) as order_amount,
        coalesce(sum(sale_amount), 0) as sale_amount,
        coalesce(sum(coalesce(order_amount, -sale_amount)) filter (where has_order <> has_sale and is_explained), 0)
            as explained_amount,
        count(*) filter (where is_changed) as changed_rows,
        (array_agg(key order by key) filter (where is_changed))[1:(:sample)] as changed_keys
    from judged
    group by day
)

select
    'rows' as measure,
    day,
    order_rows as left_value,
    sale_rows as right_value,
    explained_rows as explained,
    lone_rows as differing_keys,
    coalesce(lone_keys, '{}') as sample_keys
from summed
union all
select
    'amount' as measure,
    day,
    order_amount as left_value,
    sale_amount as right_value,
    explained_amount as explained,
    changed_rows as differing_keys,
    coalesce(changed_keys, '{}') as sample_keys
from summed
order by measure, day
