"""What an object of ActivityStreams 2.0 says about a bookmark, if it is one. Knows nothing of files.

The rules are those of https://www.w3.org/TR/activitystreams-vocabulary/, read with the lenience that real exports
need: any member may be of any JSON type.
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from imports.formats.base import ItemRejectedError, Notice, Parsed, ParsedItem, RejectedItem
from imports.formats.dates import from_iso
from imports.formats.json_stream import LARGEST_VALUE
from imports.formats.text import html_to_text

NAMESPACE: Final = "://www.w3.org/ns/activitystreams"
PAGES: Final = frozenset(("Collection", "OrderedCollection", "CollectionPage", "OrderedCollectionPage"))

_SAVING = frozenset(("Create", "Announce", "Like", "Add", "Bookmark", "Save", "Share"))
_ACTORS = frozenset(("Application", "Group", "Organization", "Person", "Service"))
_NO_BOOKMARKS = _ACTORS | {
    "Accept",
    "Activity",
    "Arrive",
    "Block",
    "Delete",
    "Dislike",
    "Emoji",
    "EmojiReact",
    "Flag",
    "Follow",
    "Hashtag",
    "Ignore",
    "IntransitiveActivity",
    "Invite",
    "Join",
    "Leave",
    "Listen",
    "Mention",
    "Move",
    "Offer",
    "Place",
    "Read",
    "Reject",
    "Relationship",
    "Remove",
    "TentativeAccept",
    "TentativeReject",
    "Tombstone",
    "Travel",
    "Undo",
    "Update",
    "View",
}
_OBJECTS = frozenset(
    ("Article", "Audio", "Document", "Event", "Image", "Note", "Object", "Page", "Profile", "Question", "Video")
)
KNOWN: Final = PAGES | _SAVING | _NO_BOOKMARKS | _OBJECTS | {"Link"}

_NO_TAGS = _ACTORS | frozenset(("Mention", "Emoji", "Link", "Place"))
_PUBLIC = frozenset(("Public", "as:Public", f"http{NAMESPACE}#Public", f"https{NAMESPACE}#Public"))
_PAGE_TYPES = ("text/html", "application/xhtml+xml")

_DEEPEST = 20
_LONGEST_TITLE = 120
_LONGEST_KIND = 40
_LONGEST_INTEGER = 40

# A string without an end goes to the end, or the search for one would begin anew at each quote.
_STRING_OR_COMMAS = re.compile(r'("[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z))|,[\s,]*+([}\]]?)', re.DOTALL)
_PAIR_OR_LONE_SURROGATE = re.compile(
    r"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u(?![dD][89a-fA-F])|\\[^u])"
    r"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


class _Object(msgspec.Struct, gc=False, rename={"id_": "id", "next_": "next"}):
    """Those members of an object that may matter, undecided as to their types."""

    type: Any = None
    id_: Any = None
    url: Any = None
    href: Any = None
    name: Any = None
    name_map: Any = msgspec.field(default=None, name="nameMap")
    summary: Any = None
    summary_map: Any = msgspec.field(default=None, name="summaryMap")
    content: Any = None
    content_map: Any = msgspec.field(default=None, name="contentMap")
    media_type: Any = msgspec.field(default=None, name="mediaType")
    published: Any = None
    updated: Any = None
    tag: Any = None
    tags: Any = None
    image: Any = None
    actor: Any = None
    object: Any = None
    to: Any = None
    cc: Any = None
    items: Any = None
    ordered_items: Any = msgspec.field(default=None, name="orderedItems")
    first: Any = None
    next_: Any = None
    error: Any = None
    feed_url: Any = msgspec.field(default=None, name="feedUrl")
    prefixed_feed_url: Any = msgspec.field(default=None, name="pebbling:feedUrl")
    unread: Any = msgspec.field(default=None, name="cairn:unread")
    archived: Any = msgspec.field(default=None, name="cairn:archived")
    favorite: Any = msgspec.field(default=None, name="cairn:favorite")
    private: Any = msgspec.field(default=None, name="cairn:private")


class _Around(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What the activities around an object say. `saved` is when it was saved, `made` when it was created."""

    source: bytes
    saved: datetime | None = None
    made: datetime | None = None
    tags: tuple[str, ...] = ()
    is_private: bool = False
    depth: int = 0


