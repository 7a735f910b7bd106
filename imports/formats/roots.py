"""Folders: their paths, and the names of those that browsers make themselves, in the languages they ship in.

A root folder says where a browser shows a bookmark, not what it is about, so it is no part of a bookmark's
folders. Chromium, Firefox and Safari write these names into their exports in the language of their menus.
"""

# Deeper folders are nobody's order, and a path of any length on each item would not stay in memory.
_MAX_DEPTH = 100

_READING_LISTS = """
    com.apple.ReadingList | Reading List | Leseliste | Liste de lecture | Lista de lectura | Elenco lettura
    Lista de leitura | Leeslijst | Lista czytelnicza | Lista lektur | Список для чтения | Список для читання
    Seznam četby | Čitateľský zoznam | Olvasólista | Listă de lectură | Λίστα ανάγνωσης | Okuma Listesi
    Läslista | Læseliste | Leseliste | Lukulista | リーディングリスト | 읽기 목록 | 阅读列表 | 閱讀列表
    閱讀清單
    قائمة القراءة | רשימת קריאה | Daftar Bacaan | Danh sách đọc | รายการอ่าน | Llista de lectura
"""

_ROOTS = """
    Bookmarks | Bookmarks bar | Bookmark bar | Other bookmarks | Mobile bookmarks | Synced bookmarks
    Bookmarks Toolbar | Bookmarks Toolbar Folder | Personal Toolbar Folder | Bookmarks Menu
    Unsorted Bookmarks | Unsorted
    Unfiled Bookmarks | BookmarksBar | BookmarksMenu | Favorites | Favourites | Favorites bar
    Favourites bar
    Other favorites | Other favourites | Mobile favorites | Mobile favourites | Tab Group Favorites
    Tab Group Favourites | Speed Dial | DuckDuckGo Bookmarks | DuckDuckGo Favorites | All Bookmarks

    Lesezeichen | Lesezeichenleiste | Weitere Lesezeichen | Andere Lesezeichen | Mobile Lesezeichen
    Lesezeichen-Symbolleiste | Lesezeichen-Menü | Lesezeichenmenü | Unsortierte Lesezeichen | Favoriten
    Favoritenleiste | Weitere Favoriten | Andere Favoriten | Mobile Favoriten | Schnellwahl
    Mobilgerät-Lesezeichen

    Favoris | Barre de favoris | Barre des favoris | Autres favoris | Favoris sur mobile | Favoris mobiles
    Signets | Menu Signets | Menu des signets | Barre de signets | Barre des signets | Autres signets
    Marque-pages | Barre personnelle | Barre de marque-pages | Barre des marque-pages
    Menu des marque-pages
    Autres marque-pages | Marque-pages non classés | Marque-pages mobiles | Accès rapide

    Marcadores | Barra de marcadores | Otros marcadores | Marcadores móviles | Marcadores del móvil
    Marcadores de dispositivos móviles | Barra de herramientas de marcadores | Menú de marcadores
    Menú Marcadores
    Marcadores sin ordenar | Favoritos | Barra de favoritos | Otros favoritos | Favoritos móviles
    Menú Favoritos | Favoritos en dispositivos móviles | Marcação rápida

    Segnalibri | Barra dei segnalibri | Menu segnalibri | Menu dei segnalibri | Altri segnalibri
    Segnalibri dispositivi mobili | Segnalibri non ordinati | Segnalibri su dispositivo mobile | Preferiti
    Barra dei preferiti | Barra preferiti | Altri preferiti | Menu preferiti
    Preferiti da dispositivi mobili
    Preferiti su dispositivo mobile | Preferiti dispositivi mobili

    Outros marcadores | Marcadores para dispositivos móveis | Marcadores móveis | Menu de marcadores
    Outros favoritos | Menu de favoritos | Menu favoritos | Favoritos do dispositivo móvel
    Favoritos em dispositivos móveis | Favoritos do celular | Favoritos não organizados
    Outros itens favoritos

    Bladwijzers | Bladwijzerbalk | Andere bladwijzers | Overige bladwijzers | Mobiele bladwijzers
    Bladwijzerwerkbalk | Bladwijzermenu | Mobiel-bladwijzers | Ongesorteerde bladwijzers | Favorieten
    Favorietenbalk | Andere favorieten | Overige favorieten | Mobiele favorieten

    Zakładki | Pasek zakładek | Inne zakładki | Pozostałe zakładki | Menu zakładek | Menu Zakładki
    Zakładki na komórce | Zakładki mobilne | Zakładki z telefonu | Zakładki na urządzeniach mobilnych
    Nieposortowane zakładki | Niesortowane zakładki | Ulubione | Pasek ulubionych | Inne ulubione
    Pozostałe ulubione

    Закладки | Панель закладок | Другие закладки | Мобильные закладки | Меню закладок | Прочие закладки
    Несортированные закладки | Неотсортированные закладки | Избранное | Панель избранного | Другое избранное
    Экспресс-панель | Инші закладки | Мобільні закладки | Панель вкладок | Невпорядковані закладки
    Обране | Панель обраного | Інше обране | Отметки | Лента с отметки | Лента на отметките | Други отметки
    Мобилни отметки | Меню с отметки | Панель закладак | Іншыя закладкі

    Záložky | Lišta záložek | Panel záložek | Ostatní záložky | Jiné záložky | Záložky v mobilu
    Mobilní záložky
    Nabídka záložek | Neuspořádané záložky | Oblíbené | Panel oblíbených položek | Řádek oblíbených položek
    Ostatní oblíbené položky | Panel so záložkami | Lišta záložiek | Panel záložiek | Ďalšie záložky
    Ostatné záložky | Iné záložky | Mobilné záložky | Záložky v mobile | Ponuka Záložky
    Nezatriedené záložky

    Könyvjelzők | Könyvjelzősáv | Egyéb könyvjelzők | Más könyvjelzők | További könyvjelzők
    Mobilkönyvjelzők
    Mobil könyvjelzők | Könyvjelző eszköztár | Könyvjelzők eszköztár | Könyvjelzők menü
    Rendezetlen könyvjelzők
    Kedvencek | Kedvencek sáv | Egyéb kedvencek
    Marcaje | Bara de marcaje | Alte marcaje | Marcaje mobile | Meniul marcajelor | Bara de preferințe
    Σελιδοδείκτες | Γραμμή σελιδοδεικτών | Άλλοι σελιδοδείκτες | Σελιδοδείκτες κινητού | Μενού σελιδοδεικτών
    Αγαπημένα | Γραμμή αγαπημένων | Άλλα αγαπημένα
    Yer imleri | Yer işaretleri | Yer işareti çubuğu | Yer işaretleri çubuğu | Diğer yer işaretleri
    Mobil yer işaretleri | Yer imleri araç çubuğu | Yer imleri menüsü | Diğer yer imleri | Mobil yer imleri
    Sık kullanılanlar | Sık kullanılanlar çubuğu | Diğer sık kullanılanlar

    Bokmärken | Bokmärkesfält | Bokmärkesfältet | Övriga bokmärken | Andra bokmärken | Mobila bokmärken
    Bokmärkesmenyn | Bokmärkesmeny | Osorterade bokmärken | Favoriter | Favoritfältet | Andra favoriter
    Övriga favoriter | Bogmærker | Bogmærkelinje | Bogmærkelinjen | Bogmærkeværktøjslinje | Andre bogmærker
    Mobilbogmærker | Mobile bogmærker | Bogmærkemenu | Bogmærkemenuen | Usorterede bogmærker | Favoritter
    Favoritlinje | Favoritlinjen | Linjen Favoritter | Andre favoritter | Bokmerker | Bokmerkelinje
    Bokmerkelinjen | Bokmerkerad | Bokmerkeverktøylinje | Andre bokmerker | Mobilbokmerker
    Mobile bokmerker
    Bokmerkemeny | Bokmerkemenyen | Usorterte bokmerker | Favorittlinje | Favorittlinjen | Kirjanmerkit
    Kirjanmerkkipalkki | Muut kirjanmerkit | Mobiilikirjanmerkit | Kirjanmerkit-valikko
    Kirjanmerkkivalikko
    Järjestämättömät kirjanmerkit | Suosikit | Suosikkipalkki | Muut suosikit

    ブックマーク | ブックマーク バー | ブックマークバー | その他のブックマーク | 他のブックマーク
    モバイルのブックマーク | モバイル ブックマーク | ブックマークツールバー | ブックマーク ツールバー
    ブックマークメニュー | 未整理のブックマーク | お気に入り | お気に入りバー | その他のお気に入り
    모바일 북마크 | 북마크 | 북마크바 | 북마크 바 | 북마크 막대 | 기타 북마크 | 다른 북마크
    북마크 도구 모음 | 북마크 메뉴
    분류되지 않은 북마크 | 즐겨찾기 | 즐겨찾기 모음 | 기타 즐겨찾기
    书签 | 书签栏 | 其他书签 | 其它书签 | 移动设备书签 | 移动设备上的书签 | 手机书签 | 书签工具栏 | 书签菜单
    未分类书签
    未排序的书签 | 收藏夹 | 收藏夹栏 | 其他收藏夹 | 个人收藏
    書籤 | 書籤列 | 其他書籤 | 行動裝置書籤 | 行動書籤 | 書籤工具列 | 書籤選單 | 未分類書籤 | 未排序的書籤
    我的最愛
    我的最愛列 | 其他我的最愛 | 喜好項目

    الإشارات المرجعية | شريط الإشارات المرجعية | شريط الإشارات | إشارات مرجعية أخرى
    الإشارات المرجعية الأخرى
    إشارات الجوّال المرجعية | شريط أدوات العلامات | قائمة العلامات | علامات أخرى | شريط المفضلة | المفضلة
    סימניות | סרגל הסימניות | סימניות אחרות | סימניות בנייד | סרגל כלים של סימניות | תפריט סימניות
    نشانک‌ها | نوار نشانک‌ها | نوار نشانک | نشانک‌های دیگر | سایر نشانک‌ها
    Bilah bookmark | Bookmark lain | Bookmark lainnya | Bookmark seluler | Bilah favorit | Favorit lainnya
    Dấu trang | Thanh dấu trang | Dấu trang khác | Dấu trang trên thiết bị di động | Dấu trang di động
    บุ๊กมาร์ก | แถบบุ๊กมาร์ก | บุ๊กมาร์กอื่นๆ | บุ๊กมาร์กอื่น ๆ | บุ๊กมาร์กในอุปกรณ์เคลื่อนที่
    बुकमार्क | बुकमार्क बार | अन्य बुकमार्क | मोबाइल बुकमार्क
    Adreces d'interès | Barra d'adreces d'interès | Altres adreces d'interès | Adreces d'interès mòbils
    Barra de les adreces d'interès | Menú d'adreces d'interès | Preferits | Barra de preferits
    Altres preferits
    Oznake | Traka oznaka | Traka s oznakama | Ostale oznake | Mobilne oznake | Knjižne oznake
    Izbornik oznaka
    Трака са обележивачима | Остали обележивачи | Обележивачи | Traka sa obeleživačima | Ostali obeleživači
    Zaznamki | Vrstica z zaznamki | Drugi zaznamki | Mobilni zaznamki | Meni z zaznamki
    Žymės | Žymių juosta | Kitos žymės | Mobiliosios žymės | Adresynas | Kiti adresyno įrašai
    Grāmatzīmes | Grāmatzīmju josla | Citas grāmatzīmes | Mobilās grāmatzīmes
    Järjehoidjad | Järjehoidjariba | Muud järjehoidjad | Mobiili järjehoidjad
"""


def deeper(folders: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Return the path of the folder `name` in `folders`; nameless and absurdly deep folders add nothing to it."""
    return (*folders, name) if name and len(folders) < _MAX_DEPTH else folders


def is_browser_root(name: str) -> bool:
    """Tell whether a folder at the top of an export is one of a browser's own."""
    key = _key(name)
    return key in _ROOT_KEYS or key in _READING_LIST_KEYS


def is_reading_list(name: str) -> bool:
    """Tell whether a folder at the top of an export is the list of pages to read later."""
    return _key(name) in _READING_LIST_KEYS


def _key(name: str) -> str:
    return " ".join(name.split()).casefold().replace("\u2019", "'")


def _keys(names: str) -> frozenset[str]:
    return frozenset(_key(name) for line in names.splitlines() for name in line.split("|") if name.strip())


_READING_LIST_KEYS = _keys(_READING_LISTS)
_ROOT_KEYS = _keys(_ROOTS)
