-- A postal code in capitals with single blanks. With a state of the United States, the nine digits of ZIP+4 get their
-- hyphen, and a code that has lost the zeros before it in a spreadsheet gets them back: where every code of the state
-- begins with them, nothing else can have been there. Without such a state nothing is known and nothing is changed.
create or replace function meta.zip_form(told text, state text) returns text
language sql immutable parallel safe
return case
    when translate(told, '0123456789', '') = '' and length(told) = 5 then told
    when told ~ '^[0-9]{5}[ -]?[0-9]{4}$' and state ~ '^[A-Z]{2}$' then left(told, 5) || '-' || right(told, 4)
    when told ~ '^[0-9]{4}(-[0-9]{4})?$' and state in ('CT', 'MA', 'ME', 'NH', 'NJ', 'RI', 'VT') then '0' || told
    when told ~ '^[0-9]{3}(-[0-9]{4})?$' and state = 'PR' then '00' || told
    else upper(regexp_replace(told, '\s+', ' ', 'g'))
end;
