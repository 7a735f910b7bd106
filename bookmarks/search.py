"""The full-text index of bookmarks: SQLite's FTS5 and PostgreSQL's tsvector behind one module. Knows no models.

Both databases are given the same words, which this module takes out of a bookmark: without case and accents, those of
a script without blanks in overlapping pairs, and each with the owner's number before it. A word of one owner is thus
one entry of the index, and a search costs what that owner has, however many others there are.

The index is the table `bookmarks_search`. A bookmark's deletion takes its row along by a trigger, whoever deletes;
what else changes its words calls `index`, in the same transaction.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import batched
from typing import NamedTuple
from urllib.parse import unquote

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from bookmarks.insertion import insert_rows

# Of a longer text only the beginning is searched: an index entry for each word of a book would be of no use.
_TEXT_MAX_LENGTH = 20_000
_URL_MAX_LENGTH = 2_000
_WORD_MAX_LENGTH = 40
_PART = 2_000
_QUERY_MAX_WORDS = 20
# A shorter word is looked for as it stands: every other bookmark has one that begins with "a".
_SHORTEST_BEGINNING = 3
_SHORTEST_LAST_BEGINNING = 2

_ASCII = bytes(ord(chr(code).lower()) if chr(code).isalnum() and code < 128 else 32 for code in range(256))
_ACCENTS = dict.fromkeys(
    code
    for first, last in ((0x300, 0x36F), (0x483, 0x487), (0x591, 0x5C7), (0x610, 0x61A), (0x64B, 0x670))
    for code in range(first, last + 1)
    if unicodedata.category(chr(code)) == "Mn"
)
# Vowel signs of Indian scripts are no letters to Python.
_WORDS = re.compile(r"[^\W_\u0964\u0965]+(?:[^\W_]|[\u0900-\u0963\u0966-\u0dff])*")
_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0003ffff"
)
_RUNS = re.compile(rf"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_IS_ADDRESS = re.compile(r"\w[./]\w")
_SCHEME = re.compile(r"https?://", re.IGNORECASE)


# PostgreSQL's index, which a benchmark makes last.
INDEX = (
    "CREATE INDEX bookmarks_search_terms ON bookmarks_search USING gin (terms) WITH (gin_pending_list_limit = 16384)"
)


class Document(NamedTuple):
    """What is searched of a bookmark. `tags` are names or comparison forms."""

    pk: int
    owner_id: int
    title: str
    url: str
    description: str
    tags: Iterable[str]


class Wanted(NamedTuple):
    """A word that must be there, or one that begins so."""

    word: str
    is_beginning: bool

    def fits(self, word: str) -> bool:
        """Return whether a word of a bookmark is what is wanted."""
        return word.startswith(self.word) if self.is_beginning else word == self.word


def words(text: str) -> list[str]:
    """Return the words of a text, in order and as often as they occur, in the form in which they are compared."""
    text = text[:_TEXT_MAX_LENGTH]
    if text.isascii():
        found = text.encode().translate(_ASCII).decode().split()
        if max(map(len, found), default=0) <= _WORD_MAX_LENGTH:
            return found
        return [word[:_WORD_MAX_LENGTH] for word in found]
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).translate(_ACCENTS)
    return list(_pieces(unicodedata.normalize("NFC", folded)))


def _pieces(text: str) -> Iterator[str]:
    for word in _WORDS.findall(text):
        if not _IS_UNSPACED.search(word):
            yield word[:_WORD_MAX_LENGTH]
            continue
        for run in _RUNS.findall(word):
            if _IS_UNSPACED.match(run):
                yield from (run[start : start + 2] for start in range(len(run)))
            else:
                yield run[:_WORD_MAX_LENGTH]


def address_words(url: str) -> list[str]:
    """Return the words of a URL without its scheme, which all have; escapes are read as what they stand for."""
    return words(_address(url))


def _address(url: str) -> str:
    address = url[:_URL_MAX_LENGTH].partition("://")[2]
    return unquote(address) if "%" in address else address


def wanted(query: str) -> list[Wanted]:
    """Return what a person looks for: every word, each as the beginning of one unless it is very short."""
    found: dict[Wanted, None] = {}
    parts = [pieces for part in query.split() if (pieces := words(_SCHEME.sub("", part)))]
    for number, pieces in enumerate(parts, 1):
        shortest = _SHORTEST_BEGINNING if number < len(parts) else _SHORTEST_LAST_BEGINNING
        *whole, last = _without_overlap(pieces)
        found |= dict.fromkeys(Wanted(word, is_beginning=False) for word in whole)
        is_beginning = len(last) == 1 if _IS_UNSPACED.match(last) else shortest <= len(last) < _WORD_MAX_LENGTH
        found[Wanted(last, is_beginning)] = None
    return list(found)[:_QUERY_MAX_WORDS]


def _without_overlap(pieces: list[str]) -> list[str]:
    """Leave out the last character of a script without blanks, which stands in the pair before it."""
    is_pair = len(pieces) > 1 and len(pieces[-1]) == 1 and bool(_IS_UNSPACED.match(pieces[-2]))
    return pieces[:-1] if is_pair and pieces[-2].endswith(pieces[-1]) else pieces


def index(cursor: CursorWrapper, documents: Iterable[Document], *, are_new: bool = False) -> None:
    """Enter bookmarks in place of what the index had of them. Must run inside a transaction.

    `are_new` promises that it had nothing, which is faster.
    """
    enter(cursor, [(document.pk, terms(*document[1:])) for document in documents], are_new=are_new)


def enter(cursor: CursorWrapper, rows: list[tuple[int, str]], *, are_new: bool = False) -> None:
    """Enter bookmarks, as `index` does, whose words are known: (primary key, what `terms` gives)."""
    if rows:
        _DIALECTS[connection.vendor].write(cursor, rows, are_new=are_new)


def reindex(pks: Iterable[int]) -> None:
    """Enter bookmarks, by primary key, as they stand in the database now. Must run inside a transaction."""
    with connection.cursor() as cursor:
        for some in batched(pks, _PART):
            index(cursor, _stored(cursor, f"id IN ({', '.join(['%s'] * len(some))})", some))


def rebuild(on_batch: Callable[[int], None]) -> None:
    """Enter every bookmark anew and forget those that are gone, some thousand in a transaction.

    `on_batch` is told how many were entered. Searching and writing may go on meanwhile.
    """
    key = _DIALECTS[connection.vendor].key
    is_gone = f"NOT EXISTS (SELECT 1 FROM bookmarks_bookmark b WHERE b.id = bookmarks_search.{key})"
    after: int | None = 0
    while after is not None:
        with transaction.atomic(), connection.cursor() as cursor:
            documents = _stored(cursor, f"id > %s ORDER BY id LIMIT {_PART}", [after])
            last = documents[-1].pk if documents else None
            end = "" if last is None else f"AND {key} <= {last}"
            cursor.execute(f"DELETE FROM bookmarks_search WHERE {key} > %s {end} AND {is_gone}", [after])
            index(cursor, documents)
        on_batch(len(documents))
        after = last


def _stored(cursor: CursorWrapper, which: str, params: Sequence[int]) -> list[Document]:
    """Return bookmarks as they are stored; where it can be, nobody rewrites one until the end of the transaction."""
    lock = connection.ops.for_update_sql() if connection.features.has_select_for_update else ""
    texts = "id, owner_id, title, url, description"
    cursor.execute(f"SELECT {texts} FROM bookmarks_bookmark WHERE {which} {lock}", params)
    tags: dict[int, list[str]] = {}
    documents = [
        Document(pk, owner_id, title, url, description, tags.setdefault(pk, []))
        for pk, owner_id, title, url, description in cursor.fetchall()
    ]
    marks = ", ".join(["%s"] * len(tags)) or "NULL"
    cursor.execute(
        "SELECT g.bookmark_id, t.key FROM bookmarks_tagging g JOIN bookmarks_tag t ON t.id = g.tag_id "
        f"WHERE g.bookmark_id IN ({marks})",
        list(tags),
    )
    for pk, key in cursor.fetchall():
        tags[pk].append(key)
    return documents


def terms(owner_id: int, title: str, url: str, description: str, tags: Iterable[str]) -> str:
    """Return the words of a bookmark as both indexes take them: each once, with a blank before and after it."""
    unique = dict.fromkeys(words(f"{title} {_address(url)} {' '.join(tags)} {description}"))
    mark = f" {owner_id}x"
    return f"{mark}{mark.join(unique)} " if unique else ""


class Condition(NamedTuple):
    """What must be true of a bookmark, as SQL.

    `holds` tests the bookmark `b` (an alias), of which it may use the primary key alone. `keys` selects the primary
    keys of all bookmarks for which it holds, as `pk`, from an index and {most} at the most; empty where no index has
    them. `dated_index` has just those, by owner and in the order of dates, for a query that says `dated_holds`.
    To ask a costly one for keys takes as long for few of them as for many.
    """

    holds: str
    holds_params: tuple[object, ...] = ()
    keys: str = ""
    keys_params: tuple[object, ...] = ()
    dated_index: str = ""
    dated_holds: str = ""
    is_costly: bool = False

    def keys_of(self, most: int) -> str:
        """Return the query for the primary keys of so many bookmarks at the most."""
        return self.keys.format(most=most)


def conditions(owner_id: int, query: str) -> list[Condition] | None:
    """Return how the owner's bookmarks with all words of a query are found; None if nothing in it is a word.

    What has a dot or a slash within, as an address has, is also looked for as it stands.
    """
    found = wanted(query)
    if not found:
        return None
    addresses = (_SCHEME.sub("", part).strip("./") for part in query.lower().split())
    wholes = [_as_it_stands(text) for text in addresses if text.isascii() and _IS_ADDRESS.search(text)]
    return [_DIALECTS[connection.vendor].condition(f"{owner_id}x", found), *wholes]


def _as_it_stands(text: str) -> Condition:
    find = _DIALECTS[connection.vendor].find
    return Condition(
        f"((SELECT {find}(LOWER(r.url || ' ' || r.title || ' ' || r.description), %s) FROM bookmarks_bookmark r "
        "WHERE r.id = b.id) > 0 OR EXISTS ("
        "SELECT 1 FROM bookmarks_tagging g JOIN bookmarks_tag t ON t.id = g.tag_id "
        f"WHERE g.bookmark_id = b.id AND {find}(t.key, %s) > 0))",
        (text, text),
    )


def create() -> None:
    """Make the index, which must not be there yet, and what keeps it free of bookmarks that are deleted."""
    _execute(_DIALECTS[connection.vendor].table)
    create_triggers()


def create_triggers() -> None:
    """Make the triggers where they are missing."""
    _execute(*_DIALECTS[connection.vendor].triggers)


def keep_triggers(**_signal: object) -> None:
    """After migrations, make the triggers again that SQLite drops with a table that is made anew."""
    if "bookmarks_search" in connection.introspection.table_names():
        create_triggers()


def drop() -> None:
    """Remove all that `create` made."""
    _execute(*_DIALECTS[connection.vendor].removal)


def tidy() -> None:
    """Sort in what was entered last, so that searches need not look through it."""
    _execute(_DIALECTS[connection.vendor].tidy)


def _execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


class _Sqlite:
    """FTS5 without positions, which nothing asks for; its content table keeps the words for the test of a row."""

    key = "rowid"
    find = "instr"
    table = (
        "CREATE VIRTUAL TABLE bookmarks_search USING fts5(terms, tokenize = 'ascii', detail = 'none', columnsize = 0)"
    )
    triggers = (
        """
        CREATE TRIGGER IF NOT EXISTS bookmarks_search_delete AFTER DELETE ON bookmarks_bookmark
        BEGIN DELETE FROM bookmarks_search WHERE rowid = OLD.id; END
        """,
    )
    removal = ("DROP TRIGGER IF EXISTS bookmarks_search_delete", "DROP TABLE IF EXISTS bookmarks_search")
    tidy = "INSERT INTO bookmarks_search (bookmarks_search) VALUES ('optimize')"

    @staticmethod
    def write(cursor: CursorWrapper, rows: list[tuple[int, str]], *, are_new: bool) -> None:
        """Insert words by primary key; in the order of keys, as FTS5 likes it."""
        if are_new:
            insert_rows(cursor, "bookmarks_search", ("rowid", "terms"), sorted(rows))
        else:
            cursor.executemany("REPLACE INTO bookmarks_search (rowid, terms) VALUES (%s, %s)", sorted(rows))

    @staticmethod
    def condition(mark: str, query: Sequence[Wanted]) -> Condition:
        """Return the search; a word in FTS5's double quotes is never an operator."""
        match = " ".join(f'"{mark}{word}"{"*" if is_beginning else ""}' for word, is_beginning in query)
        tests = " AND ".join(["instr(c0, %s) > 0"] * len(query))
        return Condition(
            f"(SELECT {tests} FROM bookmarks_search_content WHERE id = b.id)",
            tuple(f" {mark}{word}{'' if is_beginning else ' '}" for word, is_beginning in query),
            "SELECT rowid AS pk FROM bookmarks_search WHERE bookmarks_search MATCH %s LIMIT {most}",
            (match,),
            is_costly=True,
        )


