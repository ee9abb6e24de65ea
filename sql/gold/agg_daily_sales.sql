-- Orders and sales lines of a business day, each folded on its own before they meet, so that neither multiplies the other.
with orders as (
    select
        f.order_date as date,
        count(*) as total_orders,
        coalesce(sum(f.total_amount) filter (where f.status in ('COMPLETED', 'SHIPPED')), 0) as total_revenue,
        coalesce(sum(f.total_amount) filter (where f.status in ('CANCELLED', 'RETURNED')), 0) as cancelled_amount,
        coalesce(
            sum(f.total_amount) filter (where f.status in ('CANCELLED', 'RETURNED') and f.total_amount < 0), 0
        ) as taken_back,
        round(avg(f.total_amount) filter (where f.status in ('COMPLETED', 'SHIPPED')), 4) as avg_order_value,
        count(distinct f.customer_id) as unique_customers,
        count(distinct f.product_code) as unique_products,
        coalesce(sum(f.quantity) filter (where f.status in ('COMPLETED', 'SHIPPED')), 0) as total_quantity
    from gold.fact_orders as f
    where f.order_date = any(:slices)
    group by f.order_date
),

sales as (
    select
        f.sale_date as date,
        count(*) as sales_lines,
        sum(f.sale_amount) as sales_amount
    from gold.fact_sales as f
    where f.sale_date = any(:slices)
    group by f.sale_date
)

select
    coalesce(orders.date, sales.date) as date,
    coalesce(orders.total_orders, 0) as total_orders,
    coalesce(orders.total_revenue, 0) as total_revenue,
    coalesce(orders.cancelled_amount, 0) as cancelled_amount,
    coalesce(orders.total_revenue + orders.taken_back, 0) as net_revenue,
    orders.avg_order_value,
    coalesce(orders.unique_customers, 0) as unique_customers,
    coalesce(orders.unique_products, 0) as unique_products,
    coalesce(orders.total_quantity, 0) as total_quantity,
    coalesce(sales.sales_lines, 0) as sales_lines,
    coalesce(sales.sales_amount, 0) as sales_amount,
    coalesce(orders.total_orders, 0) + coalesce(sales.sales_lines, 0) as _folded
from orders
full join sales on orders.date = sales.date
