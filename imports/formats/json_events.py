"""JSON read piece by piece: the file's own nesting is walked, one element of it at a time is in memory.

The elements themselves are decoded by the standard library, which takes what is found in real files: raw line
breaks in strings, lone surrogates, NaN, doubled keys. Knows nothing of bookmarks.
"""

import codecs
import json
import re
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final, cast

from imports.formats.base import UnreadableFileError

MAX_ELEMENT_CHARACTERS: Final = 16 * 1024 * 1024
MAX_DEPTH: Final = 200

_CHUNK_BYTES = 64 * 1024
_SPOOL_BYTES = 1024 * 1024
_LONGEST_INTEGER = 40
# A number, a literal or an escape that the end of a chunk cuts through is no longer than this.
_LONGEST_FRAGMENT = 12

_SPACE = re.compile(r"[\s\ufeff]*")
# A doubled or a trailing comma costs nothing but itself.
_SEPARATORS = re.compile(r"[\s,]*")
_KEY = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"\s*:', re.DOTALL)
# An object that holds no array and no more than one level of objects. Possessive, so linear whatever the text.
_PLAIN = r'[^{}\[\]"]++|"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT = re.compile(rf"\{{(?:{_PLAIN}|\{{(?:{_PLAIN})*+\}})*+\}}", re.DOTALL)


def _integer(digits: str) -> int | None:
    """Return what the digits mean; so many that they mean nothing are None, as if the field were empty."""
    return int(digits) if len(digits) <= _LONGEST_INTEGER else None


_DECODER = json.JSONDecoder(parse_int=_integer, parse_constant=lambda _: None, strict=False)


class JsonReader:
    """A JSON document on its way: a caller steps into containers and takes the values it wants whole.

    Everything raises `UnreadableFileError` where the document is cut off, is no JSON, nests too deeply, or
    holds an element above `MAX_ELEMENT_CHARACTERS`. Doubled and trailing commas are passed over.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._text = ""
        self._at = 0
        self._has_ended = False
        self._line = 1
        self._column = 1

    def peek(self) -> str:
        """Return the character the next value starts with; empty at the end of the document."""
        return self._skip(_SPACE)

    def enter(self) -> None:
        """Step into the object or array that comes next (`peek` has said that it is one)."""
        self._at += 1

    def next_key(self) -> str | None:
        """Return the object's next key, its value being next to read; None at the object's end."""
        start = self._skip(_SEPARATORS)
        if start == "}":
            self._at += 1
            return None
        if start and start != '"':
            raise self._broken_at(self._at)
        while (match := _KEY.match(self._text, self._at)) is None:
            if len(self._text) - self._at > _CHUNK_BYTES:
                raise self._broken_at(self._at)
            if not self._fill():
                raise self._cut_off()
        self._at = match.end()
        key = match[1]
        return key if "\\" not in key else str(self._decoded(f'"{key}"'))

    def has_element(self) -> bool:
        """Tell whether the array has another element, which then is next to read."""
        start = self._skip(_SEPARATORS)
        if not start:
            raise self._cut_off()
        if start == "]":
            self._at += 1
        return start != "]"

    def value(self) -> object:
        """Return the next value whole."""
        if not self.peek():
            raise self._cut_off()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not (_may_be_incomplete(error) and self._fill()):
                    raise self._error_of(error) from None
            except RecursionError:
                raise too_deep() from None
            else:
                # A number that ends with the chunk may go on in the next one.
                is_whole = self._has_ended or isinstance(value, str | list | dict)
                if is_whole or end + _LONGEST_FRAGMENT <= len(self._text) or not self._fill():
                    self._at = end
                    return cast("object", value)

    def skip_flat(self) -> bool:
        """Pass over the next value if it is an object without arrays that has been read whole, and tell so."""
        match = _FLAT.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return match is not None

    def is_flat(self) -> bool:
        """Tell whether the next value is an object without arrays that has been read whole."""
        return _FLAT.match(self._text, self._at) is not None

    def object_keys(self) -> Iterator[str]:
        """Step through the object that comes next; each key's value must be read before the next key."""
        self.enter()
        while (key := self.next_key()) is not None:
            yield key

    def elements(self) -> Iterator[object]:
        """Yield the elements of the array that comes next."""
        self.enter()
        while self.has_element():
            yield self.value()

    def members(self) -> Iterator[object]:
        """Yield the elements of the array, or the values of the object, that comes next; of others none."""
        start = self.peek()
        if start == "[":
            yield from self.elements()
        elif start == "{":
            for _ in self.object_keys():
                yield self.value()
        else:
            self.value()

    def skip(self) -> None:
        """Pass over the next value without holding more of it than one of its members."""
        for _ in self.members():
            pass

    def finish(self) -> None:
        """Make sure that nothing is left behind the document."""
        if self.peek().strip("\x00"):
            line, column = self._position(self._at)
            raise UnreadableFileError(
                f"The list of bookmarks ends at line {line:,}, character {column:,}, but the file goes on"
                " with something else."
            )

    def _skip(self, pattern: re.Pattern[str]) -> str:
        while True:
            match = pattern.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._fill():
                return ""

    def _fill(self) -> bool:
        """Read on. What is kept at least doubles each time, so an element's retries stay linear."""
        if self._has_ended:
            return False
        kept = len(self._text) - self._at
        if kept > MAX_ELEMENT_CHARACTERS:
            size = MAX_ELEMENT_CHARACTERS // (1024 * 1024)
            raise UnreadableFileError(f"One entry of the file is larger than {size} MB, as no bookmark is.")
        data = self._stream.read(max(_CHUNK_BYTES, kept))
        self._has_ended = not data
        self._line, self._column = self._position(self._at)
        self._text = self._text[self._at :] + self._decoder.decode(data, final=self._has_ended)
        self._at = 0
        return True

    def _position(self, at: int) -> tuple[int, int]:
        """Return line and column, both from 1, of an index into the text at hand."""
        newlines = self._text.count("\n", 0, at)
        if not newlines:
            return self._line, self._column + at
        return self._line + newlines, at - self._text.rfind("\n", 0, at)

    def _decoded(self, literal: str) -> object:
        try:
            return cast("object", _DECODER.decode(literal))
        except json.JSONDecodeError:
            raise self._broken_at(self._at) from None

    def _error_of(self, error: json.JSONDecodeError) -> UnreadableFileError:
        is_cut_off = error.pos >= len(self._text) or error.msg.startswith("Unterminated")
        return self._cut_off() if is_cut_off else self._broken_at(error.pos)

    def _cut_off(self) -> UnreadableFileError:
        line, column = self._position(len(self._text))
        return UnreadableFileError(
            f"The file is cut off: it ends in the middle, at line {line:,}, character {column:,}."
        )

    def _broken_at(self, at: int) -> UnreadableFileError:
        line, column = self._position(at)
        return UnreadableFileError(f"The file is not valid JSON from line {line:,}, character {column:,} on.")


