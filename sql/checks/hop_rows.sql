-- What the ledger says of each hop: the rows that a slice of bronze holds against those that silver kept, collapsed and
-- quarantined, and the facts of a business day against those that its aggregate was made of.
with standing as (
    select distinct on (ledger.table_name, ledger.slice)
        ledger.table_name,
        ledger.slice as day,
        ledger.rows_read,
        ledger.rows_written,
        ledger.rows_collapsed + ledger.rows_quarantined as rows_left_out
    from meta.slice_ledger as ledger
    where ledger.status <> 'refused' and ledger.slice between :first and :last
    order by ledger.table_name asc, ledger.slice asc, ledger.write_id desc
),

hops as (
    select
        hop.measure,
        bronze.day,
        bronze.rows_written as left_value,
        coalesce(silver.rows_written, 0) as right_value,
        coalesce(silver.rows_left_out, 0) as explained
    from (
        values
        ('crm_accounts', 'bronze.crm_accounts', 'silver.accounts'),
        ('crm_customers', 'bronze.crm_customers', 'silver.customers'),
        ('erp_orders', 'bronze.erp_orders', 'silver.orders'),
        ('erp_products', 'bronze.erp_products', 'silver.products'),
        ('erp_sales', 'bronze.erp_sales', 'silver.sales')
    ) as hop (measure, read_table, made_table)
    inner join standing as bronze on hop.read_table = bronze.table_name
    left join standing as silver on hop.made_table = silver.table_name and bronze.day = silver.day
),

facts as (
    select
        day,
        coalesce(sum(rows_written) filter (where table_name <> 'gold.agg_daily_sales'), 0) as left_value,
        coalesce(sum(rows_read) filter (where table_name = 'gold.agg_daily_sales'), 0) as right_value
    from standing
    where table_name in ('gold.fact_orders', 'gold.fact_sales', 'gold.agg_daily_sales')
    group by day
)

select
    measure,
    day,
    left_value,
    right_value,
    explained,
    0 as differing_keys,
    '{}'::text[] as sample_keys
from hops
where left_value > 0 or right_value > 0
union all
select
    'facts_of_day' as measure,
    day,
    left_value,
    right_value,
    0 as explained,
    0 as differing_keys,
    '{}'::text[] as sample_keys
from facts
where left_value > 0 or right_value > 0
order by measure, day
