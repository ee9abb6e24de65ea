-- A telephone number as E.164 where it can be derived: international numbers by their prefix, ten digits as North
-- American. Anything else stays as told, so that a person can see what is wrong with it.
create or replace function meta.phone_form(told text) returns text
language sql immutable parallel safe
return case
    when told is null then null
    when translate(told, '+0123456789 ()-./', '') <> '' then told
    when translate(told, ' ()-./', '') like '+%' then translate(told, ' ()-./', '')
    when translate(told, ' ()-./', '') like '00%' then '+' || substr(translate(told, ' ()-./', ''), 3)
    when length(translate(told, ' ()-./', '')) = 10 then '+1' || translate(told, ' ()-./', '')
    when length(translate(told, ' ()-./', '')) = 11 and translate(told, ' ()-./', '') like '1%'
        then '+' || translate(told, ' ()-./', '')
    else told
end;
