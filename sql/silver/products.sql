-- Product changes as told on an arrival day, cleaned; the contract casts, judges and collapses them.
select
    told._arrival_day as arrival_day,
    told._file_id as source_file_id,
    told._line as source_line,
    meta.clean_text(told.product_code) as product_code,
    meta.clean_text(told.product_name) as product_name,
    meta.clean_text(told.category) as category,
    meta.clean_text(told.unit_cost) as unit_cost,
    meta.clean_text(told.list_price) as list_price,
    meta.clean_text(told.updated_at) as updated_at,
    meta.clean_text(told.is_deleted) as is_deleted
from bronze.erp_products as told
where told._arrival_day = any(:slices)
