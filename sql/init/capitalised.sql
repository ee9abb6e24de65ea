-- Words with capitals, as in names: particles in lower case, `Mc` followed by a capital.
create or replace function meta.capitalised(told text) returns text
language sql immutable parallel safe
return (
    select
        string_agg(
            case
                when words.word in ('van', 'von', 'der', 'den', 'ter', 'de', 'da', 'di', 'dos', 'du', 'del') then words.word
                when words.word ~ '^mc[a-z]{3,}$' then 'Mc' || initcap(substr(words.word, 3))
                else initcap(words.word)
            end,
            ' ' order by words.position
        )
    from regexp_split_to_table(lower(told), '\s+') with ordinality as words (word, position)
);
