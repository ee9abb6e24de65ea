-- The key of the inferred version of a member: known before the dimension knows of the member. It is the version_key of
-- 1900-01-01, whose microseconds are written out: taking them from the day would keep PostgreSQL from inlining.
create or replace function meta.inferred_key(member text) returns bigint
language sql immutable strict parallel safe
return hashtextextended(member, -2208988800000000);
