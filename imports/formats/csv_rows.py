"""Reads the rows of a CSV file one by one, with a bound on what a broken one may hold; knows no service."""

import codecs
import csv
import io
import itertools
import json
import re
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from imports.formats.base import RejectedItem, UnreadableFileError
from imports.formats.dates import from_any

# A row longer than this is no bookmark. It also bounds how far an unclosed quote can reach.
MAX_ROW_CHARACTERS = 1 << 20
_CHUNK_BYTES = 1 << 16
_DELIMITERS = (",", ";", "\t", "|")
# After this many characters read twice the file is hostile rather than careless, and quotes are taken as they come.
_MAX_REREAD_CHARACTERS = 64 * MAX_ROW_CHARACTERS

URL_COLUMNS = (
    "url", "uri", "link", "href", "web address", "website url", "page url", "bookmark url", "article url",
    "item url", "source url", "link url", "page_url", "link_url", "given_url", "resolved_url", "links", "urls",
    "article_url", "bookmark_url", "source_url", "page link", "permalink", "web link", "weblink", "hyperlink",
)  # fmt: skip
# What may be a column of addresses, or of something else.
VAGUE_URL_COLUMNS = (
    "website", "web page", "webpage", "web site", "address", "bookmark", "page", "site", "source",
    "adresse", "lien", "liens", "adresse url", "enlace", "dirección", "direccion", "indirizzo", "collegamento",
    "endereço", "koppeling", "adres", "odkaz", "lenke", "länk", "linkki", "ссылка", "адрес", "链接", "网址", "連結",
    "網址", "リンク", "링크",
)  # fmt: skip
_INSTAPAPER = ("url", "title", "selection", "folder", "timestamp", "tags")
_ADDRESS = re.compile(r"https?://[^\s,;]+", re.IGNORECASE)
_ROWS_LOOKED_AT = 10
_YES = frozenset(("1", "true", "yes", "y", "on", "x", "t"))
_QUOTED = re.compile(r"""'((?:[^'\\]|\\.)*+)'|"((?:[^"\\]|\\.)*+)\"""")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

# The csv module's limit holds for the whole process; a cell is never longer than its row.
csv.field_size_limit(MAX_ROW_CHARACTERS + 1)


class Row(msgspec.Struct, frozen=True, gc=False):
    """One row below the header. `index` is where each trimmed, case-folded column name stands in `values`."""

    index: dict[str, int]
    values: list[str]
    source: str

    def first(self, *names: str) -> str:
        """Return the first of these columns that is not blank, trimmed; empty when there is none."""
        for name in names:
            position = self.index.get(name)
            if position is not None and position < len(self.values) and (text := self.values[position].strip()):
                return text
        return ""

    def is_set(self, *names: str) -> bool:
        """Return whether one of these columns says yes."""
        return self.first(*names).lower() in _YES

    def without_address(self, title: str = "") -> RejectedItem:
        """Return the rejection of this row for want of an address."""
        return RejectedItem(reason="The row has no address.", title=title, source=self.source)


class _RowTooLongError(Exception):
    pass


def text_lines(stream: BinaryIO, *, limit: int) -> Iterator[str]:
    r"""Yield the lines of a UTF-8 stream, each ending in `\n`, whatever ended them in the file.

    A line longer than `limit` characters comes as its first `limit + 1` characters without an end; the rest
    is dropped.
    """
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("replace"), translate=True)
    begun: list[str] = []
    begun_length = 0
    for chunk in iter(lambda: stream.read(_CHUNK_BYTES), b""):
        first, *rest = decoder.decode(chunk).split("\n")
        if begun_length <= limit:
            begun.append(first)
            begun_length += len(first)
        if rest:
            yield _whole_line(begun, limit)
            for line in rest[:-1]:
                yield line + "\n"
            begun, begun_length = [rest[-1]], len(rest[-1])
    begun.append(decoder.decode(b"", final=True).removesuffix("\n"))
    if any(begun):
        yield _whole_line(begun, limit)


