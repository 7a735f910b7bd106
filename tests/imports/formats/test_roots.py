"""The names of browsers' own folders."""

import pytest

from imports.formats.roots import is_browser_root, is_reading_list


@pytest.mark.parametrize(
    "name",
    [
        *("Bookmarks bar", "Other bookmarks", "Mobile bookmarks", "Bookmarks Toolbar", "Unsorted Bookmarks"),
        *("BookmarksBar", "BookmarksMenu", "com.apple.ReadingList", "Favorites bar", "Other favorites"),
        *("Lesezeichenleiste", "Weitere Lesezeichen", "Favoritenleiste", "Barre de favoris", "Autres favoris"),
        *("Autres marque-pages", "Barra de marcadores", "Otros marcadores", "Barra dei preferiti", "Altri segnalibri"),
        *("Barra de favoritos", "Outros favoritos", "Bladwijzerbalk", "Pasek zakładek", "Панель закладок"),
        *("Lišta záložek", "Könyvjelzősáv", "Bokmärkesfältet", "Bogmærkelinje", "Kirjanmerkkipalkki"),
        *("ブックマーク バー", "その他のブックマーク", "북마크바", "书签栏", "其他书签", "書籤列", "收藏夹栏"),
        *(
            "شريط الإشارات المرجعية",
            "סרגל הסימניות",
            "แถบบุ๊กมาร์ก",
            "Thanh dấu trang",
            "Barra d\u2019adreces d\u2019interès",
        ),
    ],
)
def test_a_root_folder_is_known_by_name_in_the_languages_browsers_ship_in(name: str) -> None:
    assert is_browser_root(name)
    assert is_browser_root(f"  {name.upper()} ".replace(" ", "  "))


@pytest.mark.parametrize("name", ["", " ", "|", "Recipes", "Bookmark", "Reading", "bar", "My bookmarks bar", "Links"])
def test_a_persons_folder_is_no_root(name: str) -> None:
    assert not is_browser_root(name)


def test_a_reading_list_is_a_root_of_its_own_kind() -> None:
    assert is_reading_list("Reading List")
    assert is_reading_list("Leseliste")
    assert is_browser_root("Leseliste")
    assert not is_reading_list("Bookmarks bar")
