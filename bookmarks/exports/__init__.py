"""Ways out: a queryset of bookmarks becomes a file, in chunks of bytes and in constant memory."""

from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import NamedTuple

from bookmarks.exports import activitystreams, netscape, opml
from bookmarks.models import BookmarkQuerySet


class ExportFormat(NamedTuple):
    """One way out. `export` is lazy: it reads nothing before it is asked for the first chunk."""

    label: str
    file_name: str
    content_type: str
    export: Callable[[BookmarkQuerySet], Iterator[bytes]]


EXPORTS = MappingProxyType(
    {
        module.__name__.rpartition(".")[2]: ExportFormat(
            module.LABEL, module.FILE_NAME, module.CONTENT_TYPE, module.export
        )
        for module in (activitystreams, netscape, opml)
    }
)
