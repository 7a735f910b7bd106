"""What formats and the pipeline say in English is known by its template, and shown in the reader's language."""

import ast
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from django.template import Context, Template
from django.utils.translation import override

from imports.formats.registry import FORMATS
from imports.sentences import SENTENCES, translated
from tests.catalogue import REPOSITORY

SOURCES = [
    *sorted((REPOSITORY / "imports" / "formats").glob("*.py")),
    *(REPOSITORY / "imports" / f"{name}.py" for name in ("pipeline", "lifecycle", "preview", "normalize", "survey")),
    REPOSITORY / "bookmarks" / "drafts.py",
]
# What may stand where a sentence has a value: a figure, words, a sentence, and what only a variable holds.
FILLINGS = ("7", "words", "The file is empty.", "an image", "A page", "One place")


def sentences_in(path: Path) -> Iterator[str | ast.JoinedStr]:
    """Yield the constants and f-strings of a module that are sentences: they end in a full stop."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped.update(map(id, node.values))
        elif isinstance(node, ast.Expr):  # a docstring
            skipped.add(id(node.value))
        elif isinstance(node, ast.Assign | ast.AnnAssign) and name_in(node) == "WHERE":  # for the documents
            skipped.update(map(id, ast.walk(node)))
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if " " in node.value and node.value.endswith("."):
                yield node.value
        elif isinstance(node, ast.JoinedStr) and is_sentence(node):
            yield node


def name_in(node: ast.Assign | ast.AnnAssign) -> str:
    return ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)


def is_sentence(node: ast.JoinedStr) -> bool:
    last = node.values[-1]
    has_words = any(isinstance(part, ast.Constant) and " " in str(part.value) for part in node.values)
    ends = isinstance(last, ast.Constant) and str(last.value).rstrip("”").endswith(".")
    has_sentence = isinstance(last, ast.FormattedValue) and ast.unparse(last.value) in {"error", "reason"}
    return has_words and (ends or has_sentence)


def readings(sentence: str | ast.JoinedStr) -> Iterator[str]:
    """Yield the sentence with every kind of value in its places."""
    if isinstance(sentence, str):
        yield sentence
        return
    for parts in product(*(choices(part) for part in sentence.values)):
        yield "".join(parts)


def choices(part: ast.expr) -> tuple[str, ...]:
    if isinstance(part, ast.Constant):
        return (str(part.value),)
    assert isinstance(part, ast.FormattedValue)
    if isinstance(part.value, ast.IfExp):
        branches = (part.value.body, part.value.orelse)
        return tuple(str(each.value) for each in branches if isinstance(each, ast.Constant))
    return ("1,234",) if part.format_spec else FILLINGS


SAID = [(path, sentence) for path in SOURCES for sentence in sentences_in(path)]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [pytest.param(*each, id=f"{each[0].stem}-{number}") for number, each in enumerate(SAID)],
)
def test_every_sentence_in_the_source_has_a_template(path: Path, sentence: str | ast.JoinedStr) -> None:
    said = sentence if isinstance(sentence, str) else ast.unparse(sentence)
    assert any(SENTENCES.knows(reading) for reading in readings(sentence)), f"{path.name}: {said}"


def test_the_source_has_sentences_to_look_for() -> None:
    assert len(SAID) > 80
    assert not SENTENCES.knows("This sentence is new.")


def phrases(name: str, module: str) -> set[str]:
    """Return the phrases that a table of a module names kinds of files with."""
    tree = ast.parse((REPOSITORY / "imports" / "formats" / module).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            rows = ast.literal_eval(node.value)
            return {row[-1] for row in rows}
    raise LookupError(name)


def test_every_kind_of_file_has_a_template() -> None:
    kinds = phrases("_KINDS", "head.py") | phrases("_DOCUMENT_MARKS", "reading.py") | {"not a text file"}
    assert len(kinds) > 10
    assert all(SENTENCES.knows(f"This is {kind}.") for kind in kinds)


def test_everything_that_can_lack_an_address_has_a_template() -> None:
    found = {"A bookmark"}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "what" and isinstance(node.value, ast.Constant):
                found.add(str(node.value.value))
    assert len(found) > 5
    assert {what for what in found if not SENTENCES.knows(f"{what} without an address.")} == set()


def test_names_of_formats_that_are_words_are_translated() -> None:
    with override("de"):
        shown = {known.NAME: translated(known.LABEL) for known in FORMATS}
    assert shown["link-lines"] == "Liste von Links (OneTab, Text)"
    assert shown["url-csv"] == "Tabelle mit einer Spalte „url“ (CSV)"
    assert shown["pinboard-json"] == "Pinboard (JSON)"


@pytest.mark.parametrize(
    ("text", "german"),
    [
        ("It has no address.", "Die Adresse fehlt."),
        ("The address is too long: 70,000 characters.", "Die Adresse ist zu lang: 70.000 Zeichen."),
        (
            "The import stopped 3 times at the same place, after item 1,234. Other reasons.",
            "Der Import brach 3 Mal an derselben Stelle ab, nach Eintrag 1.234. Andere Gründe.",
        ),
        (
            "The server's log tells more under import job 12345.",
            "Mehr steht im Protokoll des Servers unter „import job 12345“.",
        ),
        (
            "a: The file breaks off after item 9; it was probably cut short. b: The file is empty.",
            "a: Die Datei bricht nach Eintrag 9 ab; wahrscheinlich wurde sie abgeschnitten. b: Die Datei ist leer.",
        ),
        (
            "This is a program. 1 item before that could be read.",
            "Das ist ein Programm. 1 Eintrag davor konnte gelesen werden.",
        ),
        (
            "One place in the file could not be decoded as text; “\ufffd” stands there instead.",
            "Eine Stelle der Datei konnte nicht als Text gelesen werden; dort steht stattdessen „\ufffd“.",
        ),
        (
            "No file in the archive is an export of the kind “Firefox (backup)”.",
            "Keine Datei im Archiv ist ein Export der Art „Firefox (Sicherung)“.",
        ),
        ("Of another release. The file is empty.", "Of another release. Die Datei ist leer."),
        ("{line} of another release.", "{line} of another release."),
        ("", ""),
    ],
)
def test_sentences_are_shown_in_german_with_their_values(text: str, german: str) -> None:
    with override("de"):
        assert translated(text) == german


def test_readers_of_english_and_of_unknown_languages_get_what_was_stored() -> None:
    text = "a: The file is empty. 1,500 items before that could be read."
    for language in ("en", "en-gb", None):
        with override(language):
            assert translated(text) == text
    with override("fr"):
        assert "The file is empty." in translated(text)


def test_values_in_a_sentence_are_escaped_when_they_are_shown() -> None:
    with override("de"):
        shown = Template("{% load sentences %}{{ text|sentence }}").render(
            Context({"text": "The service that made this file reports an error in it: “<b>{sentence}</b>”."})
        )
    assert "„&lt;b&gt;{sentence}&lt;/b&gt;“" in shown


def test_a_value_that_looks_like_a_place_is_not_filled_in() -> None:
    with override("de"):
        assert translated("“{sentence}” in the archive could not be read: The file is empty.") == (
            "„{sentence}“ im Archiv konnte nicht gelesen werden: Die Datei ist leer."
        )


def test_long_text_that_fits_nothing_is_passed_over_quickly() -> None:
    text = "a: b. " * 100_000
    with override("de"):
        assert translated(text) == text
