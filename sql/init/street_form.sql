-- An address with single blanks on each of its lines. One all in capitals gets small letters as in a name, but for
-- directions, `PO` and numbers with a letter. Any other case is taken as told, and no word is spelled out or shortened.
create or replace function meta.street_form(told text) returns text
language sql immutable parallel safe
return case
    when told = upper(told) and told <> lower(told) then meta.capitalised_street(told)
    when strpos(told, '  ') > 0 or strpos(told, E'\t') > 0 then btrim(regexp_replace(told, '[ \t]+', ' ', 'g'), ' ')
    else told
end;
