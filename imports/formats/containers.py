"""Looks into gzip files and archives in bounded memory; writes nothing to disk and follows no path or link.

What comes out of an archive is counted against an `Expansion`, so that a small file cannot become an endless one.
"""

import gzip
import io
import re
import struct
import tarfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Buffer, Callable, Iterator
from contextlib import suppress
from typing import BinaryIO, cast

import msgspec

from imports.formats.base import UnreadableFileError

# Text packs to a tenth, seldom to a fiftieth. Beyond a hundredth it is no export, unless it is small anyway.
MAX_RATIO = 100
MIN_EXPANDED_BYTES = 256 << 20

_BLOCK = 512
_CHUNK_BYTES = 1 << 16
_MAX_NAME_CHARACTERS = 200
_MAX_EXTENDED_HEADER_BYTES = 1 << 20
# zipfile reads the whole directory of a zip file at once and makes an object of each entry.
_MAX_ZIP_DIRECTORY_BYTES = 8 << 20
_EXTENDED_HEADERS = (
    tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
)  # fmt: skip
# https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.7 and 4.3.9: what stands before each file, and after
# a file whose sizes were not known before.
_LOCAL_HEADER = struct.Struct("<2xHH8xLLHH")
_LOCAL_MARK, _SIZES_MARK = b"PK\x03\x04", b"PK\x07\x08"
_IS_ENCRYPTED, _HAS_SIZES_AFTER, _IS_UTF8 = 1, 8, 1 << 11
_UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_PAX_RECORD = re.compile(rb"(\d{1,7}) ([^=]{1,200})=")
_FAULTS = (
    zlib.error, EOFError, OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OverflowError,
)  # fmt: skip
_DAMAGED = "The archive is cut off or damaged. What could be read before that place is good."


class ArchiveError(UnreadableFileError):
    """The archive as a whole cannot be read on, whatever the file in it is."""


class Expansion:
    """Counts what comes out of compressed data. `limit` is in bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0

    def add(self, count: int) -> None:
        """Count more bytes. Raises ArchiveError over the limit."""
        self._count += count
        if self._count > self._limit:
            raise ArchiveError(
                f"The archive holds more than {self._limit >> 20} MB when unpacked, which is too much for its size. "
                "Unpack it yourself and import the export file in it."
            )


def expansion_limit(size: int) -> int:
    """How many bytes may come out of an upload of `size` bytes."""
    return max(MIN_EXPANDED_BYTES, MAX_RATIO * size)


class Entry(msgspec.Struct, frozen=True):
    """One file in an archive. `name` is for showing only. `open` works until the next entry is asked for."""

    index: int
    name: str
    size: int
    open: Callable[[], io.BufferedReader]


def is_gzip(head: bytes) -> bool:
    """Whether these first bytes begin gzip data."""
    return head.startswith(b"\x1f\x8b")


def is_zip(head: bytes) -> bool:
    """Whether these first bytes begin a zip file."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"))


def is_tar(head: bytes) -> bool:
    """Whether these first bytes, at least 512, begin a tar file."""
    if len(head) < _BLOCK or not head.strip(b"\0"):
        return False
    try:
        tarfile.TarInfo.frombuf(head[:_BLOCK], "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return False
    return True


def read_start(stream: io.BufferedReader, size: int) -> bytes:
    """Read the first `size` bytes, fewer where the stream ends or breaks before; raise where it breaks at once."""
    pieces = [stream.read1(size)]
    size -= len(pieces[0])
    with suppress(UnreadableFileError):
        while size and (piece := stream.read1(size)):
            pieces.append(piece)
            size -= len(piece)
    return b"".join(pieces)


def gunzipped(stream: BinaryIO, expansion: Expansion) -> io.BufferedReader:
    """Return the content of a gzip file of one or many parts. Reading from it raises ArchiveError."""
    return io.BufferedReader(_Bounded(gzip.GzipFile(fileobj=stream), expansion, ArchiveError(_DAMAGED)), _CHUNK_BYTES)


class _Bounded(io.RawIOBase):
    """Reads through and counts; `failure` is raised in place of what broken data can raise."""

    def __init__(
        self, stream: gzip.GzipFile | zipfile.ZipExtFile, expansion: Expansion, failure: UnreadableFileError
    ) -> None:
        super().__init__()
        self._stream = stream
        self._expansion = expansion
        self._failure = failure

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        target = memoryview(buffer).cast("B")
        try:
            data = self._stream.read1(len(target))
        except _FAULTS as error:
            raise self._failure from error
        self._expansion.add(len(data))
        target[: len(data)] = data
        return len(data)


def display_name(name: str) -> str:
    """Make a member's name safe to show: no control or direction characters, at most 200 characters."""
    shown = _UNSHOWABLE.sub("", name.replace("\\", "/"))
    return shown if len(shown) <= _MAX_NAME_CHARACTERS else "…" + shown[1 - _MAX_NAME_CHARACTERS :]


def _is_inside(name: str) -> bool:
    path = name.replace("\\", "/")
    return not path.startswith("/") and path[1:2] != ":" and ".." not in path.split("/")


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d{1,18})", name.casefold())]


