"""How each format frames and writes one bookmark, so that tests can make files of any length in it."""

import html
import json
from collections.abc import Callable
from typing import NamedTuple

URL, TITLE = "%URL%", "%TITLE%"


class Shape(NamedTuple):
    """What stands before, for, between and after the items of a file, and how a text is escaped in it."""

    before: str
    item: str
    after: str
    escaped: Callable[[str], str]
    between: str = ""

    def file(self, items: list[tuple[str, str]]) -> bytes:
        """Write a file with these pairs of address and title."""
        texts = [self.item.replace(URL, self.escaped(url)).replace(TITLE, self.escaped(title)) for url, title in items]
        return (self.before + self.between.join(texts) + self.after).encode()


def in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def in_cell(text: str) -> str:
    return text.replace('"', '""')


def as_is(text: str) -> str:
    return text


def json_list(item: str, before: str = "[", after: str = "]") -> Shape:
    return Shape(before, item, after, in_json, ",\n")


SHAPES = {
    "activitystreams": json_list(
        '{"type": "Link", "url": "%URL%", "name": "%TITLE%", "published": "2020-01-02T03:04:05Z"}',
        '{"@context": "https://www.w3.org/ns/activitystreams", "type": "Collection", "items": [',
        "]}",
    ),
    "chrome-json": json_list(
        '{"date_added": "13350000000000000", "name": "%TITLE%", "type": "url", "url": "%URL%"}',
        '{"roots": {"bookmark_bar": {"type": "folder", "name": "Bookmarks bar", "children": [',
        "]}}}",
    ),
    "delicious-json": json_list(
        '{"title": "%TITLE%", "url": "%URL%", "description": "", "tags": ["a"], "created": "1704164645",'
        ' "private": "0"}'
    ),
    "elcurator-json": json_list(
        '{"created_at": "2015-09-09 11:10:32 UTC", "title": "%TITLE%", "url": "%URL%", "tags": [], "is_saved": true}'
    ),
    "firefox-json": json_list(
        '{"title": "%TITLE%", "type": "text/x-moz-place", "uri": "%URL%", "dateAdded": 1700000000000000}',
        '{"title": "", "root": "placesRoot", "type": "text/x-moz-place-container", "children": [{"title": "menu",'
        ' "root": "bookmarksMenuFolder", "type": "text/x-moz-place-container", "children": [',
        "]}]}",
    ),
    "goodlinks-json": json_list(
        '{"title": "%TITLE%", "url": "%URL%", "tags": [], "starred": false, "addedAt": 1704164645}'
    ),
    "instapaper-csv": Shape("URL,Title,Selection,Folder\n", '"%URL%","%TITLE%",,Unread\n', "", in_cell),
    "instapaper-html": Shape(
        "<!DOCTYPE html><html><head><title>Instapaper: Export</title></head><body><h1>Unread</h1><ol>",
        '<li><a href="%URL%">%TITLE%</a></li>\n',
        "</ol></body></html>",
        html.escape,
    ),
    "karakeep": json_list(
        '{"createdAt": 1704164645, "title": "%TITLE%", "tags": [], "content": {"type": "link", "url": "%URL%"}}',
        '{"bookmarks": [',
        "]}",
    ),
    "link-lines": Shape("", "%URL% | %TITLE%\n", "", as_is),
    "linkding-json": json_list(
        '{"url": "%URL%", "title": "%TITLE%", "description": "", "notes": "", "is_archived": false, "unread": false,'
        ' "shared": false, "tag_names": [], "date_added": "2024-01-02T03:04:05Z"}',
        '{"count": 1, "next": null, "previous": null, "results": [',
        "]}",
    ),
    "linkwarden": json_list(
        '{"id": 70, "name": "%TITLE%", "url": "%URL%", "tags": [], "createdAt": "2024-01-02T03:04:05.000Z"}',
        '{"name": "Someone", "collections": [{"id": 7, "name": "One", "parentId": null, "links": [',
        "]}]}",
    ),
    "misskey-favorites": json_list(
        '{"id": "a", "createdAt": "2024-01-02T03:04:05.000Z", "note": {"id": "b", "text": "%TITLE%", "cw": null,'
        ' "uri": "%URL%", "url": "%URL%"}}'
    ),
    "netscape": Shape(
        "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<TITLE>Bookmarks</TITLE>\n<DL><p>\n",
        '<DT><A HREF="%URL%" ADD_DATE="1600000000" TAGS="a,b">%TITLE%</A>\n',
        "</DL><p>\n",
        html.escape,
    ),
    "omnivore": json_list(
        '{"id": "a", "slug": "a", "title": "%TITLE%", "url": "%URL%", "state": "Active", "labels": [],'
        ' "savedAt": "2024-01-02T03:04:05.000Z"}'
    ),
    "opera-adr": Shape(
        "Opera Hotlist version 2.0\nOptions: encoding = utf8, version=3\n\n",
        "#URL\n\tNAME=%TITLE%\n\tURL=%URL%\n\tCREATED=1500000000\n\n",
        "",
        as_is,
    ),
    "opml": Shape(
        '<?xml version="1.0"?>\n<opml version="2.0"><head><title>Links</title></head><body>\n',
        '<outline type="link" text="%TITLE%" url="%URL%"/>\n',
        "</body></opml>",
        html.escape,
    ),
    "pinboard-json": json_list(
        '{"href": "%URL%", "description": "%TITLE%", "extended": "", "time": "2024-01-02T03:04:05Z",'
        ' "shared": "yes", "toread": "no", "tags": "a b"}'
    ),
    "pinboard-xml": Shape(
        '<?xml version="1.0"?>\n<posts user="someone">\n',
        '<post href="%URL%" description="%TITLE%" extended="" tag="a" time="2024-01-02T03:04:05Z" />\n',
        "</posts>",
        html.escape,
    ),
    "pocket-api-json": Shape(
        '{"status": 1, "list": {',
        '"%URL%": {"given_url": "%URL%", "given_title": "%TITLE%", "status": "0", "time_added": "1704164645"}',
        "}}",
        in_json,
        ",\n",
    ),
    "pocket-csv": Shape(
        "title,url,time_added,tags,status\n", '"%TITLE%","%URL%",1541343937,a|b,unread\n', "", in_cell
    ),
    "pocket-html": Shape(
        "<!DOCTYPE html><html><head><title>Pocket Export</title></head><body><h1>Unread</h1><ul>",
        '<li><a href="%URL%" time_added="1541343937" tags="a,b">%TITLE%</a></li>\n',
        "</ul></body></html>",
        html.escape,
    ),
    "raindrop-csv": Shape(
        "id,title,note,excerpt,url,folder,tags,created,cover,highlights,favorite\n",
        '1,"%TITLE%",,,"%URL%",A/B,"a, b",2024-09-03T20:06:53.347Z,,,false\n',
        "",
        in_cell,
    ),
    "readability-json": json_list(
        '{"article__title": "%TITLE%", "article__url": "%URL%", "date_added": "2016-08-25T12:05:00"}',
        '{"bookmarks": [',
        "]}",
    ),
    "readwise-reader-csv": Shape(
        "Title,URL,ID,Document tags,Saved date,Reading progress,Location,Seen\n",
        '"%TITLE%","%URL%",1,"[\'a\']",2026-03-14 23:55:23.291000+00:00,0,new,True\n',
        "",
        in_cell,
    ),
    "safari-plist": Shape(
        '<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0"><dict><key>WebBookmarkType</key>'
        "<string>WebBookmarkTypeList</string><key>Children</key><array>\n",
        "<dict><key>WebBookmarkType</key><string>WebBookmarkTypeLeaf</string><key>URLString</key>"
        "<string>%URL%</string><key>URIDictionary</key><dict><key>title</key><string>%TITLE%</string></dict></dict>\n",
        "</array></dict></plist>",
        html.escape,
    ),
    "tab-session-manager": json_list(
        '{"name": "Session", "date": 1704164645000, "tag": [], "id": "s",'
        ' "windows": {"3": {"11": {"id": 11, "url": "%URL%", "title": "%TITLE%"}}}}'
    ),
    "url-csv": Shape("url,title,tags\n", '"%URL%","%TITLE%","a, b"\n', "", in_cell),
    "url-json": json_list('{"url": "%URL%", "title": "%TITLE%", "tags": ["a"]}'),
    "wallabag-v1": json_list(
        '{"0": "1", "1": "%TITLE%", "2": "%URL%", "3": "0", "4": "0", "5": "", "6": "1", "id": "1",'
        ' "title": "%TITLE%", "url": "%URL%", "is_read": "0", "is_fav": "0", "content": "", "tags": ""}'
    ),
    "wallabag-v2": json_list(
        '{"is_archived": 0, "is_starred": 0, "tags": [], "id": 1, "title": "%TITLE%", "url": "%URL%",'
        ' "created_at": "2024-01-02T05:04:05+0200", "content": ""}'
    ),
    "xbel": Shape(
        '<?xml version="1.0" encoding="UTF-8"?>\n<xbel version="1.0">\n',
        '<bookmark href="%URL%"><title>%TITLE%</title></bookmark>\n',
        "</xbel>",
        html.escape,
    ),
}
