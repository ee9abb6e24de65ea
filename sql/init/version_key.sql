-- The key of a version of a dimension's member: stable under any rebuild, since it holds only what the version is.
create or replace function meta.version_key(member text, valid_from timestamp with time zone) returns bigint
language sql immutable strict parallel safe
return hashtextextended(member, (extract(epoch from valid_from) * 1000000)::bigint);