type _Value = _Object | list[Any] | str | float | int | bool | None

_DECODER: Final[msgspec.json.Decoder[_Value]] = msgspec.json.Decoder(
    _Object | list[Any] | str | float | int | bool | None
)


def read(text: bytes | None) -> Iterable[Parsed]:
    """Return what an element of a list is, given its JSON text; None stands for one that was too large to keep."""
    if text is None:
        return (RejectedItem(reason=f"The item is larger than {LARGEST_VALUE // 2**20} MB."),)
    try:
        value = _decoded(text)
    except ItemRejectedError as error:
        return (RejectedItem(reason=str(error), source=text),)
    around = _Around(source=text)
    if not isinstance(value, _Object):
        return (_bare(value, around),)
    if value.type == "Link":
        return (_link(value, around),)
    return _bookmarks(value, around)


def failure_in(text: bytes) -> RejectedItem | None:
    """Return the error that an exporter wrote in place of the rest of its list, if this is one."""
    try:
        value = _decoded(text)
    except ItemRejectedError:
        return None
    if not isinstance(value, _Object) or not isinstance(value.error, str) or _address_of(value):
        return None
    if not kinds_of(value.type) <= PAGES or value.items:
        return None
    return RejectedItem(reason=failure_sentence(value.error), source=text)


def failure_sentence(message: str) -> str:
    """Return the sentence about an error that the file itself reports."""
    return f"The service that made this file reports an error in it: “{_shown(message, 200)}”."


def kinds_of(value: object) -> frozenset[str]:
    """Return the local names of a `type`: a name, an IRI or a list of such."""
    values = value if isinstance(value, list) else [value]
    names = (each[max(map(each.rfind, "#/:")) + 1 :] for each in values if isinstance(each, str))
    return frozenset(name for name in names if name)


def _decoded(text: bytes) -> object:
    """Return an `_Object`, or any other value as it is. Raises ItemRejectedError where there is no value."""
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = decoded_leniently(text)
    return msgspec.convert(value, _Object) if isinstance(value, dict) else value


def decoded_leniently(text: bytes) -> object:
    """Decode what a strict decoder refuses and yet is clear: line breaks in strings, lone surrogates, spare commas.

    Raises ItemRejectedError where nothing is clear.
    """
    tidy = _STRING_OR_COMMAS.sub(lambda match: match[1] or match[2] or ",", text.decode("utf-8", "replace"))
    tidy = _PAIR_OR_LONE_SURROGATE.sub(lambda match: match[1] or "\\ufffd", tidy)
    try:
        return json.loads(tidy, strict=False, parse_int=_integer)
    except ValueError:
        raise ItemRejectedError("The item is not valid JSON.") from None
    except RecursionError:
        raise ItemRejectedError("The item is nested too deeply.") from None


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else None


def _bare(value: object, around: _Around) -> Parsed:
    """Return what a value is that stands where an object is expected: an address, or nothing."""
    if isinstance(value, str) and value.strip():
        return ParsedItem(
            url=value.strip(),
            tags=around.tags,
            created=around.saved or around.made,
            private=around.is_private,
            source=around.source,
        )
    return RejectedItem(reason="The item is neither an object nor an address.", source=around.source)


def _bookmarks(item: _Object, around: _Around) -> Iterator[Parsed]:
    kinds = kinds_of(item.type)
    if around.depth > _DEEPEST:
        yield _rejected(item, around, "The item is nested too deeply.")
    elif kinds & PAGES or item.items is not None or item.ordered_items is not None:
        yield from _inner_list(item, around)
    elif kinds & _SAVING:
        yield from _saved(item, around, next(iter(kinds & _SAVING)))
    elif kinds & _NO_BOOKMARKS or _is_activity(item, kinds):
        kind = _shown(min(kinds & _NO_BOOKMARKS or kinds), _LONGEST_KIND) if kinds else "activity"
        yield _rejected(item, around, f"{'An' if kind[:1] in 'AEIOUaeiou' else 'A'} {kind} is not a bookmark.")
    elif "Link" in kinds or (not kinds and item.href is not None):
        yield _link(item, around)
    else:
        yield _page(item, around, kinds)


