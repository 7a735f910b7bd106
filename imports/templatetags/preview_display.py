"""How what a preview has found reads on its page."""

from datetime import UTC, datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

register = template.Library()

_FIELDS = {
    "url": gettext_lazy("Address"),
    "title": gettext_lazy("Title"),
    "description": gettext_lazy("Description"),
    "feed_url": gettext_lazy("Feed"),
    "image_url": gettext_lazy("Picture"),
    "created": gettext_lazy("Date"),
    "unread": gettext_lazy("Unread"),
    "archived": gettext_lazy("Archived"),
    "favorite": gettext_lazy("Favourite"),
    "private": gettext_lazy("Private"),
    "tags": gettext_lazy("Tags"),
}


@register.filter
def field_label(name: str) -> str:
    """Return what people call a field of a bookmark; its name where no such field is known any more."""
    return str(_FIELDS.get(name, name))


@register.filter
def shown_value(value: object, field: str = "") -> str:
    """Return a field's value before or after the import as people read it; nothing for one that is empty."""
    match value:
        case None | "" | "None":
            return ""
        case "True" | True:
            return _("yes")
        case "False" | False:
            return _("no")
    return _moment(str(value)) if field == "created" else str(value)


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    here = timezone.localtime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return f"{date_format(here, 'SHORT_DATE_FORMAT')} {here:%H:%M:%S}"
