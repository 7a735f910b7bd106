"""What formats and the pipeline say in English about files and items, translated when it is shown."""

from django.utils.translation import gettext_noop, ngettext

from bookmarks.sentences import TEMPLATES as REASONS
from bookmarks.sentences import Counted, Sentences

# What people call a format, where that is more than the names of services and of kinds of files.
_LABELS = (
    gettext_noop("Chrome, Edge, Brave, Vivaldi, Opera (Bookmarks file)"),
    gettext_noop("Firefox (backup)"),
    gettext_noop("Lemmy (saved posts and comments)"),
    gettext_noop("List of links (OneTab, text)"),
    gettext_noop("List of links"),
    gettext_noop("Misskey (favourites)"),
    gettext_noop("Netscape bookmarks (HTML)"),
    gettext_noop("Netscape bookmarks"),
    gettext_noop("Pocket (API backup)"),
    gettext_noop("Safari (Bookmarks.plist)"),
    gettext_noop("Any table with a “url” column (CSV)"),
    gettext_noop("Any table with a “url” column"),
    gettext_noop("Any list of objects with a “url” (JSON)"),
    gettext_noop("Any list of objects with a “url”"),
)

# “This is {sentence}.”
_KINDS = (
    gettext_noop("an image"),
    gettext_noop("an image or a recording"),
    gettext_noop("a PDF document"),
    gettext_noop("a database, such as the ones in which a browser keeps its bookmarks: export them instead"),
    gettext_noop("a document or spreadsheet of an office program"),
    gettext_noop("an electronic book"),
    gettext_noop("a 7-Zip archive"),
    gettext_noop("a RAR archive"),
    gettext_noop("a bzip2 archive"),
    gettext_noop("an xz archive"),
    gettext_noop("a Zstandard archive"),
    gettext_noop("a program"),
    gettext_noop("not a text file"),
)

_FILES = (
    gettext_noop("This is {sentence}."),
    gettext_noop(
        "Cairn reads exports of browsers, of bookmark and read-later services and of fediverse accounts (HTML, JSON, "
        "CSV, XML, also in a zip, tar or gzip archive), any CSV with a “url” column, and lists of links."
    ),
    gettext_noop("The file is empty."),
    gettext_noop("There is nothing but white space in the file."),
    gettext_noop("This is a web page, but not an export of bookmarks."),
    gettext_noop("This is XML, but not an export that Cairn knows."),
    gettext_noop("This looks like a table, but it has no column named “url”."),
    gettext_noop("This is JSON, but not an export that Cairn knows."),
    gettext_noop("This is JSON, but nested too deeply."),
    gettext_noop("This is JSON, but there is nothing in it."),
    gettext_noop("This file is not an export that Cairn knows."),
    gettext_noop("The file does not hold a list of bookmarks."),
    gettext_noop("The file nests its data too deeply to be an export of bookmarks."),
    gettext_noop(
        "The file is JSON, but neither an ActivityStreams collection nor anything else that holds bookmarks."
    ),
    gettext_noop("The file is no ActivityStreams collection: its “@context” is a number."),
    gettext_noop("What the collection calls one of its pages is none."),
    gettext_noop("The file has a tag or a comment that does not end; it cannot be read on."),
    gettext_noop("The file is not valid JSON (line {line}, column {column})."),
    gettext_noop("The file is not valid JSON from line {line}, column {column} on."),
    gettext_noop("The file is not valid JSON from line {line}, character {column} on."),
    gettext_noop("The file is cut off: it ends in the middle, at line {line}, column {column}."),
    gettext_noop("The file is cut off: it ends in the middle, at line {line}, character {column}."),
    gettext_noop(
        "The list of bookmarks ends at line {line}, character {column}, but the file goes on with something else."
    ),
    gettext_noop("The file breaks off after item {total}; it was probably cut short."),
    gettext_noop("One entry of the file is larger than {limit} MB, as no bookmark is."),
    gettext_noop("The file has more than {limit} folders: the bookmarks in the others come without their folders."),
    gettext_noop("The service that made this file reports an error in it: “{message}”."),
    gettext_noop(
        "A part of the list is at {address}, not in this file. Cairn fetches nothing: it is left out.",
    ),
    gettext_noop("The table's first row is longer than a million characters."),
    gettext_noop("The table has no header row that names its columns, such as “url” and “title”."),
    gettext_noop("The table has no column of addresses, such as “url”."),
    gettext_noop("The Firefox backup is damaged or cut off: it does not decompress."),
    gettext_noop("The Firefox backup would be larger than {limit} MB when decompressed."),
    gettext_noop("This property list holds no Safari bookmarks."),
    gettext_noop("The binary property list is damaged or cut short."),
    gettext_noop("The property list contains itself."),
    gettext_noop("The property list is nested too deeply to be one of Safari's."),
    gettext_noop("A Safari file can be read up to {limit} MB; this one is larger."),
    gettext_noop(
        "A binary Safari file can be read up to {limit} MB; this one is larger. In XML, as “plutil -convert xml1” "
        "writes it, it may be four times as large."
    ),
)