def elements(stream: BinaryIO, *, under: Container[str] = ()) -> Iterator[object]:
    """Yield the elements of the array a file consists of, one at a time.

    If the file is an object instead, those of the arrays, or the values of the objects, under the keys
    `under`. Raises `UnreadableFileError` as `JsonReader` does, and where the file is neither.
    """
    reader = JsonReader(stream)
    start = reader.peek()
    if start == "[":
        yield from reader.elements()
    elif start == "{" and under:
        for key in reader.object_keys():
            if key in under:
                yield from reader.members()
            else:
                reader.skip()
    else:
        raise no_bookmarks(start)
    reader.finish()


def leading_objects(value: object, *, under: str = "") -> list[dict[str, object]]:
    """Return the first objects of an array, of at most five elements; for detection.

    `value` is the array, or an object that has it (or an object of objects) under the key `under`.
    """
    if under:
        value = value.get(under) if isinstance(value, dict) else None
    if isinstance(value, dict) and under:
        value = list(value.values())
    if not isinstance(value, list):
        return []
    return [element for element in value[:5] if isinstance(element, dict)]


def no_bookmarks(start: str) -> UnreadableFileError:
    """Return the error for a document that starts with `start` and so cannot hold bookmarks."""
    if not start:
        return UnreadableFileError("The file is empty.")
    return UnreadableFileError("The file does not hold a list of bookmarks.")


@contextmanager
def rewindable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Give a stream that can be read twice: the same one if it can be, else a copy.

    The copy lies in memory up to 1 MB and in a temporary file beyond. If the stream breaks off, so does the
    copy, and whoever parses it finds that out.
    """
    if stream.seekable():
        yield stream
        return
    with SpooledTemporaryFile(max_size=_SPOOL_BYTES) as copy:
        with suppress(UnreadableFileError):
            while data := stream.read(_CHUNK_BYTES):
                copy.write(data)
        copy.seek(0)
        yield cast("BinaryIO", copy)


def _may_be_incomplete(error: json.JSONDecodeError) -> bool:
    is_near_end = error.pos >= len(error.doc) - _LONGEST_FRAGMENT
    return is_near_end or error.msg.startswith("Unterminated")


def too_deep() -> UnreadableFileError:
    """Return the error for a document whose nesting is an attack rather than an export."""
    return UnreadableFileError("The file nests its data too deeply to be an export of bookmarks.")
