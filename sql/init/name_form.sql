-- The normal form of a name, with single blanks. Mixed case is taken as written, since `McDonald`, `MacLeod` and
-- `van der Berg` are right already; only a name all in one case gets capitals, but for particles and numerals. Titles
-- and suffixes stay where they are. The work is in a function of its own, so that PostgreSQL can put this one inline.
create or replace function meta.name_form(told text) returns text
language sql immutable parallel safe
return case
    when told = upper(told) or told = lower(told) then meta.capitalised_name(told)
    when strpos(told, '  ') > 0 or strpos(told, E'\t') > 0 then regexp_replace(told, '\s+', ' ', 'g')
    else told
end;
