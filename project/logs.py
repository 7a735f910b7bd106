"""How the log looks: lines for people, or one JSON object per line for machines. Needs no Django.

Nothing of a file, no address of a bookmark and no password belongs into it. What could bring one along although nobody
meant to is taken out here.
"""

import logging
import re
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS, LogData
from pythonjsonlogger.json import JsonFormatter

from imports.job_context import job_fields

FORMATS = ("text", "json")

type Fields = dict[str, str | int]

request_fields: ContextVar[Callable[[], Fields] | None] = ContextVar("request", default=None)
"""What the log should say about the request that is being answered, asked for each entry."""

# What a record may carry that is too much for a log: of a request, its query is.
_LEFT_OUT = ("request", "server_time")
_ON_THE_LINE = ("request_id", "user_id")
_SECRETS = (
    # PostgreSQL quotes values of the row that it refused. The next line of a traceback, if any, begins like these.
    (re.compile(r"^(?:DETAIL|CONTEXT|LINE \d+):.*?(?=^\n?(?:The above|During)|\Z)", re.MULTILINE | re.DOTALL), "…\n"),
    # Whoever has the link may set a new password.
    (re.compile(r"(/accounts/reset/)[^/\s]+/[^/\s]+"), r"\1…"),
)


def redacted(text: str) -> str:
    """Return a text for the log without what it must not tell."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


class ContextFilter(logging.Filter):
    """Adds to each record for which request and user, or for which job, it was written."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass; what it says itself about these counts."""
        about_request = request_fields.get()
        fields = (about_request() if about_request else {}) | job_fields()
        for name, value in fields.items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


class TextFormatter(logging.Formatter):
    """One line, and a traceback below it."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name}: {message}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line, with the request that it belongs to."""
        known = [f"{name}={getattr(record, name)}" for name in _ON_THE_LINE if hasattr(record, name)]
        return super().formatMessage(record) + (f" [{' '.join(known)}]" if known else "")

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record."""
        return redacted(super().format(record))


class OneObjectFormatter(JsonFormatter):
    """One JSON object on one line: time (UTC), level, logger, message, traceback if any, and the record's fields."""

    def __init__(self) -> None:
        super().__init__(
            "{levelname}{name}{message}",
            style="{",
            timestamp="time",
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "traceback", "status_code": "status"},
            reserved_attrs=[*RESERVED_ATTRS, *_LEFT_OUT],
        )

    def add_fields(self, log_data: LogData, record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Collect the fields."""
        super().add_fields(log_data, record, message_dict)
        for name in ("message", "traceback"):
            if isinstance(text := log_data.get(name), str):
                log_data[name] = redacted(text)


FORMATTERS: dict[str, Callable[[], logging.Formatter]] = {"text": TextFormatter, "json": OneObjectFormatter}


def configuration(log_format: str) -> dict[str, Any]:  # the shape of logging.config.dictConfig's argument
    """Return what LOGGING has to be for one of FORMATS: everything to standard error."""
    bare = {"handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"chosen": {"()": FORMATTERS[log_format]}},
        "filters": {"context": {"()": ContextFilter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "chosen", "filters": ["context"]}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "imports": {"level": "INFO"},
            "project": {"level": "INFO"},
            # Django's own handlers know nothing of the format, and would mail what errors bring along.
            "django": {"level": "INFO", **bare},
            "django.server": bare,
            # One line per message that is enqueued and executed would drown the log of the imports. Without a handler
            # of its own the queue would make itself one.
            "django-q": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        },
    }
