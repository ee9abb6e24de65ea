-- An address with capitals as in a name, but for directions, `PO` and numbers with a letter, and with single blanks on
-- each of its lines.
create or replace function meta.capitalised_street(told text) returns text
language sql immutable parallel safe
return (
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
                            else meta.capitalised(words.word)
                        end,
                        ' ' order by words.position
                    )
                from regexp_split_to_table(btrim(split.line, E' \t\r'), '[ \t]+') with ordinality
                    as words (word, position)
            ) as written
        from regexp_split_to_table(told, '\n') with ordinality as split (line, position)
    ) as lines
);
