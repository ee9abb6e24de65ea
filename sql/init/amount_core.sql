-- The digits and separators of an amount as people write it, with a minus before them where it is negative; NULL where
-- the text is no amount. A currency may stand before or after it, once, as the pattern says that is given; a sign before
-- or after it, or brackets around it, but only one of these. The spaces, apostrophes and minus signs of typography count
-- as the plain ones.
create or replace function meta.amount_core(told text, currency text) returns text
language sql immutable parallel safe
return (
    with split as (
        select
            regexp_match(
                translate(told, U&'\00a0\2007\2009\202f\2019\2212', '    ''-'),
                '^([^0-9.,]*)([0-9.,](?:[0-9.,'' ]*[0-9.,])?)([^0-9.,]*)$'
            ) as part
        where length(told) <= 100 and translate(told, '|¤', '') = told
    ),

    marked as (
        select
            part[2] as core,
            translate(part[1] || '|' || part[3], ' ', '') as mark
        from split
    )

    select
        case coalesce(regexp_replace(mark, currency, '¤'), mark)
            when '|' then core
            when '+|' then core
            when '¤|' then core
            when '|¤' then core
            when '+¤|' then core
            when '¤+|' then core
            when '+|¤' then core
            when '-|' then '-' || core
            when '|-' then '-' || core
            when '-¤|' then '-' || core
            when '¤-|' then '-' || core
            when '¤|-' then '-' || core
            when '-|¤' then '-' || core
            when '|¤-' then '-' || core
            when '|-¤' then '-' || core
            when '(|)' then '-' || core
            when '(¤|)' then '-' || core
            when '¤(|)' then '-' || core
            when '(|¤)' then '-' || core
            when '(|)¤' then '-' || core
        end
    from marked
);
