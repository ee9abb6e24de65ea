-- What a text shows of the order of its day and month: 1 the day stands first, -1 the month, 0 neither or either.
create or replace function meta.moment_notation(told text) returns integer
language plpgsql immutable parallel safe
as $$
declare
    part text[] := regexp_match(told, '^([0-9]{1,2})[/.-]([0-9]{1,2})[/.-][0-9]{4}');
begin
    if part[1]::integer > 12 and meta.moment_as(told, true) is not null then
        return 1;
    elsif part[2]::integer > 12 and meta.moment_as(told, false) is not null then
        return -1;
    end if;
    return 0;
end
$$;