def _is_activity(item: _Object, kinds: frozenset[str]) -> bool:
    return not kinds & _OBJECTS and item.actor is not None and item.object is not None


def _rejected(item: _Object, around: _Around, reason: str) -> RejectedItem:
    return RejectedItem(reason=reason, url=_address_of(item), title=_name(item), source=around.source)


def _inner_list(item: _Object, around: _Around) -> Iterator[Parsed]:
    """Yield the items of a collection that is itself an item."""
    within = msgspec.structs.replace(around, depth=around.depth + 1)
    is_empty = True
    for values in (item.items, item.ordered_items):
        for value in _listed(values):
            is_empty = False
            yield from _any(value, within)
    for page in (item.first, item.next_):
        if isinstance(page, dict) and kinds_of(page.get("type")) & PAGES:
            is_empty = False
            yield from _any(page, within)
        elif address := _address(page):
            yield Notice(remote_page(address))
    if is_empty:
        yield _rejected(item, around, "A collection without items is not a bookmark.")


def remote_page(address: str) -> str:
    """Return the sentence about a part of a list that is elsewhere."""
    return f"A part of the list is at {_shown(address, 500)}, not in this file. Cairn fetches nothing: it is left out."


def _shown(text: str, length: int) -> str:
    """Return what can be shown of a text from the file, within a sentence."""
    return "".join(filter(str.isprintable, " ".join(text[:length].split())))


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _any(value: object, around: _Around) -> Iterator[Parsed]:
    if isinstance(value, dict):
        yield from _bookmarks(msgspec.convert(value, _Object), around)
    else:
        yield _bare(value, around)


def _saved(item: _Object, around: _Around, kind: str) -> Iterator[Parsed]:
    """Yield what an activity saved. When it did so is when the bookmark was made; a Create is no such moment."""
    when = from_iso(item.published)
    is_create = kind == "Create"
    within = msgspec.structs.replace(
        around,
        saved=around.saved if is_create else around.saved or when,
        made=around.made or when if is_create else around.made,
        tags=(*around.tags, *_tags(item)),
        is_private=around.is_private or (is_create and _is_private(item)),
        depth=around.depth + 1,
    )
    objects = _listed(item.object)
    if not objects:
        yield _rejected(item, around, f"This {kind} does not say what it is about.")
    for value in objects:
        yield from _any(value, within)


def _link(item: _Object, around: _Around) -> Parsed:
    href = item.href or item.url
    url = href if isinstance(href, str) else _address(href)
    if not url:
        return _rejected(item, around, "This Link has no address.")
    summary = item.summary
    if isinstance(item.name, str) and (summary is None or (isinstance(summary, str) and item.media_type is None)):
        title, description = item.name, summary or ""
        if not description and item.content:
            description = _content(item)
    else:
        title, description = _texts(item, name=item.name if isinstance(item.name, str) else None)
    return _parsed(item, around, url=url, title=title, description=description)


def _page(item: _Object, around: _Around, kinds: frozenset[str]) -> Parsed:
    url = _address_of(item)
    if not url:
        if isinstance(item.content, str) and item.content.startswith("Error processing item"):
            return _rejected(item, around, "The service that made the file could not write this item.")
        return _rejected(item, around, f"This {_shown(min(kinds, default='item'), _LONGEST_KIND)} has no address.")
    title, description = _texts(item, name=None)
    return _parsed(item, around, url=url, title=title, description=description)


def _parsed(item: _Object, around: _Around, *, url: str, title: str, description: str) -> ParsedItem:
    published = item.published
    feed_url = item.feed_url or item.prefixed_feed_url
    return ParsedItem(
        url=url,
        title=title,
        description=description,
        tags=_tags(item) if not around.tags else tuple(dict.fromkeys((*around.tags, *_tags(item)))),
        created=around.saved or (from_iso(published) if published else None) or around.made,
        updated=from_iso(item.updated) if item.updated else None,
        unread=item.unread is True,
        archived=item.archived is True,
        favorite=item.favorite is True,
        private=item.private is True or around.is_private or _is_private(item),
        feed_url=feed_url if isinstance(feed_url, str) else "",
        image_url=_address(item.image) if item.image else "",
        source=around.source,
    )


