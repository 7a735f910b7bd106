"""Reads an export from its first item to its last, and judges each: a draft, or rejected for a reason. No database."""

from collections import Counter
from collections.abc import Callable
from typing import BinaryIO

from imports.formats.base import ItemRejectedError, Notice, ParsedItem, RejectedItem, UnreadableFileError
from imports.formats.reading import Event, MemberStart, open_export
from imports.normalize import fragment, has_long_tag, normalize
from imports.options import ImportOptions
from imports.prepared import FRAME_ITEMS, PreparedWriter
from imports.survey import Sample, Survey

MAX_NOTICES = 50

EMPTY = "The file was read, but there is no bookmark in it."


def read_file(
    stream: BinaryIO, options: ImportOptions, writer: PreparedWriter, keep_going: Callable[[], bool]
) -> Survey | None:
    """Read and judge every item of an export into `writer`; return what that has shown, or None when told to stop.

    Raises UnreadableFileError when not even the beginning can be read.
    """
    export = open_export(stream, format_name=options.format, members=options.members or None)
    judge = _Judge(options, writer)
    broken = ""
    try:
        for number, event in enumerate(export.events()):
            if number % FRAME_ITEMS == 0 and not keep_going():
                return None
            judge.take(event)
    except UnreadableFileError as error:
        if not writer.position:
            raise
        broken = str(error)
    writer.finish()
    taken_partly = [broken] if broken and options.partial else []
    return Survey(
        total=writer.position,
        format_name=export.format,
        notices=[*judge.summary(), *taken_partly],
        broken=broken,
        years=judge.years,
        sample=judge.sample.taken(),
        members=judge.members(),
    )


class _Judge:
    """Sends each item of an export to the prepared file, as a draft or as rejected, and collects what to tell."""

    def __init__(self, options: ImportOptions, writer: PreparedWriter) -> None:
        self._options, self._writer = options, writer
        self._member, self._long_tags = "", 0
        self._starts: dict[str, int] = {}
        self.notices: dict[str, None] = {}
        self.years: Counter[str] = Counter()
        self.sample = Sample()

    def take(self, event: Event) -> None:
        """Take the next event of the export."""
        match event:
            case ParsedItem():
                self._item(event)
            case RejectedItem(reason=reason, url=url, title=title, source=source):
                self._writer.reject(self._member, title, url, reason, fragment(source))
            case Notice(text=text):
                self.notices.setdefault(text)
            case MemberStart(name=name):
                self._member = name
                self._starts[name] = self._writer.position

    def _item(self, item: ParsedItem) -> None:
        self._long_tags += has_long_tag(item)
        try:
            draft = normalize(item, self._options)
        except ItemRejectedError as error:
            self._writer.reject(self._member, item.title, item.url, str(error), fragment(item.source))
            return
        self._writer.add(draft)
        self.years[draft.created[:4] if draft.created else ""] += 1
        self.sample.offer(item, draft)

    def members(self) -> list[tuple[str, int]]:
        """Return the files of an archive with the number of their items."""
        ends = [*list(self._starts.values())[1:], self._writer.position]
        return [(name, end - start) for (name, start), end in zip(self._starts.items(), ends, strict=False)]

    def summary(self) -> list[str]:
        """Return the sentences about the file as a whole."""
        if self._starts:
            counts = ", ".join(f"{name} ({count:,})" for name, count in self.members())
            self.notices = {f"Items from the archive: {counts}.": None, **self.notices}
        if not self._writer.position:
            self.notices.setdefault(EMPTY)
        if self._long_tags:
            self.notices.setdefault(f"Tags that were too long were shortened in {self._long_tags:,} items.")
        return list(self.notices)[:MAX_NOTICES]
