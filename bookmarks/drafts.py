"""A bookmark that is not in the database yet: checked, cleaned, frozen; and how two of one page become one. Pure."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

import msgspec

from bookmarks.canonical import unique_hash

TITLE_MAX_LENGTH = 500
TAG_MAX_LENGTH = 64
URL_MAX_LENGTH = 65_536


class Duplicates(StrEnum):
    """What happens to a page that is already bookmarked."""

    SKIP = "skip"
    OVERWRITE = "overwrite"
    MERGE = "merge"


class InvalidDraftError(ValueError):
    """These values make no bookmark; `str(error)` says why, for the person who gave them."""


class BookmarkDraft(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A bookmark as it will be stored. Make one with `draft`, which checks and cleans.

    Dates are texts in UTC as `utc_text` writes them, which compare as they sort; None is unknown (see `dated`).
    `tags` are (comparison form, name) pairs, one for each comparison form, sorted.
    """

    unique_hash: str
    url: str
    title: str
    description: str
    feed_url: str
    image_url: str
    created: str | None
    updated: str | None
    unread: bool
    archived: bool
    favorite: bool
    private: bool
    tags: tuple[tuple[str, str], ...]


# PostgreSQL cannot store NUL, no encoding has lone surrogates, and XML has no place for the other controls.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_LINE_ENDS = re.compile(r"\r\n?")
# The look behind keeps a long run of blanks from being searched again from each of them.
_FOLDS = re.compile(r"(?<! )[ ]*[\t\n\r\v\f\x85\u2028\u2029][\s]*")
_BLANKS = re.compile(r"\s+")
_WEB_URL = re.compile(
    r"https?://(?:[^/?#\\\s]*@)?(?:\[[^\]/?#\\\s]+\]|[^/?#\\\s@:\[\]]+)(?::\d*)?(?:[/?#]|$)", re.IGNORECASE
)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,30}):", re.IGNORECASE)


def draft(
    *,
    url: str,
    title: str = "",
    description: str = "",
    tags: Iterable[str] = (),
    created: datetime | None = None,
    updated: datetime | None = None,
    unread: bool = False,
    archived: bool = False,
    favorite: bool = False,
    private: bool = False,
    feed_url: str = "",
    image_url: str = "",
) -> BookmarkDraft:
    """Return the checked and cleaned draft; dates must be aware.

    Raises InvalidDraftError when `url` is not an http or https URL with a host, or is longer than URL_MAX_LENGTH.
    A title over TITLE_MAX_LENGTH is shortened and its full text put before the description. Tags over
    TAG_MAX_LENGTH are shortened. Without `updated` a bookmark was last changed when it was created.
    """
    address = clean_url(url)
    title = one_line(title)
    description = printable(description).strip()
    if len(title) > TITLE_MAX_LENGTH:
        description = f"{title}\n\n{description}".rstrip()
        title = title[: TITLE_MAX_LENGTH - 1].rstrip() + "…"
    saved = utc_text(created) if created else None
    return BookmarkDraft(
        unique_hash(address),
        address,
        title,
        description,
        _web_url_or_nothing(feed_url) if feed_url else "",
        _web_url_or_nothing(image_url) if image_url else "",
        saved,
        utc_text(updated) if updated else saved,
        unread,
        archived,
        favorite,
        private,
        clean_tags(tags),
    )


def clean_url(url: str) -> str:
    """Return `url` without surrounding blanks and without characters that no database or browser keeps.

    Raises InvalidDraftError as `draft` does.
    """
    if len(url) > URL_MAX_LENGTH:
        raise InvalidDraftError(f"The address is too long: {len(url):,} characters.")
    url = printable(url).replace("\n", "").replace("\t", "").strip()
    if not _WEB_URL.match(url):
        raise InvalidDraftError(_why_no_web_url(url))
    return url


def _why_no_web_url(url: str) -> str:
    if not url:
        return "It has no address."
    scheme = _SCHEME.match(url)
    if not scheme:
        return "The address is relative: it does not begin with http:// or https://."
    name = scheme[1].lower()
    if name in {"http", "https"}:
        return "The address has no host name."
    return f"It is a {name}: address; only http and https addresses can be bookmarks."


