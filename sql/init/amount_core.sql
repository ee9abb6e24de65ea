-- The digits and separators of an amount as people write it, with a minus before them where it is negative; NULL where
-- the text is no amount. A currency may stand before or after it, once, as the pattern says that is given; a sign before
-- or after it, or brackets around it, but only one of these. The spaces, apostrophes and minus signs of typography count
-- as the plain ones.
create or replace function meta.amount_core(told text, currency text) returns text
language plpgsql immutable parallel safe
as $$
declare
    part text[];
    mark text;
begin
    if told is null or length(told) > 100 or strpos(told, '|') > 0 or strpos(told, '¤') > 0 then
        return null;
    end if;
    part := regexp_match(
        translate(told, U&'\00a0\2007\2009\202f\2019\2212', '    ''-'),
        '^([^0-9.,]*)([0-9.,](?:[0-9.,'' ]*[0-9.,])?)([^0-9.,]*)$'
    );
    mark := translate(part[1] || '|' || part[3], ' ', '');
    if currency is not null and mark <> '|' then
        mark := regexp_replace(mark, currency, '¤');
    end if;
    if mark in ('|', '+|', '¤|', '|¤', '+¤|', '¤+|', '+|¤') then
        return part[2];
    elsif mark in (
        '-|', '|-', '-¤|', '¤-|', '¤|-', '-|¤', '|¤-', '|-¤', '(|)', '(¤|)', '¤(|)', '(|¤)', '(|)¤'
    ) then
        return '-' || part[2];
    end if;
    return null;
end
$$;
