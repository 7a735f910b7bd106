"""Every text that a person sees can be translated, and in German it is."""

import gettext
import re
import struct
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import override

from bookmarks.models import Bookmark
from imports.models import Happening, ImportJob, JobEvent, Status, Work
from imports.options import ImportOptions
from imports.pipeline import run_to_end
from tests.catalogue import LOCALE, Entry, entries, source_texts
from tests.factories import make_bookmark, make_job, make_user

LANGUAGES = sorted(path.name for path in LOCALE.iterdir())
_PLACES = re.compile(r"%\(\w+\)[sd]|%%\w+%%|\{\w+\}|</?\w+[^>]*>")
# Such as no German sentence has, and no data of these tests.
_ENGLISH = re.compile(
    r"\b(?:the|of|is|are|has|have|been|with|and|your|you|this|that|from|it|its|will|file|bookmarks?(?!\.))\b",
    re.IGNORECASE,
)
_TEXT_ATTRIBUTES = {"aria-label", "title", "placeholder", "alt", "data-question", "data-yes", "data-no", "data-label"}


def catalogue(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def test_every_language_but_the_sources_own_has_a_catalogue() -> None:
    assert {code for code, _name in settings.LANGUAGES} == {"en", *LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_has_what_the_source_says_and_nothing_else(language: str) -> None:
    known, said = {(entry.text, entry.plural) for entry in entries(catalogue(language))}, source_texts()
    singular = {text for text, plural in known if plural}
    missing = {pair for pair in said - known if pair[1] or pair[0] not in singular}
    assert not missing, "run `make messages` and translate these"
    assert not {pair for pair in known - said if pair[0]}, "run `make messages`: these are said no more"
    assert len(said) > 500


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_with_the_same_places(language: str) -> None:
    for entry in entries(catalogue(language)):
        assert "fuzzy" not in entry.flags, entry.text
        assert all(entry.translations), entry.text
        assert len(entry.translations) == (2 if entry.plural else 1), entry.text
        for translation in entry.translations:
            assert places(translation) in allowed_places(entry), (entry.text, translation)


def places(text: str) -> list[str]:
    return sorted(_PLACES.findall(text))


def allowed_places(entry: Entry) -> list[list[str]]:
    return [places(entry.text), places(entry.plural)] if entry.plural else [places(entry.text)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_says_what_its_source_says(language: str) -> None:
    path = catalogue(language).with_suffix(".mo")
    with path.open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    told = 0
    for entry in entries(catalogue(language)):
        if entry.plural:
            forms = tuple(compiled.ngettext(entry.text, entry.plural, number) for number in (1, 2))
        else:
            forms = (compiled.gettext(entry.text),)
        assert forms == entry.translations, f"compile the catalogue: {entry.text}"
        told += 1
    # The header counts as a text, too. https://www.gnu.org/software/gettext/manual/html_node/MO-Files.html
    (compiled_texts,) = struct.unpack_from("<I", path.read_bytes(), 8)
    assert compiled_texts == told + 1


class _Shown(HTMLParser):
    """Collects what a page shows and says: texts, and attributes that are read out or shown by scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        is_foreign = ("lang", "en") in attrs or tag in {"code", "script", "style"}
        self._silent += is_foreign
        self.texts += [value for name, value in attrs if name in _TEXT_ATTRIBUTES and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in {"code", "script", "style"} or (tag == "option" and self._silent > 0)

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._silent:
            self.texts.append(" ".join(data.split()))


def shown(page: str) -> list[str]:
    parser = _Shown()
    parser.feed(page)
    return parser.texts


@pytest.fixture(autouse=True)
def language_of_other_tests() -> Iterator[None]:
    """Put the language back that a request has activated."""
    with override("en"):
        yield


@pytest.fixture
def owner() -> User:
    return make_user("robin", is_staff=True)


@pytest.fixture
def german(client: Client, owner: User) -> Client:
    client.force_login(owner)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "de-AT,de;q=0.9,en;q=0.5"
    return client


@pytest.fixture
def addresses(owner: User) -> list[str]:
    return make_pages(owner)


def make_pages(owner: User) -> list[str]:
    """Return the addresses of the pages that people see, each with something on it."""
    for number in range(3):
        make_bookmark(owner, title=f"Seite {number}", description="Ein Text.", tags=["stein"], unread=True)
    ended = make_job(
        owner,
        file_name="ablage.json",
        status=Status.COMPLETED,
        file_size=1_500_000,
        detected_format="link-lines",
        total_bookmarks=12345,
        processed_bookmarks=12345,
        created_bookmarks=12340,
        failed_bookmarks=5,
        started_at=timezone.now(),
        completed_at=timezone.now(),
        notices=["Items from the archive: a.json (1,234), b.json (5)."],
        failed_bookmark_details=[{"position": 7, "title": "", "url": "", "reason": "It has no address."}],
    )
    ended.rejected_items.create(position=7, reason="It has no address.", title="Sieben")
    for kind in Happening:
        JobEvent.objects.create(job=ended, kind=kind, at=timezone.now(), position=3)
    error = "a.json: The file is cut off: it ends in the middle, at line 3, column 4."
    error += " 1,500 items before that could be read."
    make_job(owner, file_name="ablage.json", status=Status.FAILED, error_message=error, can_import_partly=True)
    make_job(owner, file_name="ablage.json", status=Status.PROCESSING, total_bookmarks=10)
    make_job(
        owner, file_name="ablage.json", status=Status.UNDONE, work=Work.UNDO, removed_bookmarks=3, kept_bookmarks=1
    )
    waiting = make_job(
        owner,
        file_name="ablage.json",
        status=Status.PREVIEWED,
        work=Work.PREVIEW,
        import_options=ImportOptions(preview=True).as_json(),
        preview={
            **dict.fromkeys(("total", "created", "updated", "skipped", "failed", "joined", "present"), 1234),
            "reasons": {"It has no address.": 3, "The row has no address.": 2},
            "new_tags": 1,
            "tag_names": ["stein"],
            "examined": 2,
            "fields": {"title": 1, "tags": 2},
            "examples": [],
            "members": [["a", 3], ["b", 4]],
            "sample": [],
        },
    )
    bookmark = Bookmark.objects.filter(owner=owner).first()
    assert bookmark is not None
    names = ("bookmarks:list", "bookmarks:tags", "bookmarks:new", "imports:import", "imports:active")
    accounts = ("profile", "settings", "password_change", "account_delete")
    of_job = ("imports:detail", "imports:rejected", "imports:undo")
    return [
        *(reverse(name) for name in (*names, *accounts)),
        *(reverse(name, args=[ended.pk]) for name in of_job),
        *(reverse(name, args=[waiting.pk]) for name in ("imports:preview", "imports:preview_discard")),
        *(reverse(name, args=[bookmark.pk]) for name in ("bookmarks:edit", "bookmarks:delete")),
        reverse("imports:rejected_fix", args=[ended.pk, 7]),
        reverse("bookmarks:list") + "?q=nirgends",
    ]


def untranslated(texts: list[str]) -> Iterator[str]:
    """Yield what is said in English, word for word as in the source or with words of that language."""
    english = {
        entry.text for entry in entries(catalogue("de")) if entry.text not in {*entry.translations, "Import", "Status"}
    }
    for text in texts:
        if text in english or _ENGLISH.search(text):
            yield text


@pytest.mark.django_db
def test_no_page_in_german_has_english_on_it(german: Client, addresses: list[str]) -> None:
    found = {}
    for address in addresses:
        response = german.get(address)
        assert response.status_code == 200, address
        assert response["Content-Language"] == "de"
        if found_here := list(untranslated(shown(response.content.decode()))):
            found[address] = found_here
    assert found == {}


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["login", "password_reset", "password_reset_done"])
def test_visitors_see_german_before_they_log_in(client: Client, owner: User, name: str) -> None:
    page = client.get(reverse(name), headers={"Accept-Language": "de"}).content.decode()
    assert '<html lang="de"' in page
    assert not list(untranslated(shown(page)))


@pytest.mark.django_db
def test_the_first_visitor_is_welcomed_in_german(client: Client) -> None:
    page = client.get(reverse("signup"), headers={"Accept-Language": "de"}).content.decode()
    assert "Willkommen bei Cairn" in page
    assert not list(untranslated(shown(page)))


@pytest.mark.django_db
def test_a_page_that_is_not_there_says_so_in_german(client: Client) -> None:
    missing = client.get("/nirgends/", headers={"Accept-Language": "de"})
    assert missing.status_code == 404
    assert "Seite nicht gefunden" in missing.content.decode()


@pytest.mark.django_db
def test_figures_sizes_and_dates_are_written_as_in_german(german: Client, addresses: list[str]) -> None:
    del addresses
    page = " ".join(german.get(reverse("imports:import")).content.decode().split())
    assert "<b>12.340</b> neu" in page
    assert "1,4 MB" in page
    assert "Einträge aus dem Archiv: a.json (1.234), b.json (5)." in page
    assert "in Zeile 3, Spalte 4. 1.500 Einträge davor konnten gelesen werden." in page
    with override("de"):
        assert date_format(timezone.now(), "DATE_FORMAT") in page


@pytest.mark.django_db
def test_the_language_that_a_person_chooses_outweighs_the_browsers(client: Client, owner: User) -> None:
    client.force_login(owner)
    settings_page = reverse("settings")
    assert '<html lang="en"' in client.get(settings_page).content.decode()
    answer = client.post(reverse("set_language"), {"language": "de", "next": settings_page}, follow=True)
    page = answer.content.decode()
    assert answer.redirect_chain == [(settings_page, 302)]
    assert '<html lang="de"' in page
    assert '<option value="de" lang="de" selected>Deutsch</option>' in page


@pytest.mark.django_db
def test_what_a_form_refuses_is_refused_in_the_readers_language(german: Client) -> None:
    wrong = german.post(reverse("bookmarks:new"), {"url": "javascript:alert(1)"}).content.decode()
    assert "Es ist eine javascript:-Adresse; nur http- und https-Adressen können Lesezeichen sein." in wrong


@pytest.mark.django_db
def test_a_file_that_is_no_export_is_refused_in_the_readers_language(german: Client) -> None:
    file = SimpleUploadedFile("old.html", b"%PDF-1.7 and more")
    answer = german.post(reverse("imports:import_submit"), {"file": file}, follow=True)
    page = " ".join(answer.content.decode().split())
    assert "Das ist ein PDF-Dokument. Cairn liest Exporte von Browsern" in page


@pytest.mark.django_db
def test_what_an_import_leaves_in_english_is_shown_in_the_readers_language(german: Client, owner: User) -> None:
    items = b'{"url": "https://example.org/1", "title": "eins"}, {"url": "https://"}, ' * 1500
    content = b"[" + items + b'{"url": '
    file = SimpleUploadedFile("ablage.json", content)
    german.post(reverse("imports:import_submit"), {"file": file})
    job = run_to_end(ImportJob.objects.get(user=owner))
    assert job.error_message.startswith("The file is cut off")
    page = " ".join(german.get(reverse("imports:import")).content.decode().split())
    assert "Die Datei ist abgeschnitten: Sie endet mittendrin, in Zeile 1, Zeichen " in page
    assert "3.000 Einträge davor konnten gelesen werden." in page


@pytest.mark.django_db
def test_the_administration_calls_things_by_german_names(german: Client, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(is_superuser=True)
    page = german.get(reverse("admin:index")).content.decode()
    assert "Importaufträge" in page
    assert "Schlagwörter" in page
