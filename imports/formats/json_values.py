"""Single values as JSON exports hold them, whatever their type turns out to be. Nothing here raises."""

import re
from collections.abc import Callable, Iterable, Iterator

from imports.formats.base import Parsed, RejectedItem
from imports.formats.text import html_to_text

_LONE_SURROGATES = re.compile("[\ud800-\udfff]")
_TRUE = frozenset(("1", "true", "yes", "on"))
_NAMES = ("name", "label", "text", "title", "tag")


def text_of(value: object) -> str:
    """Return a string, or a number's digits, without white space around it; of anything else nothing."""
    if isinstance(value, str):
        stripped = value.strip()
        return stripped if stripped.isascii() else _LONE_SURROGATES.sub("\N{REPLACEMENT CHARACTER}", stripped)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return ""


def note_of(value: object) -> str:
    """Return a description or note, which people and services may have filled with HTML, as plain text."""
    return html_to_text(text_of(value))


def flag_of(value: object) -> bool:
    """Return whether a flag is set: true, 1, or one of these (or yes or on) as text."""
    if isinstance(value, str):
        return value.strip().lower() in _TRUE
    return value is True or (isinstance(value, int | float) and value == 1)


def tags_of(value: object, *, separator: str | None = ",") -> tuple[str, ...]:
    """Return the names in a list of strings or of objects that have a name, or in one separated string.

    A `separator` of None is any white space. An object's keys are its names (Pocket).
    """
    if isinstance(value, str):
        names: Iterable[str] = map(text_of, value.split(separator))
    elif isinstance(value, list | dict):
        names = map(_name_of, value)
    else:
        return ()
    return tuple(name for name in names if name)


def read_each(values: Iterable[object], read: Callable[[dict[str, object]], Parsed]) -> Iterator[Parsed]:
    """Read each object of `values`; what is no object is a rejected item."""
    for value in values:
        yield read(value) if isinstance(value, dict) else not_an_entry(value)


def not_an_entry(value: object) -> RejectedItem:
    """Return the rejection of a value where an object should be."""
    return RejectedItem(reason="An entry that is not a bookmark but a bare value.", source=value)


def without_address(entry: dict[str, object], *, title: str = "", what: str = "A bookmark") -> RejectedItem:
    """Return the rejection of an entry that has no address at all."""
    return RejectedItem(reason=f"{what} without an address.", title=title, source=entry)


def _name_of(value: object) -> str:
    if isinstance(value, dict):
        return next((name for key in _NAMES if (name := text_of(value.get(key)))), "")
    return text_of(value)
