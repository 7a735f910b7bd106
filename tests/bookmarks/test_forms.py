"""The bookmark form: what it accepts, what it refuses, and lists of tags that read back the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookmarks.drafts import TAG_MAX_LENGTH, TITLE_MAX_LENGTH, URL_MAX_LENGTH, clean_tags
from bookmarks.forms import BookmarkForm, format_tags, parse_tags
from tests.factories import make_bookmark, make_user


def form_errors(**values: str) -> dict[str, list[str]]:
    form = BookmarkForm({"url": "https://example.com/", **values})
    return {field: [str(error) for error in errors] for field, errors in form.errors.items()}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("one", ["one"]),
        ("one, two,three ,  four", ["four", "one", "three", "two"]),
        (" , ,one,, ", ["one"]),
        ('"salt, pepper", oil', ["oil", "salt, pepper"]),
        ('"say ""hi"""', ['say "hi"']),
        ("two words, Two Words", ["Two Words"]),
        ("a\nb", ["a b"]),
        ('"never closed, one', ["never closed, one"]),
    ],
)
def test_tags_are_a_comma_separated_list_with_quotes_around_commas(text: str, names: list[str]) -> None:
    form = BookmarkForm({"url": "https://example.com/", "tags": text})
    assert form.is_valid()
    assert form.cleaned_data["tags"] == names


@given(st.lists(st.text(max_size=30), max_size=8))
def test_tags_shown_in_the_form_read_back_the_same(names: list[str]) -> None:
    pairs = clean_tags(names)
    assert clean_tags(parse_tags(format_tags(name for _key, name in pairs))) == pairs


@given(st.text())
def test_any_text_is_some_list_of_tags(text: str) -> None:
    form = BookmarkForm({"url": "https://example.com/", "tags": text})
    assert form.is_valid() == ("tags" not in form.errors)


@pytest.mark.django_db
def test_a_tag_with_a_comma_survives_being_shown_and_saved_unchanged() -> None:
    bookmark = make_bookmark(make_user(), tags=["salt, pepper", 'a "quoted" one', "plain"])
    values = BookmarkForm.values_of(bookmark)
    shown = BookmarkForm(initial=values)["tags"].value()
    form = BookmarkForm({"url": bookmark.url, "tags": shown})
    assert form.is_valid()
    assert [name for _key, name in form.draft().tags] == ['a "quoted" one', "plain", "salt, pepper"]


@pytest.mark.parametrize(
    ("given_url", "stored"),
    [
        ("https://example.com/", "https://example.com/"),
        ("  http://example.com/a b ", "http://example.com/a b"),
        ("example.com", "https://example.com"),
        ("example.com:8080/x", "https://example.com:8080/x"),
        ("www.example.com/?q=http://other.example/", "https://www.example.com/?q=http://other.example/"),
    ],
)
def test_a_web_address_is_accepted_also_without_its_scheme(given_url: str, stored: str) -> None:
    form = BookmarkForm({"url": given_url})
    assert form.is_valid()
    assert form.draft().url == stored


@pytest.mark.parametrize(
    "url",
    [
        "",
        "   ",
        "javascript:alert(1)",
        "JavaScript:alert(1)//example.com/",
        "data:text/html,x",
        "file:///etc/passwd",
        "ftp://example.com/",
        "mailto:a@example.com",
        "/relative",
        "https://",
        "no web address",
        "https://" + "a" * URL_MAX_LENGTH,
    ],
)
def test_what_is_no_web_address_is_refused_with_a_reason(url: str) -> None:
    assert form_errors(url=url)["url"]


@pytest.mark.parametrize("field", ["feed_url", "image_url"])
def test_an_address_of_a_feed_or_image_is_a_web_address_too(field: str) -> None:
    assert form_errors(**{field: "javascript:alert(1)"})[field]
    assert form_errors(**{field: ""}) == {}
    assert form_errors(**{field: "https://example.com/feed"}) == {}


def test_too_long_a_title_or_tag_is_refused_rather_than_cut() -> None:
    assert form_errors(title="x" * TITLE_MAX_LENGTH) == {}
    assert form_errors(title="x" * (TITLE_MAX_LENGTH + 1))["title"]
    assert form_errors(tags="x" * TAG_MAX_LENGTH) == {}
    (message,) = form_errors(tags="fine, " + "y" * (TAG_MAX_LENGTH + 1))["tags"]
    assert "64" in message
    assert "65" in message


def test_a_list_of_tags_beyond_all_measure_is_refused() -> None:
    assert form_errors(tags="x," * 200_000)["tags"]
