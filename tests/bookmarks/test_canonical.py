"""What makes two URLs the same bookmark, and what must not."""

import hashlib
import re
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bookmarks.canonical import _thorough_form, comparison_form, unique_hash

SAME = {
    "order of parameters": (
        "http://abcnews.go.com/US/wireStory?id=201062&CMP=OTC-RSSFeeds0312",
        "http://abcnews.go.com/US/wireStory?CMP=OTC-RSSFeeds0312&id=201062",
    ),
    "order, with an empty value": (
        "http://an9.org/devdev/why_frameworks_suck?sxip-homesite=&checked=1",
        "http://an9.org/devdev/why_frameworks_suck?checked=1&sxip-homesite=",
    ),
    "escaped comma in a query": (
        "http://alternet.org/economy/motown?page=0%2C0",
        "http://alternet.org/economy/motown?page=0,0",
    ),
    "slash at the end": (
        "https://hackaday.com/2023/08/29/retro-gadgets/",
        "https://hackaday.com/2023/08/29/retro-gadgets",
    ),
    "slash before the query": ("http://annearchy.com/blog/?p=3661", "http://annearchy.com/blog?p=3661"),
    "utm parameter": (
        "http://mashable.com/2013/08/11/teens-facebook/?utm_cid=x",
        "http://mashable.com/2013/08/11/teens-facebook",
    ),
    "key without a value": ("http://bash.org/?564283", "http://bash.org/?564283="),
    "empty path": ("https://example.com", "https://example.com/"),
    "case of the scheme": ("HTTPS://example.com/a", "https://example.com/a"),
    "case of the host": ("https://EXAMPLE.Com/a", "https://example.com/a"),
    "default port of http": ("http://example.com:80/a", "http://example.com/a"),
    "default port of https": ("https://example.com:443/a", "https://example.com/a"),
    "default port with zeros before it": ("http://example.com:0080/a", "http://example.com/a"),
    "empty port": ("http://example.com:/a", "http://example.com/a"),
    "port with zeros before it": ("http://example.com:08080/a", "http://example.com:8080/a"),
    "dot after the host": ("http://example.com./a", "http://example.com/a"),
    "dot after the host, with a port": ("http://example.com.:80/a", "http://example.com/a"),
    "case of an IPv6 address": ("http://[2001:DB8::1]:80/", "http://[2001:db8::1]"),
    "single dot segment": ("http://example.com/a/./b", "http://example.com/a/b"),
    "double dot segment": ("http://example.com/a/x/../b", "http://example.com/a/b"),
    "dot segments above the root": ("http://example.com/../../a", "http://example.com/a"),
    "dot segment at the end": ("http://example.com/a/b/..", "http://example.com/a/"),
    "escaped dot segment": ("http://example.com/a/%2E%2e/b", "http://example.com/b"),
    "escaped tilde": ("http://example.com/%7Euser", "http://example.com/~user"),
    "escaped letters in a path": ("http://example.com/%61%62c", "http://example.com/abc"),
    "case of an escape": ("http://example.com/caf%c3%a9", "http://example.com/caf%C3%A9"),
    "escaped letters in a query": ("http://example.com/?%6b=%76", "http://example.com/?k=v"),
    "case of an escape in a query": ("http://example.com/?q=a%2fb", "http://example.com/?q=a%2Fb"),
    "empty query": ("http://example.com/a?", "http://example.com/a"),
    "empty query before a fragment": ("http://example.com/a?#top", "http://example.com/a#top"),
    "utm parameter between others": (
        "http://example.com/?b=2&utm_source=x&a=1",
        "http://example.com/?a=1&b=2",
    ),
    "escaped utm parameter": ("http://example.com/?%75tm_source=x", "http://example.com/"),
    "fbclid": ("http://example.com/?fbclid=IwAR0", "http://example.com/"),
    "gclid": ("http://example.com/?gclid=Cj0&a=1", "http://example.com/?a=1"),
    "msclkid": ("http://example.com/?msclkid=1", "http://example.com/"),
    "twclid": ("http://example.com/?twclid=1", "http://example.com/"),
    "click ids of others": ("http://example.com/?dclid=1&yclid=2&ttclid=3&mc_eid=4", "http://example.com/"),
    "international host": ("http://bücher.example/a", "http://xn--bcher-kva.example/a"),
    "international host in capitals": ("http://BÜCHER.example/a", "http://XN--BCHER-KVA.example/a"),
    "international host, decomposed": ("http://bu\u0308cher.example/a", "http://bücher.example/a"),
    "ideographic dots": ("http://例え。テスト。/", "http://xn--r8jz45g.xn--zckzah/"),
    "full-width host": ("http://\uff45\uff58ample.com/", "http://example.com/"),
    "sharp s as browsers read it": ("http://faß.de/", "http://xn--fa-hia.de/"),
}

