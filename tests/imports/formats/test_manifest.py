"""The collected sample exports against the counts that their manifest gives, through the whole reading path."""

import collections
import csv
import json
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from imports.formats.base import ParsedItem, RejectedItem, UnreadableFileError
from imports.formats.reading import open_export

SAMPLES = (Path(__file__).parents[3] / "../shared/samples").resolve()
MANIFEST = SAMPLES / "MANIFEST.tsv"
pytestmark = pytest.mark.skipif(not MANIFEST.is_file(), reason="the collected samples are not here")

NAMES = {
    "activitystreams": "activitystreams",
    "karakeep-json": "karakeep",
    "linkwarden-json": "linkwarden",
    "omnivore-json": "omnivore",
    "onetab-txt": "link-lines",
    "tab-session-manager-json": "tab-session-manager",
    "wallabag-v1-json": "wallabag-v1",
    "wallabag-v2-json": "wallabag-v2",
}
# Tables of other services that were collected with Raindrop's.
PLAIN_TABLES = "raindrop-csv/hister__"
# Where the manifest leaves the count to the importer, what this one makes of it and why.
CHOSEN_COUNTS = {
    # An address without a type is a bookmark all the same.
    "firefox-json/buku__load_no_typecode.json": 1,
    # Broken quotation marks: all its links can be recovered.
    "netscape/ddg-apple__bookmarks_safari_tp_dirty.html": 16,
}
# An object of nothing but an `id`, which the manifest allows to be no bookmark: nothing says what it is.
REFUSED = {"activitystreams/w3c/w3c__simple0003.json"}
# Malformed XML, of which the manifest allows an error: it comes after all that is readable.
BROKEN_AT_THE_END = {
    "opml/listparser__malformed_end-element-missing.opml",
    "opml/listparser__malformed_end-element-unexpected-with-prefix.opml",
}


def rows() -> list[dict[str, str]]:
    if not MANIFEST.is_file():
        return []
    with MANIFEST.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


ROWS = rows()
READABLE = [row for row in ROWS if row["confidence"] in ("firm", "policy") and row["path"] not in REFUSED]


def is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return False
    return parts.scheme.lower() in ("http", "https") and bool(parts.hostname)


def kind_of(url: str) -> str:
    """Name what is wrong with an address in the manifest's words."""
    scheme, colon, _ = url.strip().partition(":")
    if not url.strip():
        return "empty"
    if not colon or not scheme.replace("-", "").replace("+", "").isalnum():
        return "relative/none"
    return "malformed-http" if scheme.lower() in ("http", "https") else scheme.lower()


def events_of(path: str) -> list[Any]:
    events: list[Any] = []
    with (SAMPLES / path).open("rb") as stream:
        try:
            events.extend(open_export(stream).events())
        except UnreadableFileError:
            if path not in BROKEN_AT_THE_END:
                raise
    return events


def parametrized(wanted: list[dict[str, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", wanted, ids=[row["path"] for row in wanted])


def test_the_manifest_lists_every_collected_sample() -> None:
    listed = {row["path"] for row in ROWS}
    found = {str(path.relative_to(SAMPLES)) for path in SAMPLES.rglob("*") if path.is_file()}
    assert found - {"MANIFEST.tsv"} == listed
    assert len(listed) == 406


@parametrized(READABLE)
def test_a_sample_gives_the_bookmarks_that_its_manifest_counts(row: dict[str, str]) -> None:
    events = events_of(row["path"])
    urls = [event.url.strip() for event in events if isinstance(event, ParsedItem) and is_web_address(event.url)]
    expected = CHOSEN_COUNTS.get(row["path"], int(row["expected_bookmarks"]))
    assert len(urls) == expected
    if row["path"] not in CHOSEN_COUNTS and row["expected_unique_urls"]:
        assert len(set(urls)) == int(row["expected_unique_urls"])


@parametrized(READABLE)
def test_a_sample_is_recognised_for_what_it_is(row: dict[str, str]) -> None:
    folder = row["path"].split("/")[0]
    wanted = "url-csv" if row["path"].startswith(PLAIN_TABLES) else NAMES.get(folder, folder)
    with (SAMPLES / row["path"]).open("rb") as stream:
        assert open_export(stream).format == wanted


@parametrized([row for row in READABLE if row["non_http_items"] and row["path"] not in CHOSEN_COUNTS])
def test_what_is_no_web_page_is_reported_by_its_kind(row: dict[str, str]) -> None:
    events = events_of(row["path"])
    left_out = collections.Counter(
        kind_of(event.url)
        for event in events
        if isinstance(event, RejectedItem) or (isinstance(event, ParsedItem) and not is_web_address(event.url))
    )
    for kind, count in json.loads(row["non_http_items"]).items():
        assert left_out[kind] >= count


@parametrized([row for row in ROWS if row["confidence"] == "must-reject" or row["path"] in REFUSED])
def test_what_is_no_export_is_refused_in_words(row: dict[str, str]) -> None:
    with (SAMPLES / row["path"]).open("rb") as stream, pytest.raises(UnreadableFileError, match=r"\w{3,}.*\."):
        list(open_export(stream).events())


@parametrized([row for row in ROWS if row["confidence"] == "must-not-crash"])
def test_a_broken_sample_is_read_or_refused(row: dict[str, str]) -> None:
    with suppress(UnreadableFileError):
        assert len(events_of(row["path"])) >= int(row["expected_bookmarks"])
