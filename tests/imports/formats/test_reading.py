import gzip
import io
import itertools
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest

from imports.formats.base import Notice, ParsedItem, RejectedItem, UnreadableFileError
from imports.formats.containers import ArchiveError
from imports.formats.reading import Export, MemberStart, check_beginning, open_export

CONTAINERS = Path(__file__).parents[2] / "samples" / "containers"
TABLE = "url,title\nhttps://{0}.example.org/,Page {0}\n"
BROKEN = '[{"href": "https://before.example.org/", "time": "2024-01-02T03:04:05Z"}, {"href'


def opened(data: bytes, **options: Any) -> Export:
    return open_export(io.BytesIO(data), **options)


def sample(name: str, members: Collection[str] | None = None) -> Export:
    return opened((CONTAINERS / name).read_bytes(), members=members)


def zipped(*members: tuple[str, str | bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return target.getvalue()


def tarred(*members: tuple[str, str]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, text in members:
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return target.getvalue()


def urls(export: Export) -> list[str]:
    return [event.url for event in export.events() if isinstance(event, ParsedItem)]


def starts(export: Export) -> list[str]:
    return [event.name for event in export.events() if isinstance(event, MemberStart)]


def notices(export: Export) -> list[str]:
    return [event.text for event in export.events() if isinstance(event, Notice)]


def refused(data: bytes, **options: Any) -> str:
    with pytest.raises(UnreadableFileError) as raised:
        opened(data, **options)
    return str(raised.value)


def test_a_plain_file_has_a_format_and_no_members() -> None:
    export = opened(TABLE.format(1).encode())
    assert (export.format, export.members) == ("url-csv", ())
    assert "url" in export.label
    assert urls(export) == urls(export) == ["https://1.example.org/"]


def test_a_stream_may_stand_anywhere_when_it_is_given() -> None:
    stream = io.BytesIO(TABLE.format(1).encode())
    stream.seek(7)
    assert urls(open_export(stream)) == ["https://1.example.org/"]


def test_a_packed_file_is_read_like_a_plain_one() -> None:
    export = sample("bookmarks.html.gz")
    assert (export.format, export.members) == ("netscape", ())
    assert urls(export) == ["https://packed.example.org/"]


def test_a_format_can_be_asked_for_by_name() -> None:
    text = b"url,time_added\nhttps://1.example.org/,1541343937\n"
    assert opened(text).format == "pocket-csv"
    assert opened(text, format_name="url-csv").format == "url-csv"
    assert "no format named “nonsense”" in refused(text, format_name="nonsense")
    assert refused(b"", format_name="url-csv").startswith("The file is empty.")


def test_a_file_that_is_not_of_the_format_asked_for_is_refused_while_reading() -> None:
    for name in ("netscape", "pinboard-json", "safari-plist", "url-csv"):
        try:
            items = urls(opened(b"no such thing", format_name=name))
        except UnreadableFileError:
            continue
        assert items == []


def test_the_parts_of_a_pocket_archive_are_one_import_in_their_order() -> None:
    export = sample("pocket.zip")
    assert [(member.name, member.format) for member in export.members] == [
        ("part_000001.csv", "pocket-csv"),
        ("part_000002.csv", "pocket-csv"),
        ("part_000010.csv", "pocket-csv"),
    ]
    assert export.format == "pocket-csv"
    assert starts(export) == ["part_000001.csv", "part_000002.csv", "part_000010.csv"]
    assert urls(export)[-2:] == ["https://parts.example.org/2", "https://parts.example.org/10"]
    assert notices(export) == ["One other file in the archive is no export that Cairn knows, and was passed over."]


@pytest.mark.parametrize(("name", "folder"), [("mastodon.tar.gz", ""), ("mastodon.zip", "archive/")])
def test_a_mastodon_archive_offers_its_three_lists_and_neither_profile_nor_media(name: str, folder: str) -> None:
    export = sample(name)
    assert {member.name for member in export.members} == {
        f"{folder}{each}.json" for each in ("outbox", "likes", "bookmarks")
    }
    assert all(member.size > 50 and member.label for member in export.members)
    assert len(urls(export)) == 4
    assert notices(export) == ["3 other files in the archive are no exports that Cairn knows; they were passed over."]


def test_members_can_be_chosen_by_name() -> None:
    export = sample("mastodon.tar.gz", members=["bookmarks.json"])
    assert [member.name for member in export.members] == ["bookmarks.json"]
    assert urls(export) == ["https://social.example.org/users/c/statuses/3"]
    with pytest.raises(UnreadableFileError, match="None of the chosen files"):
        sample("mastodon.tar.gz", members=["nothing.json"])


def test_an_omnivore_archive_offers_its_lists_and_not_the_saved_articles() -> None:
    export = sample("omnivore.zip")
    assert [member.name for member in export.members] == ["metadata_0_to_20.json"]
    assert urls(export) == ["https://moss.example.org/"]


def test_lists_of_no_service_count_in_an_archive_that_holds_nothing_else() -> None:
    links = '[{"url": "https://a.example.org/", "title": "A"}]'
    assert urls(opened(zipped(("a.json", links)))) == ["https://a.example.org/"]
    export = opened(zipped(("collections/a.json", links), ("part_000000.csv", TABLE.format(2))))
    assert [member.name for member in export.members] == ["part_000000.csv"]


def test_a_zip_that_was_cut_off_gives_what_is_whole_and_says_that_it_breaks() -> None:
    data = zipped(("b.csv", TABLE.format(2)), ("a.csv", TABLE.format(1)))
    export = opened(data[: data.index(b"PK\x01\x02")])
    assert [member.name for member in export.members] == ["b.csv", "a.csv"]
    events = export.events()
    read = [event.url for event in itertools.islice(events, 4) if isinstance(event, ParsedItem)]
    assert read == ["https://2.example.org/", "https://1.example.org/"]
    with pytest.raises(UnreadableFileError, match="The archive is cut off or damaged"):
        list(events)


def test_every_recognised_file_of_any_archive_is_read() -> None:
    html = '<!DOCTYPE NETSCAPE-Bookmark-file-1><DL><DT><A HREF="https://html.example.org/">x</A></DL>'
    files = (
        ("b.html", html),
        ("a/list.csv", TABLE.format(2)),
        ("readme.txt", "Hello"),
        ("links.txt", "https://l.example.org/\n"),
    )
    assert urls(opened(zipped(*files))) == [
        "https://2.example.org/",
        "https://html.example.org/",
        "https://l.example.org/",
    ]
    for data in (tarred(*files), gzip.compress(tarred(*files))):
        assert urls(opened(data)) == ["https://html.example.org/", "https://2.example.org/", "https://l.example.org/"]


def test_a_format_asked_for_narrows_an_archive() -> None:
    data = zipped(("a.csv", TABLE.format(1)), ("b.txt", "https://b.example.org/\n"))
    assert urls(opened(data, format_name="link-lines")) == ["https://b.example.org/"]
    assert "export of the kind" in refused(data, format_name="netscape")


def test_a_broken_file_in_an_archive_does_not_spoil_those_after_it() -> None:
    export = opened(zipped(("1.csv", TABLE.format(1)), ("2.json", BROKEN), ("3.csv", TABLE.format(3))))
    seen: list[Any] = []
    with pytest.raises(UnreadableFileError, match=r"^2\.json: ") as raised:
        seen.extend(export.events())
    assert not isinstance(raised.value, ArchiveError)
    assert [event.url for event in seen if isinstance(event, ParsedItem)] == [
        "https://1.example.org/",
        "https://before.example.org/",
        "https://3.example.org/",
    ]


def test_an_archive_that_breaks_off_is_read_up_to_there() -> None:
    long = TABLE.format(2) + "".join(
        f"https://long.example.org/{number},{number * 7919}\n" for number in range(40_000)
    )
    data = gzip.compress(tarred(("1.csv", TABLE.format(1)), ("2.csv", long)))
    seen: list[Any] = []
    with pytest.raises(ArchiveError, match="cut off or damaged"):
        seen.extend(opened(data[: len(data) // 2]).events())
    found = [event.url for event in seen if isinstance(event, ParsedItem)]
    assert found[0] == "https://1.example.org/"
    assert 5_000 < len(found) < 40_000
    assert "cut off or damaged" in refused(gzip.compress(tarred(("1.csv", TABLE.format(1))))[:60])


@pytest.mark.parametrize("end", [1500, 1536, 1550, 2040])
def test_an_archive_that_breaks_off_within_another_file_says_so_at_the_end(end: int) -> None:
    data = tarred(("1.csv", TABLE.format(1)), ("2.bin", "\x01" * 900), ("3.csv", TABLE.format(3)))[:end]
    seen: list[Any] = []
    with pytest.raises(UnreadableFileError, match="cut off or damaged"):
        seen.extend(opened(data).events())
    assert [event.url for event in seen if isinstance(event, ParsedItem)] == ["https://1.example.org/"]


@pytest.mark.parametrize(
    "pack", [lambda text: gzip.compress(text.encode()), lambda text: gzip.compress(tarred(("a.csv", text)))]
)
@pytest.mark.parametrize("rows", [300, 30_000])
def test_of_a_packed_file_that_is_cut_off_nothing_readable_is_lost(pack: Callable[[str], bytes], rows: int) -> None:
    text = "url,title\n" + "".join(f"https://cut.example.org/{number},{hash((number,))}\n" for number in range(rows))
    data = pack(text)
    seen: list[Any] = []
    with pytest.raises(UnreadableFileError, match="cut off or damaged"):
        seen.extend(opened(data[: len(data) // 2]).events())
    readable = zlib.decompressobj(31).decompress(data[: len(data) // 2]).count(b"https://cut")
    found = sum(isinstance(event, ParsedItem) for event in seen)
    assert readable - 1 <= found <= readable
    assert readable > rows / 4


def test_a_bomb_is_refused_within_its_bound() -> None:
    spaces = (
        '{"@context": "https://www.w3.org/ns/activitystreams", "type": "Collection", "items": [' + " " * 60_000_000
    )
    for data in (gzip.compress(spaces.encode()), zipped(("outbox.json", spaces))):
        assert len(data) < 100_000
        with pytest.raises(UnreadableFileError, match="more than 10 MB when unpacked"):
            list(opened(data, max_expanded=10 << 20).events())


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The file is empty."),
        (gzip.compress(b""), "The file is empty."),
        (zipped(), "No file in the archive is an export that Cairn knows."),
        (zipped(("a.txt", "Hello"), ("b.bin", bytes(5000))), "No file in the archive is an export that Cairn knows."),
        (zipped(("a.zip", zipped(("a.csv", TABLE.format(1))))), "The archive holds another archive."),
        (zipped(("a.csv.gz", gzip.compress(b"url\n"))), "The archive holds another archive."),
        (gzip.compress(gzip.compress(b"url\n")), "The archive holds another archive."),
        (gzip.compress(zipped(("a.csv", "url\n"))), "The archive holds another archive."),
        (tarred(("a.tar", tarred(("a.csv", "url\n")).decode())), "The archive holds another archive."),
        (zipped(("[Content_Types].xml", "<x/>"), ("xl/workbook.xml", "<x/>")), "office program"),
        (
            zipped(("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", "<x/>")),
            "office program",
        ),
        (zipped(("mimetype", "application/epub+zip"), ("content.xml", "<x/>")), "an electronic book"),
        (b"PK\x03\x04 cut off", "The zip archive is cut off or damaged"),
        (b"<!DOCTYPE html><title>Hello</title><p>Hello", "This is a web page"),
    ],
    ids=lambda value: value if isinstance(value, str) else "data",  # packed data holds the time
)
def test_what_cannot_be_read_is_refused_in_words(data: bytes, sentence: str) -> None:
    assert sentence in refused(data)


def test_the_beginning_of_a_file_shows_whether_it_may_be_an_export() -> None:
    check_beginning(io.BytesIO(TABLE.format(1).encode()))
    check_beginning(io.BytesIO(gzip.compress((TABLE.format(1) * 99).encode())[:-20]))
    check_beginning(io.BytesIO(zipped(("a.bin", bytes(99)))))
    check_beginning(io.BytesIO(tarred(("a.bin", "nothing"))))
    for data in (b"", b"<html>", gzip.compress(b"words"), gzip.compress(b"")):
        with pytest.raises(UnreadableFileError):
            check_beginning(io.BytesIO(data))


def test_a_damaged_file_in_a_zip_is_named_and_passed_over() -> None:
    data = bytearray(zipped(("1.csv", TABLE.format(1)), ("2.csv", TABLE.format(2))))
    data[data.index(b"PK\x03\x04", 4) + 2] ^= 255
    export = opened(bytes(data))
    assert urls(export) == ["https://1.example.org/"]
    assert len(notices(export)) == 1
    assert notices(export)[0].startswith(
        "“2.csv” in the archive could not be read: The archive is cut off or damaged."
    )


def test_of_many_files_that_cannot_be_read_some_are_named() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_BZIP2) as archive:
        for number in range(15):
            archive.writestr(f"{number}.csv", TABLE.format(number))
    assert "uncommon method" in refused(target.getvalue())
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr("good.csv", TABLE.format(1))
    texts = notices(opened(target.getvalue()))
    assert len(texts) == 11
    assert texts[-1] == "5 more files in the archive could not be read."


def test_what_was_not_text_is_reported_at_the_end_even_of_a_broken_file() -> None:
    data = BROKEN.replace("before", "béfore").encode() + b" \xff caf\xc3\xa9"
    seen: list[Any] = []
    with pytest.raises(UnreadableFileError):
        seen.extend(opened(data).events())
    assert isinstance(seen[-1], Notice)
    assert seen[-1].text.startswith("One place in the file")


def test_rejected_items_of_a_member_come_after_its_name() -> None:
    events = list(opened(zipped(("a.csv", "url,title\n,Nothing\n"))).events())
    assert [type(event) for event in events] == [MemberStart, RejectedItem]
    assert events[0] == MemberStart("a.csv", "url-csv")
