"""How long the comparison form and hash of a URL take, per URL and as a hostile URL grows.

Run `python -m tests.benchmarks.canonical`.
"""

import sys
from collections.abc import Callable, Iterable
from itertools import count, islice
from time import perf_counter

from bookmarks.canonical import comparison_form, unique_hash

REPETITIONS = 5
LENGTHS = (10_000, 100_000, 1_000_000)

KINDS: dict[str, Callable[[int], str]] = {
    "plain": "https://blog-{0}.example.com/2024/05/{0}/some-words-about-it/".format,
    "query": "https://www.example.com/watch?v=dQw4w9WgXcQ{0}&list=PL{0}".format,
    "tracked": "https://example.com/articles/{0}/?utm_source=feed&utm_medium=rss&id={0}".format,
    "escaped": "https://de.example.org/wiki/K%c3%b6ln_{0}?a=%2C".format,
    "untidy": "HTTP://Example.com:80/a/./b/../{0}//c%7e#top".format,
    "international": "https://bücher.example/{0}".format,
}

HOSTILE = {
    "slashes": ("http://a/", "/"),
    "dot segments": ("http://a/", "../"),
    "escapes": ("http://a/", "%41"),
    "stray percent signs": ("http://a/", "%"),
    "parameters": ("http://a/?", "%41=%42&"),
    "at signs": ("http://", "a:8@"),
    "labels": ("http://", "ü."),
}


def microseconds(action: Callable[[str], str], *, urls: list[str]) -> float:
    """Return the time per URL, the best of several runs: noise only ever adds."""
    best = float("inf")
    for _ in range(REPETITIONS):
        start = perf_counter()
        for url in urls:
            action(url)
        best = min(best, perf_counter() - start)
    return best / len(urls) * 1e6


def mixture() -> Iterable[str]:
    """Yield URLs as bookmark files have them: most are plain or have a query, few need the slow path."""
    shares = ["plain"] * 12 + ["query"] * 4 + ["tracked"] * 2 + ["escaped", "untidy"]
    for number in count():
        yield KINDS[shares[number % len(shares)]](number)


def report() -> Iterable[str]:
    """Yield the lines of both tables."""
    yield "microseconds per URL         form  form and hash"
    samples = {name: [kind(number) for number in range(5_000)] for name, kind in KINDS.items()}
    for name, urls in {**samples, "as in files": list(islice(mixture(), 20_000))}.items():
        form, both = (microseconds(action, urls=urls) for action in (comparison_form, unique_hash))
        yield f"{name:24} {form:8.2f} {both:14.2f}"
    yield ""
    yield "nanoseconds per character  " + "".join(f"{length:>12,}" for length in LENGTHS)
    for name, (start, unit) in HOSTILE.items():
        urls = [start + unit * (length // len(unit)) for length in LENGTHS]
        times = [microseconds(comparison_form, urls=[url]) * 1_000 / len(url) for url in urls]
        yield f"{name:27}" + "".join(f"{time:12.1f}" for time in times)


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in report())
