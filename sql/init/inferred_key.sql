-- The key of the inferred version of a member: known before the dimension knows of the member.
create or replace function meta.inferred_key(member text) returns bigint
language sql immutable strict parallel safe
return hashtextextended(member, (extract(epoch from timestamp with time zone '1900-01-01 00:00:00+00') * 1000000)::bigint);
