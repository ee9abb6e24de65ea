-- Products that orders and sales of the days name against those of the product master, and the other way round.
with facts as (
    select
        order_date between :first and :last as is_asked,
        product_code as key
    from gold.fact_orders
    where product_code is not null
    union all
    select
        sale_date between :first and :last as is_asked,
        product_code as key
    from gold.fact_sales
    where product_code is not null
),

named as (
    select
        key,
        bool_or(is_asked) as is_asked
    from facts
    group by key
),

told as (
    select
        product_code as key,
        bool_or(is_current) as is_current
    from gold.dim_product
    where not is_inferred
    group by product_code
),

compared as (
    select
        coalesce(named.key, told.key) as key,
        coalesce(named.is_asked, false) as is_asked,
        named.key is not null as is_named,
        told.key is not null as is_told,
        coalesce(told.is_current, false) as is_current
    from named
    full join told on named.key = told.key
)

select
    'named_by_erp' as measure,
    :last::date as day,
    count(*) as left_value,
    count(*) filter (where is_told) as right_value,
    0 as explained,
    count(*) filter (where not is_told) as differing_keys,
    coalesce((array_agg(key order by key) filter (where not is_told))[1:(:sample)], '{}') as sample_keys
from compared
where is_asked
union all
select
    'never_ordered' as measure,
    :last::date as day,
    count(*) as left_value,
    count(*) filter (where is_named) as right_value,
    0 as explained,
    count(*) filter (where not is_named) as differing_keys,
    coalesce((array_agg(key order by key) filter (where not is_named))[1:(:sample)], '{}') as sample_keys
from compared
where is_current
order by measure