def _web_url_or_nothing(url: str) -> str:
    try:
        return clean_url(url)
    except InvalidDraftError:
        return ""


def printable(text: str) -> str:
    """Return `text` without control characters, with line feeds as line ends and U+FFFD for lone surrogates."""
    if text.isprintable():
        return text
    text = _LINE_ENDS.sub("\n", text)
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub("", text))


def one_line(text: str) -> str:
    """Return `text` as `printable` gives it, on one line and without surrounding blanks."""
    if text.isprintable():
        return text.strip()
    return _FOLDS.sub(" ", printable(text)).strip()


def clean_tags(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return sorted (comparison form, name) pairs, one for each comparison form; empty names are dropped."""
    pairs = sorted({_tag_pair(name) for name in names})
    if len({key for key, _ in pairs}) < len(pairs):
        # Of names that differ in case alone, the first in code point order stays, whatever their order here.
        pairs = sorted({key: (key, name) for key, name in reversed(pairs)}.values())
    # An empty one comes first.
    return tuple(pairs if not pairs or pairs[0][0] else pairs[1:])


@lru_cache(maxsize=8192)
def _tag_pair(name: str) -> tuple[str, str]:
    name = _BLANKS.sub(" ", one_line(name))
    if len(name) > TAG_MAX_LENGTH:
        name = name[: TAG_MAX_LENGTH - 1].rstrip() + "…"
    return tag_key(name), name


def tag_key(name: str) -> str:
    """Return the comparison form of a tag's name: composed characters (Unicode NFC), case folded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def utc_text(moment: datetime) -> str:
    """Return an aware datetime as `YYYY-MM-DD HH:MM:SS[.ffffff]` in UTC, as Django stores it in SQLite."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(" ").removesuffix("+00:00")


def dated(draft: BookmarkDraft, now: str) -> BookmarkDraft:
    """Return the draft with `now` (see `utc_text`) for the dates it does not know."""
    if draft.created:
        return draft
    return msgspec.structs.replace(draft, created=now, updated=draft.updated or now)


def earlier(one: BookmarkDraft, other: BookmarkDraft) -> BookmarkDraft:
    """Of two dated drafts of one page, the one saved first.

    Like `later` and `merged`, it gives the same whichever way round the two are given, and in whichever order
    more than two are joined: the order of items in a file must not matter.
    """
    if _content(one) == _content(other):
        return msgspec.structs.replace(one, tags=_union(one, other))
    return min(one, other, key=lambda d: (d.created, not d.title, _content(d)))


def later(one: BookmarkDraft, other: BookmarkDraft) -> BookmarkDraft:
    """Of two dated drafts of one page, the one changed last, with the earlier date of creation."""
    created = min(one.created or "", other.created or "")
    one, other = (
        msgspec.structs.replace(one, created=created),
        msgspec.structs.replace(other, created=created),
    )
    if _content(one) == _content(other):
        return msgspec.structs.replace(one, tags=_union(one, other))
    return max(one, other, key=lambda d: (d.updated, bool(d.title), _content(d)))


def merged(one: BookmarkDraft, other: BookmarkDraft) -> BookmarkDraft:
    """Two dated drafts of one page as one: all tags, the longer texts, the earliest creation, the latest change.

    Favourite, archived and private are kept if either has them; it stays unread only if it is so in both.
    """
    return BookmarkDraft(
        one.unique_hash,
        _longer(one.url, other.url),
        _longer(one.title, other.title),
        _longer(one.description, other.description),
        _longer(one.feed_url, other.feed_url),
        _longer(one.image_url, other.image_url),
        min(one.created or "", other.created or ""),
        max(one.updated or "", other.updated or ""),
        one.unread and other.unread,
        one.archived or other.archived,
        one.favorite or other.favorite,
        one.private or other.private,
        _union(one, other),
    )


def _content(draft: BookmarkDraft) -> tuple[object, ...]:
    return msgspec.structs.astuple(draft)[:-1]


def _union(one: BookmarkDraft, other: BookmarkDraft) -> tuple[tuple[str, str], ...]:
    names = dict(one.tags)
    for key, name in other.tags:
        names[key] = min(name, names.get(key, name))
    return tuple(sorted(names.items()))


def _longer(one: str, other: str) -> str:
    return max(one, other, key=lambda text: (len(text), text))
