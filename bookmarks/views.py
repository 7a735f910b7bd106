"""Pages of bookmarks and tags, and the downloads of all that a person has."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bookmarks import bulk
from bookmarks.canonical import unique_hash
from bookmarks.drafts import Duplicates, one_line
from bookmarks.exports import EXPORTS
from bookmarks.forms import BookmarkForm, BulkTagsForm
from bookmarks.listing import Filters, Wish, bookmark_page, tag_page, whole_number
from bookmarks.models import TAG_COUNTED, Bookmark, BookmarkQuerySet, Tag
from bookmarks.requests import SeeOther, SignedInRequest, signed_in
from bookmarks.shown import shown
from bookmarks.upsert import BookmarkGoneError, edit_bookmark, upsert_bookmarks

_EXPORTS_BY_FILE_NAME = {export.file_name: export for export in EXPORTS.values()}


@signed_in
@require_safe
def bookmark_list(request: SignedInRequest) -> HttpResponse:
    """Show a page of what was searched and filtered: the whole page, or to htmx the part that changes."""
    filters = Filters.from_query(request.GET)
    wish = Wish.from_query(request.GET)
    page = bookmark_page(request.user.pk, filters, wish)

    def url(place: dict[str, str]) -> str:
        return f"{request.path}{filters.query_string(**place)}"

    here = url(wish.as_query())
    context = {
        "filters": filters,
        "page": page,
        "rows": shown(page.rows, here),
        "first_url": url({}),
        "previous_url": url(page.previous or {}),
        "next_url": url(page.next or {}),
        "last_url": url({"page": "last"}),
        "here": here,
        "exports": EXPORTS.values(),
    }
    return render(request, f"bookmarks/list.html{'#results' if request.htmx else ''}", context)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: SignedInRequest) -> HttpResponse:
    """Add a bookmark; one of a page that is there already is joined with it. GET takes `url`, `title` and more."""
    if request.method != "POST":
        wanted = {name: request.GET[name] for name in ("url", "title", "description", "tags") if name in request.GET}
        known = _own(request).filter(unique_hash=unique_hash(wanted.get("url", ""))).first()
        return _form_page(request, BookmarkForm(initial=wanted), known=known)
    form = BookmarkForm(request.POST)
    if not form.is_valid():
        return _form_page(request, form)
    draft = form.draft()
    with transaction.atomic():
        outcome = upsert_bookmarks(request.user.pk, [draft], duplicates=Duplicates.MERGE)
    if outcome.created:
        messages.success(request, _("The bookmark was added."))
    else:
        messages.success(request, _("You had this page already: what you entered was added to its bookmark."))
    return _back(request)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change a bookmark; given the URL of another one, the two become one."""
    bookmark = get_object_or_404(_own(request), pk=pk)
    if request.method != "POST":
        return _form_page(request, BookmarkForm(initial=BookmarkForm.values_of(bookmark)), bookmark=bookmark)
    form = BookmarkForm(request.POST)
    if not form.is_valid():
        return _form_page(request, form, bookmark=bookmark)
    draft = form.draft()
    try:
        with transaction.atomic():
            joined = _own(request).filter(unique_hash=draft.unique_hash).exclude(pk=pk).exists()
            edit_bookmark(request.user.pk, pk, draft)
    except BookmarkGoneError as error:
        raise Http404 from error
    if joined:
        messages.success(request, _("You had a bookmark of this page already: the two are one now."))
    else:
        messages.success(request, _("The bookmark was saved."))
    return _back(request)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: SignedInRequest, pk: int) -> HttpResponse:
    """Ask, on a page of its own, and delete."""
    bookmark = get_object_or_404(_own(request), pk=pk)
    if request.method != "POST":
        return render(request, "bookmarks/delete.html", {"bookmark": bookmark, "back": _back_url(request)})
    bookmark.delete()
    messages.success(request, _("The bookmark was deleted."))
    return _back(request)


