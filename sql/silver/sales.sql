-- Sales lines as told on an arrival day, cleaned; the contract casts, judges and collapses them.
select
    told._arrival_day as arrival_day,
    told._file_id as source_file_id,
    told._line as source_line,
    meta.clean_text(told.sales_id) as sales_id,
    meta.clean_text(told.product_id) as product_code,
    meta.clean_text(told.customer_id) as customer_id,
    meta.clean_text(told.quantity) as quantity,
    meta.clean_text(told.sale_amount) as sale_amount,
    meta.clean_text(told.sale_date) as sold_at,
    meta.clean_text(told.is_deleted) as is_deleted
from bronze.erp_sales as told
where told._arrival_day = any(:slices)
