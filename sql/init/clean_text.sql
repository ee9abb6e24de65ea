-- The normal form of any text told by a source: white space at the ends removed, Unicode NFC, blank to NULL.
-- Only text with characters beyond ASCII pays for the normalisation.
create or replace function meta.clean_text(told text) returns text
language sql immutable parallel safe
return nullif(
    btrim(
        case when octet_length(told) = char_length(told) then told else normalize(told, nfc) end,
        E' \t\r\n\f\u00a0\u200b\ufeff'
    ),
    ''
);
