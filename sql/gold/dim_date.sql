-- Every day of a calendar year.
with days as (
    select generated.day::date as date
    from unnest(:slices) as years (first_day)
    cross join lateral generate_series(
        years.first_day::timestamp, years.first_day + interval '1 year' - interval '1 day', interval '1 day'
    ) as generated (day)
)

select
    to_char(days.date, 'YYYYMMDD')::integer as date_key,
    days.date,
    extract(isodow from days.date)::integer as day_of_week,
    to_char(days.date, 'FMDay') as day_name,
    extract(day from days.date)::integer as day_of_month,
    extract(doy from days.date)::integer as day_of_year,
    extract(week from days.date)::integer as iso_week,
    extract(isoyear from days.date)::integer as iso_year,
    extract(month from days.date)::integer as month,
    to_char(days.date, 'FMMonth') as month_name,
    extract(quarter from days.date)::integer as quarter,
    extract(year from days.date)::integer as year,
    extract(isodow from days.date) >= 6 as is_weekend,
    extract(month from days.date + 1) <> extract(month from days.date) as is_month_end,
    to_char(days.date, 'MMDD') in ('0101', '0501', '1225', '1226') as is_holiday,
    extract(year from days.date)::integer as fiscal_year,
    extract(quarter from days.date)::integer as fiscal_quarter,
    extract(month from days.date)::integer as fiscal_month
from days