DIFFERENT = {
    "scheme": ("http://example.com/a", "https://example.com/a"),
    "www": ("http://www.example.com/", "http://example.com/"),
    "subdomain": ("http://m.example.com/", "http://example.com/"),
    "port": ("http://example.com:8080/", "http://example.com/"),
    "default port of the other scheme": ("https://example.com:80/", "https://example.com/"),
    "port zero": ("http://example.com:0/", "http://example.com/"),
    "userinfo": ("http://me@example.com/", "http://example.com/"),
    "case of the userinfo": ("http://Me@example.com/", "http://me@example.com/"),
    "case of the path": ("http://example.com/A", "http://example.com/a"),
    "case of a key": ("http://example.com/?A=1", "http://example.com/?a=1"),
    "case of a value": ("http://example.com/?a=X", "http://example.com/?a=x"),
    "double slash in the path": ("http://example.com/a//b", "http://example.com/a/b"),
    "double slash at the end": ("http://example.com/a//", "http://example.com/a/"),
    "two slashes for a path": ("http://example.com//", "http://example.com/"),
    "escaped slash": ("http://example.com/a%2Fb", "http://example.com/a/b"),
    "escaped question mark": ("http://example.com/a%3Fb", "http://example.com/a?b"),
    "escaped number sign": ("http://example.com/a%23b", "http://example.com/a#b"),
    "escaped comma in a path": ("http://example.com/a%2Cb", "http://example.com/a,b"),
    "escaped ampersand": ("http://example.com/?a=1%26b=2", "http://example.com/?a=1&b=2"),
    "escaped equals sign": ("http://example.com/?a%3D1", "http://example.com/?a=1"),
    "escaped plus": ("http://example.com/?q=a%2Bb", "http://example.com/?q=a+b"),
    "plus and escaped blank": ("http://example.com/?q=a+b", "http://example.com/?q=a%20b"),
    "plus in a path": ("http://example.com/a+b", "http://example.com/a%20b"),
    "escaped percent sign": ("http://example.com/%2541", "http://example.com/%41"),
    "stray percent sign before escapes": ("http://example.com/%%34%31", "http://example.com/A"),
    "order of a repeated key": ("http://example.com/?a=1&a=2", "http://example.com/?a=2&a=1"),
    "number of a repeated parameter": ("http://example.com/?a=1&a=1", "http://example.com/?a=1"),
    "value": ("http://example.com/?a=1", "http://example.com/?a="),
    "key without a value, and none": ("http://example.com/?a", "http://example.com/"),
    "ref": ("http://example.com/?ref=x", "http://example.com/"),
    "referrer": ("http://example.com/?referrer=x", "http://example.com/"),
    "source": ("http://example.com/?source=x", "http://example.com/"),
    "key that only contains utm": ("http://example.com/?my_utm_x=1", "http://example.com/"),
    "key that only begins with a click id": ("http://example.com/?gclid2=1", "http://example.com/"),
    "click id in the fragment": ("http://example.com/#?fbclid=1", "http://example.com/#?"),
    "fragment": ("http://example.com/#a", "http://example.com/"),
    "other fragment": ("http://example.com/#a", "http://example.com/#b"),
    "case of the fragment": ("http://example.com/#!/A", "http://example.com/#!/a"),
    "slash in the fragment": ("http://example.com/#/a/", "http://example.com/#/a"),
    "parameters in the fragment": ("http://example.com/#a=1&b=2", "http://example.com/#b=2&a=1"),
    "index page": ("http://example.com/index.html", "http://example.com/"),
    "path parameter": ("http://example.com/a;x=1", "http://example.com/a"),
    "three dots": ("http://example.com/a/...", "http://example.com/a/"),
    "sharp s": ("http://faß.de/", "http://fass.de/"),
    "final sigma": ("http://βόλος.com/", "http://βόλοσ.com/"),
    "joiner": ("http://نامه\u200cای.com/", "http://نامهای.com/"),
    "character that becomes a slash": ("http://example.com\uff0fa/", "http://example.com/a/"),
    "character that becomes an at sign": ("http://a\uff20example.com/", "http://a@example.com/"),
    "other scheme": ("ftp://example.com/a", "ftp://example.com/a/"),
    "no host": ("http:///a", "http:///a/"),
    "two dots after the host": ("http://example.com../", "http://example.com/"),
}

