"""From a parsed item to a draft."""

import pytest

from imports.formats.base import ItemRejectedError, ParsedItem
from imports.normalize import FRAGMENT_MAX_LENGTH, fragment, has_long_tag, normalize
from imports.options import Folders, ImportOptions, options_from

ITEM = ParsedItem(url="https://example.com/", tags=["own"], folders=("Tech", " ", "Web", "Django"))


@pytest.mark.parametrize(
    ("policy", "tags"),
    [
        (Folders.NONE, ["own"]),
        (Folders.NEAREST, ["Django", "own"]),
        (Folders.PATH, ["own", "Tech/Web/Django"]),
        (Folders.LEVELS, ["Django", "own", "Tech", "Web"]),
    ],
)
def test_folders_become_tags_as_the_person_chose(policy: Folders, tags: list[str]) -> None:
    draft = normalize(ITEM, ImportOptions(folders=policy))
    assert sorted(name for _, name in draft.tags) == sorted(tags)


def test_everything_imported_can_be_tagged() -> None:
    draft = normalize(ITEM, ImportOptions(folders=Folders.NONE, tags=("from Pocket", "OWN")))
    assert [name for _, name in draft.tags] == ["from Pocket", "OWN"]


def test_an_item_that_makes_no_bookmark_is_rejected_with_a_reason() -> None:
    with pytest.raises(ItemRejectedError, match="javascript"):
        normalize(ParsedItem(url="javascript:alert(1)"), ImportOptions())


def test_tags_that_will_be_shortened_are_noticed() -> None:
    assert has_long_tag(ParsedItem(url="", tags=["x" * 65]))
    assert not has_long_tag(ParsedItem(url="", tags=["x" * 64]))


@pytest.mark.parametrize(
    ("source", "text"),
    [(None, ""), ("as it is", "as it is"), (b"caf\xe9", "caf\ufffd"), ({"a": [1, None]}, '{"a":[1,null]}')],
)
def test_a_rejected_item_shows_what_the_file_had(source: object, text: str) -> None:
    assert fragment(source) == text


def test_a_fragment_is_bounded() -> None:
    assert len(fragment("x" * 10**6)) == len(fragment({"x": "x" * 10**6})) == FRAGMENT_MAX_LENGTH


def test_options_are_stored_and_read_back_also_when_a_newer_release_wrote_them() -> None:
    options = ImportOptions(folders=Folders.PATH, tags=("a",), format="netscape")
    assert options_from({**options.as_json(), "from the future": 1}) == options
    assert options_from({}) == ImportOptions()
