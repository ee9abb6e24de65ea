-- The whole number that a text says with thousands, or NULL. `1,000` is one in a file with decimal commas: it is read
-- only where the file shows its notation.
create or replace function meta.whole_of(told text, decimal_comma boolean) returns numeric
language plpgsql immutable parallel safe
as $$
declare
    core text := meta.amount_core(told, null);
    amount numeric;
begin
    if decimal_comma is null and core ~ '^-?[1-9][0-9]{0,2},000$' then
        return null;
    end if;
    amount := meta.amount_of(core, decimal_comma);
    if amount = trunc(amount) then
        return trunc(amount);
    end if;
    return null;
end
$$;
