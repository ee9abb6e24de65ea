-- Account changes as told on an arrival day, cleaned; the contract casts, judges and collapses them.
select
    told._arrival_day as arrival_day,
    told._file_id as source_file_id,
    told._line as source_line,
    meta.clean_text(told.customer_id) as customer_id,
    meta.name_form(meta.clean_text(told.customer_name)) as customer_name,
    meta.clean_text(told.email) as email,
    meta.clean_text(told.region) as region,
    meta.clean_text(told.updated_at) as updated_at,
    meta.clean_text(told.is_deleted) as is_deleted
from bronze.crm_accounts as told
where told._arrival_day = any(:slices)
