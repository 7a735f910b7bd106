"""Which job this worker is at, for whatever is logged meanwhile. Pure: knows neither Django nor logging."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_fields: ContextVar[dict[str, int] | None] = ContextVar("job", default=None)


@contextmanager
def at_job(job_id: int, *, fence: int | None = None) -> Iterator[None]:
    """Say for the time of a `with` statement that this job is worked on, once it is claimed with its fence."""
    token = _fields.set({"job_id": job_id} if fence is None else {"job_id": job_id, "fence": fence})
    try:
        yield
    finally:
        _fields.reset(token)


def job_fields() -> dict[str, int]:
    """Return the number of the job and its fence as fields for the log; nothing while there is no job."""
    return dict(_fields.get() or {})
