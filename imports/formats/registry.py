"""All formats there are, in the order in which they are tried; the one list from which the documents are made."""

from collections.abc import Iterable

from imports.formats import (
    activitystreams,
    chrome,
    delicious,
    elcurator,
    firefox,
    goodlinks,
    instapaper_csv,
    instapaper_html,
    karakeep,
    lemmy,
    link_lines,
    linkding_json,
    linkwarden,
    misskey_favorites,
    netscape,
    omnivore,
    opera_adr,
    opml,
    pinboard_json,
    pinboard_xml,
    pocket_api,
    pocket_csv,
    pocket_html,
    raindrop_csv,
    readability,
    readwise_reader_csv,
    safari_plist,
    tab_session_manager,
    url_csv,
    url_json,
    wallabag_v1,
    wallabag_v2,
    xbel,
)
from imports.formats.base import Format, Head, UnreadableFileError

FORMATS: tuple[Format, ...] = (
    safari_plist,
    opml,
    xbel,
    pinboard_xml,
    pocket_html,
    instapaper_html,
    opera_adr,
    netscape,
    chrome,
    firefox,
    linkwarden,
    karakeep,
    readability,
    elcurator,
    linkding_json,
    pinboard_json,
    activitystreams,
    pocket_api,
    wallabag_v1,
    wallabag_v2,
    omnivore,
    delicious,
    tab_session_manager,
    goodlinks,
    misskey_favorites,
    lemmy,
    url_json,
    pocket_csv,
    instapaper_csv,
    raindrop_csv,
    readwise_reader_csv,
    url_csv,
    link_lines,
)
_ARCHIVE_EXTENSIONS = (".gz", ".zip", ".tgz", ".tar")


def detect(head: Head) -> Format | None:
    """Return the first format that recognises this beginning of a file."""
    return next((candidate for candidate in FORMATS if candidate.matches(head)), None)


def format_named(name: str) -> Format:
    """Return the format with this NAME. Raises UnreadableFileError when there is none."""
    for candidate in FORMATS:
        if name == candidate.NAME:
            return candidate
    raise UnreadableFileError(f"There is no format named “{name}”.")


def accepted_extensions() -> tuple[str, ...]:
    """Return the extensions that files of all formats and archives have, with the dot, sorted."""
    extensions = {extension for candidate in FORMATS for extension in candidate.EXTENSIONS}
    return tuple(sorted(extensions.union(_ARCHIVE_EXTENSIONS) - {""}))


def format_table() -> str:
    """Return the Markdown table of all formats, sorted by label, without a newline at its end."""
    rows = [("Format", "Name", "Files", "Where it comes from"), ("---", "---", "---", "---")]
    rows.extend(
        (each.LABEL, f"`{each.NAME}`", _code(each.EXTENSIONS), each.WHERE)
        for each in sorted(FORMATS, key=lambda each: each.LABEL.casefold())
    )
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def _code(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts if text)
