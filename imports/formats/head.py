"""Prepares the beginning of a file for all formats to look at, and says what a file is that no format knows."""

import io
import json
import re

from imports.formats.base import Head
from imports.formats.csv_rows import header_columns
from imports.formats.encoding import HEAD_BYTES, as_utf8

_MAX_DEPTH = 100
BINARY_FORMATS = (b"bplist0", b"mozLz40\0")
_KINDS = (
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"RIFF", "an image or a recording"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3\0", "a database, such as the ones in which a browser keeps its bookmarks: export them instead"),
    (b"\xd0\xcf\x11\xe0", "a document or spreadsheet of an office program"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
)
UNDERSTOOD = (
    "Cairn reads exports of browsers, of bookmark and read-later services and of fediverse accounts (HTML, JSON, "
    "CSV, XML, also in a zip, tar or gzip archive), any CSV with a “url” column, and lists of links."
)

_TOKEN = re.compile(
    r"""[ \t\r\n]*+(?:(?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+")|(?P<mark>[{}\[\],:])"""
    r"""|(?P<word>-?\d[\d.eE+-]*+|true|false|null|-?Infinity|NaN)|(?P<cut>"[^"\\]*+(?:\\.[^"\\]*+)*+\\?\Z)|(?P<end>\Z))""",
    re.DOTALL,
)
_HTML = re.compile(
    r"\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body|title|meta|h1|div|p|table|ul)\b", re.IGNORECASE | re.DOTALL
)
_CUT_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")


def make_head(raw: bytes) -> Head:
    """Prepare the first bytes of a file, of which at most `HEAD_BYTES` count."""
    raw = raw[:HEAD_BYTES]
    if raw.startswith(BINARY_FORMATS) or binary_kind(raw):
        return Head(raw=raw)
    text = as_utf8(io.BytesIO(raw)).read().decode("utf-8", "replace")
    if _is_noise(text):
        return Head(raw=raw)
    if text.lstrip()[:1] in ("{", "["):
        return Head(raw=raw, text=text, value=partial_json(text))
    return Head(raw=raw, text=text, columns=header_columns(text))


def binary_kind(raw: bytes) -> str:
    """Name what a file is by its first bytes, such as "an image"; empty when they say nothing."""
    return next((kind for magic, kind in _KINDS if raw.startswith(magic)), "")


def _is_noise(text: str) -> bool:
    sample = text[:4096]
    noise = sum(
        (character < " " and character not in "\t\n\r\f\v\x1b") or character == "\ufffd" for character in sample
    )
    return noise * 10 > len(sample)


def refusal(head: Head) -> str:
    """Say what a file is that no format recognises, and what is understood instead."""
    return f"{_what_it_is(head)} {UNDERSTOOD}"


def _what_it_is(head: Head) -> str:
    if not head.raw:
        return "The file is empty."
    if not head.raw.strip(b" \t\r\n\f\v\0"):
        return "There is nothing but white space in the file."
    if not head.text:
        return f"This is {binary_kind(head.raw) or 'not a text file'}."
    text = head.text.strip()
    if not text:
        return "There is nothing but white space in the file."
    if text[0] in "{[" or _is_json(text):
        if head.value in ({}, []):
            return _json_fault(head) or "This is JSON, but there is nothing in it."
        return _json_fault(head) or "This is JSON, but not an export that Cairn knows."
    if _HTML.match(text):
        return "This is a web page, but not an export of bookmarks."
    if text.startswith("<"):
        return "This is XML, but not an export that Cairn knows."
    if len(head.columns) > 1:
        return "This looks like a table, but it has no column named “url”."
    return "This file is not an export that Cairn knows."


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _json_fault(head: Head) -> str:
    """Say where the JSON is broken; empty when it is not, as far as the head reaches."""
    try:
        json.JSONDecoder(strict=False).raw_decode(head.text.lstrip())
    except RecursionError:
        return "This is JSON, but nested too deeply."
    except json.JSONDecodeError as error:
        skipped = len(head.text) - len(head.text.lstrip())
        position = error.pos + skipped
        if len(head.raw) >= HEAD_BYTES and (position > len(head.text) - 20 or error.msg.startswith("Unterminated")):
            return ""
        line = head.text.count("\n", 0, position) + 1
        column = position - head.text.rfind("\n", 0, position)
        return f"The file is not valid JSON (line {line}, column {column})."
    except ValueError:
        return ""
    return ""


def partial_json(text: str) -> object:
    """Return the JSON value at the start of `text` as far as it reaches; None when there is none.

    Containers that are cut off, by the end of the text or by something that is no JSON, are closed there. Line
    breaks in strings and doubled commas are let pass. Nesting is followed to a depth of 100. Linear; never raises.
    """
    builder = _ValueBuilder()
    position = 0
    while (match := _TOKEN.match(text, position)) and match.lastgroup != "end":
        if not builder.add(match.lastgroup or "", match[match.lastgroup or 0]):
            break
        position = match.end()
    return builder.root


class _ValueBuilder:
    """Puts tokens together to a value that is complete at any time."""

    def __init__(self) -> None:
        self.root: object = None
        self._open: list[dict[str, object] | list[object]] = []
        self._key: str | None = None
        self._has_colon = False

    def add(self, kind: str, lexeme: str) -> bool:
        """Add one lexeme; return whether the value goes on after it."""
        if kind != "mark":
            return self._add_scalar(kind, lexeme)
        if lexeme in "{[":
            container: dict[str, object] | list[object] = {} if lexeme == "{" else []
            if len(self._open) >= _MAX_DEPTH or not self._place(container):
                return False
            self._open.append(container)
            return True
        if lexeme in "}]":
            if not self._open or not isinstance(self._open.pop(), dict if lexeme == "}" else list):
                return False
            self._key = None
            return bool(self._open)
        if lexeme == ":":
            self._has_colon = self._key is not None
            return self._has_colon
        return self._key is None

    def _add_scalar(self, kind: str, lexeme: str) -> bool:
        if kind == "word":
            return self._place(_word(lexeme))
        if kind == "cut" and self._open and isinstance(self._open[-1], dict) and self._key is None:
            return False
        return self._place_text(_text(lexeme if kind == "string" else _CUT_ESCAPE.sub("", lexeme) + '"'))

    def _place_text(self, text: str) -> bool:
        if self._open and isinstance(self._open[-1], dict) and self._key is None:
            self._key = text
            self._has_colon = False
            return True
        return self._place(text)

    def _place(self, value: object) -> bool:
        if not self._open:
            self.root = value
            return isinstance(value, dict | list)
        top = self._open[-1]
        if isinstance(top, list):
            top.append(value)
            return True
        if self._key is None or not self._has_colon:
            return False
        top[self._key] = value
        self._key = None
        return True


def _word(lexeme: str) -> object:
    if lexeme in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[lexeme]
    try:
        return int(lexeme) if len(lexeme) < 30 else float(lexeme)
    except ValueError:
        pass
    try:
        return float(lexeme)
    except ValueError:
        return None


def _text(lexeme: str) -> str:
    try:
        return str(json.loads(lexeme, strict=False))
    except ValueError:
        return lexeme[1:-1]