ODD = [
    "",
    " ",
    "http",
    "http://",
    "http://?",
    "http://#",
    "http://@",
    "http://@/",
    "http://.",
    "http://./",
    "http://..",
    "http://a..b/",
    "http://…/",
    "http://a\u2024/",
    "http://a:b:80:80/",
    "http://a:80:80",
    "http://a:99999999999999999999",
    f"http://a:{'9' * 10_000}/",
    "http://[::1",
    "http://::1]/",
    "http://[]/",
    "http://[é]/",
    "http://[::1]x/",
    "http://%zz/%zz?%zz#%zz",
    "http://a/%",
    "http://a/%7E%/..",
    "http://a/%7E/100%/..",
    "http://a/?%7E&utm_source=%",
    "http://a/?q=%7E%",
    "http://a/%%34%31?%%34%31",
    "http://a?=",
    "http://a?==",
    "http://a?&",
    "http://a?&&=&",
    "http://a/#",
    "http://a/?#",
    "http://a/??",
    "http://a/?a?b#c#d?e",
    "http://a\\b/",
    "http://me:pass\\word@a/",
    "http://a/\\..\\b",
    "http://a/b\nc?d\te#f\rg",
    "http://\ud800/\udfff?\ud800=\udfff#\ud800",
    "http://a/%ff%FE%ed%a0%80",
    "http://xn--/",
    "http://xn--a-ecp.ru/",
    "http://xn--ü/",
    f"http://{'ü' * 64}.example/",
    f"http://{'ü' * 252}./",
    f"http://{'a' * 300}.com./",
    "http://ß\u200d\u200c.de/",
    "http://\u00ad/",
    "http://℀.com/",
    "http://a/ſ",
    "httpſ://a/",
    "javascript:alert(1)",
    "?q=a",
    "//example.com/a/",
    "\x00http://a/",
]

PIECES = st.sampled_from(
    [
        *(
            "http://",
            "https://",
            "HTTP://",
            "hTTps://",
            "ftp://",
            "a",
            "A",
            "example.com",
            "www.",
            ":",
            ":80",
            ":443",
        ),
        *(
            ":0",
            "@",
            "/",
            "//",
            "?",
            "#",
            "&",
            "=",
            "%",
            "%7E",
            "%7e",
            "%41",
            "%2e",
            "%2F",
            "%2c",
            "%2C",
            "%25",
            "%3",
        ),
        *(
            ".",
            "..",
            "/.",
            "/..",
            "/../",
            "/./",
            "utm_source=1",
            "gclid",
            "k=",
            "=v",
            "b=1&a=2",
            "+",
            "%20",
            " ",
            "\n",
        ),
        *(
            "ü",
            "ß",
            "ς",
            "Σ",
            "İ",
            "\u200d",
            "。",
            "\uff0f",
            "…",
            "[",
            "]",
            "[::1]",
            "\\",
            "\ud800",
            "\udfff",
            "\x00",
            ";",
        ),
    ]
)
URL_LIKE = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["http://", "https://", "http://a", "https://example.com/", "http://a/?", ""]),
        st.lists(PIECES, max_size=12).map("".join),
        st.text(max_size=5),
    ),
)
SIMPLE_URL = st.from_regex(
    re.compile(r"https?://[a-z]{1,3}(\.[a-z]{2})?(/[a-z.~%]{0,3}){0,4}(\?[a-c=&,_%]{0,9})?(#[a-z]{0,2})?"),
    fullmatch=True,
)


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME.keys())
def test_the_same_page_has_one_form(one: str, other: str) -> None:
    assert comparison_form(one) == comparison_form(other)
    assert unique_hash(one) == unique_hash(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_what_may_be_another_page_keeps_its_own_form(one: str, other: str) -> None:
    assert comparison_form(one) != comparison_form(other)
    assert unique_hash(one) != unique_hash(other)


@pytest.mark.parametrize("url", [*ODD, *(url for pair in (*SAME.values(), *DIFFERENT.values()) for url in pair)])
def test_odd_and_ordinary_urls_have_a_stable_form(url: str) -> None:
    form = comparison_form(url)

    assert comparison_form(form) == form
    assert _thorough_form(url) == form
    assert re.fullmatch("[0-9a-f]{32}", unique_hash(url))


@settings(max_examples=400, deadline=None)
@given(URL_LIKE | SIMPLE_URL | st.text(st.characters(exclude_categories=())))
@example("http://a/%7E/100%/..")
def test_any_text_has_a_stable_form_and_both_ways_to_it_agree(url: str) -> None:
    form = comparison_form(url)

    assert _thorough_form(url) == form
    assert comparison_form(form) == form
    assert unique_hash(form) == unique_hash(url)


@settings(max_examples=200, deadline=None)
@given(URL_LIKE | SIMPLE_URL)
def test_the_fragment_is_kept(url: str) -> None:
    _, number_sign, fragment = url.partition("#")

    assert comparison_form(url).endswith(number_sign + fragment)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("123")), max_size=6), st.randoms())
