-- The moment that a text says whose day and month stand in the order given, UTC where no zone is told; NULL where it
-- says none. Numbers with the year last, English names of months, and any of them with a time of day of 24 hours or of
-- twice 12. A year has four digits, since nobody can know what two of them mean.
create or replace function meta.moment_as(told text, day_first boolean) returns timestamp with time zone
language sql immutable parallel safe
return (
    select
        case
            when left(said.year, 1) = '0' or (said.year = '9999' and said.clock[1] is not null) then null
            when said.clock[4] is not null and said.clock[1]::integer not between 1 and 12 then null
            when pg_input_is_valid(told_as.text, 'timestamp with time zone')
                then told_as.text::timestamp with time zone
        end
    from (
        select
            coalesce(numbers.part[4], day_named.part[3], month_named.part[3], year_first.part[1]) as year,
            case
                when numbers.part is not null
                    then
                        case
                            when day_first then numbers.part[3] || '-' || numbers.part[1]
                            else numbers.part[1] || '-' || numbers.part[3]
                        end
                when year_first.part is not null then year_first.part[3] || '-' || year_first.part[4]
                else
                    (
                        strpos(
                            'janfebmaraprmayjunjulaugsepoctnovdec',
                            left(coalesce(day_named.part[2], month_named.part[1]), 3)
                        )
                        + 2
                    )
                    / 3
                    || '-'
                    || coalesce(day_named.part[1], month_named.part[2])
            end as month_day,
            coalesce(numbers.part[5], day_named.part[4], month_named.part[4], year_first.part[5]) as tail,
            regexp_match(
                coalesce(numbers.part[5], day_named.part[4], month_named.part[4], year_first.part[5]),
                '^(?:,? |t)([0-9]{1,2}):([0-9]{2})(:[0-9]{2}(?:[.][0-9]+)?)?(?: ?([ap])[.]?m[.]?)?'
                '( ?(?:z|[-+][0-9]{2}(?::?[0-9]{2})?))?$'
            ) as clock
        from lower(told) as lowered (told)
        left join lateral regexp_match(
            lowered.told, '^([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4})([^0-9].*)?$'
        ) as numbers (part) on true
        left join lateral regexp_match(
            lowered.told,
            '^([0-9]{1,2})[ -]?'
            '(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?'
            '|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)[.]?(?:,? |-)?([0-9]{4})([^0-9].*)?$'
        ) as day_named (part) on true
        left join lateral regexp_match(
            lowered.told,
            '^(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?'
            '|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)[.]?[ -]?([0-9]{1,2})(?:, ?| |-)([0-9]{4})([^0-9].*)?$'
        ) as month_named (part) on true
        left join lateral regexp_match(
            lowered.told, '^([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})([^0-9].*[ap][.]?m.*)$'
        ) as year_first (part) on true
        where
            length(lowered.told) <= 60
            and coalesce(numbers.part, day_named.part, month_named.part, year_first.part) is not null
    ) as said
    cross join lateral (
        select
            said.year || '-' || said.month_day || ' ' || coalesce(
                case
                    when said.clock[4] is null then said.clock[1]
                    else (mod(said.clock[1]::integer, 12) + case said.clock[4] when 'p' then 12 else 0 end)::text
                end
                || ':' || said.clock[2] || coalesce(said.clock[3], '') || coalesce(said.clock[5], 'Z'),
                '00:00Z'
            ) as text
        where said.tail is null or said.clock is not null
    ) as told_as
);
