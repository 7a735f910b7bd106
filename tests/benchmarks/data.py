"""Makes the export files that the benchmarks import: the house format, the same bytes on every machine."""

import json
import random
from pathlib import Path

_WORDS = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "omicron",
    "pi",
    "rho",
    "sigma",
    "tau",
]


def write_collection(path: Path, items: int, *, seed: int = 1, first: int = 0) -> int:
    """Write a Collection of `items` links, 2.8 tags each, 2% duplicates, 0.5% invalid; return its size in bytes.

    Pages are numbered from `first` on: collections of the same numbers are of the same pages.
    """
    chance = random.Random(seed)
    with path.open("w") as file:
        file.write(
            '{"@context": "https://www.w3.org/ns/activitystreams", "type": "Collection", '
            f'"totalItems": {items}, "items": [\n'
        )
        for number in range(first, first + items):
            file.write(json.dumps(_link(number, chance)))
            file.write(",\n" if number + 1 < first + items else "\n")
        file.write("]}\n")
    return path.stat().st_size


def _link(number: int, chance: random.Random) -> dict[str, object]:
    page = chance.randrange(number) if number and chance.random() < 0.02 else number
    url = f"https://site{page % 997}.example/articles/{page}/{_WORDS[page % 19]}-{_WORDS[page // 19 % 19]}?id={page}"
    if chance.random() < 0.005:
        url = "javascript:alert(1)"
    return {
        "type": "Link",
        "url": url,
        "href": url,
        "name": f"Article {number} on " + " ".join(chance.choices(_WORDS, k=5)),
        "published": f"20{10 + number % 14:02}-0{1 + number % 9}-1{number % 10}T12:{number % 60:02}:00Z",
        "summary": "What it says about " + " ".join(chance.choices(_WORDS, k=12)),
        "tag": [f"tag {chance.randrange(2000)}" for _ in range(chance.choice([2, 3, 3, 3]))],
    }