def _whole_line(pieces: list[str], limit: int) -> str:
    line = "".join(pieces)
    return line[: limit + 1] if len(line) > limit else line + "\n"


def header_columns(text: str) -> tuple[str, ...]:
    """Return the trimmed, case-folded cells of a CSV header at the start of `text`; empty when that is none.

    A table without a header gets names by what is in its first row, if all rows that `text` shows are alike.
    """
    line = _first_line(text)
    if not line or line.lstrip()[0] in "<{[":
        return ()
    if "://" in line:
        return _supposed_columns(line) if _is_bare_table(text) else ()
    return _cells(line, _delimiter(line))


def _is_bare_table(text: str) -> bool:
    """Tell a table from a list of addresses, in which there are commas, too."""
    lines = [line for line in io.StringIO(text, newline=None) if line.strip()][:_ROWS_LOOKED_AT]
    rows = [next(csv.reader([line], delimiter=_delimiter(lines[0]), skipinitialspace=True), []) for line in lines]
    at = _address_at(rows[0])
    beside = at + 1 if at + 1 < len(rows[0]) else at - 1
    if len(rows) < 2 or at < 0 or beside < 0 or any(" | " in line for line in lines):
        return False
    are_alike = all(len(row) == len(rows[0]) and _address_at(row) == at for row in rows)
    titles = sum(" " in row[beside].strip() or not row[beside] for row in rows) if are_alike else 0
    return 2 * titles >= len(rows)


def _address_at(row: list[str]) -> int:
    """Return where the row's first address stands, or -1."""
    return next((at for at, cell in enumerate(row) if _ADDRESS.fullmatch(cell.strip())), -1)


def _supposed_columns(line: str) -> tuple[str, ...]:
    """Name the columns of a table that has no header by its first row: as Instapaper's if they are, else by sight."""
    row = next(csv.reader([line], delimiter=_delimiter(line), skipinitialspace=True))
    at = _address_at(row)
    if at == 0 and len(row) > 3 and row[3].strip().lower() in ("unread", "archive", "starred"):
        return (*_INSTAPAPER, *[""] * len(row))[: len(row)]
    names = ["created" if from_any(cell.strip()) else "" for cell in row]
    names[at] = "url"
    others = [position for position, name in enumerate(names) if not name]
    if others:
        names[next((position for position in others if position > at), others[0])] = "title"
    return tuple(names)


def _first_line(text: str) -> str:
    lines = (line for line in io.StringIO(text[: MAX_ROW_CHARACTERS + 1], newline=None) if line.strip())
    line = next(lines, "")
    return next(lines, "") if line.lower().startswith("sep=") else line


def _delimiter(line: str) -> str:
    """Choose the delimiter under which the header names an address, else the one that makes most columns."""

    def fitness(delimiter: str) -> tuple[bool, int]:
        columns = _cells(line, delimiter)
        return any(name in columns for name in (*URL_COLUMNS, *VAGUE_URL_COLUMNS)), len(columns)

    return max(_DELIMITERS, key=fitness)


def _cells(line: str, delimiter: str) -> tuple[str, ...]:
    cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    return tuple(cell.strip().casefold() for cell in cells)


