"""Reads the catalogues of translations, and what the source has to be translated, without GNU gettext."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from django.utils.translation.template import templatize

REPOSITORY = Path(__file__).parents[1]
LOCALE = REPOSITORY / "project" / "locale"
_PACKAGES = ("bookmarks", "imports", "project")
_SINGULAR = {"_", "gettext", "gettext_lazy", "gettext_noop"}
_PLURAL = {"ngettext", "ngettext_lazy"}
_FIELD = re.compile(r'(msgid_plural|msgid|msgstr(?:\[\d\])?) (?=")')
_LITERAL = r"""(u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))"""
_IN_TEMPLATE = re.compile(rf"\b(n?gettext|_)\({_LITERAL}(?:, *{_LITERAL})?")


class Entry(NamedTuple):
    """A text of the source, and its translations: one, or one for each plural form."""

    text: str
    plural: str
    translations: tuple[str, ...]
    flags: str


def entries(path: Path) -> list[Entry]:
    """Return the entries of a `.po` file, without its header. Obsolete ones are none."""
    found = [_entry(block) for block in path.read_text(encoding="utf-8").split("\n\n")]
    return [entry for entry in found if entry and entry.text]


def _entry(block: str) -> Entry | None:
    fields: dict[str, str] = {}
    flags, name = "", ""
    for line in block.splitlines():
        if line.startswith("#"):
            flags += line if line.startswith("#,") else ""
            continue
        if match := _FIELD.match(line):
            name = match[1]
        literal = line[match.end() :] if match else line
        fields[name] = fields.get(name, "") + ast.literal_eval(literal)
    if not fields:
        return None
    translations = tuple(text for name, text in fields.items() if name.startswith("msgstr"))
    return Entry(fields["msgid"], fields.get("msgid_plural", ""), translations, flags)


def source_texts() -> set[tuple[str, str]]:
    """Return the (text, plural) pairs that Python and templates want to have translated."""
    found: set[tuple[str, str]] = set()
    for package in _PACKAGES:
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            found.update(_in_python(path))
    templates = REPOSITORY / "templates"
    for path in sorted([*templates.rglob("*.html"), *templates.rglob("*.txt")]):
        found.update(_in_template(path))
    return found


def _in_python(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            arguments = [each.value for each in node.args if isinstance(each, ast.Constant)]
            texts = [value for value in arguments if isinstance(value, str)]
            if texts and node.func.id in _SINGULAR:
                yield texts[0], ""
            elif texts and node.func.id in _PLURAL:
                yield texts[0], texts[1]


def _in_template(path: Path) -> Iterator[tuple[str, str]]:
    for name, text, plural in _IN_TEMPLATE.findall(templatize(path.read_text(encoding="utf-8"))):
        yield ast.literal_eval(text), ast.literal_eval(plural) if name == "ngettext" else ""
