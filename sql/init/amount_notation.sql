-- What a core of an amount shows of its notation: 1 a decimal comma, -1 a decimal point, 0 neither or either. A single
-- separator before three digits could stand for thousands or for decimals, unless a zero stands first.
create or replace function meta.amount_notation(core text) returns integer
language plpgsql immutable parallel safe
as $$
declare
    bare text := ltrim(core, '-');
begin
    if translate(bare, '.,', '') = bare or bare ~ '^[1-9][0-9]{0,2}[.,][0-9]{3}$' then
        return 0;
    elsif
        bare ~ '^[0-9]*[.][0-9]+$'
        or bare ~ '^[0-9]{1,3}(?:,[0-9]{3})+[.][0-9]+$'
        or bare ~ '^[0-9]{1,3}(?:,[0-9]{3}){2,}$'
        or bare ~ '^[0-9]{1,3}(?:(?: [0-9]{3})+|(?:''[0-9]{3})+)[.][0-9]+$'
    then
        return -1;
    elsif
        bare ~ '^[0-9]*,[0-9]+$'
        or bare ~ '^[0-9]{1,3}(?:[.][0-9]{3})+,[0-9]+$'
        or bare ~ '^[0-9]{1,3}(?:[.][0-9]{3}){2,}$'
        or bare ~ '^[0-9]{1,3}(?:(?: [0-9]{3})+|(?:''[0-9]{3})+),[0-9]+$'
    then
        return 1;
    end if;
    return 0;
end
$$;