_ARCHIVES = (
    gettext_noop("The archive is cut off or damaged. What could be read before that place is good."),
    gettext_noop("The zip archive is cut off or damaged and cannot be opened."),
    gettext_noop("The zip archive is encrypted. Unpack it with its password and import the file in it."),
    gettext_noop("The zip archive has too many files in it. Unpack it and import the export file in it."),
    gettext_noop("It is packed by an uncommon method. Unpack the archive yourself."),
    gettext_noop(
        "The archive holds more than {limit} MB when unpacked, which is too much for its size. Unpack it yourself and "
        "import the export file in it."
    ),
    gettext_noop("The archive holds another archive. Unpack it and import the export file in it."),
    gettext_noop("No file in the archive is an export that Cairn knows."),
    gettext_noop("No file in the archive is an export of the kind “{label}”."),
    gettext_noop("There is no format named “{name}”."),
    gettext_noop("None of the chosen files is in the archive."),
    gettext_noop("“{name}” in the archive could not be read: {sentence}"),
    gettext_noop("{member}: {sentence}"),
    gettext_noop("Items from the archive: {counts}."),
)

_ITEMS = (
    gettext_noop("A bookmark without an address."),
    gettext_noop("A page without an address."),
    gettext_noop("A tab without an address."),
    gettext_noop("An article without an address."),
    gettext_noop("An item without an address."),
    gettext_noop("An uploaded file or a bookmark without an address."),
    gettext_noop("An uploaded file or a link without an address."),
    gettext_noop("A text note without an address."),
    gettext_noop("An entry that is not a bookmark but a bare value."),
    gettext_noop("An entry that is neither a bookmark nor a folder."),
    gettext_noop("A bookmark in the browser's trash."),
    gettext_noop("It was in Opera's trash folder."),
    gettext_noop("An entry of a kind that Firefox does not know, which Firefox leaves out as well."),
    gettext_noop("A live bookmark: a feed, not a page."),
    gettext_noop("An article from a feed that was not saved."),
    gettext_noop("An item that was deleted in Pocket."),
    gettext_noop("A note of the server that made the export: the file does not hold its address."),
    gettext_noop("The row has no address."),
    gettext_noop("The row is longer than a million characters."),
    gettext_noop("A quotation mark in this row is never closed."),
    gettext_noop("The line is longer than a million characters."),
    gettext_noop("The line is not a link."),
    gettext_noop("The item is larger than {limit} MB."),
    gettext_noop("The item is not valid JSON."),
    gettext_noop("The item is nested too deeply."),
    gettext_noop("The item is neither an object nor an address."),
    gettext_noop("A collection without items is not a bookmark."),
    gettext_noop("A {type} is not a bookmark."),
    gettext_noop("An {type} is not a bookmark."),
    gettext_noop("This {type} does not say what it is about."),
    gettext_noop("This {type} has no address."),
    gettext_noop("This item has no address."),
    gettext_noop("An activity is not a bookmark."),
    gettext_noop("The service that made the file could not write this item."),
    gettext_noop("Reading this item stopped the worker again and again."),
    gettext_noop("Other reasons."),
)

_JOBS = (
    gettext_noop("The uploaded file is no longer stored. Please upload it again."),
    gettext_noop("The file was read, but there is no bookmark in it."),
    gettext_noop("The server's storage could not be read or written; perhaps it is full. Please retry later."),
    gettext_noop("The database could not be written. Nothing is lost: retry goes on where the import stopped."),
    gettext_noop("The server's log tells more under import job {job}."),
)

# Several languages have more forms than two, so that these ask the catalogue with their number.
_COUNTED: tuple[Counted, ...] = (
    lambda number: ngettext(
        "{number} item before that could be read.", "{number} items before that could be read.", number
    ),
    lambda number: ngettext(
        "One place in the file could not be decoded as text; “{mark}” stands there instead.",
        "{number} places in the file could not be decoded as text; “{mark}” stands there instead.",
        number,
    ),
    lambda number: ngettext(
        "One other file in the archive is no export that Cairn knows, and was passed over.",
        "{number} other files in the archive are no exports that Cairn knows; they were passed over.",
        number,
    ),
    lambda number: ngettext(
        "{number} more file in the archive could not be read.",
        "{number} more files in the archive could not be read.",
        number,
    ),
    lambda number: ngettext(
        "Tags that were too long were shortened in {number} item.",
        "Tags that were too long were shortened in {number} items.",
        number,
    ),
    lambda number: ngettext(
        "The collection is said to have {number} item, but none of them is in the file.",
        "The collection is said to have {number} items, but none of them is in the file.",
        number,
    ),
    lambda number: ngettext(
        "The import stopped {number} time at the same place, after item {total}.",
        "The import stopped {number} times at the same place, after item {total}.",
        number,
    ),
)

SENTENCES = Sentences((*_LABELS, *_KINDS, *_FILES, *_ARCHIVES, *_ITEMS, *_JOBS, *REASONS), _COUNTED)

ITEM_SENTENCES = Sentences((*_ITEMS, *REASONS))
"""Why an item became no bookmark."""


def translated(text: str) -> str:
    """Return what was stored of a file, an item or a job in the language that is active; unknown text stays."""
    return SENTENCES.translated(text)
