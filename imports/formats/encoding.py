"""Turns a text file of any encoding into UTF-8 while it is read, in constant memory; knows no format."""

import codecs
import io
import re
import sys
from collections.abc import Buffer, Callable
from typing import BinaryIO

from imports.formats.base import UnreadableFileError

HEAD_BYTES = 1 << 16
_CHUNK_BYTES = 1 << 18
_DECLARATION_BYTES = 4096

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What a browser reads under these labels (https://encoding.spec.whatwg.org/#names-and-labels). Only supersets of
# ASCII are here: a file whose first part was read as UTF-8 may go on in any of them.
_CODECS = {
    "big5": "big5hkscs",
    "euc-jp": "euc_jp",
    "euc-kr": "cp949",
    "gb18030": "gb18030",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "ibm866": "cp866",
    "iso-8859-1": "cp1252",
    "iso-8859-11": "cp874",
    "iso-8859-9": "cp1254",
    "koi8-r": "koi8_r",
    "koi8-u": "koi8_u",
    "ks_c_5601-1987": "cp949",
    "latin1": "cp1252",
    "macintosh": "mac_roman",
    "shift-jis": "cp932",
    "shift_jis": "cp932",
    "tis-620": "cp874",
    "windows-31j": "cp932",
    "windows-874": "cp874",
    "x-gbk": "gb18030",
    "x-sjis": "cp932",
} | {
    **{f"windows-{number}": f"cp{number}" for number in range(1250, 1259)},
    **{f"iso-8859-{part}": f"iso8859_{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
}
_DECLARATION = re.compile(
    rb"""<\?xml[^>]{0,100}?\bencoding\s*=\s*["']([\w.:-]+)|<meta[^>]{0,200}?\bcharset\s*=\s*["']?\s*([\w.:-]+)""",
    re.IGNORECASE,
)
_XML_ENCODING = re.compile(rb"""(<\?xml[^>]{0,100}?\bencoding\s*=\s*["'])[\w.:-]+""", re.IGNORECASE)
_MULTIBYTE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}",
)
_HIGH_BYTES = re.compile(rb"[\x80-\xff]")


class Utf8Stream(io.BufferedReader):
    """A stream of valid UTF-8 without a byte order mark. Closing it leaves the original stream open.

    Where the original raises UnreadableFileError, all that was good before is handed out first.
    """

    raw: "_Transcoder"
    _failure: UnreadableFileError | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        """Read `size` bytes, fewer only at the end or before a failure."""
        if self._failure:
            raise self._failure
        missing = sys.maxsize if size is None or size < 0 else size
        pieces = []
        try:
            while missing and (piece := self.read1(min(missing, _CHUNK_BYTES))):
                pieces.append(piece)
                missing -= len(piece)
        except UnreadableFileError as error:
            if not pieces:
                raise
            self._failure = error
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    @property
    def replaced(self) -> int:
        """How many invalid places so far were replaced by U+FFFD."""
        return self.raw.replaced


def as_utf8(stream: BinaryIO) -> Utf8Stream:
    """Read `stream`, from where it stands, as UTF-8 whatever its encoding is.

    Recognised are byte order marks, UTF-16 by its pattern of NUL bytes, and UTF-8. Bytes that are not UTF-8
    are read in the encoding that the HTML or XML at the start declares, else as Windows-1252; in a file that has
    other characters in valid UTF-8 they are replaced by U+FFFD and counted. An encoding declared in XML is
    rewritten, so that a parser does not decode again.
    """
    return Utf8Stream(_Transcoder(stream), _CHUNK_BYTES)


def encoding_by_marks(head: bytes) -> tuple[str, int]:
    """Return the encoding that a byte order mark or NUL bytes give away and the mark's length, else ("", 0)."""
    for mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return name, len(mark)
    sample = head[:_DECLARATION_BYTES]
    half = len(sample) // 2
    if half >= 4:
        if sample[1::2].count(0) > half * 0.7 and sample[0::2].count(0) < half * 0.1:
            return "utf-16-le", 0
        if sample[0::2].count(0) > half * 0.7 and sample[1::2].count(0) < half * 0.1:
            return "utf-16-be", 0
    return "", 0


