-- A word in small letters with the capitals of a name: one at the start and after each hyphen and apostrophe, and `Mc`
-- followed by a capital. The `s` after an apostrophe is no name, and a sigma at the end has a shape of its own.
create or replace function meta.capitalised(told text) returns text
language sql immutable parallel safe
return (
    select
        string_agg(
            case
                when lower(parts.part) ~ '^mc[a-z]{3,}$' then 'Mc' || initcap(substr(parts.part, 3))
                when strpos(lower(parts.part), 'σ') > 0
                    then regexp_replace(initcap(parts.part), '(?<=[[:alpha:]])σ(?![[:alpha:]])', 'ς', 'g')
                when right(parts.part, 2) in ('''S', '''s', '’S', '’s')
                    then initcap(left(parts.part, -1)) || 's'
                else initcap(parts.part)
            end,
            '-' order by parts.position
        )
    from regexp_split_to_table(told, '-') with ordinality as parts (part, position)
);
