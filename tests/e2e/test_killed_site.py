"""The whole site killed in the middle of an import, and two people who import at once; before real processes."""

import json
import re
import signal
import time
from pathlib import Path

import psutil
import pytest

from bookmarks.canonical import unique_hash
from tests.benchmarks.browsing import Person
from tests.benchmarks.data import write_collection
from tests.e2e.conftest import new_site
from tests.e2e.site import Site
from tests.exported import without_moment
from tests.project.processes import eventually

pytestmark = pytest.mark.processes

ITEMS = 100_000
EXPORT = "/bookmarks/export/activitystream.json"


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Make a site for each test, as what one test imports another would meet."""
    return new_site(request, tmp_path_factory)


def counts(person: Person, job: int) -> list[int]:
    """Return new, updated, skipped, failed as the row shows them."""
    row = person.open("GET", f"/import/{job}/row/")
    return [int(number.replace(",", "")) for number in re.findall(r"<li><b>([\d,]+)</b>", row)]


def progress(person: Person, job: int) -> int:
    """Return the percentage that the row shows."""
    shown = re.search(r'<progress[^>]* value="(\d+)"', person.open("GET", f"/import/{job}/row/"))
    return int(shown[1]) if shown else 0


def expected(path: Path) -> list[int]:
    """Return new, updated, skipped, failed of a first import under skip, read independently."""
    urls = [item["url"] for item in json.loads(path.read_text())["items"]]
    valid = [url for url in urls if url.startswith("http")]
    pages = {unique_hash(url) for url in valid}
    return [len(pages), 0, len(valid) - len(pages), len(urls) - len(valid)]


def test_an_import_goes_on_by_itself_after_everything_was_killed(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    write_collection(path, ITEMS, seed=11)
    with site.running():
        person = Person(site)
        job = person.upload(path)
        assert eventually(lambda: sum(counts(person, job)) > 0, seconds=60)
        killed = site.processes()
        for process in killed:
            process.send_signal(signal.SIGKILL)
        psutil.wait_procs(killed, timeout=5)
    with site.running():
        person = Person(site)
        before = sum(counts(person, job))
        assert eventually(lambda: person.status(job) == "completed", seconds=120)
        assert counts(person, job) == expected(path)
        mine = [
            item for item in json.loads(person.open("GET", EXPORT))["items"] if ".example/articles/" in item["url"]
        ]
        assert len(mine) == expected(path)[0]
    assert before < ITEMS, "the import had ended before the site was killed"


def test_two_people_who_import_at_once_both_get_on(site: Site, tmp_path: Path) -> None:
    with site.running():
        large, small = tmp_path / "large.json", tmp_path / "small.json"
        write_collection(large, 100_000, seed=12)
        write_collection(small, 20, seed=13)
        first, second = Person(site), Person(site, site.second_account())
        long_job = first.upload(large)
        assert eventually(lambda: first.status(long_job) == "processing", seconds=30)
        start = time.monotonic()
        short_job = second.upload(small)
        assert eventually(lambda: second.status(short_job) == "completed", seconds=30)
        assert first.status(long_job) == "processing", f"ended within {time.monotonic() - start:.1f} s"
        first.cancel(long_job)


def exported(person: Person) -> str:
    """Return the person's export without the moment of the export itself."""
    return without_moment(person.open("GET", EXPORT))


def test_an_undo_goes_on_by_itself_after_everything_was_killed(site: Site, tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    write_collection(old, 10_000, seed=11)
    write_collection(new, 30_000, seed=12)
    collection = json.loads(new.read_text())
    # Half of the second file are pages of the first, with other titles and tags.
    known = [{**item, "name": f"New: {item['name']}", "tag": ["new"]} for item in json.loads(old.read_text())["items"]]
    new.write_text(json.dumps({**collection, "items": [*known, *collection["items"]]}))
    with site.running():
        person = Person(site)
        first = person.upload(old)
        assert eventually(lambda: person.status(first) == "completed", seconds=60)
        before = exported(person)
        job = person.upload(new, duplicates="overwrite")
        assert eventually(lambda: person.status(job) == "completed", seconds=60)
        assert exported(person) != before
        person.open("POST", f"/import/{job}/undo/")
        assert eventually(lambda: progress(person, job) > 0, seconds=60)
        killed = site.processes()
        for process in killed:
            process.send_signal(signal.SIGKILL)
        psutil.wait_procs(killed, timeout=5)
    with site.running():
        person = Person(site)
        assert person.status(job) == "processing", "the undo had ended before the site was killed"
        assert eventually(lambda: person.status(job) == "undone", seconds=120)
        assert exported(person) == before
