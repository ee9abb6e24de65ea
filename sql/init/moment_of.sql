-- The moment that a text says, by itself where day and month cannot be taken for one another, else in the order given;
-- NULL where it says none, and where it says two and no order is given.
create or replace function meta.moment_of(told text, day_first boolean) returns timestamp with time zone
language sql immutable parallel safe
return (
    select
        case
            when one.moment is null or two.moment is null then coalesce(one.moment, two.moment)
            when one.moment = two.moment or day_first then one.moment
            when not day_first then two.moment
        end
    from meta.moment_as(told, true) as one (moment)
    cross join meta.moment_as(told, false) as two (moment)
);
