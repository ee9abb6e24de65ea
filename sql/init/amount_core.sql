-- The digits and separators of an amount as people write it, with a minus before them where it is negative; NULL where
-- the text is no amount. A currency may stand before or after it, once, as the pattern says that is given; a sign before
-- or after it, or brackets around it, but only one of these. The spaces, apostrophes and minus signs of typography count
-- as the plain ones.
create or replace function meta.amount_core(told text, currency text) returns text
language sql immutable parallel safe
return (
    select
        case
            when length(told) > 100 then null
            when
                marks.mark in (
                    '|', '+|', '¤|', '+¤|', '¤+|', '|¤', '+|¤'
                ) then parts.part[2]
            when
                marks.mark in (
                    '-|', '|-', '-¤|', '¤-|', '¤|-', '-|¤', '|¤-', '|-¤',
                    '(|)', '(¤|)', '¤(|)', '(|¤)', '(|)¤'
                ) then '-' || parts.part[2]
        end
    from regexp_match(
        translate(told, U&'\00a0\2007\2009\202f\2019\2212', '    ''-'),
        '^([^0-9.,]*)([0-9.,](?:[0-9.,'' ]*[0-9.,])?)([^0-9.,]*)$'
    ) as parts (part)
    cross join lateral (
        select
            case
                when currency is null then around.signs
                else regexp_replace(around.signs, currency, '¤')
            end as mark
        from translate(parts.part[1] || '|' || parts.part[3], ' ', '') as around (signs)
        where strpos(told, '|') = 0 and strpos(told, '¤') = 0
    ) as marks
);
