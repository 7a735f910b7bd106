"""What the queue calls. Thin: a message only wakes a worker, `imports.lifecycle` knows whether there is work."""

import logging

from imports import lifecycle, news, pipeline, prepared, uploads
from imports.job_context import at_job
from imports.models import ImportJob
from imports.stopping import should_stop

logger = logging.getLogger("imports")

_DAY = 24 * 3600


def process_import_job(import_job_id: int, wake: int | None = None) -> None:
    """Claim a job and work on it for one slice; do nothing when it has ended, or another worker is at it.

    A worker that was asked to stop may still be given what it had fetched: that goes back to the queue.
    """
    if should_stop():
        lifecycle.hand_back(import_job_id)
        return
    with at_job(import_job_id):
        claimed = lifecycle.claim(import_job_id, wake)
    if claimed is None:
        return
    with at_job(claimed.job_id, fence=claimed.fence):
        try:
            pipeline.run_slice(claimed, should_stop=should_stop, seconds=pipeline.SLICE_SECONDS)
        except Exception:
            # The queue logs it as well, but does not know the job.
            logger.exception("import job %s: a slice failed", claimed.job_id)
            raise


def send_news(import_job_id: int) -> None:
    """Send the email that a person asked for about a job that has ended."""
    news.send(import_job_id)


def sweep() -> None:
    """Wake jobs whose worker died or whose message was lost, and delete files that nobody needs any more."""
    lifecycle.note_alive()
    lifecycle.wake_lost()
    uploads.delete_expired()
    uploads.delete_orphans()
    uploads.delete_forgotten()
    active = set(ImportJob.objects.active().values_list("pk", flat=True))
    prepared.discard_stale(active, older_than_seconds=_DAY)
