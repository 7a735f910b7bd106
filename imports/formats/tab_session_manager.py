"""The backup of Tab Session Manager, a browser extension: sessions of windows of tabs."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem
from imports.formats.json_events import elements, leading_objects
from imports.formats.json_values import flag_of, not_an_entry, tags_of, text_of, without_address

NAME = "tab-session-manager"
LABEL = "Tab Session Manager"
EXTENSIONS = (".json",)
WHERE = "In Tab Session Manager, open the settings, then Sessions, and choose to export all of them."


def matches(head: Head) -> bool:
    """Tell a backup by `windows` beside another of a session's own keys."""
    entries = leading_objects(head.value)
    own = {"date", "tabsNumber", "windowsNumber", "windowsInfo", "sessionStartTime"}
    return any("windows" in entry and _is_session(entry, own) for entry in entries)


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the tabs of all sessions; one session at a time is in memory."""
    for session in elements(stream):
        if isinstance(session, dict):
            yield from _tabs(session)
        else:
            yield not_an_entry(session)


def _is_session(entry: dict[str, object], own: set[str]) -> bool:
    # The windows of a large session may go beyond the head, and what follows them is not seen then.
    return bool(entry.keys() & own) or isinstance(entry["windows"], dict)


def _tabs(session: dict[str, object]) -> Iterator[Parsed]:
    name, tags = text_of(session.get("name")), tags_of(session.get("tag"))
    folders = (name,) if name else ()
    created = dates.from_unix(session.get("date"))
    for window in _values(session.get("windows")):
        for tab in _values(window):
            if not isinstance(tab, dict):
                yield not_an_entry(tab)
                continue
            url, title = text_of(tab.get("url")), text_of(tab.get("title"))
            if not url:
                yield without_address(tab, title=title, what="A tab")
                continue
            yield ParsedItem(
                url=url,
                title=title,
                tags=tags,
                folders=folders,
                created=created,
                private=flag_of(tab.get("incognito")),
                source=tab,
            )


def _values(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
