-- The amount that a core says (meta.amount_core), or NULL. Where its one separator could stand for thousands or for
-- decimals, the notation of its file decides, and without one the comma is for thousands and the point for decimals.
create or replace function meta.amount_of(core text, decimal_comma boolean) returns numeric
language plpgsql immutable parallel safe
as $$
declare
    shown integer := meta.amount_notation(core);
begin
    if shown = 1 or (decimal_comma and core ~ '^-?[1-9][0-9]{0,2}[.,][0-9]{3}$') then
        return translate(core, ',. ''', '.')::numeric;
    elsif
        shown = -1
        or core ~ '^-?[1-9][0-9]{0,2}[.,][0-9]{3}$'
        or core ~ '^-?[0-9]+$'
        or core ~ '^-?[0-9]{1,3}(?:(?: [0-9]{3})+|(?:''[0-9]{3})+)$'
    then
        return translate(core, ', ''', '')::numeric;
    end if;
    return null;
end
$$;
