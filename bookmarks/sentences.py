"""Sentences that are kept in English, as whoever stores them knows no reader, and translated when they are shown."""

import re
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache

from django.utils.formats import number_format
from django.utils.translation import get_language, gettext, gettext_noop, override

type Counted = Callable[[int], str]

# What the places in a template may hold: a figure; a whole sentence or phrase that has a template itself; names each
# with its figure; a name that reaches over no end of a sentence; anything for every other name.
NUMBERS = frozenset({"number", "total", "line", "column", "limit"})
_PATTERNS = dict.fromkeys(NUMBERS, r"\d[\d,]*") | {"sentence": ".+", "member": r"(?:(?!: |\. ).)+"}
_PLACE = re.compile(r"\{(\w+)\}")
_SENTENCE_END = re.compile(r"(?<=[.…]) (?=\S)")
_FIGURE_OF_NAME = re.compile(r"(?<=\()\d[\d,]*(?=\)(?:, |$))")
_MOST_SENTENCES_IN_ONE = 4
_DEEPEST = 3
_LONGEST = 10_000

TEMPLATES = (
    gettext_noop("It has no address."),
    gettext_noop("The address is too long: {number} characters."),
    gettext_noop("The address is relative: it does not begin with http:// or https://."),
    gettext_noop("The address has no host name."),
    gettext_noop("It is a {scheme}: address; only http and https addresses can be bookmarks."),
)
"""Why a draft is invalid."""


class Sentences:
    """Knows English sentences by their templates, whose places are written `{name}`.

    `templates` are looked up in the catalogue as they are. `counted` return a template in the reader's language for a
    number of things, which stands at `{number}`; where English has none in the singular, the number is 1.
    """

    def __init__(self, templates: Iterable[str], counted: Iterable[Counted] = ()) -> None:
        self._templates = frozenset(templates)
        self._counted = tuple(counted)
        self._in_language = lru_cache(maxsize=1024)(self._told)

    def translated(self, text: str) -> str:
        """Return a text of one or several sentences in the language that is active; unknown ones stay as they are."""
        language = get_language()
        if not text or language is None or language.partition("-")[0] == "en" or len(text) > _LONGEST:
            return text
        return self._in_language(text, language)

    def knows(self, text: str) -> bool:
        """Whether a template fits each sentence of the text."""
        return self._read(text)[1]

    def template_of(self, sentence: str) -> str | None:
        """Return the template of a single sentence, which has none of its values; None where none fits."""
        if sentence in self._templates:
            return sentence
        for beginning, pattern, template_for in self._patterns:
            if sentence.startswith(beginning) and (match := pattern.fullmatch(sentence)):
                with override(None):
                    return template_for(match.groupdict())
        return None

    def _told(self, text: str, _language: str) -> str:
        return self._read(text)[0]

    def _read(self, text: str, depth: int = 0) -> tuple[str, bool]:
        """Return the text translated, and whether all of it is known. Some templates are several sentences long."""
        parts = _SENTENCE_END.split(text)
        told, is_known, at = [], True, 0
        while at < len(parts):
            for end in range(min(len(parts), at + _MOST_SENTENCES_IN_ONE), at, -1):
                found = self._single(" ".join(parts[at:end]), depth)
                if found is not None:
                    break
            else:
                found, is_known = parts[at], False
            told.append(found)
            at = end
        return " ".join(told), is_known

    def _single(self, text: str, depth: int) -> str | None:
        if text in self._templates:
            return gettext(text)
        for beginning, pattern, template_for in self._patterns:
            # Most sentences begin like few templates, and comparing that costs next to nothing.
            match = pattern.fullmatch(text) if text.startswith(beginning) else None
            if match and (places := self._places(match.groupdict(), depth)) is not None:
                return _PLACE.sub(lambda place: places.get(place[1], place[0]), template_for(match.groupdict()))
        return None

    def _places(self, values: dict[str, str], depth: int) -> dict[str, str] | None:
        """Return what stands at each place in the reader's language; None where a sentence of them is unknown."""
        places = {}
        for name, value in values.items():
            if name == "sentence":
                told, is_known = self._read(value, depth + 1) if depth < _DEEPEST else (value, False)
                if not is_known:
                    return None
                places[name] = told
            elif name in NUMBERS:
                places[name] = _localized(value)
            elif name == "label":
                places[name] = self._single(value, _DEEPEST) or value
            elif name == "counts":
                places[name] = _FIGURE_OF_NAME.sub(lambda figure: _localized(figure[0]), value)
            else:
                places[name] = value
        return places

    @cached_property
    def _patterns(self) -> list[tuple[str, re.Pattern[str], Callable[[dict[str, str]], str]]]:
        """Return how sentences with values in them begin, what fits them, and what gives their template translated."""
        found = {template: _fixed(template) for template in sorted(self._templates) if "{" in template}
        with override(None):
            for counted in self._counted:
                found |= {counted(number): _by_number(counted) for number in (1, 2)}
        longest_first = sorted(found, key=len, reverse=True)
        return [(_PLACE.split(each)[0], _pattern(each), found[each]) for each in longest_first]


def _pattern(template: str) -> re.Pattern[str]:
    parts = _PLACE.split(template)
    return re.compile(
        "".join(
            f"(?P<{part}>{_PATTERNS.get(part, '.+?')})" if number % 2 else re.escape(part)
            for number, part in enumerate(parts)
        ),
        re.DOTALL,
    )


def _fixed(template: str) -> Callable[[dict[str, str]], str]:
    return lambda _values: gettext(template)


def _by_number(counted: Counted) -> Callable[[dict[str, str]], str]:
    return lambda values: counted(int(values.get("number", "1").replace(",", "")))


def _localized(figure: str) -> str:
    digits = figure.replace(",", "")
    return number_format(int(digits), force_grouping=True) if len(digits) < 20 else figure


_REASONS = Sentences(TEMPLATES)


def translated(reason: str) -> str:
    """Return why a draft is invalid (`str` of InvalidDraftError) in the language that is active."""
    return _REASONS.translated(reason)