def declared_encoding(head: bytes) -> str:
    """Return the Python codec for the encoding, other than UTF-8, that HTML or XML declares; empty for none."""
    match = _DECLARATION.search(head[:_DECLARATION_BYTES])
    label = (match[1] or match[2]).decode("ascii", "replace").lower() if match else ""
    return _CODECS.get(label, "")


class _Transcoder(io.RawIOBase):
    """The reading end: takes large chunks and hands them on untouched while they are valid UTF-8."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self.replaced = 0
        # One step of a decompressor rather than many, since what breaks in a later one would take the others along.
        self._read_some: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        self._failure: UnreadableFileError | None = None
        self._pending = b""
        self._pending_at = 0
        self._tail = b""
        self._declared = ""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._has_multibyte = False
        self._is_damaged = False
        self._at_start = True
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        target = memoryview(buffer).cast("B")
        while self._pending_at >= len(self._pending):
            if self._ended:
                return 0
            self._pending = self._next_chunk()
            self._pending_at = 0
        size = min(len(target), len(self._pending) - self._pending_at)
        target[:size] = memoryview(self._pending)[self._pending_at : self._pending_at + size]
        self._pending_at += size
        return size

    def _next_chunk(self) -> bytes:
        if self._failure:
            raise self._failure
        chunk = self._read_some(_CHUNK_BYTES)
        if self._at_start:
            self._at_start = False
            chunk = self._begin(chunk + self._read_up_to(_DECLARATION_BYTES - len(chunk)))
        self._ended = not chunk and self._failure is None
        if self._decoder is not None:
            return self._decode(self._decoder, chunk)
        return self._checked(self._tail + chunk if self._tail else chunk)

    def _read_up_to(self, missing: int) -> bytes:
        pieces = []
        try:
            while missing > 0 and (piece := self._read_some(missing)):
                pieces.append(piece)
                missing -= len(piece)
        except UnreadableFileError as error:
            self._failure = error
        return b"".join(pieces)

    def _begin(self, chunk: bytes) -> bytes:
        encoding, mark = encoding_by_marks(chunk)
        self._declared = declared_encoding(chunk)
        if encoding and encoding != "utf-8":
            self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        chunk = chunk[mark:]
        return chunk if self._decoder else _XML_ENCODING.sub(rb"\1utf-8", chunk, count=1)

    def _checked(self, chunk: bytes) -> bytes:
        """Return the chunk as it is when it is valid UTF-8, but for a character that its end cuts in two."""
        self._tail = b""
        if chunk.isascii():
            return chunk
        if not self._ended:
            whole = len(chunk) - _cut_length(chunk)
            chunk, self._tail = chunk[:whole], chunk[whole:]
        try:
            chunk.decode()
        except UnicodeDecodeError:
            return self._not_utf8(chunk)
        self._has_multibyte = self._has_multibyte or not chunk.isascii()
        return chunk

    def _not_utf8(self, chunk: bytes) -> bytes:
        """Decide, at the first invalid byte, whether this is damaged UTF-8 or another encoding."""
        characters = len(_MULTIBYTE.findall(chunk))
        strays = len(_HIGH_BYTES.findall(_MULTIBYTE.sub(b"", chunk)))
        # In most encodings of more than Latin letters, many a pair of bytes is valid UTF-8 by chance.
        needed = 4 * strays + 1 if self._declared else strays
        self._is_damaged = self._has_multibyte or characters >= needed
        encoding = "utf-8" if self._is_damaged else self._declared or "cp1252"
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        chunk, self._tail = chunk + self._tail, b""
        return self._decode(self._decoder, chunk)

    def _decode(self, decoder: codecs.IncrementalDecoder, chunk: bytes) -> bytes:
        text = decoder.decode(chunk, final=self._ended)
        self.replaced += text.count("\ufffd") - (chunk.count(b"\xef\xbf\xbd") if self._is_damaged else 0)
        return text.encode("utf-8", "replace")


def _cut_length(chunk: bytes) -> int:
    """How many bytes at the end begin a character that goes on in the next chunk."""
    for length in range(1, min(3, len(chunk)) + 1):
        byte = chunk[-length]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return length if length < needed else 0
        if byte < 0x80:
            return 0
    return 0
