"""Plain text: markup reduced to what a reader would see, titles on one line."""

import html
import re

from lxml import etree

# fmt: off
_BLOCKS = frozenset((
    "address", "article", "aside", "caption", "center", "dd", "details", "dialog", "dir", "div",
    "dt", "fieldset", "figcaption", "footer", "form", "header", "hgroup", "hr", "legend", "li",
    "main", "menu", "nav", "option", "search", "section", "summary", "tbody", "td", "tfoot", "th",
    "thead", "title", "tr"
))
_PARAGRAPHS = frozenset((
    "blockquote", "dl", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "table",
    "ul"
))
_INLINE = frozenset((
    "a", "abbr", "acronym", "audio", "b", "bdi", "bdo", "big", "br", "button", "cite", "code", "del", "dfn", "em",
    "font", "i", "iframe", "img", "input", "ins", "kbd", "label", "mark", "picture", "q", "s", "samp", "small",
    "source", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "video", "wbr"
))
# fmt: on
_UNSEEN = frozenset(("script", "style", "template"))
# lxml completes a fragment to a document; these elements say nothing about the fragment.
_IMPLIED = frozenset(("html", "head", "body"))

# Separators and control characters stand for what is decided at the end, when the neighbours are known.
_PARAGRAPH, _BLOCK, _KEPT_SPACE = "\x1d", "\x1e", "\x1f"
_RESERVED: dict[str, str | None] = {_PARAGRAPH: None, _BLOCK: None, _KEPT_SPACE: None}
_FOLDED = str.maketrans(_RESERVED | dict.fromkeys("\t\n\r\f", " "))
_PREFORMATTED = str.maketrans(_RESERVED | {" ": _KEPT_SPACE, "\r": None})
_SPACES = re.compile(" {2,}")
_BREAKS = re.compile(" ?[\x1d\x1e\n][\x1d\x1e\n ]*")
_ENDLESS_NUMBER = re.compile("&#[0-9]{1000,};?")
_TAG = re.compile("<[^<>]*>")
_ELEMENTS = "|".join(sorted(_BLOCKS | _PARAGRAPHS | _INLINE | _UNSEEN | _IMPLIED, key=len, reverse=True))
_MARKUP = re.compile(rf"<!--|</?(?:{_ELEMENTS})(?=[\s/>])", re.IGNORECASE)
_CHUNK_BYTES = 1 << 16
# libxml2 looks an end tag up in its stack of open elements, so deep nesting makes end tags dear.
_MAX_STACK_STEPS = 500_000_000


def html_to_text(markup: str) -> str:
    """Reduce HTML to text: entities decoded once, tags dropped, ends of blocks and `<br>` as newlines.

    Text without any tag of HTML's keeps its own line breaks, and whatever else is in angle brackets; in HTML, white
    space is folded as a browser folds it. Scripts, styles and comments are dropped. Linear in the length of `markup`;
    never raises.
    """
    if _MARKUP.search(markup) is None:
        return decode_entities(markup).strip()
    collector = _Collector()
    if not _feed(markup.encode("utf-8", "surrogatepass"), collector):
        return decode_entities(_TAG.sub(" ", markup)).strip()
    return collector.text()


def _feed(markup: bytes, collector: "_Collector") -> bool:
    """Parse `markup`; False when elements nest so deeply that it would not end in reasonable time."""
    parser = etree.HTMLParser(
        target=collector,  # type: ignore[arg-type]  # the stubs ask for bytes too, which lxml never gives
        encoding="utf-8",
        huge_tree=True,
    )
    # A start tag ahead keeps the parser from seeing an empty document, which it reports as an error.
    parser.feed(b"<html>")
    steps = 0
    for start in range(0, len(markup), _CHUNK_BYTES):
        chunk = markup[start : start + _CHUNK_BYTES]
        steps += chunk.count(b"</") * collector.depth
        if steps > _MAX_STACK_STEPS:
            return False
        parser.feed(chunk)
    parser.close()
    return True


def decode_entities(text: str) -> str:
    """Decode each entity of HTML in `text` once; a number that is no character becomes U+FFFD. Never raises."""
    try:
        return html.unescape(text)
    except ValueError:
        # Python refuses to read numbers of thousands of digits.
        return html.unescape(_ENDLESS_NUMBER.sub("\ufffd", text))


def one_line(text: str) -> str:
    """Return `text` without white space around it and with a blank for each line break and what is around it."""
    text = text.strip()
    if "\n" not in text and "\r" not in text:
        return text
    return " ".join(filter(None, map(str.strip, text.splitlines())))


class _Collector:
    """Keeps what is visible of the parser's events."""

    def __init__(self) -> None:
        self.depth = 0
        self._pieces: list[str] = []
        self._unseen = 0
        self._preformatted = 0

    def start(self, tag: str, attrib: dict[str, str]) -> None:  # noqa: ARG002 - the parser's signature
        self.depth += 1
        if tag in _IMPLIED:
            return
        self._separate(tag)
        self._unseen += tag in _UNSEEN
        self._preformatted += tag == "pre"
        if tag == "br":
            self._pieces.append("\n")

    def end(self, tag: str) -> None:
        self.depth -= 1
        self._unseen -= tag in _UNSEEN
        self._preformatted -= tag == "pre"
        self._separate(tag)

    def data(self, data: str) -> None:
        if not self._unseen:
            self._pieces.append(data.translate(_PREFORMATTED if self._preformatted else _FOLDED))

    def close(self) -> None:
        """Nothing is left to do at the end."""

    def text(self) -> str:
        """Return the collected text, with spaces folded and at most one empty line between paragraphs."""
        text = _BREAKS.sub(_resolve_breaks, _SPACES.sub(" ", "".join(self._pieces)))
        return text.replace(_KEPT_SPACE, " ").strip()

    def _separate(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self._pieces.append(_PARAGRAPH)
        elif tag in _BLOCKS:
            self._pieces.append(_BLOCK)


def _resolve_breaks(match: re.Match[str]) -> str:
    run = match[0]
    if _PARAGRAPH in run:
        return "\n\n"
    return "\n" * max(1, run.count("\n"))
