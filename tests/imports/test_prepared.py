"""The prepared file: what goes in comes out, from any position, in any portions."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookmarks.drafts import draft
from imports.prepared import (
    FRAME_CHARACTERS,
    FRAME_ITEMS,
    TAKEN_BYTES,
    Frame,
    PreparedReader,
    PreparedWriter,
    discard_stale,
    prepared_path,
)

ITEMS = 3 * FRAME_ITEMS + 17


def write(path: Path, *, items: int = ITEMS) -> list[str]:
    """Write `items`, every seventh rejected, and return their URLs."""
    urls = [f"https://example.com/{n}" for n in range(items)]
    with PreparedWriter(path) as writer:
        for n, url in enumerate(urls):
            if n % 7 == 0:
                writer.reject("member", "title", url, "a reason", "{}")
            else:
                writer.add(draft(url=url, tags=["a tag"]))
        assert writer.position == items
        writer.finish()
    return urls


def urls_of(frame: Frame) -> list[str]:
    by_position = {reject.position: reject.url for reject in frame.rejects}
    drafts = iter(frame.drafts)
    return [by_position.get(n) or next(drafts).url for n in range(frame.start, frame.end)]


@given(start=st.integers(0, ITEMS), portions=st.lists(st.integers(1, 250), min_size=1, max_size=20))
def test_any_portions_from_any_position_are_the_items_in_order(
    tmp_path_factory: pytest.TempPathFactory, start: int, portions: list[int]
) -> None:
    path = tmp_path_factory.mktemp("prepared") / "1.frames"
    urls = write(path)
    seen: list[str] = []
    with PreparedReader(path, start) as reader:
        position, turn = start, 0
        while frame := reader.take(portions[turn % len(portions)]):
            assert frame.start == position
            seen += urls_of(frame)
            position, turn = frame.end, turn + 1
            assert reader.position == position
    assert seen == urls[start:]


def test_single_items_can_be_taken_one_by_one(tmp_path: Path) -> None:
    write(tmp_path / "1.frames")
    with PreparedReader(tmp_path / "1.frames", 5) as reader:
        assert [len(reader.take(1) or ()) for _ in range(5)] == [1] * 5


def test_of_large_items_few_are_taken_at_once(tmp_path: Path) -> None:
    text = "x" * 100_000
    with PreparedWriter(tmp_path / "1.frames") as writer:
        for n in range(2 * FRAME_ITEMS):
            writer.add(draft(url=f"https://example.com/{n}", description=text))
            writer.reject("", "", text, "a reason", "")
        writer.finish()
    sizes = []
    with PreparedReader(tmp_path / "1.frames") as reader:
        while frame := reader.take(1_000):
            sizes.append(sum(len(d.description) for d in frame.drafts) + sum(len(r.url) for r in frame.rejects))
    assert max(sizes) <= TAKEN_BYTES + FRAME_CHARACTERS + len(text)
    assert sum(sizes) == 4 * FRAME_ITEMS * len(text)


def test_nothing_is_left_of_a_file_that_was_not_finished(tmp_path: Path) -> None:
    with PreparedWriter(tmp_path / "1.frames") as writer:
        writer.add(draft(url="https://example.com/"))
    assert list(tmp_path.iterdir()) == []


def cut_short(data: bytes) -> bytes:
    return data[:-1]


def with_another_byte(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize("damage", [cut_short, with_another_byte])
def test_a_damaged_file_is_noticed(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "1.frames"
    write(path)
    path.write_bytes(damage(path.read_bytes()))
    with PreparedReader(path) as reader, pytest.raises(EOFError):
        reader.take(ITEMS)


def test_stale_files_go_and_those_of_active_jobs_stay() -> None:
    for job_id in (1, 2):
        write(prepared_path(job_id), items=1)
    prepared_path(3).with_suffix(".1.part").touch()
    assert discard_stale({1}, older_than_seconds=-1) == 2
    assert [path.name for path in prepared_path(0).parent.iterdir()] == ["1.frames"]
