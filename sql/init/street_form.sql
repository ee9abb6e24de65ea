-- An address with single blanks on each of its lines. One all in capitals gets small letters as in a name, but for
-- directions, `PO` and numbers with a letter. Any other case is taken as told, and no word is spelled out or shortened.
create or replace function meta.street_form(told text) returns text
language sql immutable parallel safe
return case
    when told = upper(told) and told <> lower(told) then (
        select string_agg(lines.written, E'\n' order by lines.position)
        from (
            select
                split.position,
                (
                    select
                        string_agg(
                            case
                                when words.word ~ '^([NS]?[EW]|[NS]|[NS][.][EW][.]|[NSEW][.]|PO|P[.]O[.]|RR),?$' then words.word
                                when words.word ~ '^[0-9]*(1ST|2ND|3RD|[0-9]TH),?$' then lower(words.word)
                                when words.word ~ '[0-9]' then words.word
                                else meta.capitalised_word(words.word)
                            end,
                            ' ' order by words.position
                        )
                    from regexp_split_to_table(btrim(split.line, E' \t\r'), '[ \t]+') with ordinality
                        as words (word, position)
                ) as written
            from regexp_split_to_table(told, '\n') with ordinality as split (line, position)
        ) as lines
    )
    when strpos(told, '  ') > 0 or strpos(told, E'\t') > 0 then btrim(regexp_replace(told, '[ \t]+', ' ', 'g'), ' ')
    else told
end;