class _Postgresql:
    """A table beside the bookmarks, so that marking one as read does not touch the index.

    New entries wait in a list of up to 16 MB before they are sorted into the index, a few thousand at a time: that
    is half of the cost of an import, and searches that read the list on their way take milliseconds longer.
    """

    key = "id"
    find = "strpos"
    table = f"CREATE TABLE bookmarks_search (id bigint PRIMARY KEY, terms tsvector NOT NULL); {INDEX}"
    triggers = (
        # For a frequent word the planner would read the table from its beginning, which is where others' rows are.
        """
        CREATE OR REPLACE FUNCTION bookmarks_search_keys(query tsquery, most bigint) RETURNS SETOF bigint
        LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
        BEGIN RETURN QUERY SELECT id FROM bookmarks_search WHERE terms @@ query LIMIT most; END $$
        """,
        """
        CREATE OR REPLACE FUNCTION bookmarks_search_delete() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN DELETE FROM bookmarks_search WHERE id IN (SELECT id FROM gone); RETURN NULL; END $$
        """,
        """
        CREATE OR REPLACE FUNCTION bookmarks_search_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN TRUNCATE bookmarks_search; RETURN NULL; END $$
        """,
        """
        CREATE OR REPLACE TRIGGER bookmarks_search_delete AFTER DELETE ON bookmarks_bookmark
        REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION bookmarks_search_delete()
        """,
        """
        CREATE OR REPLACE TRIGGER bookmarks_search_truncate AFTER TRUNCATE ON bookmarks_bookmark
        FOR EACH STATEMENT EXECUTE FUNCTION bookmarks_search_truncate()
        """,
    )
    removal = (
        "DROP FUNCTION IF EXISTS bookmarks_search_keys(tsquery), bookmarks_search_keys(tsquery, bigint)",
        "DROP FUNCTION IF EXISTS bookmarks_search_delete() CASCADE",
        "DROP FUNCTION IF EXISTS bookmarks_search_truncate() CASCADE",
        "DROP TABLE IF EXISTS bookmarks_search",
    )
    tidy = "SELECT gin_clean_pending_list('bookmarks_search_terms')"

    @staticmethod
    def write(cursor: CursorWrapper, rows: list[tuple[int, str]], *, are_new: bool) -> None:
        """Copy words by primary key."""
        if not are_new:
            cursor.execute("DELETE FROM bookmarks_search WHERE id = ANY(%s)", [[pk for pk, _ in rows]])
        insert_rows(cursor, "bookmarks_search", ("id", "terms"), rows)

    @staticmethod
    def condition(mark: str, query: Sequence[Wanted]) -> Condition:
        """Return the search; words hold nothing that would need quotes."""
        match = " & ".join(f"{mark}{word}{':*' if is_beginning else ''}" for word, is_beginning in query)
        return Condition(
            "(SELECT s.terms @@ %s::tsquery FROM bookmarks_search s WHERE s.id = b.id)",
            (match,),
            "SELECT pk FROM bookmarks_search_keys(%s::tsquery, {most}) pk",
            (match,),
            is_costly=True,
        )


_DIALECTS: dict[str, type[_Sqlite] | type[_Postgresql]] = {"sqlite": _Sqlite, "postgresql": _Postgresql}
