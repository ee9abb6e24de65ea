-- A postal code in capitals with single blanks. In the United States a ZIP code has five digits or nine with a hyphen,
-- and anything else is NULL. One that has lost the zeros before it in a spreadsheet gets them back where every code of
-- its state begins with them: nothing else can have been there. Elsewhere nothing is known and nothing is asked.
create or replace function meta.zip_form(told text, state text, in_us boolean) returns text
language sql immutable parallel safe
return case
    when translate(told, '0123456789', '') = '' and length(told) = 5 then told
    when not coalesce(in_us, false) then upper(regexp_replace(told, '\s+', ' ', 'g'))
    when told ~ '^[0-9]{5}[ -]?[0-9]{4}$' then left(told, 5) || '-' || right(told, 4)
    when told ~ '^[0-9]{4}(-[0-9]{4})?$' and state in ('CT', 'MA', 'ME', 'NH', 'NJ', 'RI', 'VT') then '0' || told
    when told ~ '^[0-9]{3}(-[0-9]{4})?$' and state = 'PR' then '00' || told
end;