def read_rows(stream: BinaryIO) -> Iterator[Row | RejectedItem]:
    """Yield the rows below the header of a UTF-8 stream; blank ones are left out, broken ones are rejected items.

    Comma, semicolon, tab and bar are recognised as delimiters. A first row with an address in it is no header.
    Raises UnreadableFileError when there is no header, or no column of addresses.
    """
    source = text_lines(stream, limit=MAX_ROW_CHARACTERS)
    header = next((line for line in source if line.strip() and not line.lower().startswith("sep=")), "")
    if len(header) > MAX_ROW_CHARACTERS:
        raise UnreadableFileError("The table's first row is longer than a million characters.")
    is_bare = "://" in header and _address_at(next(csv.reader([header], delimiter=_delimiter(header)), [])) >= 0
    columns = _supposed_columns(header) if is_bare else header_columns(header)
    if not columns:
        raise UnreadableFileError("The table has no header row that names its columns, such as “url” and “title”.")
    delimiter = _delimiter(header)
    index = {name: position for position, name in reversed(list(enumerate(columns)))}
    url_at = next((index[name] for name in (*URL_COLUMNS, *VAGUE_URL_COLUMNS) if name in index), None)
    if url_at is None:
        raise UnreadableFileError("The table has no column of addresses, such as “url”.")
    lines = _Lines(itertools.chain([header], source) if is_bare else source)
    for record in _records(lines, delimiter):
        if isinstance(record, RejectedItem):
            yield record
        elif any(map(str.strip, record)):
            extra = len(record) - len(columns)
            yield Row(index, record if extra <= 0 else _mended(record, url_at, extra, delimiter), lines.text())


def _mended(record: list[str], url_at: int, extra: int, delimiter: str) -> list[str]:
    """Join what an unquoted delimiter, mostly in the title, split before the address."""
    if url_at == 0 or "://" in record[url_at] or "://" not in record[url_at + extra]:
        return record
    title = delimiter.join(record[url_at - 1 : url_at + extra])
    return [*record[: url_at - 1], title, *record[url_at + extra :]]


def tag_names(text: str, *, separators: str = "|,;") -> list[str]:
    """Split a cell of tags: a JSON array or Python list, else at the first of `separators` that is in it."""
    if text.startswith("[") and text.endswith("]"):
        return _listed_names(text)
    separator = next((each for each in separators if each in text), separators[0])
    return [name for part in text.split(separator) if (name := part.strip())]


def _listed_names(text: str) -> list[str]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        quoted = [_ESCAPED.sub(r"\1", single or double) for single, double in _QUOTED.findall(text)]
        values = quoted or text[1:-1].split(",")
    return [name for value in values if isinstance(value, str) and (name := value.strip())]


class _Lines:
    """Hands lines to the csv reader, remembers those of the current row, and takes them back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.taken: list[str] = []
        self.length = 0
        self._lines = lines
        self._returned: deque[str] = deque()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else next(self._lines)
        self.taken.append(line)
        self.length += len(line)
        if self.length > MAX_ROW_CHARACTERS:
            raise _RowTooLongError
        return line.replace("\0", "") if "\0" in line else line

    def begin_row(self) -> None:
        self.taken = []
        self.length = 0

    def give_back(self, *, after: int) -> None:
        """Take back the lines of the row after the first `after`."""
        self._returned.extendleft(reversed(self.taken[after:]))
        del self.taken[after:]

    def text(self) -> str:
        return "".join(self.taken)


def _records(lines: _Lines, delimiter: str) -> Iterator[list[str] | RejectedItem]:
    """Yield the rows as lists of cells.

    An unclosed quote swallows rows up to the next quote or the end of the file. It shows by what follows that
    quote, or by the row's length; the line it stands in is rejected, and reading goes on with the line after it.
    """
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    reread = 0
    while True:
        lines.begin_row()
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            if len(lines.taken) == 1:
                yield next(csv.reader(lines.taken, delimiter=delimiter, skipinitialspace=True))
                continue
        except _RowTooLongError:
            pass
        else:
            continue
        if reread < _MAX_REREAD_CHARACTERS:
            reread += lines.length
            lines.give_back(after=1)
        yield _rejected(lines.text())


def _rejected(text: str) -> RejectedItem:
    if len(text) > MAX_ROW_CHARACTERS:
        return RejectedItem(reason="The row is longer than a million characters.", source=text[:2000])
    return RejectedItem(reason="A quotation mark in this row is never closed.", source=text)