def test_parameters_of_different_keys_may_be_mixed_in_any_way(pairs: list[tuple[str, str]], random: Random) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)
    # Within one key the order is kept.
    values = {key: iter([value for k, value in pairs if k == key]) for key, _ in pairs}
    mixed = [(key, next(values[key])) for key, _ in shuffled]

    one, other = ("http://a/?" + "&".join(f"{k}={v}" for k, v in some) for some in (pairs, mixed))

    assert comparison_form(one) == comparison_form(other)


def test_bytes_that_are_not_utf_8_are_not_decoded() -> None:
    assert comparison_form("http://a/%ff?q=%e4") == "http://a/%FF?q=%E4"


def test_the_form_reads_like_a_url() -> None:
    url = "HTTP://Me:Pa%73s@WWW.Example.COM.:80/a/../%7Eb/./c%2fd/?z=1&utm_medium=x&y=&%61=%2c#Frag%7Ement"

    assert comparison_form(url) == "http://Me:Pa%73s@www.example.com/~b/c%2Fd?a=,&y&z=1#Frag%7Ement"


def test_the_hash_is_the_head_of_the_sha_256_of_the_form() -> None:
    digest = hashlib.sha256(b"https://example.com/caf%C3%A9").hexdigest()

    assert unique_hash("https://EXAMPLE.com/caf%c3%a9/") == digest[:32]


def test_a_lone_surrogate_is_hashed_and_not_replaced() -> None:
    assert len({unique_hash(f"http://a/{c}") for c in ("\ud800", "\udc00", "?", "\ufffd")}) == 4


@pytest.mark.parametrize("end", ["", "\\"])
@pytest.mark.parametrize("length", [10_000, 1_000_000])
@pytest.mark.parametrize(
    ("start", "unit"),
    [
        ("http://a/", "/"),
        ("http://a/", "../"),
        ("http://a/", "b/"),
        ("http://a/", "%41"),
        ("http://a/", "%4"),
        ("http://a/", "%"),
        ("http://a/?", "&"),
        ("http://a/?", "b=&"),
        ("http://a/?", "%41=%42&"),
        ("http://a/#", "#"),
        ("http://", "@"),
        ("http://", "@["),
        ("http://", "["),
        ("http://", ":"),
        ("http://", "a."),
        ("http://", "a:8@"),
        ("http://a:", "0"),
        ("http://", "ü"),
        ("http://", "ü."),
        ("http://", "ß。"),
        ("", "http://"),
    ],
)
def test_a_long_hostile_url_has_a_stable_form(start: str, unit: str, length: int, end: str) -> None:
    """A form that took quadratic time would need hours here."""
    url = start + unit * (length // len(unit)) + end

    form = comparison_form(url)

    assert comparison_form(form) == form
