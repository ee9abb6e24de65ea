-- The moment that a text says, by itself where day and month cannot be taken for one another, else in the order given;
-- NULL where it says none, and where it says two and no order is given.
create or replace function meta.moment_of(told text, day_first boolean) returns timestamp with time zone
language plpgsql immutable parallel safe
as $$
declare
    part text[] := regexp_match(told, '^([0-9]{1,2})[/.-]([0-9]{1,2})[/.-][0-9]{4}');
begin
    if part is null or part[1]::integer > 12 or part[1]::integer = part[2]::integer then
        return meta.moment_as(told, true);
    elsif part[2]::integer > 12 then
        return meta.moment_as(told, false);
    elsif day_first is null then
        return null;
    end if;
    return meta.moment_as(told, day_first);
end
$$;
