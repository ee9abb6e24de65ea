-- What a text shows of the order of its day and month: 1 the day stands first, -1 the month, 0 neither or either.
create or replace function meta.moment_notation(told text) returns integer
language sql immutable parallel safe
return (meta.moment_as(told, true) is not null)::integer - (meta.moment_as(told, false) is not null)::integer;
