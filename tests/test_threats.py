"""The table of threats names tests that are there, and an import never calls what its file names."""

import ast
import json
import re
import socket
from pathlib import Path

import pytest
from django.core.management import call_command

from bookmarks.models import Bookmark
from tests.factories import make_user

ROOT = Path(__file__).parents[1]
FEWEST = 20


def rows() -> list[list[str]]:
    """Return the cells of each threat."""
    text = (ROOT / "docs" / "operations.md").read_text()
    table = re.search(r"<!-- threats[^>]*-->\n(.*?)\n<!-- end of threats -->", text, re.DOTALL)
    assert table
    return [line.strip("| ").split(" | ") for line in table[1].split("\n")[2:]]


def names_of(path: Path) -> set[str]:
    """Return the names of the test functions in a module."""
    body = ast.parse(path.read_text()).body
    return {node.name for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_threat_says_what_stops_it_and_names_tests_that_are_there() -> None:
    threats = rows()
    assert len(threats) >= FEWEST
    for threat in threats:
        assert len(threat) == 3, threat
        who, what_stops_them, shown = threat
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", shown)
        assert who
        assert what_stops_them
        assert named, who
        assert re.sub(r"`[^`]+`|[, ]", "", shown) == "", shown
        for path, name in named:
            assert name in names_of(ROOT / path), f"{path}::{name}"


@pytest.mark.django_db
def test_an_import_calls_no_address_of_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    called: list[object] = []
    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, lambda *where, **_options: called.append(where))
    monkeypatch.setattr(socket.socket, "connect", lambda _socket, where: called.append(where))
    addresses = ["http://169.254.169.254/latest/", "http://127.0.0.1:8000/admin/", "https://example.com/icon.png"]
    items = [{"type": "Page", "url": url, "name": "A page", "icon": url, "image": url} for url in addresses]
    path = tmp_path / "addresses.json"
    context = "https://www.w3.org/ns/activitystreams"
    path.write_text(json.dumps({"@context": context, "type": "Collection", "items": items}))
    call_command("import_bookmarks", str(path), "--user", make_user("ada").username, verbosity=0)
    assert sorted(Bookmark.objects.values_list("url", flat=True)) == sorted(addresses)
    assert called == []
