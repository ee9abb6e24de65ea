-- A name with capitals, but for its particles and numerals, and with single blanks.
create or replace function meta.capitalised_name(told text) returns text
language sql immutable parallel safe
return (
    select
        string_agg(
            case
                when
                    words.word in (
                        'van', 'von', 'der', 'den', 'ter', 'ten', 'de', 'da', 'di', 'dos', 'das', 'du', 'des', 'del',
                        'della', 'zu', 'zum', 'zur', 'vom', 'bin', 'ibn'
                    )
                    or (words.word in ('la', 'las', 'los', 'el') and words.before = 'de')
                    then words.word
                when words.word in ('ii', 'iii', 'iv', 'vii', 'viii') and words.before is not null
                    then upper(words.word)
                else meta.capitalised(words.word)
            end,
            ' ' order by words.position
        )
    from (
        select
            split.word,
            split.position,
            lag(split.word) over (order by split.position) as before
        from regexp_split_to_table(lower(told), '\s+') with ordinality as split (word, position)
    ) as words
);