@signed_in
@require_POST
def bulk_change(request: SignedInRequest) -> HttpResponse:
    """Do one thing (`do`) to every selected `bookmark`: 404 unless all of them are the person's own."""
    values = set(request.POST.getlist("bookmark"))
    if not values:
        messages.warning(request, _("No bookmark was selected."))
        return _back(request)
    pks = [pk for pk in map(whole_number, values) if pk]
    selected = _own(request).filter(pk__in=pks)
    if selected.count() != len(values):
        raise Http404
    what = request.POST.get("do", "")
    if what in {"tag", "untag"}:
        return _bulk_tag(request, selected, add=what == "tag")
    if what == "delete":
        return _bulk_delete(request, selected)
    if what not in bulk.FLAG_ACTIONS:
        raise Http404
    with transaction.atomic():
        bulk.FLAG_ACTIONS[what](selected)
    return _changed(request, selected.count())


def _bulk_tag(request: SignedInRequest, selected: BookmarkQuerySet, *, add: bool) -> HttpResponse:
    form = BulkTagsForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(map(str, form.errors["tags"])))
        return _back(request)
    names = form.cleaned_data["tags"]
    with transaction.atomic():
        if add:
            bulk.add_tags(selected, request.user.pk, names)
        else:
            bulk.remove_tags(selected, names)
    return _changed(request, selected.count())


def _bulk_delete(request: SignedInRequest, selected: BookmarkQuerySet) -> HttpResponse:
    if not request.POST.get("confirmed"):
        context = {"bookmarks": selected, "back": _back_url(request)}
        return render(request, "bookmarks/bulk_delete.html", context)
    with transaction.atomic():
        number = selected.count()
        selected.delete()
    text = ngettext("%(number)d bookmark was deleted.", "%(number)d bookmarks were deleted.", number)
    messages.success(request, text % {"number": number})
    return _back(request)


def _changed(request: SignedInRequest, number: int) -> HttpResponse:
    text = ngettext("%(number)d bookmark was changed.", "%(number)d bookmarks were changed.", number)
    messages.success(request, text % {"number": number})
    return _back(request)


@signed_in
@require_safe
def tag_list(request: SignedInRequest) -> HttpResponse:
    """Show the tags in use and how many bookmarks carry each."""
    q = one_line(request.GET.get("q", ""))
    page = tag_page(Tag.objects.owned_by(request.user), q=q, wish=Wish.from_query(request.GET))
    context = {
        "page": page,
        "q": q,
        "most": TAG_COUNTED,
        "previous_url": f"?{urlencode({'q': q, **(page.previous or {})})}",
        "next_url": f"?{urlencode({'q': q, **(page.next or {})})}",
    }
    return render(request, "bookmarks/tags.html", context)


@signed_in
@require_safe
def export(request: SignedInRequest, file_name: str) -> HttpResponseBase:
    """Send all bookmarks as a file, as they are read."""
    if file_name not in _EXPORTS_BY_FILE_NAME:
        raise Http404
    form = _EXPORTS_BY_FILE_NAME[file_name]
    return StreamingHttpResponse(
        form.export(_own(request)),
        content_type=form.content_type,
        headers={"Content-Disposition": f'attachment; filename="{file_name}"'},
    )


def _own(request: SignedInRequest) -> BookmarkQuerySet:
    return Bookmark.objects.owned_by(request.user)


def _form_page(
    request: SignedInRequest, form: BookmarkForm, *, bookmark: Bookmark | None = None, known: Bookmark | None = None
) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "bookmark": bookmark, "known": known, "back": _back_url(request)}
    return render(request, "bookmarks/form.html", context)


def _back_url(request: SignedInRequest) -> str:
    """Return the page of this site that the person came from, as `next` says, or the list."""
    url = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure()):
        return url
    return reverse("bookmarks:list")


def _back(request: SignedInRequest) -> HttpResponse:
    return SeeOther(_back_url(request))