def _address_of(item: _Object) -> str:
    """Return where an object can be seen: its `url`, else an `id` on the web."""
    if address := _address(item.url) or _address(item.href):
        return address
    return item.id_ if _is_on_the_web(item.id_) else ""


def _is_on_the_web(value: object) -> bool:
    return isinstance(value, str) and value[:8].lower().startswith(("http://", "https://"))


def _address(value: object, *, depth: int = 0) -> str:
    """Return the address in a string, a Link or Image, or a list of these: a page rather than a file."""
    if isinstance(value, str):
        return value.strip()
    if depth > 3:
        return ""
    if isinstance(value, dict):
        return _address(value.get("href") or value.get("url"), depth=depth + 1)
    if isinstance(value, list):
        addresses = ((_rank(each, address), address) for each in value if (address := _address(each, depth=depth + 1)))
        return min(addresses, key=lambda ranked: ranked[0], default=(0, ""))[1]
    return ""


def _rank(value: object, address: str) -> int:
    """Return the place in the order of preference: a page, a plain address, anything; off the web, far behind."""
    behind = 0 if _is_on_the_web(address) else 10
    if isinstance(value, str):
        return behind + 1
    media_type = value.get("mediaType") if isinstance(value, dict) else None
    return behind if isinstance(media_type, str) and media_type.startswith(_PAGE_TYPES) else behind + 2


def _name(item: _Object) -> str:
    if isinstance(item.name, str) and item.name.strip():
        return item.name.strip()
    return (_in_any_language(item.name) or _in_any_language(item.name_map)).strip()


def _in_any_language(value: object) -> str:
    """Return the text of a language map, English if there is some; also of a string in its place."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return ""
    texts = {key: text for key, text in value.items() if isinstance(text, str) and text}
    return texts.get("en") or next(iter(texts.values()), "")


def _summary(item: _Object) -> str:
    return html_to_text(_in_any_language(item.summary) or _in_any_language(item.summary_map))


def _content(item: _Object) -> str:
    text = _in_any_language(item.content) or _in_any_language(item.content_map)
    is_markup = (
        not isinstance(item.media_type, str) or "html" in item.media_type.lower() or "Link" in kinds_of(item.type)
    )
    return html_to_text(text) if is_markup else text.strip()


def _texts(item: _Object, *, name: str | None) -> tuple[str, str]:
    """Return title and description. Without a name the title is taken from the text, which then need not repeat it.

    `name`, unless None, is the title even if it is empty.
    """
    summary, content = _summary(item), _content(item)
    texts = [text for text in (summary if summary not in content else "", content) if text]
    title = _name(item) if name is None else name
    if not title and name is None and texts:
        title = _shortened(texts[0])
        if title == texts[0]:
            del texts[0]
    return title, "\n\n".join(texts)


def _shortened(text: str) -> str:
    line = " ".join(text[: 4 * _LONGEST_TITLE].split())
    if len(line) <= _LONGEST_TITLE:
        return line
    start = line[:_LONGEST_TITLE]
    return f"{start.rpartition(' ')[0] or start}…"


def _tags(item: _Object) -> tuple[str, ...]:
    """Return the names in `tag`, also where it is misspelt."""
    value = item.tag or item.tags
    if not value:
        return ()
    values: Iterable[object] = value if isinstance(value, list) else (value,)
    return tuple([name for each in values if (name := each if isinstance(each, str) else _tag_name(each))])


def _tag_name(value: object) -> str:
    """Return the name of a tag that is an object, such as a Hashtag, whose sharp belongs to its notation."""
    if not isinstance(value, dict) or kinds_of(value.get("type")) & _NO_TAGS:
        return ""
    name = value.get("name") or value.get("preferredUsername") or _in_any_language(value.get("nameMap"))
    return name.strip().removeprefix("#") if isinstance(name, str) else ""


def _is_private(item: _Object) -> bool:
    """Tell that an object says whom it is for, and that this is not everybody."""
    if item.to is None and item.cc is None:
        return False
    audience = [*_listed(item.to), *_listed(item.cc)]
    names = [each.get("id") if isinstance(each, dict) else each for each in audience]
    return bool(names) and not any(isinstance(name, str) and name in _PUBLIC for name in names)
