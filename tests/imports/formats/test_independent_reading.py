"""Real exports read a second time, by other parsers and straight from the fields.

Nothing here uses what it checks: dates are told by the standard library, HTML by html.parser, XML by ElementTree.
"""

import csv
import json
import plistlib
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import pytest

from imports.formats.base import ParsedItem
from imports.formats.reading import open_export

SAMPLES = (Path(__file__).parents[3] / "../shared/samples").resolve()
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the collected samples are not here")


class Fields(NamedTuple):
    """What is compared. `created` is in Unix seconds, whole; `flags` are the initials of those that are set."""

    url: str
    created: int | None = None
    tags: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    flags: str = ""


type Reader = Callable[[Path], Iterable[Fields]]


def flags(*, unread: bool = False, archived: bool = False, favorite: bool = False, private: bool = False) -> str:
    initials = zip("uafp", (unread, archived, favorite, private), strict=True)
    return "".join(initial for initial, is_set in initials if is_set)


def iso(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def path_to(parents: dict[Any, Any], found: Any) -> tuple[str, ...]:
    """Return the names that lead to a list or collection, its own included."""
    above = parents.get(found["parentId"])
    return (*(path_to(parents, above) if above else ()), found["name"])


def named(*names: str) -> tuple[str, ...]:
    return tuple(sorted(name for name in names if name))


def loaded(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


class Links(HTMLParser):
    """Each link's attributes, with the folders or the heading it is under."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[dict[str, str], tuple[str, ...]]] = []
        self._folders: list[str] = []
        self._heading = ""
        self._in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("h1", "h3"):
            self._heading, self._in_heading = "", True
        elif tag == "dl":
            self._folders.append(self._heading)
        elif tag == "a":
            self.found.append(({name: value or "" for name, value in attrs}, (*self._folders[1:], self._heading)))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("h1", "h3"):
            self._in_heading = False
        elif tag == "dl":
            self._folders.pop()

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self._heading += data


def links_in(path: Path) -> list[tuple[dict[str, str], tuple[str, ...]]]:
    parser = Links()
    parser.feed(path.read_text("utf-8"))
    return parser.found


def netscape(path: Path) -> Iterator[Fields]:
    for link, (*folders, _) in links_in(path):
        tags = map(str.strip, link.get("tags", "").split(","))
        created = int(link["add_date"][:10]) if "add_date" in link else None
        is_private, is_unread = link.get("private") == "1", link.get("toread") == "1"
        own = [name for name in folders if name not in ("Bookmarks Bar", "Bookmarks bar")]
        yield Fields(link["href"], created, named(*tags), tuple(own), flags(private=is_private, unread=is_unread))


def pocket_html(path: Path) -> Iterator[Fields]:
    for link, (*_, heading) in links_in(path):
        is_archived = heading == "Read Archive"
        found = flags(unread=not is_archived, archived=is_archived)
        yield Fields(link["href"], int(link["time_added"]), named(*link["tags"].split(",")), (), found)


def pocket_csv(path: Path) -> Iterator[Fields]:
    for row in table(path):
        is_archived = row["status"] == "archive"
        found = flags(unread=not is_archived, archived=is_archived)
        yield Fields(row["url"], int(row["time_added"]), named(*row["tags"].split("|")), (), found)


def instapaper_csv(path: Path) -> Iterator[Fields]:
    for row in table(path):
        place = row["Folder"]
        found = flags(unread=place == "Unread", archived=place == "Archive", favorite=place == "Starred")
        folders = () if place in ("Unread", "Archive", "Starred") else (place,)
        yield Fields(row["URL"], int(row["Timestamp"]), named(*json.loads(row["Tags"] or "[]")), folders, found)


def raindrop_csv(path: Path) -> Iterator[Fields]:
    for row in table(path):
        folders = () if row["folder"] == "Unsorted" else tuple(row["folder"].split("/"))
        found = flags(favorite=row["favorite"] == "true")
        yield Fields(row["url"], iso(row["created"]), named(*row["tags"].split(", ")), folders, found)


def readwise_csv(path: Path) -> Iterator[Fields]:
    for row in table(path):
        place = row["Location"]
        tags = re.findall(r"'([^']*)'", row["Document tags"])
        found = flags(unread=place in ("new", "later"), archived=place == "archive")
        yield Fields(row["URL"], iso(row["Saved date"]), named(*tags), (), found)


def pinboard(path: Path) -> Iterator[Fields]:
    for post in loaded(path):
        found = flags(unread=post["toread"] == "yes", private=post["shared"] == "no")
        yield Fields(post["href"], iso(post["time"]), named(*post["tags"].split()), (), found)


def delicious(path: Path) -> Iterator[Fields]:
    for post in loaded(path):
        yield Fields(
            post["url"], int(post["created"]), named(*post["tags"]), (), flags(private=post["private"] == "1")
        )


def elcurator(path: Path) -> Iterator[Fields]:
    for article in loaded(path):
        created = iso(article["created_at"].replace(" UTC", "+00:00"))
        yield Fields(article["url"], created, named(*article["tags"]), (), flags(favorite=article["is_saved"]))


def goodlinks(path: Path) -> Iterator[Fields]:
    for link in loaded(path):
        yield Fields(
            link["url"], int(link["addedAt"]), named(*link.get("tags", ())), (), flags(favorite=link["starred"])
        )


def readability(path: Path) -> Iterator[Fields]:
    for entry in loaded(path)["bookmarks"]:
        found = flags(archived=entry["archive"], favorite=entry["favorite"])
        yield Fields(entry["article__url"], iso(entry["date_added"]), (), (), found)


def pocket_api(path: Path) -> Iterator[Fields]:
    for entry in loaded(path)["list"].values():
        created = int(entry["time_added"]) if "time_added" in entry else None
        is_unread = entry.get("status") == "0"
        url = entry.get("resolved_url") or entry["given_url"]
        yield Fields(url, created, named(*entry.get("tags", ())), (), flags(unread=is_unread))


def linkwarden(path: Path) -> Iterator[Fields]:
    collections = {each["id"]: each for each in loaded(path)["collections"]}
    for each in collections.values():
        for link in each["links"]:
            tags = named(*(tag["name"] for tag in link["tags"]))
            yield Fields(link["url"], iso(link["createdAt"]), tags, path_to(collections, each))


def karakeep(path: Path) -> Iterator[Fields]:
    value = loaded(path)
    lists = {each["id"]: each for each in value["lists"] if each["type"] == "manual"}
    for entry in value["bookmarks"]:
        folders, *others = [path_to(lists, lists[each]) for each in entry["lists"] if each in lists] or [()]
        tags = named(*entry["tags"], *(path[-1] for path in others))
        found = flags(archived=entry.get("archived", False))
        # Before 1990 nobody kept bookmarks: such a date says nothing.
        created = entry["createdAt"] if entry["createdAt"] > 631_152_000 else None
        yield Fields(entry["content"]["url"], created, tags, folders, found)


def omnivore(path: Path) -> Iterator[Fields]:
    for page in loaded(path):
        yield Fields(
            page["url"], iso(page["savedAt"]), named(*page["labels"]), (), flags(archived=page["state"] == "Archived")
        )


def wallabag_1(path: Path) -> Iterator[Fields]:
    for entry in loaded(path):
        is_read, is_favorite = entry["is_read"] == "1", entry["is_fav"] == "1"
        found = flags(unread=not is_read, archived=is_read, favorite=is_favorite)
        yield Fields(entry["url"], None, named(*entry["tags"].split(",")), (), found)


def wallabag_2(path: Path) -> Iterator[Fields]:
    for entry in loaded(path):
        is_read, is_favorite = bool(int(entry["is_archived"])), bool(int(entry["is_starred"]))
        found = flags(unread=not is_read, archived=is_read, favorite=is_favorite)
        yield Fields(entry["url"], iso(entry["created_at"]), named(*entry["tags"]), (), found)


def chrome(path: Path) -> Iterator[Fields]:
    def within(node: dict[str, Any], folders: tuple[str, ...]) -> Iterator[Fields]:
        for child in node["children"]:
            if child["type"] == "folder":
                yield from within(child, (*folders, child["name"]))
            else:
                moment = datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(child["date_added"]))
                yield Fields(child["url"], int(moment.timestamp()), (), folders)

    for root in loaded(path)["roots"].values():
        if isinstance(root, dict):
            yield from within(root, ())


def firefox(path: Path) -> Iterator[Fields]:
    def within(node: dict[str, Any], folders: tuple[str, ...]) -> Iterator[Fields]:
        for child in node.get("children", ()):
            if "uri" in child:
                yield Fields(
                    child["uri"], child["dateAdded"] // 1_000_000, named(*child.get("tags", "").split(",")), folders
                )
            else:
                yield from within(child, folders if "root" in child else (*folders, child["title"]))

    yield from within(loaded(path), ())


def safari(path: Path) -> Iterator[Fields]:
    def within(node: dict[str, Any], folders: tuple[str, ...]) -> Iterator[Fields]:
        for child in node.get("Children", ()):
            if "URLString" in child:
                yield Fields(child["URLString"], None, (), folders)
            else:
                own = child.get("Title", "")
                yield from within(child, folders if own.startswith(("Bookmarks", "com.apple")) else (*folders, own))

    yield from within(plistlib.loads(path.read_bytes()), ())


def opml(path: Path) -> Iterator[Fields]:
    def within(node: ET.Element, folders: tuple[str, ...]) -> Iterator[Fields]:
        for child in node.findall("outline"):
            url = child.get("htmlUrl") or child.get("xmlUrl")
            if url:
                yield Fields(url, None, named(*(child.get("category") or "").split(",")), folders)
            else:
                yield from within(child, (*folders, child.get("text") or child.get("title") or ""))

    body = ET.parse(path).getroot().find("body")
    assert body is not None
    yield from within(body, ())


def mastodon(path: Path) -> Iterator[Fields]:
    for activity in loaded(path)["orderedItems"]:
        found = activity["object"]
        if isinstance(found, str):
            yield Fields(found, iso(activity["published"]))
        else:
            tags = (tag["name"].removeprefix("#") for tag in found["tag"] if tag["type"] == "Hashtag")
            is_public = any(name.endswith("#Public") for name in found["to"] + found["cc"])
            yield Fields(found["url"], iso(found["published"]), named(*tags), (), flags(private=not is_public))


def sessions(path: Path) -> Iterator[Fields]:
    for session in loaded(path):
        for window in session["windows"].values():
            for tab in window.values():
                yield Fields(tab["url"], session["date"] // 1000, named(*session["tag"]), named(session["name"]))


def lines(path: Path) -> Iterator[Fields]:
    for line in path.read_text("utf-8").splitlines():
        if line.strip():
            yield Fields(line.split(" | ")[0])


READERS: dict[str, Reader] = {
    "netscape/shaarli-parser__netscape_nested.htm": netscape,
    "netscape/ddg-apple__bookmarks_chrome.html": netscape,
    "netscape/sissbruecker-linkding__simple_valid_import_file.html": netscape,
    "pocket-html/wallabag-wallabag__ril_export.html": pocket_html,
    "pocket-csv/wallabag-wallabag__pocket.csv": pocket_csv,
    "instapaper-csv/wallabag-wallabag__instapaper-export-new.csv": instapaper_csv,
    "raindrop-csv/pebbling-club__legacy-raindrop.csv": raindrop_csv,
    "readwise-reader-csv/karakeep__parses-a-readwise-reader-csv-file-with-multiple-items.csv": readwise_csv,
    "pinboard-json/wallabag-wallabag__pinboard_export.json": pinboard,
    "delicious-json/wallabag-wallabag__delicious_export.2021.02.06_21.10.json": delicious,
    "elcurator-json/wallabag-wallabag__elcurator.json": elcurator,
    "goodlinks-json/readeck__goodlinks.json": goodlinks,
    "readability-json/wallabag-wallabag__readability.json": readability,
    "pocket-api-json/karlicoss-promnesia__pocket.json": pocket_api,
    "linkwarden-json/karakeep__linkwarden-export.json": linkwarden,
    "karakeep-json/karakeep__duplicate-sibling-lists.json": karakeep,
    "omnivore-json/wallabag-wallabag__omnivore.json": omnivore,
    "wallabag-v1-json/wallabag-wallabag__wallabag-v1.json": wallabag_1,
    "wallabag-v2-json/wallabag-wallabag__wallabag-v2.json": wallabag_2,
    "chrome-json/wallabag-wallabag__chrome-bookmarks.json": chrome,
    "firefox-json/wallabag-wallabag__firefox-bookmarks.json": firefox,
    "safari-plist/linkchecker-linkchecker__Bookmarks-binary.plist": safari,
    "safari-plist/linkchecker-linkchecker__Bookmarks-xml.plist": safari,
    "opml/listparser__categories_hier-2-nested.opml": opml,
    "opml/listparser__categories_tags-2-multiple.opml": opml,
    "activitystreams/mastodon/fossilizer-zip__outbox.json": mastodon,
    "tab-session-manager-json/SYNTHETIC__tsm-two-sessions.json": sessions,
    "onetab-txt/karakeep__deduplicates-repeated-urls.txt": lines,
}


def as_fields(item: ParsedItem) -> Fields:
    created = int(item.created.timestamp()) if item.created else None
    found = flags(unread=item.unread, archived=item.archived, favorite=item.favorite, private=item.private)
    return Fields(item.url, created, named(*dict.fromkeys(item.tags)), tuple(item.folders), found)


@pytest.mark.parametrize(("name", "reader"), READERS.items(), ids=READERS)
def test_another_reading_of_a_real_export_says_the_same(name: str, reader: Reader) -> None:
    with (SAMPLES / name).open("rb") as stream:
        items = [as_fields(event) for event in open_export(stream).events() if isinstance(event, ParsedItem)]
    assert items
    assert items == list(reader(SAMPLES / name))
