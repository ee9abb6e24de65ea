-- The whole number that a text says with thousands, or NULL. `1,000` is one in a file with decimal commas: it is read
-- only where the file shows its notation.
create or replace function meta.whole_of(told text, decimal_comma boolean) returns numeric
language sql immutable parallel safe
return (
    select
        case
            when decimal_comma is null and said.core ~ '^-?[1-9][0-9]{0,2},000$' then null
            when said.amount = trunc(said.amount) then trunc(said.amount)
        end
    from (
        select
            core,
            meta.amount_of(core, decimal_comma) as amount
        from meta.amount_core(told, null) as core
    ) as said
);
