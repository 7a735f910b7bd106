"""Dates as export files write them, in every unit seen; an implausible date is unknown, never a guess."""

from datetime import datetime


def from_unix(value: object) -> datetime | None:
    """A Unix time as number or digits; seconds, milliseconds, microseconds or nanoseconds by magnitude."""
    raise NotImplementedError


def from_webkit(value: object) -> datetime | None:
    """Microseconds since 1601-01-01 UTC, as number or digits (Chrome)."""
    raise NotImplementedError


def from_cocoa(value: object) -> datetime | None:
    """Seconds since 2001-01-01 UTC, as number or digits (Apple)."""
    raise NotImplementedError


def from_iso(value: object) -> datetime | None:
    """An ISO 8601 or RFC 3339 text; without an offset it is UTC."""
    raise NotImplementedError


def from_any(value: object) -> datetime | None:
    """Any of the above, RFC 822, or a server log's `10/Oct/2000:13:55:36 +0000`."""
    raise NotImplementedError
