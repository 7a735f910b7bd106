"""Lemmy's settings."""

import json
from pathlib import Path

import pytest

from imports.formats import lemmy
from imports.formats.base import ParsedItem, RejectedItem
from imports.formats.head import make_head

SAMPLE = Path(__file__).parents[2] / "samples/lemmy/settings.json"


def test_saved_posts_and_comments_are_bookmarks_and_blocked_people_are_not() -> None:
    with SAMPLE.open("rb") as stream:
        *saved, nothing = lemmy.parse(stream)
    assert [item.url for item in saved if isinstance(item, ParsedItem)] == [
        "https://lemmy.example/post/1",
        "https://other.example/post/22",
        "https://lemmy.example/comment/3",
    ]
    assert isinstance(nothing, RejectedItem)


@pytest.mark.parametrize("value", [["saved_posts"], {"saved_posts": []}, {"followed_communities": []}])
def test_other_json_is_not_recognised(value: object) -> None:
    assert not lemmy.matches(make_head(json.dumps(value).encode()))
