"""Dates as export files write them, in every unit seen; an implausible date is unknown, never a guess.

Plausible is what lies between 1990-01-01, before which nobody kept bookmarks, and one day from now, which
allows for clocks that run ahead and for zones that were left out. Nothing here raises, whatever the value.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from email.utils import parsedate_to_datetime

_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
# What is not after the moment of loading is surely not in the future: the common case needs no clock.
_LOADED = datetime.now(UTC)
_SLACK = timedelta(days=1)

_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WEBKIT_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_COCOA_EPOCH = datetime(2001, 1, 1, tzinfo=UTC)

# Between the epochs' plausible windows lies a factor of a thousand, so the magnitude tells the unit.
_SECONDS_END = 10**11
_MILLISECONDS_END = 10**14
_MICROSECONDS_END = 10**17
_NANOSECONDS_END = 10**20

# Nine digits: as Cocoa seconds 2004 to 2026, as Unix seconds 1973 to 1995, before all bookmark files.
_COCOA_START = 100_000_000
_COCOA_END = 820_454_400

# Days as spreadsheets count them, from 1990 to 2099: as Unix seconds all of them would lie on the first of all days.
_SERIAL_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)
_SERIAL_START, _SERIAL_END = 32_874, 73_051
_DAY = 86_400_000_000

_UNIX_DIGITS = 10
_LONGEST_NUMBER = 32
_LONGEST_TEXT = 100
_DECIMAL = re.compile(r"[0-9]{1,20}\.[0-9]{0,10}", re.ASCII)
_ISO = re.compile(
    r"(?P<day>\d{4}[-/]\d{2}[-/]\d{2})"
    r"(?:[T ]\s*(?P<clock>\d{2}:\d{2})(?::(?P<second>\d{2})(?P<fraction>[.,]\d{1,30})?)?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII | re.IGNORECASE,
)
_SERVER_LOG = re.compile(
    r"(\d{1,2})/([A-Z]{3})/(\d{4}):(\d{2}):(\d{2}):(\d{2})(?:\s*([+-])(\d{1,4}))?", re.ASCII | re.IGNORECASE
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# What people and spreadsheets write: a day in one of four orders, and a clock of 12 or 24 hours.
_CLOCK = (
    r"(?:(?:,|T|\s+at)?\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d{1,9})?)?"
    r"\s*(?P<half>[AP]\.?M\b\.?)?)?\s*\(?(?:GMT|UTC|Z)?(?:(?P<sign>[+-])(?P<zone>\d{1,2}(?::?\d{2})?))?\)?(?:\s*\([^()]*\))?"
)
_WRITTEN = tuple(
    re.compile(rf"(?:[A-Z]{{3,9}},?\s+)?{day}{_CLOCK}", re.ASCII | re.IGNORECASE)
    for day in (
        r"(?P<name>[A-Z]{3,9})\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<year>\d{4})",
        r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?[\s-]+(?P<name>[A-Z]{3,9})[.,]?[\s-]+(?P<year>\d{4})",
        r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})",
        r"(?P<first>\d{1,2})(?P<mark>[-/.])(?P<other>\d{1,2})(?P=mark)(?P<year>\d{4})",
    )
)


def from_unix(value: object) -> datetime | None:
    """Return a Unix time, given as number or digits.

    Seconds, milliseconds, microseconds or nanoseconds by magnitude: one instant is the same date in each.
    """
    number = _number(value)
    if number is None or number >= _NANOSECONDS_END:
        return None
    if number < _SECONDS_END:
        if isinstance(number, int):
            return _plausible(datetime.fromtimestamp(number, UTC))
        return _after(_UNIX_EPOCH, round(number * 1_000_000))
    if number < _MILLISECONDS_END:
        return _after(_UNIX_EPOCH, round(number * 1000))
    if number < _MICROSECONDS_END:
        return _after(_UNIX_EPOCH, round(number))
    return _after(_UNIX_EPOCH, int(number) // 1000)


def from_webkit(value: object) -> datetime | None:
    """Return microseconds since 1601-01-01 UTC, given as number or digits (Chrome)."""
    number = _number(value)
    if number is None or number >= _MICROSECONDS_END:
        return None
    return _after(_WEBKIT_EPOCH, round(number))


def from_cocoa(value: object) -> datetime | None:
    """Return seconds since 2001-01-01 UTC, given as number or digits (Apple)."""
    number = _number(value)
    if number is None or number >= _SECONDS_END:
        return None
    return _after(_COCOA_EPOCH, round(number * 1_000_000))


def from_iso(value: object) -> datetime | None:
    """Return an ISO 8601 or RFC 3339 text as an instant; without an offset it is UTC.

    Also read: 1 to 30 digits of a fraction (cut to microseconds), seconds left out, a date alone, `+0200`,
    a space before the time or the offset, `UTC` or `GMT` at the end, `2024/01/31`, a leap second.
    """
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return _from_nearly_iso(value)
    return _in_utc(moment)


def from_any(value: object) -> datetime | None:
    """Return a date of unknown notation: any of the above, RFC 822, a server log's, or as a spreadsheet shows it.

    A number is Unix time by magnitude or, where it has 17 digits, WebKit's; one below 73051 is a spreadsheet's days
    since 1900. Nine digits below 820454400 (Unix: 1996-01-01, Cocoa: 2027-01-01) are Cocoa seconds, as Safari's HTML
    has them: as Unix seconds they would lie before 1996, when there were no files of bookmarks yet. From there on
    they are Unix seconds, as Netscape 2 and later wrote them. A server log's is `10/Oct/2000:13:55:36 +0300`. Of
    `3/4/2021` nobody can tell the month: such a date is unknown, unless the clock has AM or PM, as where the month
    comes first. A `datetime` is taken as it is, without an offset as UTC.
    """
    if not value:
        return None
    # Nearly every date there is: digits of a Unix time since 2001, of which nothing is left to be decided.
    if isinstance(value, str) and len(value) == _UNIX_DIGITS and value.isdigit() and value.isascii():
        return _plausible(datetime.fromtimestamp(int(value), UTC))
    if isinstance(value, datetime):
        return _in_utc(value)
    number = _number(value)
    if number is not None:
        if _SERIAL_START <= number < _SERIAL_END:
            return _after(_SERIAL_EPOCH, round(number * _DAY))
        if _COCOA_START <= number < _COCOA_END:
            return from_cocoa(number)
        return from_unix(number) or from_webkit(number)
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        return None
    return from_iso(value) or _from_server_log(value) or _from_written(value) or _from_rfc_822(value)


def _number(value: object) -> int | float | None:
    """Return a positive, finite number from a number or its digits."""
    if isinstance(value, str):
        number = _number_in(value)
    elif isinstance(value, bool):
        return None
    elif isinstance(value, (int, float)):
        number = value
    elif isinstance(value, Decimal) and value.is_finite():
        number = float(value)
    else:
        return None
    # NaN compares false with everything; infinity is above each of the bounds that follow.
    return number if number > 0 else None


def _number_in(text: str) -> int | float:
    """Return the number that a text consists of, or 0."""
    if len(text) > _LONGEST_NUMBER:
        return 0
    if not text.isdigit():
        text = text.strip()
    if text.isdigit() and text.isascii():
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else 0


def _after(epoch: datetime, microseconds: int) -> datetime | None:
    return _plausible(epoch + timedelta(microseconds=microseconds))


def _plausible(moment: datetime) -> datetime | None:
    if _EARLIEST <= moment <= _LOADED:
        return moment
    if moment < _EARLIEST or moment > datetime.now(UTC) + _SLACK:
        return None
    return moment


def _in_utc(moment: datetime) -> datetime | None:
    zone = moment.tzinfo
    if zone is UTC:
        return _plausible(moment)
    if zone is None:
        return _plausible(moment.replace(tzinfo=UTC))
    # At either end of the calendar an offset would lead outside of it.
    if not 1980 < moment.year < 9000:
        return None
    return _plausible(moment.astimezone(UTC))


def _from_nearly_iso(text: str) -> datetime | None:
    """Return what `datetime.fromisoformat` refuses although its meaning is beyond doubt."""
    match = _ISO.fullmatch(text.strip()) if len(text) <= _LONGEST_TEXT else None
    if match is None:
        return None
    second = match["second"] or "00"
    # A leap second has no place in a datetime; the second before it is the nearest there is.
    second = "59" if second == "60" else second
    fraction = (match["fraction"] or ".0")[1:7]
    zone = (match["zone"] or "Z").upper().replace("UTC", "Z").replace("GMT", "Z")
    day = match["day"].replace("/", "-")
    try:
        moment = datetime.fromisoformat(f"{day}T{match['clock'] or '00:00'}:{second}.{fraction}{zone}")
    except ValueError:
        return None
    return _in_utc(moment)


def _from_server_log(text: str) -> datetime | None:
    match = _SERVER_LOG.fullmatch(text.strip())
    if match is None or match[2].lower() not in _MONTHS:
        return None
    day, month, year = int(match[1]), _MONTHS.index(match[2].lower()) + 1, int(match[3])
    try:
        zone = timezone(_offset(match[7], match[8] or "0"))
        moment = datetime(year, month, day, int(match[4]), int(match[5]), int(match[6]), tzinfo=zone)
    except ValueError:
        return None
    return _in_utc(moment)


def _offset(sign: str | None, digits: str) -> timedelta:
    """Return an offset of one to four digits: hours alone, or hours and minutes."""
    hours, minutes = (int(digits), 0) if len(digits) <= 2 else divmod(int(digits), 100)
    offset = timedelta(hours=hours, minutes=minutes)
    return -offset if sign == "-" else offset


def _from_written(text: str) -> datetime | None:
    text = text.strip()
    match = next((match for pattern in _WRITTEN if (match := pattern.fullmatch(text))), None)
    if match is None:
        return None
    found = match.groupdict()
    half = (found["half"] or "").lower()
    hour = int(found["hour"] or 0)
    if half and not 1 <= hour <= 12:
        return None
    hour = hour % 12 + 12 * half.startswith("p") if half else hour
    try:
        month, day = _month_and_day(found, is_american=bool(half))
        zone = timezone(_offset(found["sign"], (found["zone"] or "0").replace(":", "")))
        clock = (hour, int(found["minute"] or 0), int(found["second"] or 0))
        return _in_utc(datetime(int(found["year"]), month, day, *clock, tzinfo=zone))
    except ValueError:
        return None


def _month_and_day(found: dict[str, str | None], *, is_american: bool) -> tuple[int, int]:
    """Return month and day as written; a month of 0, which there is not, where nobody can tell."""
    if name := found.get("name"):
        return _MONTHS.index(name[:3].lower()) + 1, int(found["day"] or 0)
    if month := found.get("month"):
        return int(month), int(found["day"] or 0)
    first, other = int(found["first"] or 0), int(found["other"] or 0)
    if found["mark"] == "." or first > 12 or first == other:
        return other, first
    return (first, other) if is_american or other > 12 else (0, 0)


def _from_rfc_822(text: str) -> datetime | None:
    try:
        return _in_utc(parsedate_to_datetime(text))
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
