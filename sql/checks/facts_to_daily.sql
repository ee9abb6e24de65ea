-- The sums of the facts of a business day against the row of gold.agg_daily_sales.
with orders as (
    select
        order_date as day,
        count(*) as total_orders,
        coalesce(sum(total_amount) filter (where status in ('COMPLETED', 'SHIPPED')), 0) as total_revenue,
        coalesce(sum(total_amount) filter (where status in ('CANCELLED', 'RETURNED')), 0) as cancelled_amount
    from gold.fact_orders
    where order_date between :first and :last
    group by order_date
),

sales as (
    select
        sale_date as day,
        count(*) as sales_lines,
        sum(sale_amount) as sales_amount
    from gold.fact_sales
    where sale_date between :first and :last
    group by sale_date
),

aggregated as (
    select
        date as day,
        total_orders,
        total_revenue,
        cancelled_amount,
        sales_lines,
        sales_amount
    from gold.agg_daily_sales
    where date between :first and :last
)

select
    summed.measure,
    coalesce(orders.day, sales.day, aggregated.day) as day,
    coalesce(summed.left_value, 0) as left_value,
    coalesce(summed.right_value, 0) as right_value,
    0 as explained,
    0 as differing_keys,
    '{}'::text[] as sample_keys
from orders
full join sales on orders.day = sales.day
full join aggregated on coalesce(orders.day, sales.day) = aggregated.day
cross join
    lateral (
        values
        ('orders', orders.total_orders, aggregated.total_orders),
        ('revenue', orders.total_revenue, aggregated.total_revenue),
        ('cancelled_amount', orders.cancelled_amount, aggregated.cancelled_amount),
        ('sales_lines', sales.sales_lines, aggregated.sales_lines),
        ('sales_amount', sales.sales_amount, aggregated.sales_amount)
    ) as summed (measure, left_value, right_value)
order by summed.measure, day
