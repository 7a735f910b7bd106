"""Large JSON files as a stream of bytes: array elements by the hundred, undecoded, in flat memory.

What is cut out is the text of a value, never the value: decoding it is the caller's, so one odd element harms
none of its neighbours. Knows nothing of bookmarks.
"""

import json
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec

from imports.formats.base import UnreadableFileError

LARGEST_VALUE: Final = 4 * 1024 * 1024
"""Bytes; a value above this is stepped over."""

_CHUNK: Final = 256 * 1024
_WORTH_A_BATCH: Final = _CHUNK // 4
_LUMP: Final = 64 * 1024
_MOST_REPAIRS: Final = 100
_MOST_TRIES: Final = 4

_SPACE = re.compile(rb"[ \t\r\n]*+")
_SEPARATORS = re.compile(rb"[ \t\r\n,]*+")
_OPENERS = re.compile(rb"[\[{]*+")
_CLOSERS = re.compile(rb"[\]}]*+")
_OUTSIDE_STRINGS = re.compile(rb'(?:[^"\[\]{}]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)
_IN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_WORD = re.compile(rb'[^\s,:"\[\]{}]*+')
_LITERAL = re.compile(rb"-?[0-9][0-9.eE+-]*|true|false|null|NaN|-?Infinity")
_CUT_LITERAL = re.compile(
    rb"-?(?:[0-9][0-9.eE+-]*|I(?:n(?:f(?:i(?:n(?:i(?:ty?)?)?)?)?)?)?)?"
    rb"|t(?:r(?:ue?)?)?|f(?:a(?:l(?:se?)?)?)?|n(?:u(?:ll?)?)?|N(?:aN?)?|u?[0-9a-fA-F]{0,3}"
)
# How an element begins, with its first key: nested objects seldom begin like the elements they are in.
_OPENING = re.compile(rb'\{\s*+"[^"\\]{0,64}+"|"')
_NEXT_OBJECT = re.compile(rb'[}\]"]\s*+,\s*+(?=\{\s*+")')

_RAW_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_RAW_VALUES = msgspec.json.Decoder(msgspec.Raw)
_TOLERANT = json.JSONDecoder(parse_int=len, strict=False)


class JsonStream:
    """A cursor over JSON text on its way.

    Doubled, trailing and missing commas are let pass. Everything raises `UnreadableFileError` where the text ends in
    the middle or is no JSON.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._buffer = b""
        self._at = 0
        self._has_ended = False
        self._forgotten = 0
        self._line = 1
        self._column = 1
        self._plainly_until = 0
        self._repairs = 0

    def peek(self) -> bytes:
        """Return the byte the next value or mark starts with; empty at the end of the text."""
        while True:
            self._at = _end(_SPACE, self._buffer, self._at)
            if self._at < len(self._buffer):
                return self._buffer[self._at : self._at + 1]
            if not self._read_more():
                return b""

    def members(self) -> Iterator[str]:
        """Yield the keys of the object that comes next; each key's value must be taken before the next key."""
        self.peek()
        self._at += 1
        while (start := self.peek()) != b"}":
            if start == b",":
                self._at += 1
            elif start == b'"':
                key = self.value()
                if self.peek() != b":":
                    raise self.broken()
                self._at += 1
                yield _decoded_key(key)
            else:
                raise self.broken()
        self._at += 1

    def elements(self) -> Iterator[bytes | None]:
        """Yield the text of each element of the array that comes next; None for one above `LARGEST_VALUE`.

        An element that is no JSON is yielded too, as far as its end can be told.
        """
        self.peek()
        self._at += 1
        while (start := self.peek()) != b"]":
            if start == b",":
                self._at = _end(_SEPARATORS, self._buffer, self._at)
            elif batch := self._array_batch(start):
                yield from map(bytes, batch)
            else:
                yield self._element()
        self._at += 1

    def values(self) -> list[bytes]:
        """Step over as many values that follow each other as the buffer holds, and return their texts.

        None where it takes a closer look. If each is a line of its own, a line that is no JSON is returned too.
        """
        if not self._may_batch():
            return []
        lines_end = self._buffer.rfind(b"\n", self._at) + 1
        for end, split in ((len(self._buffer) if self._has_ended else lines_end, _values_in), (lines_end, _lines_in)):
            is_worthwhile = self._has_ended or end - self._at >= _WORTH_A_BATCH
            if is_worthwhile and (found := split(self._buffer[self._at : end])):
                self._at = end
                return found
        self._go_plainly()
        return []

    def value(self) -> bytes | None:
        """Step over the next value and return its text; None if it is above `LARGEST_VALUE`."""
        start = self.peek()
        if start in (b"{", b"[", b'"'):
            return self._bracketed(is_string=start == b'"')
        return self._word()

    def broken(self, *, by: int = 0) -> UnreadableFileError:
        """Return the error for text that is no JSON at the cursor, or `by` bytes after it."""
        if self._at + by >= len(self._buffer) and self._has_ended:
            return self.cut_off()
        line, column = self._position(self._at + by)
        return UnreadableFileError(f"The file is not valid JSON from line {line:,}, column {column:,} on.")

    def cut_off(self) -> UnreadableFileError:
        """Return the error for text that ends before all that was opened in it is closed."""
        line, column = self._position(len(self._buffer))
        return UnreadableFileError(f"The file is cut off: it ends in the middle, at line {line:,}, column {column:,}.")

    def _read_more(self) -> bool:
        """Add a chunk to the buffer and drop what lies before the cursor; return whether there was any."""
        pieces, missing = [self._buffer[self._at :]], _CHUNK
        while missing > 0 and not self._has_ended:
            piece = self._stream.read(missing)
            self._has_ended = not piece
            pieces.append(piece)
            missing -= len(piece)
        if missing == _CHUNK:
            return False
        self._line, self._column = self._position(self._at)
        self._forgotten += self._at
        self._buffer, self._at = b"".join(pieces), 0
        return True

    def _position(self, at: int) -> tuple[int, int]:
        """Return line and column, counted from 1 and in characters, of a place in the buffer."""
        before = self._buffer[:at]
        newlines = before.count(b"\n")
        column = 1 if newlines else self._column
        return self._line + newlines, column + len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace"))

    def _may_batch(self) -> bool:
        if self._forgotten + self._at < self._plainly_until:
            return False
        if len(self._buffer) - self._at < _CHUNK:
            self._read_more()
        return True

    def _go_plainly(self) -> None:
        """Give up on batches for all that is in the buffer, so that no text is tried twice."""
        self._plainly_until = self._forgotten + len(self._buffer)

    def _array_batch(self, start: bytes) -> list[msgspec.Raw]:
        """Step over as many elements as the buffer holds; none where it takes a closer look.

        The end is guessed, and the guess is right if what lies before it is a list of values: the reading of
        JSON up to a place does not depend on what follows.
        """
        if start not in (b"{", b'"') or not self._may_batch():
            return []
        for end in self._guessed_ends():
            try:
                batch = _RAW_ELEMENTS.decode(b"[%b]" % self._buffer[self._at : end])
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
            self._at = end
            return batch
        self._go_plainly()
        return []

    def _guessed_ends(self) -> Iterator[int]:
        """Yield places, the last one first, where a comma stands before something that begins like an element."""
        match = _OPENING.match(self._buffer, self._at)
        if match is None:
            return
        least = self._at if self._has_ended else self._at + _WORTH_A_BATCH
        end, tries = len(self._buffer), 0
        while tries < _MOST_TRIES and (end := self._buffer.rfind(match[0], least, end)) > self._at:
            before = self._buffer[max(self._at, end - 64) : end].rstrip()
            if before.endswith(b","):
                tries += 1
                yield self._buffer.rindex(b",", self._at, end)

    def _bracketed(self, *, is_string: bool) -> bytes | None:
        """Step over a string, an object or an array, looking at nothing but quotes and brackets."""
        depth, in_string, seen, is_kept = 0, is_string, int(is_string), True
        while True:
            at = _end(_IN_STRING if in_string else _OUTSIDE_STRINGS, self._buffer, self._at + seen)
            mark = self._buffer[at : at + 1]
            if mark in (b"", b"\\"):
                seen, is_kept = self._make_room(at - self._at, is_kept=is_kept)
                continue
            if mark == b'"':
                in_string, at = not in_string, at + 1
            elif mark in b"[{":
                opened = _end(_OPENERS, self._buffer, at)
                depth, at = depth + opened - at, opened
            else:
                closed = min(_end(_CLOSERS, self._buffer, at), at + depth)
                depth, at = depth - (closed - at), closed
            seen = at - self._at
            if not depth and not in_string:
                text = self._taken(seen)
                return text if is_kept and seen <= LARGEST_VALUE else None

    def _make_room(self, seen: int, *, is_kept: bool) -> tuple[int, bool]:
        """Read on in a value of which `seen` bytes are known; return how many of them are kept, and if all are."""
        if seen > LARGEST_VALUE:
            self._at += seen
            seen, is_kept = 0, False
        if not self._read_more():
            raise self._unfinished() if is_kept else self.cut_off()
        return seen, is_kept

    def _taken(self, size: int) -> bytes:
        text = self._buffer[self._at : self._at + size]
        self._at += size
        return text

    def _word(self) -> bytes:
        while True:
            end = _end(_WORD, self._buffer, self._at)
            if end < len(self._buffer) or not self._read_more():
                break
            if end - self._at > LARGEST_VALUE:
                raise self.broken()
        # A word that reaches to the end may be half a word, even if it is one.
        if end == len(self._buffer) and _CUT_LITERAL.fullmatch(self._buffer, self._at):
            raise self.cut_off()
        if not _LITERAL.fullmatch(self._buffer, self._at, end):
            raise self.broken()
        return self._taken(end - self._at)

    def _element(self) -> bytes | None:
        """Step over an element; where quotes are astray, as far as the next thing that begins like one."""
        start = self._forgotten + self._at
        try:
            text = self.value()
        except UnreadableFileError:
            if self._forgotten + self._at != start or (end := self._next_object()) is None:
                raise
            return self._taken(end).rstrip(b", \t\r\n")
        if text is not None and len(text) > _LUMP and _error_in(text) is not None:
            self._at -= len(text)
            return self._taken(self._next_object() or len(text)).rstrip(b", \t\r\n")
        return text

    def _next_object(self) -> int | None:
        """Return how many bytes after the cursor, and after the error that follows it, an object begins."""
        self._repairs += 1
        error = _error_in(self._buffer[self._at : self._at + LARGEST_VALUE])
        if error is None or self._repairs > _MOST_REPAIRS:
            return None
        match = _NEXT_OBJECT.search(self._buffer, self._at + error)
        return match.end() - self._at if match else None

    def _unfinished(self) -> UnreadableFileError:
        """Return the error for a value without an end: the file's end is at fault, or something before it."""
        error = _error_in(self._buffer[self._at :])
        return self.cut_off() if error is None else self.broken(by=error)


def _end(pattern: re.Pattern[bytes], text: bytes, start: int) -> int:
    """Return where the match of a pattern that matches anywhere ends."""
    match = pattern.match(text, start)
    return match.end() if match else start


def _values_in(text: bytes) -> list[bytes]:
    try:
        return [bytes(value) for value in _RAW_VALUES.decode_lines(text)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []


def _lines_in(text: bytes) -> list[bytes]:
    """Return the lines, if most of them are objects and so the others are likely to be meant as such."""
    lines = [line for line in text.split(b"\n") if line and not line.isspace()]
    objects = sum(line.lstrip().startswith(b"{") and _error_in(line) is None for line in lines)
    return lines if 2 * objects > len(lines) else []


def _error_in(text: bytes) -> int | None:
    """Return the place of the first byte that is no JSON; None if there is none but the end."""
    try:
        _TOLERANT.raw_decode(decoded := text.decode("utf-8", "replace"))
    except json.JSONDecodeError as error:
        is_cut = error.msg.startswith("Unterminated") or _CUT_LITERAL.fullmatch(decoded[error.pos :].encode())
        return None if is_cut else len(decoded[: error.pos].encode())
    except RecursionError:
        pass
    return None


def _decoded_key(text: bytes | None) -> str:
    try:
        key = json.loads(text or b'""', strict=False)
    except ValueError:
        return ""
    return str(key)
