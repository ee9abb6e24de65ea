"""Define which encoding a text file has, and its way to UTF-8 and back, here; keep lines and records out."""

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain


@dataclass(frozen=True)
class Encoding:
    """The encoding of one file.

    Attributes:
        name: As reported.
        bom: The byte order mark that the file begins with, or nothing.
        codec: Python codec of files that must be transcoded; None where the bytes are UTF-8 already.
        errors: Handler that carries undecodable units through UTF-8 as (invalid) encoded surrogates, so that
            their line is found to be invalid and its own bytes can be restored.
        label: What a message calls it.
    """

    name: str
    bom: bytes
    codec: str | None
    errors: str
    label: str


UTF_8 = Encoding("utf-8", b"", None, "strict", "UTF-8")
UTF_8_SIG = Encoding("utf-8-sig", codecs.BOM_UTF8, None, "strict", "UTF-8")
LATIN_1 = Encoding("latin-1", b"", "cp1252", "surrogateescape", "Windows-1252")
CP1252 = Encoding("cp1252", b"", "cp1252", "surrogateescape", "Windows-1252")
_UTF_16 = (
    Encoding("utf-16", codecs.BOM_UTF16_LE, "utf-16-le", "surrogatepass", "UTF-16"),
    Encoding("utf-16", codecs.BOM_UTF16_BE, "utf-16-be", "surrogatepass", "UTF-16"),
)

_MULTIBYTE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]"
    rb"|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
_C1 = re.compile(rb"[\x80-\x9f]")


def encoding_by_mark(head: bytes) -> Encoding | None:
    """The encoding that a byte order mark at the beginning of a file names; None without one."""
    for encoding in (UTF_8_SIG, *_UTF_16):
        if head.startswith(encoding.bom):
            return encoding
    return None


def decide_encoding(chunks: Iterable[bytes]) -> Encoding:
    """Judge a whole file: its mark, else UTF-8, else Windows-1252.

    One valid multibyte sequence anywhere makes the file UTF-8 (what is invalid in it is then damage on its
    line); bytes over 0x7F without a single such sequence are a single-byte encoding. Reads only as far as
    needed.
    """
    tail = b""
    high = c1 = False
    for position, chunk in enumerate(chunks):
        if position == 0 and (marked := encoding_by_mark(chunk)):
            return marked
        if chunk.isascii() and not tail:
            continue
        window = tail + chunk
        if _MULTIBYTE.search(window):
            return UTF_8
        high = high or not chunk.isascii()
        c1 = c1 or _C1.search(chunk) is not None
        tail = window[-3:] if not window[-3:].isascii() else b""
    if not high:
        return UTF_8
    return CP1252 if c1 else LATIN_1


class Transcoder:
    """Turns the chunks of a file, its mark removed, into UTF-8 chunks.

    Attributes:
        leftover: Bytes at the end of the file that are no whole character of the encoding.
    """

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self.leftover = b""

    def utf8(self, first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
        """The content as UTF-8; undecodable units come through as bytes that are invalid UTF-8."""
        chunks = chain((first.removeprefix(self._encoding.bom),), rest)
        codec = self._encoding.codec
        if codec is None:
            yield from chunks
            return
        decoder = codecs.getincrementaldecoder(codec)(self._encoding.errors)
        for chunk in chunks:
            yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
        self.leftover = decoder.getstate()[0]


def original(content: bytes, encoding: Encoding) -> bytes:
    """The bytes in the file that `Transcoder` made `content` of (its last character may be cut)."""
    if encoding.codec is None:
        return content
    text = codecs.getincrementaldecoder("utf-8")("surrogatepass").decode(content)
    return text.encode(encoding.codec, encoding.errors)
