-- A customer as both sources of the CRM know it at one moment; the engine makes the versions of it.
select
    coalesce(
        accounts.customer_name, nullif(concat_ws(' ', customers.first_name, customers.last_name), '')
    ) as customer_name,
    customers.first_name,
    customers.last_name,
    coalesce(customers.email, accounts.email) as email,
    customers.phone,
    customers.address,
    customers.city,
    customers.state,
    customers.zip,
    accounts.region,
    customers.dob,
    customers.created_date,
    least(customers.quality_score, accounts.quality_score) as quality_score
from silver.customers as customers
full join silver.accounts as accounts on customers.customer_id = accounts.customer_id
