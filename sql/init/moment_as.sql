-- The moment that a text says whose day and month stand in the order given, UTC where no zone is told; NULL where it
-- says none. Numbers with the year last, English names of months, and any of them with a time of day of 24 hours or of
-- twice 12. A year has four digits, since nobody can know what two of them mean.
create or replace function meta.moment_as(told text, day_first boolean) returns timestamp with time zone
language sql immutable parallel safe
return (
    with forms as (
        select
            regexp_match(lower(told), '^([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4})([^0-9].*)?$') as numbers,
            regexp_match(
                lower(told),
                '^([0-9]{1,2})[ -]?'
                '(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?'
                '|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)[.]?(?:,? |-)?([0-9]{4})([^0-9].*)?$'
            ) as day_named,
            regexp_match(
                lower(told),
                '^(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?'
                '|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)[.]?[ -]?([0-9]{1,2})(?:, ?| |-)([0-9]{4})([^0-9].*)?$'
            ) as month_named,
            regexp_match(
                lower(told), '^([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})([^0-9].*[ap][.]?m.*)$'
            ) as year_first
        where length(told) <= 60
    ),

    parts as (
        select
            coalesce(numbers[4], day_named[3], month_named[3], year_first[1]) as year,
            case
                when day_first then numbers[3]
                when not day_first then numbers[1]
            end as number_month,
            case
                when day_first then numbers[1]
                when not day_first then numbers[3]
            end as number_day,
            left(coalesce(day_named[2], month_named[1]), 3) as month_name,
            year_first[3] as year_first_month,
            coalesce(day_named[1], month_named[2], year_first[4]) as other_day,
            coalesce(numbers[5], day_named[4], month_named[4], year_first[5]) as tail
        from forms
    ),

    said as (
        select
            year,
            coalesce(
                number_month,
                ((strpos('janfebmaraprmayjunjulaugsepoctnovdec', month_name) + 2) / 3)::text,
                year_first_month
            ) as month,
            coalesce(number_day, other_day) as day,
            tail,
            regexp_match(
                tail,
                '^(?:,? |t)([0-9]{1,2}):([0-9]{2})(:[0-9]{2}(?:[.][0-9]+)?)?(?: ?([ap])[.]?m[.]?)?'
                '( ?(?:z|[-+][0-9]{2}(?::?[0-9]{2})?))?$'
            ) as clock
        from parts
    ),

    written as (
        select
            year || '-' || month || '-' || day || ' ' || coalesce(
                case
                    when clock[4] is null then clock[1]
                    else (mod(clock[1]::integer, 12) + case clock[4] when 'p' then 12 else 0 end)::text
                end
                || ':' || clock[2] || coalesce(clock[3], '') || coalesce(clock[5], 'Z'),
                '00:00Z'
            ) as moment
        from said
        where
            left(year, 1) <> '0'
            and (tail is null or (clock is not null and year <> '9999'))
            and (clock[4] is null or clock[1]::integer between 1 and 12)
    )

    select case when pg_input_is_valid(moment, 'timestamp with time zone') then moment::timestamp with time zone end
    from written
);
