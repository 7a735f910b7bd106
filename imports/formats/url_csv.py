"""Any table with a column of addresses, under the names that services and people give to columns."""

from collections.abc import Iterator
from typing import BinaryIO

from imports.formats import dates
from imports.formats.base import Head, Parsed, ParsedItem, RejectedItem
from imports.formats.csv_rows import URL_COLUMNS, VAGUE_URL_COLUMNS, Row, read_rows, tag_names
from imports.formats.text import html_to_text

NAME = "url-csv"
LABEL = "Any table with a “url” column (CSV)"
EXTENSIONS = (".csv", ".tsv")
WHERE = (
    "A spreadsheet or any service: save as CSV. Columns for title, description, tags, date and folder are recognised."
)

# The names that columns go by, for each thing a bookmark has; of several, the first that has a value counts.
COLUMNS = {
    "url": (*URL_COLUMNS, *VAGUE_URL_COLUMNS),
    "title": (
        "title", "name", "page title", "bookmark title", "link title", "page_title", "headline",
        "given_title", "resolved_title", "article title", "text", "titel", "titre", "título", "titolo", "titulo",
        "nom", "nombre", "nome", "naam", "bezeichnung", "tytuł", "название", "заголовок", "标题", "標題", "名称",
        "タイトル", "제목",
    ),
    "description": (
        "description", "note", "notes", "comment", "comments", "extended", "selection", "annotation", "excerpt",
        "summary", "desc", "highlights", "content", "beschreibung", "notiz", "notizen", "kommentar", "descripción",
        "descrizione", "descrição", "commentaire", "remarque", "nota", "notas", "beschrijving", "описание", "描述",
        "备注", "説明",
    ),
    "tags": (
        "tags", "tag", "labels", "label", "keywords", "tag names", "tag_names", "categories", "category", "topics",
        "schlagwörter", "schlagworte", "stichwörter", "kategorie", "kategorien", "étiquettes", "étiquette",
        "mots-clés", "catégorie", "etiquetas", "etiqueta", "etichette", "categoría", "categoria", "labels/tags",
        "метки", "теги", "标签", "標籤", "タグ", "태그",
    ),
    "folder": (
        "folder", "folders", "collection", "collections", "folder path", "path", "directory", "list",
        "folder_path", "folder name", "ordner", "dossier", "carpeta", "cartella", "pasta", "map", "папка", "文件夹",
        "資料夾", "フォルダ", "폴더",
    ),
    "created": (
        "created", "created_at", "createdat", "created at", "created on", "created_on", "creation date",
        "creation_date", "date_added", "dateadded", "date added", "date created", "date_created", "date saved",
        "date_saved", "added", "added_at", "addedat", "added on", "add_date", "time_added", "saved", "saved_at",
        "savedat", "saved date", "saved at", "saved on", "bookmarked at", "timestamp", "date", "time", "datetime",
        "created time", "created date", "creation time", "time added", "saved time", "datum", "erstellt",
        "erstellt am", "hinzugefügt", "gespeichert", "ajouté", "créé", "date d'ajout", "fecha", "creado", "data",
        "дата", "日期", "published",
    ),
    "updated": (
        "updated", "updated_at", "updatedat", "updated at", "modified", "last_modified", "last modified",
        "modified_at", "date_modified", "date modified", "lastmodified",
        "lastupdate", "last edited time", "last interaction date", "geändert",
    ),
    "image": ("cover", "image", "image_url", "image url", "thumbnail", "preview image", "preview_image"),
    "feed": ("feed_url", "feed url", "feedurl", "feed", "rss", "xmlurl"),
    "status": ("status", "state"),
    "unread": ("unread", "is_unread", "isunread", "toread", "to read", "to_read", "read later", "read_later"),
    "archived": ("archived", "is_archived", "isarchived"),
    "favorite": (
        "favorite", "favourite", "is_favorite", "starred", "is_starred", "important", "fav",
        "favorited", "favourited", "is_favorited", "isfavorite", "isstarred", "favoris", "favorit", "favorito",
    ),
    "private": ("private", "is_private", "isprivate"),
    "shared": ("shared", "public", "is_public", "ispublic"),
}  # fmt: skip
_ARCHIVED = frozenset(("archive", "archived", "read"))
_NO = frozenset(("no", "n", "0", "false"))


def matches(head: Head) -> bool:
    """Tell such a table by its header; a vague one must have addresses in the rows below it."""
    if not any(name in head.columns for name in (*URL_COLUMNS, *VAGUE_URL_COLUMNS)):
        return False
    below = head.text.strip().splitlines()[1:2]
    if not any(name in head.columns for name in URL_COLUMNS):
        return bool(below) and "://" in below[0]
    return len(head.columns) > 1 or not below or "://" in below[0] or ":" in below[0].split(" ")[0]


def parse(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the rows in their order."""
    names: dict[str, tuple[str, ...]] = {}
    for row in read_rows(stream):
        if isinstance(row, RejectedItem):
            yield row
        else:
            names = names or {key: tuple(name for name in COLUMNS[key] if name in row.index) for key in COLUMNS}
            yield _read(row, names)


def _read(row: Row, names: dict[str, tuple[str, ...]]) -> Parsed:
    url, title = row.first(*names["url"]), row.first(*names["title"])
    if not url:
        return row.without_address(title)
    status = row.first(*names["status"]).lower()
    return ParsedItem(
        url=url,
        title=title,
        description=html_to_text(row.first(*names["description"])),
        tags=tag_names(row.first(*names["tags"])),
        folders=[name for part in row.first(*names["folder"]).split("/") if (name := part.strip())],
        created=dates.from_any(row.first(*names["created"])),
        updated=dates.from_any(row.first(*names["updated"])),
        unread=status == "unread" or row.is_set(*names["unread"]),
        archived=status in _ARCHIVED or row.is_set(*names["archived"]),
        favorite=row.is_set(*names["favorite"]),
        private=row.is_set(*names["private"]) or row.first(*names["shared"]).lower() in _NO,
        feed_url=row.first(*names["feed"]),
        image_url=row.first(*names["image"]),
        source=row.source,
    )
