"""What tests read from a response of the test client, to whose type the client adds."""

from typing import Any

from django.contrib.messages import get_messages

HTMX = {"HX-Request": "true"}


def text_of(response: Any) -> str:
    """Return the body."""
    return str(response.content.decode())


def said(response: Any) -> list[str]:
    """Return the messages that the view left."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def titles(response: Any) -> list[str]:
    """Return what the list shows of bookmarks, in its order."""
    return [bookmark.display_title for bookmark in response.context["page"].rows]
