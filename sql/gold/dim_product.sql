-- A product as the ERP knows it at one moment; the engine makes the versions of it.
select
    products.product_name,
    products.category,
    products.unit_cost,
    products.list_price
from silver.products as products