def zip_entries(stream: BinaryIO, expansion: Expansion) -> Iterator[Entry]:
    """Yield the files of a zip archive, sorted so that part 2 comes before part 10.

    An archive without its directory, which is at the end, is cut off: its files are yielded as they come, and
    ArchiveError is raised where they end. It is also raised for an archive that is encrypted or has too many entries.
    """
    try:
        archive = zipfile.ZipFile(_ZipInput(stream))
    except _FAULTS as error:
        is_empty = True
        for entry in _salvaged(stream, expansion):
            is_empty = False
            yield entry
        sentence = "The zip archive is cut off or damaged and cannot be opened." if is_empty else _DAMAGED
        raise ArchiveError(sentence) from error
    with archive:
        infos = [info for info in archive.infolist() if not info.is_dir() and _is_inside(info.filename)]
        if infos and all(info.flag_bits & 1 for info in infos):
            raise ArchiveError("The zip archive is encrypted. Unpack it with its password and import the file in it.")
        infos.sort(key=lambda info: _natural(info.filename))
        for index, info in enumerate(infos):
            yield Entry(index, display_name(info.filename), info.file_size, _zip_opener(archive, info, expansion))


def _zip_opener(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, expansion: Expansion
) -> Callable[[], io.BufferedReader]:
    def open_member() -> io.BufferedReader:
        # The other methods hand out any amount of data in one piece.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UnreadableFileError("It is packed by an uncommon method. Unpack the archive yourself.")
        failure = UnreadableFileError(_DAMAGED)
        try:
            member = cast("zipfile.ZipExtFile", archive.open(info))
        except _FAULTS as error:
            raise failure from error
        return io.BufferedReader(_Bounded(member, expansion, failure), _CHUNK_BYTES)

    return open_member


def _salvaged(stream: BinaryIO, expansion: Expansion) -> Iterator[Entry]:
    """Yield the files of a zip archive by the headers before each, reading forwards.

    Ends before the first that is broken, or whose end cannot be told.
    """
    stream.seek(0)
    source: io.BufferedReader = io.BufferedReader(_Unclosed(stream), _CHUNK_BYTES)
    index = 0
    mark = source.read(4)
    while mark == _LOCAL_MARK and len(header := source.read(_LOCAL_HEADER.size)) == _LOCAL_HEADER.size:
        flags, method, packed, size, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        name = source.read(name_length).decode("utf-8" if flags & _IS_UTF8 else "cp437", "replace")
        source.read(extra_length)
        is_packed = method == zipfile.ZIP_DEFLATED
        if flags & _IS_ENCRYPTED or not (is_packed or (method == zipfile.ZIP_STORED and not flags & _HAS_SIZES_AFTER)):
            return
        member = _PackedMember(source, expansion) if is_packed else _StoredMember(source, expansion, packed)
        if not name.endswith("/") and _is_inside(name):
            yield Entry(index, display_name(name), size, member.opened)
            index += 1
        member.skip_rest()
        mark = _mark_after_sizes(source) if flags & _HAS_SIZES_AFTER else source.read(4)


def _mark_after_sizes(source: io.BufferedReader) -> bytes:
    """Pass over a checksum and two sizes, of four bytes or eight each, which may have a mark ahead."""
    source.read(12 if source.read(4) == _SIZES_MARK else 8)
    mark = source.read(4)
    if mark.startswith(b"PK"):
        return mark
    source.read(4)
    return source.read(4)


