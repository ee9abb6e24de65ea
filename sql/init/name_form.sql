-- The normal form of a name, with single blanks. Mixed case is taken as written, since `McDonald`, `MacLeod` and
-- `van der Berg` are right already; only a name all in one case gets capitals, but for particles and numerals. Titles
-- and suffixes stay where they are.
create or replace function meta.name_form(told text) returns text
language sql immutable parallel safe
return case
    when told = upper(told) or told = lower(told) then (
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
                    else meta.capitalised_word(words.word)
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
    )
    when strpos(told, '  ') > 0 or strpos(told, E'\t') > 0 then regexp_replace(told, '\s+', ' ', 'g')
    else told
end;
