"""What the site serves beside its pages: Bootstrap as published, and scripts and styles from its own origin only."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

ROOT = Path(__file__).parents[2]

# https://getbootstrap.com/docs/5.3/getting-started/download/, for 5.3.8
PUBLISHED = {
    "bootstrap/css/bootstrap.min.css": "sha384-sRIl4kxILFvY47J16cr9ZwB07vP4J8+LH7qKQnuqkuIAvNWLzeN8tE5YBujZqJLB",
    "bootstrap/js/bootstrap.bundle.min.js": "sha384-FKyoEForCGlyvwx9Hj09JcYn3nv7wiPVlz7YYwJrWVcXK/BmnVDxM+D2scQbITxI",
}


@pytest.mark.parametrize("path", PUBLISHED)
def test_bootstrap_is_what_its_makers_published(path: str) -> None:
    file = finders.find(path)
    assert file
    digest = base64.b64encode(hashlib.sha384(Path(file).read_bytes()).digest()).decode()
    assert f"sha384-{digest}" == PUBLISHED[path]


TEMPLATES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "templates").rglob("*.html"))


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_template_needs_what_the_content_security_policy_forbids(template: str) -> None:
    source = (ROOT / template).read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", source)
    assert "<style" not in source
    assert not re.search(r"\s(style|on\w+|hx-on[\w:-]*)\s*=", source)
    assert not re.search(r"""(src|href)=["'](https?:)?//""", source)
    assert not re.search(r"""hx-(vals|headers)=["']\s*(js|javascript):""", source)


@pytest.mark.parametrize("name", ["app.js", "theme.js"])
def test_no_script_evaluates_text_or_writes_html(name: str) -> None:
    source = (ROOT / "static" / name).read_text()
    assert not re.search(r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write", source)


def test_every_static_file_that_a_template_names_exists() -> None:
    named = {
        name
        for path in (ROOT / "templates").rglob("*.html")
        for name in re.findall(r"{% static '([^']+)' %}", path.read_text())
    }
    assert {"app.css", "app.js", "theme.js", "favicon.svg", *PUBLISHED} <= named
    assert [name for name in sorted(named) if not finders.find(name)] == []
