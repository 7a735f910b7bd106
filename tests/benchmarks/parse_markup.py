"""How fast the formats that are read as markup are, how much memory they take, and how time grows with broken input.

Run `python -m tests.benchmarks.parse_markup [BOOKMARKS]`.
"""

import gc
import io
import resource
import sys
from collections.abc import Callable, Iterator
from functools import partial
from time import process_time

from imports.formats import netscape, opml, pinboard_xml, pocket_html, safari_plist
from imports.formats.base import Format, UnreadableFileError
from imports.formats.text import html_to_text

REPETITIONS = 3
SMALL, LARGE = 1_000_000, 4_000_000

# Each format with what stands before the bookmarks, one bookmark, and what stands behind them.
FILES: dict[Format, tuple[str, Callable[[int], str], str]] = {
    netscape: (
        "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<TITLE>Bookmarks</TITLE>\n<H1>Bookmarks</H1>\n<DL><p>\n",
        (
            '<DT><A HREF="https://example.com/{0}/page?x={0}&amp;y=2" ADD_DATE="1600000000" LAST_MODIFIED="1610000000"'
            ' PRIVATE="0" TOREAD="0" TAGS="python,web">Title number {0} &amp; more</A>\n<DD>A description of {0}\n'
        ).format,
        "</DL><p>\n",
    ),
    pocket_html: (
        "<title>Pocket Export</title><h1>Unread</h1><ul>\n",
        (
            '<li><a href="https://example.com/{0}" time_added="1600000000" tags="python,web">'
            "Title number {0}</a></li>\n"
        ).format,
        "</ul>\n",
    ),
    opml: (
        '<opml version="2.0"><head><title/></head><body>\n',
        (
            '<outline type="rss" text="Title number {0}" xmlUrl="https://example.com/{0}/feed"'
            ' htmlUrl="https://example.com/{0}"/>\n'
        ).format,
        "</body></opml>\n",
    ),
    pinboard_xml: (
        '<posts user="x">\n',
        (
            '<post href="https://example.com/{0}" time="2024-01-01T00:00:00Z" description="Title number {0}"'
            ' extended="A description of {0}" tag="python web" shared="no" />\n'
        ).format,
        "</posts>\n",
    ),
    safari_plist: (
        "<plist><dict><key>Children</key><array><dict><key>Children</key><array>\n",
        (
            "<dict><key>URIDictionary</key><dict><key>title</key><string>Title number {0}</string></dict>"
            "<key>URLString</key><string>https://example.com/{0}</string>"
            "<key>WebBookmarkUUID</key><string>01234567-89AB-CDEF-0123-456789ABCDEF</string></dict>\n"
        ).format,
        "</array><key>Title</key><string>Mine</string></dict></array></dict></plist>\n",
    ),
}

HOSTILE = [
    *("<a <a <a", "<a href=x>", "&amp", "&", "<!--", "<", "</p>", "<DL>", "<DL><DT><A HREF=x>", "<DT><A HREF='"),
    *('<DT><A HREF="x>', "<DT><A HREF=x>t</A><DD><br>", "<title>", "<a b=1 c=2 b=3>", "<script ", "</dl></a></h3>"),
]


class Repeated(io.RawIOBase):
    """A file that is made while it is read, so that what memory it takes is the reader's."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size and (piece := next(self._pieces, b"")):
            self._rest += piece
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece


def pieces_of(each: Format, count: int) -> Iterator[bytes]:
    start, bookmark, end = FILES[each]
    yield start.encode()
    for number in range(0, count, 500):
        yield "".join(map(bookmark, range(number, min(number + 500, count)))).encode()
    yield end.encode()


def seconds(action: Callable[[], object]) -> float:
    """Return the best of several runs: noise only ever adds."""
    best = float("inf")
    for _ in range(REPETITIONS):
        gc.collect()
        start = process_time()
        action()
        best = min(best, process_time() - start)
    return best


def count_items(each: Format, data: bytes) -> int:
    count = 0
    try:
        for _ in each.parse(io.BytesIO(data)):
            count += 1
    except UnreadableFileError:
        pass
    return count


def peak_kilobytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def speeds(count: int) -> Iterator[str]:
    yield f"{'format':16} {'bookmarks/s':>12} {'MB/s':>8} {'memory growth, KB':>18}"
    for each in FILES:
        before = peak_kilobytes()
        for _ in each.parse(Repeated(pieces_of(each, count))):  # type: ignore[arg-type]  # all that is used of a stream
            pass
        growth = peak_kilobytes() - before
        data = b"".join(pieces_of(each, count))
        taken = seconds(partial(count_items, each, data))
        yield f"{each.NAME:16} {count / taken:12,.0f} {len(data) / taken / 1e6:8.1f} {growth:18,}"


def growths() -> Iterator[str]:
    yield f"\n{'broken input':32} {'1 MB, s':>8} {'4 MB, s':>8} {'growth':>7}   (4 is linear)"
    for unit in HOSTILE:
        for name, read in (("netscape", partial(count_items, netscape)), ("text", text_of)):
            small, large = (seconds(partial(read, flood(unit, size))) for size in (SMALL, LARGE))
            yield f"{unit:23} {name:8} {small:8.3f} {large:8.3f} {large / small:7.1f}"


def text_of(data: bytes) -> int:
    return len(html_to_text(data.decode()))


def flood(unit: str, size: int) -> bytes:
    return unit.encode() * (size // len(unit))


if __name__ == "__main__":
    for line in speeds(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000):
        sys.stdout.write(f"{line}\n")
    for line in growths():
        sys.stdout.write(f"{line}\n")
