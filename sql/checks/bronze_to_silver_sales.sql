-- Each landed row of an arrival day against the row of silver that says that it came from its line. A row in neither
-- silver nor quarantine must be a collapsed one. Amounts are compared where the text is a plain number: what quarantine
-- and collapsing took away is explained, a value that changed on its way is not. Where more rows are gone than were
-- collapsed, nobody knows which of them were, and the amounts of all of them are left to explain.
with told as (
    select
        landed._arrival_day as day,
        landed._file_id as source_file_id,
        landed._line as source_line,
        landed.sales_id as key,
        case
            when
                translate(landed.quantity || landed.sale_amount, '0123456789.-', '') = ''
                and pg_input_is_valid(landed.quantity, 'numeric')
                and pg_input_is_valid(landed.sale_amount, 'numeric')
                then landed.sale_amount::numeric
        end as amount
    from bronze.erp_sales as landed
    where landed._arrival_day between :first and :last
),

compared as (
    select
        told.day,
        told.key,
        told.amount,
        kept.sale_amount as kept_amount,
        kept.sales_id is not null as is_kept,
        kept.sales_id is null and quarantined.source_line is null as is_gone
    from told
    left join silver.sales as kept
        on
            told.day = kept.arrival_day
            and told.source_file_id = kept.source_file_id
            and told.source_line = kept.source_line
    left join quarantine.sales as quarantined
        on
            told.day = quarantined.arrival_day
            and told.source_file_id = quarantined.source_file_id
            and told.source_line = quarantined.source_line
            and quarantined.state = 'open'
),

left_out as (
    select distinct on (ledger.slice)
        ledger.slice as day,
        ledger.rows_collapsed,
        ledger.rows_quarantined
    from meta.slice_ledger as ledger
    where
        ledger.table_name = 'silver.sales'
        and ledger.status <> 'refused'
        and ledger.slice between :first and :last
    order by ledger.slice asc, ledger.write_id desc
),

summed as (
    select
        compared.day,
        count(*) as landed_rows,
        count(*) filter (where compared.is_kept) as kept_rows,
        greatest(
            count(*) filter (where compared.is_gone) - coalesce(max(left_out.rows_collapsed), 0), 0
        ) as lost_rows,
        coalesce(max(left_out.rows_collapsed + left_out.rows_quarantined), 0) as explained_rows,
        (array_agg(compared.key order by compared.key) filter (where compared.is_gone))[1:(:sample)] as gone_keys,
        coalesce(sum(compared.amount), 0) as landed_amount,
        coalesce(sum(compared.kept_amount) filter (where compared.amount is not null), 0) as kept_amount,
        coalesce(sum(compared.amount) filter (where not compared.is_kept), 0) as left_out_amount,
        coalesce(sum(compared.amount) filter (where compared.is_gone), 0) as gone_amount,
        count(*) filter (where compared.amount <> compared.kept_amount) as changed_rows,
        (array_agg(compared.key order by compared.key) filter (where compared.amount <> compared.kept_amount))[1:(:sample)]
            as changed_keys
    from compared
    left join left_out on compared.day = left_out.day
    group by compared.day
)

select
    'rows' as measure,
    day,
    landed_rows as left_value,
    kept_rows as right_value,
    explained_rows as explained,
    lost_rows as differing_keys,
    case when lost_rows > 0 then coalesce(gone_keys, '{}') else '{}' end as sample_keys
from summed
union all
select
    'amount' as measure,
    day,
    landed_amount as left_value,
    kept_amount as right_value,
    left_out_amount - case when lost_rows > 0 then gone_amount else 0 end as explained,
    changed_rows as differing_keys,
    coalesce(changed_keys, '{}') as sample_keys
from summed
order by measure, day
