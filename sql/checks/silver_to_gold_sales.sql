-- The telling of each of the sales that arrived last, unless it is a deletion, against the fact on its business day.
with latest as (
    select distinct on (told.sales_id)
        told.sales_id as key,
        told.sale_date as day,
        told.sale_amount as amount,
        told.is_deleted
    from silver.sales as told
    where
        told.sales_id in (
            select asked.sales_id from silver.sales as asked
            where asked.sale_date between :first and :last
        )
    order by told.sales_id asc, told.arrival_day desc
),

standing as (
    select *
    from latest
    where is_deleted is not true and day between :first and :last
),

fact as (
    select *
    from gold.fact_sales
    where sale_date between :first and :last
),

compared as (
    select
        coalesce(standing.day, fact.sale_date) as day,
        coalesce(standing.key, fact.sales_id) as key,
        standing.amount as told_amount,
        fact.sale_amount as fact_amount,
        standing.key is not null as is_told,
        fact.sales_id is not null as is_fact
    from standing
    full join fact on standing.key = fact.sales_id and standing.day = fact.sale_date
),

summed as (
    select
        day,
        count(*) filter (where is_told) as told_rows,
        count(*) filter (where is_fact) as fact_rows,
        count(*) filter (where is_told <> is_fact) as lone_rows,
        (array_agg(key order by key) filter (where is_told <> is_fact))[1:(:sample)] as lone_keys,
        coalesce(sum(told_amount), 0) as told_amount,
        coalesce(sum(fact_amount), 0) as fact_amount,
        count(*) filter (where told_amount <> fact_amount) as changed_rows,
        (array_agg(key order by key) filter (where told_amount <> fact_amount))[1:(:sample)] as changed_keys
    from compared
    group by day
)

select
    'rows' as measure,
    day,
    told_rows as left_value,
    fact_rows as right_value,
    0 as explained,
    lone_rows as differing_keys,
    coalesce(lone_keys, '{}') as sample_keys
from summed
union all
select
    'amount' as measure,
    day,
    told_amount as left_value,
    fact_amount as right_value,
    0 as explained,
    changed_rows as differing_keys,
    coalesce(changed_keys, '{}') as sample_keys
from summed
order by measure, day
