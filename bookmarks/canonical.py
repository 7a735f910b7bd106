"""URL to comparison form to hash: when two URLs are the same bookmark. Pure; must know nothing of Django.

A false match loses a bookmark, a missed one only shows it twice: what is not surely the same stays different.
"""

import re
import unicodedata
from encodings.idna import nameprep
from hashlib import sha256
from operator import itemgetter

_DEFAULT_PORTS = {"http": "80", "https": "443"}

# Names that only advertising, mailing and sharing services set, for measuring; no site selects content by
# them. `ref`, `referrer`, `source` and the like are left alone: real sites do.
_CLICK_IDS = frozenset(
    {
        *("fbclid", "gclid", "gclsrc", "gbraid", "wbraid", "dclid", "srsltid", "msclkid", "twclid", "ttclid"),
        *("rdt_cid", "li_fat_id", "ScCid", "igshid", "yclid", "ysclid", "irclickid", "mc_cid", "mc_eid"),
        *("mkt_tok", "_hsenc", "_hsmi", "vero_id", "oly_anon_id", "oly_enc_id", "wickedid"),
    }
)

_WEB_URL = re.compile(
    r"""
    (?P<scheme>https?)://
    (?P<userinfo>[^/?#\\]*@)?
    (?P<host>\[[^/?#\\@\[\]]*\]|[^/?#\\@:\[\]]+)
    (?P<port>:[0-9]*)?
    (?P<path>/[^?#]*)?
    (?:\?(?P<query>[^#]*))?
    (?P<fragment>\#.*)?
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII | re.DOTALL,
)

# What most URLs look like: nothing to change before the query, a single slash at the end apart. Possessive
# throughout, so a URL that does not fit is given up after one look at each character.
_PLAIN_URL = re.compile(
    r"(https?://[a-z0-9-]++(?:\.[a-z0-9-]++)*+(?:/[^/?#%.][^/?#%]*+)*+)/?+(?:\?([^#]*+))?+(#.*+)?+",
    re.DOTALL,
)

_UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")

_IDNA_DOT = re.compile("[.\u3002\uff0e\uff61]")
_LAST_DOT = re.compile("(?<=[^.\u3002\uff0e\uff61])[.\u3002\uff0e\uff61]\\Z")
_ASCII_LABEL = re.compile(r"[a-z0-9_-]+")
_IDNA_DEVIATION = re.compile("([ßς\u200c\u200d])")
_MAX_HOST = 253
_MAX_LABEL = 63
_ASCII_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def unique_hash(url: str) -> str:
    """Return the 32 lower-case hex digits under which an owner has a bookmark once."""
    form = comparison_form(url)
    return sha256(form.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def comparison_form(url: str) -> str:
    """Return the text that two URLs share exactly when they are the same bookmark.

    Takes any text, raises nothing, takes time linear in its length, and gives its own result back
    unchanged. What is no http or https URL with a host is its own form. After RFC 3986 section 6.2.2 and
    6.2.3, with the query taken as parameters (WHATWG URL section 5.1).
    """
    plain = _PLAIN_URL.fullmatch(url)
    if plain is None:
        return _thorough_form(url)
    form, query, fragment = plain.groups()
    if query:
        form += _query_form(query)
    return form + fragment if fragment else form


def _thorough_form(url: str) -> str:
    parts = _WEB_URL.fullmatch(url)
    if parts is None:
        return url
    scheme = parts["scheme"].lower()
    return "".join(
        (
            f"{scheme}://",
            parts["userinfo"] or "",
            _host_form(parts["host"]),
            _port_form(parts["port"] or "", scheme=scheme),
            _path_form(parts["path"] or ""),
            _query_form(parts["query"] or ""),
            parts["fragment"] or "",
        )
    )


def _host_form(host: str) -> str:
    host = _LAST_DOT.sub("", host)
    ascii_host = host if host.isascii() else _punycode_host(host)
    return ascii_host.translate(_ASCII_LOWER)


def _punycode_host(host: str) -> str:
    """Return the host in ASCII, or as it is when it is no international domain name.

    The standard library's IDNA 2003 serves for all characters but the four whose meaning changed in
    IDNA 2008 (UTS 46, deviation characters): browsers now keep `faß.de` and `fass.de` apart, and so do we.
    """
    if len(host) > _MAX_HOST:  # punycode takes quadratic time
        return host
    try:
        return ".".join([_punycode_label(label) for label in _IDNA_DOT.split(host)])
    except UnicodeError:
        return host


def _punycode_label(label: str) -> str:
    parts = _IDNA_DEVIATION.split(label)
    if len(parts) == 1:
        encoded = label.encode("idna").decode("ascii").lower()
    else:
        # `split` with a group: texts at even places, the deviation characters between them.
        kept = "".join([part if place % 2 else nameprep(part) for place, part in enumerate(parts)])
        encoded = "xn--" + unicodedata.normalize("NFC", kept).encode("punycode").decode("ascii")
    # Some characters become delimiters, as U+2100 does: then it was no host at all.
    if len(encoded) > _MAX_LABEL or not _ASCII_LABEL.fullmatch(encoded):
        raise UnicodeError("not a label")
    return encoded


def _port_form(port: str, *, scheme: str) -> str:
    digits = port[1:]
    if not digits:
        return ""
    number = digits.lstrip("0") or "0"
    return "" if number == _DEFAULT_PORTS[scheme] else f":{number}"


def _path_form(path: str) -> str:
    """Resolve dot segments as RFC 3986 section 5.2.4 does, then drop the slash at the end if it is single."""
    segments = [_unescape(segment, table=_PATH_ESCAPES) for segment in path.split("/")]
    resolved: list[str] = []
    for segment in segments[1:]:
        if segment == "..":
            del resolved[-1:]
        elif segment != ".":
            resolved.append(segment)
    if segments[-1] in {".", ".."}:
        resolved.append("")
    if resolved and not resolved[-1] and (len(resolved) == 1 or resolved[-2]):
        resolved.pop()
    return "".join(f"/{segment}" for segment in resolved)


def _query_form(query: str) -> str:
    kept = []
    for given in query.split("&"):
        parameter = _unescape(given, table=_QUERY_ESCAPES) if "%" in given else given
        key, _, value = parameter.partition("=")
        if key not in _CLICK_IDS and not key.startswith("utm_"):
            kept.append((key, parameter if value else key))
    if len(kept) > 1:
        kept.sort(key=itemgetter(0))
    form = "&".join([parameter for _, parameter in kept])
    return f"?{form}" if form else ""


def _unescape(text: str, *, table: dict[str, str]) -> str:
    # Beside a stray percent sign, a decoded digit could make a new escape: `%%34%31` is not `%41`.
    if "%" not in text or _STRAY_PERCENT.search(text):
        return text
    return _ESCAPE.sub(lambda escape: table[escape[0]], text)


def _escape_table(decoded: str) -> dict[str, str]:
    """Map every spelling of every escape to the character, if it is one of `decoded`, or to upper case."""
    digits = "0123456789ABCDEFabcdef"
    table = {}
    for escape in (f"%{high}{low}" for high in digits for low in digits):
        character = chr(int(escape[1:], 16))
        table[escape] = character if character in decoded else escape.upper()
    return table


_PATH_ESCAPES = _escape_table(_UNRESERVED)
# Forms write a comma as an escape, people and scripts as itself; it separates nothing in a query.
_QUERY_ESCAPES = _escape_table(_UNRESERVED + ",")
