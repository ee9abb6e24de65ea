-- The key of a version of a dimension's member: stable under any rebuild, since it holds only what the version is. A
-- moment in UTC is as immutable as the function says that it is, so that PostgreSQL inlines it.
create or replace function meta.version_key(member text, valid_from timestamp with time zone) returns bigint
language sql immutable strict parallel safe
return hashtextextended(member, (extract(epoch from (valid_from at time zone 'UTC')) * 1000000)::bigint);
