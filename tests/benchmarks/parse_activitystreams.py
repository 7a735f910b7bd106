"""How fast ActivityStreams files are read: `python -m tests.benchmarks.parse_activitystreams`."""

import io
import json
import resource
import time
from collections.abc import Iterator

from imports.formats.activitystreams import parse

ITEMS = 100_000


def link(number: int) -> dict[str, object]:
    """Return an item of the house shape, of about 434 bytes."""
    url = f"https://www{number % 977}.example.org/articles/{number}/a-title-of-middling-length?id={number}"
    return {
        "type": "Link",
        "url": url,
        "href": url,
        "name": f"An article number {number} about something",
        "published": "2024-01-02T03:04:05.123456Z",
        "updated": "2024-02-03T04:05:06.654321Z",
        "summary": "A summary that tells a bit more about it, in a sentence or so.",
        "tag": ["one", "two", f"three{number % 50}"][: 2 + number % 2],
    }


def note(number: int) -> dict[str, object]:
    """Return a Create of a Note as Mastodon writes it."""
    address = f"https://social.example/users/ann/statuses/{number}"
    tags = [{"type": "Hashtag", "href": f"{address}/tag", "name": "#cairns"}, {"type": "Mention", "name": "@bob"}]
    content = f"<p>A post number {number} about <a href='{address}'>something</a> &amp; more</p>"
    details = {"id": address, "type": "Note", "url": f"{address}/page", "content": content, "tag": tags}
    return {"id": f"{address}/activity", "type": "Create", "published": "2024-01-02T03:04:05Z", "object": details}


def files() -> Iterator[tuple[str, bytes]]:
    """Yield files by name."""
    head = {"@context": "https://www.w3.org/ns/activitystreams", "type": "Collection"}
    links = [link(number) for number in range(ITEMS)]
    yield "links, compact", json.dumps({**head, "items": links}, separators=(",", ":")).encode()
    yield "links, spaced", json.dumps({**head, "items": links}).encode()
    yield "links, indented", json.dumps({**head, "items": links}, indent=4).encode()
    yield "links, an item a line", b"\n".join(json.dumps(each).encode() for each in links)
    yield "links, doubled commas", json.dumps({**head, "items": links}).replace("}, {", "}, , {").encode()
    posts = [note(number) for number in range(ITEMS // 2)]
    yield "posts, compact", json.dumps({**head, "orderedItems": posts}, separators=(",", ":")).encode()
    yield "posts, indented", json.dumps({**head, "orderedItems": posts}, indent=2).encode()


def main() -> None:
    """Print a table."""
    print("| file | MB | items/s | MB/s of CPU time | peak MB of the process |\n|---|---|---|---|---|")
    for name, data in files():
        start = time.process_time()
        count = sum(1 for _ in parse(io.BytesIO(data)))
        seconds = time.process_time() - start
        size, peak = len(data) / 1e6, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        row = f"| {name} | {size:.0f} | {count / seconds:,.0f} | {size / seconds:.0f} | {peak:.0f} |"
        print(row)


if __name__ == "__main__":
    main()
