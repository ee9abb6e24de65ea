-- Orders as told on an arrival day, cleaned; the contract casts, judges and collapses them.
select
    told._arrival_day as arrival_day,
    told._file_id as source_file_id,
    told._line as source_line,
    meta.clean_text(told.order_id) as order_id,
    meta.clean_text(told.customer_id) as customer_id,
    meta.clean_text(told.product_code) as product_code,
    meta.clean_text(told.quantity) as quantity,
    meta.clean_text(told.price_per_unit) as unit_price,
    meta.clean_text(told.order_date) as ordered_at,
    coalesce(spelling.status, meta.clean_text(told.status)) as status,
    meta.clean_text(told.is_deleted) as is_deleted
from bronze.erp_orders as told
left join (
    values
    ('PENDING', 'PENDING'), ('OPEN', 'PENDING'), ('NEW', 'PENDING'), ('PROCESSING', 'PENDING'),
    ('COMPLETED', 'COMPLETED'), ('COMPLETE', 'COMPLETED'), ('PAID', 'COMPLETED'), ('CLOSED', 'COMPLETED'),
    ('DONE', 'COMPLETED'), ('DELIVERED', 'COMPLETED'),
    ('SHIPPED', 'SHIPPED'), ('SENT', 'SHIPPED'), ('IN TRANSIT', 'SHIPPED'),
    ('CANCELLED', 'CANCELLED'), ('CANCELED', 'CANCELLED'), ('CANCEL', 'CANCELLED'), ('VOID', 'CANCELLED'),
    ('RETURNED', 'RETURNED'), ('RETURN', 'RETURNED'), ('REFUNDED', 'RETURNED')
) as spelling (told, status) on upper(meta.clean_text(told.status)) = spelling.told
where told._arrival_day = any(:slices)
