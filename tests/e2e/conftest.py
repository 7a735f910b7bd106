"""A whole site in real processes, and a real browser in front of it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.e2e.site import NAME, PASSWORD, Site
from tests.postgres import new_database


@pytest.fixture(scope="module")
def running_site(site: Site) -> Iterator[Site]:
    """Run the site for all tests of a module."""
    with site.running():
        yield site


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Make a site with one account, on each database. It does not run yet."""
    return new_site(request, tmp_path_factory)


def new_site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Make a site on the database that the parameter of a fixture names."""
    url = new_database(request.getfixturevalue("postgres_server_url")) if request.param == "postgresql" else ""
    return Site(tmp_path_factory.mktemp("site"), url)


@pytest.fixture
def browser(chromium: str) -> Iterator[Browser]:
    """Start a real Chromium."""
    with sync_playwright() as playwright:
        yield launch(playwright, chromium)


def launch(playwright: Playwright, chromium: str) -> Browser:
    """Start Chromium so that it works as root and asks nobody outside."""
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    return playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu", *quiet])


def log_in(page: Page, site: Site) -> Page:
    """Log in through the login page."""
    page.goto(f"{site.url}/accounts/login/")
    page.get_by_label("Username").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{site.url}/bookmarks/")
    return page
