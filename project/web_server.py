"""gunicorn's configuration. GUNICORN_CMD_ARGS in the environment overrides each line."""

import os
import signal
from pathlib import Path
from typing import Protocol

from gunicorn.config import Config
from gunicorn.glogging import Logger

from project import logs
from project.lifeline import die_with_parent
from project.supervisor import announce_readiness

worker_class = "gthread"
workers = 2
threads = 4
preload_app = True
timeout = 60
graceful_timeout = 5
loglevel = "warning"
control_socket_disable = True
# A heartbeat that waits for a disk makes gunicorn kill a busy worker.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - gunicorn makes a private file there


class Log(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's own log in the site's format."""

    def setup(self, cfg: Config) -> None:
        """Set gunicorn's handlers up."""
        super().setup(cfg)
        log_format = os.environ.get("LOG_FORMAT") or "text"  # a wrong one is for the settings to complain about
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(logs.FORMATTERS.get(log_format, logs.TextFormatter)())


logger_class = Log


class Worker(Protocol):
    """What is used of gunicorn's worker: the number of the process that forked it."""

    ppid: int


def post_fork(_server: object, worker: Worker) -> None:
    """End with the server, whatever ends it."""
    die_with_parent(signal.SIGKILL, parent=worker.ppid)


def post_worker_init(_worker: Worker) -> None:
    """Say that the site answers now."""
    announce_readiness()
