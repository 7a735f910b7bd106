"""Puts bookmarks that a search found in order, the best match first, by where the words stand that were looked for."""

from collections.abc import Iterable, Sequence

from django.db.models import OuterRef, Subquery

from bookmarks.models import Bookmark, Tag, Tagging
from bookmarks.search import Wanted, address_words, words

# So many of what was found are ranked, the newest; the others come after them. It takes some 20 to 30 ms. Where many
# more were found, fewer: the newest of them have to be looked for.
RANKED = 1_000
RANKED_OF_MANY = 200
# What a word is worth that stands there as a whole; where one only begins so it is worth half.
_IN_TITLE, _IN_TAG, _IN_URL, _ELSEWHERE = 12.0, 8.0, 4.0, 1.0


def ranked(pks: Sequence[int], query: Sequence[Wanted]) -> list[int]:
    """Return the bookmarks, by primary key, the best match first; equals as they come. Two queries."""
    tags: dict[int, list[str]] = {}
    # Not by a join, for which PostgreSQL would read through everybody's tags.
    tag = Subquery(Tag.objects.filter(pk=OuterRef("tag_id")).values("key"))
    for pk, key in Tagging.objects.filter(bookmark__in=pks).values_list("bookmark_id", tag):
        tags.setdefault(pk, []).append(key)
    texts = Bookmark.objects.order_by().filter(pk__in=pks).values_list("pk", "title", "url")
    scores = {pk: _score(query, title, url, tags.get(pk, ())) for pk, title, url in texts}
    return sorted((pk for pk in pks if pk in scores), key=lambda pk: -scores[pk])


def _score(query: Sequence[Wanted], title: str, url: str, tags: Iterable[str]) -> float:
    in_title = words(title)
    places = (
        (in_title, _IN_TITLE),
        ([word for tag in tags for word in words(tag)], _IN_TAG),
        (address_words(url), _IN_URL),
    )
    score = sum(max((_worth(word, found, worth) for found, worth in places), default=0.0) for word in query)
    # Of two titles with the same words, the shorter one is more about them.
    return score + score / (10 + len(in_title))


def _worth(wanted: Wanted, found: Sequence[str], worth: float) -> float:
    if wanted.word in found:
        return worth
    return worth / 2 if any(map(wanted.fits, found)) else _ELSEWHERE
