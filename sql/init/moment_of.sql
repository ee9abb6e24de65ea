-- The moment that a text says, by itself where day and month cannot be taken for one another, else in the order given;
-- NULL where it says none, and where it says two and no order is given.
create or replace function meta.moment_of(told text, day_first boolean) returns timestamp with time zone
language sql immutable parallel safe
return case
    when meta.moment_as(told, true) is null then meta.moment_as(told, false)
    when meta.moment_as(told, false) is null or meta.moment_as(told, true) = meta.moment_as(told, false)
        then meta.moment_as(told, true)
    else meta.moment_as(told, day_first)
end;
