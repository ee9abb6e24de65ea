-- The moment that a text says whose day and month stand in the order given, UTC where no zone is told; NULL where it
-- says none. Numbers with the year last, English names of months, and any of them with a time of day of 24 hours or of
-- twice 12. A year has four digits, since nobody can know what two of them mean.
create or replace function meta.moment_as(told text, day_first boolean) returns timestamp with time zone
language plpgsql immutable parallel safe
as $$
declare
    lowered text := lower(told);
    part text[];
    year text;
    day text;
    tail text;
    clock text;
begin
    if told is null or length(told) > 60 then
        return null;
    end if;
    part := regexp_match(lowered, '^([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4})([^0-9].*)?$');
    if part is not null then
        tail := part[5];
        year := part[4];
        if day_first then
            day := year || '-' || part[3] || '-' || part[1];
        else
            day := year || '-' || part[1] || '-' || part[3];
        end if;
    elsif lowered ~ '^[0-9]{4}' then
        part := regexp_match(lowered, '^([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})([^0-9].*[ap][.]?m.*)$');
        tail := part[5];
        year := part[1];
        day := year || '-' || part[3] || '-' || part[4];
    else
        part := regexp_match(
            lowered,
            '^([0-9]{1,2})[ -]?(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?'
            '|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)[.]?(?:,? |-)?([0-9]{4})([^0-9].*)?$'
        );
        if part is null then
            part := regexp_match(
                lowered,
                '^(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?'
                '|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)[.]?[ -]?([0-9]{1,2})(?:, ?| |-)([0-9]{4})([^0-9].*)?$'
            );
            part := array[part[2], part[1], part[3], part[4]];
        end if;
        tail := part[4];
        year := part[3];
        day := year || '-' || (strpos('janfebmaraprmayjunjulaugsepoctnovdec', left(part[2], 3)) + 2) / 3 || '-' || part[1];
    end if;
    if day is null or left(year, 1) = '0' then
        return null;
    end if;
    clock := '00:00Z';
    if tail is not null then
        part := regexp_match(
            tail,
            '^(?:,? |t)([0-9]{1,2}):([0-9]{2})(:[0-9]{2}(?:[.][0-9]+)?)?(?: ?([ap])[.]?m[.]?)?'
            '( ?(?:z|[-+][0-9]{2}(?::?[0-9]{2})?))?$'
        );
        if part is null or year = '9999' or (part[4] is not null and part[1]::integer not between 1 and 12) then
            return null;
        end if;
        if part[4] is not null then
            part[1] := mod(part[1]::integer, 12) + case part[4] when 'p' then 12 else 0 end;
        end if;
        clock := part[1] || ':' || part[2] || coalesce(part[3], '') || coalesce(part[5], 'Z');
    end if;
    if pg_input_is_valid(day || ' ' || clock, 'timestamp with time zone') then
        return (day || ' ' || clock)::timestamp with time zone;
    end if;
    return null;
end
$$;
