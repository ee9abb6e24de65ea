-- Every daily metric of the days asked for, from the daily aggregates and from what the audits of the slices counted:
-- no fact and no silver row is read. `size` is the number of rows that the value rests on.
with daily as (
    select *
    from gold.agg_daily_sales
    where date between :first and :last
),

standing as (
    select distinct on (ledger.table_name, ledger.slice)
        ledger.table_name,
        ledger.slice as day,
        ledger.rows_read,
        ledger.rows_quarantined
    from meta.slice_ledger as ledger
    where
        ledger.table_name in ('silver.orders', 'silver.sales', 'silver.accounts', 'silver.customers')
        and ledger.status <> 'refused'
        and ledger.slice between :first and :last
    order by ledger.table_name asc, ledger.slice asc, ledger.write_id desc
),

judged as (
    select distinct on (result.table_name, result.rule_id, result.slice)
        result.table_name,
        result.slice as day,
        result.rows_broken,
        result.rows_examined
    from meta.rule_results as result
    where
        (result.table_name, result.rule_id) in (
            ('silver.orders', 'customer_id_given'), ('silver.accounts', 'email_given'), ('silver.customers', 'email_given')
        )
        and result.slice between :first and :last
    order by result.table_name asc, result.rule_id asc, result.slice asc, result.write_id desc
),

arrived as (
    select
        standing.table_name,
        standing.day,
        standing.rows_read,
        standing.rows_quarantined,
        judged.rows_broken,
        judged.rows_examined
    from standing
    left join judged on standing.table_name = judged.table_name and standing.day = judged.day
)

select
    told.metric,
    daily.date as day,
    told.value::numeric as value,
    told.size::bigint as size
from daily
cross join
    lateral (
        values
        ('orders', daily.total_orders, daily.total_orders),
        ('revenue', daily.total_revenue, daily.total_orders),
        ('cancelled_amount', daily.cancelled_amount, daily.total_orders),
        ('avg_order_value', daily.avg_order_value, daily.total_orders),
        ('customers', daily.unique_customers, daily.total_orders),
        ('products', daily.unique_products, daily.total_orders),
        ('orders_per_product', daily.total_orders / nullif(daily.unique_products, 0)::numeric, daily.total_orders),
        ('sales', daily.sales_lines, daily.sales_lines),
        ('sales_amount', daily.sales_amount, daily.sales_lines)
    ) as told (metric, value, size)
where told.value is not null
union all
select
    told.metric,
    arrived.day,
    told.value::numeric as value,
    told.size::bigint as size
from arrived
inner join lateral (
    values
    ('silver.orders', 'orders_arrived', arrived.rows_read, arrived.rows_read),
    ('silver.sales', 'sales_arrived', arrived.rows_read, arrived.rows_read),
    ('silver.accounts', 'accounts_told', arrived.rows_read, arrived.rows_read),
    ('silver.customers', 'customers_told', arrived.rows_read, arrived.rows_read),
    ('silver.orders', 'orders_rejected', arrived.rows_quarantined / nullif(arrived.rows_read, 0)::numeric, arrived.rows_read),
    ('silver.sales', 'sales_rejected', arrived.rows_quarantined / nullif(arrived.rows_read, 0)::numeric, arrived.rows_read),
    (
        'silver.orders', 'orders_without_customer',
        arrived.rows_broken / nullif(arrived.rows_examined, 0)::numeric, arrived.rows_examined
    ),
    (
        'silver.accounts', 'accounts_without_email',
        arrived.rows_broken / nullif(arrived.rows_examined, 0)::numeric, arrived.rows_examined
    ),
    (
        'silver.customers', 'customers_without_email',
        arrived.rows_broken / nullif(arrived.rows_examined, 0)::numeric, arrived.rows_examined
    )
) as told (table_name, metric, value, size) on arrived.table_name = told.table_name
where told.value is not null and told.size > 0
order by metric, day
