"""Import files, and what they must become, read again with `json.load` and plain Python instead of the product."""

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

_WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu")
_BAD = ("javascript:alert(1)", "ftp://files.example/a", "/relative/path", "", "place:folder=1", "data:text/html,x")
_EPOCH = datetime(2001, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Kept:
    """What is to be found of one page: its title, its description, its tags, and when it was first saved."""

    title: str
    summary: str
    tags: frozenset[str]
    published: datetime


@dataclass
class Expected:
    """The counters at the end of a job, the pages of its owner, and which of them the job has `written`."""

    total: int = 0
    created: int = 0
    updated: int = 0
    skipped: int = 0
    failed: int = 0
    pages: dict[str, Kept] = field(default_factory=dict)
    written: dict[str, Kept] = field(default_factory=dict)

    @property
    def counters(self) -> dict[str, int]:
        """The counters by name."""
        return {name: getattr(self, name) for name in ("total", "created", "updated", "skipped", "failed")}


class Shelf:
    """Each page with all its versions, by the job that wrote it: what is to be found when any of them are undone."""

    def __init__(self) -> None:
        self._versions: dict[str, dict[int, Kept]] = {}

    def put(self, job: int, written: dict[str, Kept]) -> None:
        """Put what a job wrote on top of what was there."""
        for url, version in written.items():
            self._versions.setdefault(url, {})[job] = version

    def take_back(self, job: int) -> tuple[int, int, int]:
        """Take back what a job wrote; return how many pages that removes, restores, and keeps as they are."""
        removed = restored = kept = 0
        for versions in [versions for versions in self._versions.values() if job in versions]:
            is_on_top = next(reversed(versions)) == job
            removed += is_on_top and len(versions) == 1
            restored += is_on_top and len(versions) > 1
            kept += not is_on_top
            del versions[job]
        return removed, restored, kept

    @property
    def pages(self) -> dict[str, Kept]:
        """The pages that are left, as the last one has written them."""
        return {url: next(reversed(versions.values())) for url, versions in self._versions.items() if versions}


def write_file(path: Path, *, items: int, chance: random.Random, first_page: int) -> None:
    """Write a Collection of `items` links: 6% of pages met before in it, 3% that cannot be bookmarks.

    Pages are numbered from `first_page`, which makes files of one user overlap.
    """
    moments = chance.sample(range(20 * items), items)
    links = []
    for number in range(items):
        page = first_page + (chance.randrange(number) if number and chance.random() < 0.06 else number)
        url = f"https://site{page % 97}.example/articles/{page}"
        links.append(
            {
                "type": "Link",
                "url": chance.choice(_BAD) if chance.random() < 0.03 else url,
                "name": f"Article {page}, told {number}: " + " ".join(chance.choices(_WORDS, k=4)),
                "published": f"{_EPOCH + timedelta(minutes=moments[number]):%Y-%m-%dT%H:%M:%SZ}",
                "summary": "About " + " ".join(chance.choices(_WORDS, k=chance.randrange(4, 60))),
                "tag": chance.sample([f"tag {n}" for n in range(300)], chance.randrange(4)),
            }
        )
    context = "https://www.w3.org/ns/activitystreams"
    path.write_text(json.dumps({"@context": context, "type": "Collection", "totalItems": items, "items": links}))


def expected(path: Path, *, duplicates: str, before: dict[str, Kept]) -> Expected:
    """Return what importing the file must give for an owner who has the pages `before`."""
    with path.open() as file:
        items = json.load(file)["items"]
    result = Expected(total=len(items))
    told: dict[str, list[Kept]] = {}
    for item in items:
        if item["url"].startswith(("http://", "https://")):
            told.setdefault(item["url"], []).append(_kept(item))
        else:
            result.failed += 1
    for url, versions in told.items():
        result.created += url not in before
        if duplicates == "overwrite":
            result.updated += len(versions) - (url not in before)
            result.written[url] = _last_told(versions, before.get(url))
        else:
            result.skipped += len(versions) - (url not in before)
            if url not in before:
                result.written[url] = min(versions, key=lambda version: version.published)
    result.pages = before | result.written
    return result


def _kept(item: dict[str, object]) -> Kept:
    tags = item["tag"]
    if not isinstance(tags, list):
        raise TypeError(tags)
    published = datetime.fromisoformat(str(item["published"]))
    return Kept(str(item["name"]), str(item["summary"]), frozenset(map(str, tags)), published)


def _last_told(versions: list[Kept], before: Kept | None) -> Kept:
    last = max(versions, key=lambda version: version.published)
    first = min([version.published for version in versions] + ([before.published] if before else []))
    return Kept(last.title, last.summary, last.tags, first)
