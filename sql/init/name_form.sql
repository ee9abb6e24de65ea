-- The normal form of a name. Mixed case is taken as written, since `McDonald` and `van der Berg` are right already;
-- only a name all in one case gets capitals.
create or replace function meta.name_form(told text) returns text
language sql immutable parallel safe
return case
    when told = upper(told) or told = lower(told) then meta.capitalised(told)
    when strpos(told, '  ') > 0 or strpos(told, E'\t') > 0 then regexp_replace(told, '\s+', ' ', 'g')
    else told
end;
