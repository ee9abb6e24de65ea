-- Customer changes as told on an arrival day, cleaned; the contract casts, judges and collapses them.
select
    told._arrival_day as arrival_day,
    told._file_id as source_file_id,
    told._line as source_line,
    meta.clean_text(told.customer_id) as customer_id,
    meta.name_form(meta.clean_text(told.first_name)) as first_name,
    meta.name_form(meta.clean_text(told.last_name)) as last_name,
    meta.clean_text(told.email) as email,
    meta.clean_text(told.phone) as phone,
    meta.street_form(meta.clean_text(told.address)) as address,
    meta.name_form(meta.clean_text(told.city)) as city,
    meta.clean_text(told.state) as state,
    meta.clean_text(told.zip) as zip,
    meta.clean_text(told.dob) as dob,
    meta.clean_text(told.created_date) as created_date,
    meta.clean_text(told.updated_at) as updated_at,
    meta.clean_text(told.is_deleted) as is_deleted
from bronze.crm_customers as told
where told._arrival_day = any(:slices)