class _Unclosed(io.RawIOBase):
    """Reads from a stream and leaves it open."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        target = memoryview(buffer).cast("B")
        data = self._stream.read(len(target))
        target[: len(data)] = data
        return len(data)


class _SalvagedMember(io.RawIOBase, ABC):
    """The data of one file in a zip archive. Raises ArchiveError where it ends too early or is damaged."""

    def __init__(self, source: io.BufferedReader, expansion: Expansion) -> None:
        super().__init__()
        self._source = source
        self._expansion = expansion

    def opened(self) -> io.BufferedReader:
        return io.BufferedReader(self, _CHUNK_BYTES)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        target = memoryview(buffer).cast("B")
        data = self._next(len(target))
        self._expansion.add(len(data))
        target[: len(data)] = data
        return len(data)

    def skip_rest(self) -> None:
        """Read on to what follows the data."""
        while self.read(_CHUNK_BYTES):
            pass

    @abstractmethod
    def _next(self, length: int) -> bytes:
        """Return at most so many bytes, none at the end."""


class _StoredMember(_SalvagedMember):
    """As it is, `size` bytes of it."""

    def __init__(self, source: io.BufferedReader, expansion: Expansion, size: int) -> None:
        super().__init__(source, expansion)
        self._left = size

    def _next(self, length: int) -> bytes:
        data = self._source.read(min(length, self._left))
        if self._left and not data:
            raise ArchiveError(_DAMAGED)
        self._left -= len(data)
        return data


class _PackedMember(_SalvagedMember):
    """Packed, up to where it says itself that it ends."""

    def __init__(self, source: io.BufferedReader, expansion: Expansion) -> None:
        super().__init__(source, expansion)
        self._unpacker = zlib.decompressobj(-zlib.MAX_WBITS)

    def _next(self, length: int) -> bytes:
        data = b""
        while not data and not self._unpacker.eof:
            packed = self._source.peek(1)
            if not packed:
                raise ArchiveError(_DAMAGED)
            try:
                data = self._unpacker.decompress(packed, length)
            except zlib.error as error:
                raise ArchiveError(_DAMAGED) from error
            rest = self._unpacker.unconsumed_tail or self._unpacker.unused_data
            self._source.read(len(packed) - len(rest))
        return data


class _ZipInput(io.RawIOBase):
    """The stored file as zipfile sees it: no single read may be larger than a directory is allowed to be."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(_MAX_ZIP_DIRECTORY_BYTES + 1 if size < 0 else min(size, _MAX_ZIP_DIRECTORY_BYTES + 1))
        if len(data) > _MAX_ZIP_DIRECTORY_BYTES:
            raise ArchiveError("The zip archive has too many files in it. Unpack it and import the export file in it.")
        return data


def tar_entries(stream: BinaryIO) -> Iterator[Entry]:
    """Yield the regular files of a tar archive in its own order, without links, devices and paths that lead out.

    The stream is read once, forwards. Headers may be POSIX pax, GNU or of the old kind. Raises ArchiveError.
    """
    index = 0
    name, size = "", -1
    while header := _tar_header(stream):
        member = _TarMember(stream, header.size if _has_data(header) else 0)
        if header.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
            name, size = _pax_fields(member.read(_MAX_EXTENDED_HEADER_BYTES), name, size)
        elif header.type == tarfile.GNUTYPE_LONGNAME:
            name = member.read(_MAX_EXTENDED_HEADER_BYTES).rstrip(b"\0").decode("utf-8", "replace")
        elif header.type not in _EXTENDED_HEADERS:
            name, size = name or header.name, header.size if size < 0 else size
            if header.isreg() and header.type != tarfile.GNUTYPE_SPARSE and _is_inside(name):
                member = _TarMember(stream, size)
                yield Entry(index, display_name(name), size, member.opened)
                index += 1
            name, size = "", -1
        member.skip_rest()


def _tar_header(stream: BinaryIO) -> tarfile.TarInfo | None:
    """Return the next header, None at the end of the archive."""
    block = stream.read(_BLOCK)
    if not block.strip(b"\0"):
        return None
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError) as error:
        raise ArchiveError(_DAMAGED) from error
    if header.size < 0:
        raise ArchiveError(_DAMAGED)
    if header.type == tarfile.GNUTYPE_SPARSE:
        is_extended = block[482]
        while is_extended:
            is_extended = stream.read(_BLOCK)[504:505] not in (b"", b"\0")
    return header


def _has_data(header: tarfile.TarInfo) -> bool:
    return header.isreg() or header.type not in tarfile.SUPPORTED_TYPES or header.type in _EXTENDED_HEADERS


def _pax_fields(data: bytes, name: str, size: int) -> tuple[str, int]:
    """Return the path and size that an extended header gives for the member after it."""
    position = 0
    while (record := _PAX_RECORD.match(data, position)) and (length := int(record[1])) > record.end() - position:
        value = data[record.end() : position + length - 1]
        if record[2] == b"path":
            name = value.decode("utf-8", "replace")
        elif record[2] == b"size" and value.isdigit() and len(value) < 20:
            size = int(value)
        position += length
    return name, size


class _TarMember(io.RawIOBase):
    """The data of one member. Raises ArchiveError where the archive ends too early."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        super().__init__()
        self._stream = stream
        self._read_some: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        self._left = size
        self._padding = -size % _BLOCK

    def opened(self) -> io.BufferedReader:
        return io.BufferedReader(self, _CHUNK_BYTES)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        target = memoryview(buffer).cast("B")
        data = self._read_some(min(len(target), self._left))
        if self._left and target and not data:
            raise ArchiveError(_DAMAGED)
        self._left -= len(data)
        target[: len(data)] = data
        return len(data)

    def skip_rest(self) -> None:
        """Read on to the next header."""
        while self._left:
            self.read(_CHUNK_BYTES)
        self._stream.read(self._padding)
        self._padding = 0
