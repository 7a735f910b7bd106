"""html_to_text: what a reader would see, whatever the markup."""

import time

import pytest

from imports.formats.text import decode_entities, html_to_text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("two\nlines  kept", "two\nlines  kept"),
        ("AT&amp;T &lt;b&gt; &amp;amp;", "AT&T <b> &amp;"),
        ("a < b\nc > d &amp; e", "a < b\nc > d & e"),
        ("I <3 you", "I <3 you"),
        ("Vec<T> &amp; see <https://example.org/>\n  next", "Vec<T> & see <https://example.org/>\n  next"),
        ("left</b> alone", "left alone"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<p>One<br>two<br/>three</p>", "One\ntwo\nthree"),
        ("<div>One</div><div>Two</div>", "One\nTwo"),
        ("<ul><li>a<li>b</ul>c", "a\nb\n\nc"),
        ("a<br><br>b", "a\n\nb"),
        ("folded \n\t white <i>space</i>  <b> here </b>", "folded white space here"),
        ("<pre>  def f():\n    pass</pre>", "def f():\n    pass"),
        ("<p>x</p><pre>a\n  b</pre>", "x\n\na\n  b"),
        ("<script>alert(1)</script>seen<style>p{}</style>", "seen"),
        ("<template>no</template>yes", "yes"),
        ("a<!-- no <b>comment</b> -->b", "ab"),
        ("<!-- only a comment -->", ""),
        ("<b>&lt;i&gt;</b>", "<i>"),
        ('<a href="x" title="a > b">link</a>', "link"),
        ("unclosed <b>bold", "unclosed bold"),
        ("<i>cut off</i> <a href='x", "cut off"),
        ("<title>T</title><p>x", "T\n\nx"),
        ("caf\u00e9 <b>\u4f60\u597d</b>", "caf\u00e9 \u4f60\u597d"),
        ("<p>a\x1eb\x1dc\x1fd</p>", "abcd"),
        ('<meta charset="latin-1">\u00e9<br>', "\u00e9"),
    ],
)
def test_markup_becomes_the_text_a_reader_sees(markup: str, text: str) -> None:
    assert html_to_text(markup) == text


@pytest.mark.parametrize(
    "hostile",
    [
        "&#" + "9" * 5000,
        "&#" + "9" * 5000 + ";<p>",
        "a\x00b<p>",
        "\ud800<p>\udfff",
        "<\x00a>",
        "&#0;&#xd800;<i>",
        "<" * 9,
        "</",
    ],
)
def test_nul_and_surrogates_do_not_raise(hostile: str) -> None:
    assert isinstance(html_to_text(hostile), str)


def test_a_number_of_thousands_of_digits_is_no_character() -> None:
    assert decode_entities("a &amp; &#" + "1" * 5000 + ";b&#65;&#x" + "1" * 5000 + ";") == "a & \ufffdbA\ufffd"


@pytest.mark.parametrize("unit", ["<a ", "&amp", "<!--", "<p>", "</p>", "<pre> ", "<b> </b>", "<", "<br>", "<x y='"])
def test_a_million_characters_of_broken_markup_take_no_quadratic_time(unit: str) -> None:
    started = time.monotonic()
    html_to_text("z<i>" + unit * (1_000_000 // len(unit)))
    assert time.monotonic() - started < 10


def test_markup_nested_absurdly_deep_is_still_read_in_bounded_time() -> None:
    started = time.monotonic()
    text = html_to_text("<dl>" * 100_000 + "deep" + "</p>" * 100_000)
    assert text == "deep"
    assert time.monotonic() - started < 20
