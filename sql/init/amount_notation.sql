-- What a core of an amount shows of its notation: 1 a decimal comma, -1 a decimal point, 0 neither or either. A single
-- separator before three digits could stand for thousands or for decimals, unless a zero stands first.
create or replace function meta.amount_notation(core text) returns integer
language sql immutable parallel safe
return (
    select
        case
            when bare.core ~ '^[1-9][0-9]{0,2}[.,][0-9]{3}$' then 0
            when
                bare.core ~ '^[0-9]*[.][0-9]+$'
                or bare.core ~ '^[0-9]{1,3}(,[0-9]{3})+[.][0-9]+$'
                or bare.core ~ '^[0-9]{1,3}(,[0-9]{3}){2,}$'
                or bare.core ~ '^[0-9]{1,3}(( [0-9]{3})+|(''[0-9]{3})+)[.][0-9]+$'
                then -1
            when
                bare.core ~ '^[0-9]*,[0-9]+$'
                or bare.core ~ '^[0-9]{1,3}([.][0-9]{3})+,[0-9]+$'
                or bare.core ~ '^[0-9]{1,3}([.][0-9]{3}){2,}$'
                or bare.core ~ '^[0-9]{1,3}(( [0-9]{3})+|(''[0-9]{3})+),[0-9]+$'
                then 1
            else 0
        end
    from ltrim(core, '-') as bare (core)
);
