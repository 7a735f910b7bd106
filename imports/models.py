"""The import job, and the records of items that did not become bookmarks."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookmarks.models import OwnedQuerySet, TimestampedModel
from imports.options import ImportOptions, options_from


class Status(models.TextChoices):
    """The states of a job. `imports.lifecycle` draws the arrows between them."""

    PENDING = "pending", _("pending")
    PROCESSING = "processing", _("processing")
    COMPLETED = "completed", _("completed")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")
    PREVIEWED = "previewed", _("previewed")
    UNDONE = "undone", _("undone")


class Work(models.TextChoices):
    """What a worker does, or last did, with a job."""

    PREVIEW = "preview", _("preview")
    IMPORT = "import", _("import")
    UNDO = "undo", _("undo")


ACTIVE = (Status.PENDING, Status.PROCESSING)
RETRYABLE = (Status.FAILED, Status.CANCELLED)


class ImportJobQuerySet(OwnedQuerySet["ImportJob"]):
    """Reads of jobs."""

    def owned_by(self, owner: object) -> "ImportJobQuerySet":
        """Only the jobs of this user that are in the history."""
        return self.filter(user=getattr(owner, "pk", None), is_forgotten=False)

    def active(self) -> "ImportJobQuerySet":
        """Jobs that still have work before them."""
        return self.filter(status__in=ACTIVE)

    def unattended(self, now: datetime) -> "ImportJobQuerySet":
        """Active jobs that no worker holds: their lease has run out, or they have none."""
        return self.active().filter(Q(lease_expires_at=None) | Q(lease_expires_at__lt=now))

    def held(self, now: datetime) -> "ImportJobQuerySet":
        """Active jobs that a worker holds."""
        return self.active().filter(lease_expires_at__gt=now)

    def count_workers(self) -> int:
        """Return how many workers hold these jobs."""
        return self.values("claimed_by").distinct().count()

    def first_in_line(self) -> "ImportJobQuerySet":
        """Only the oldest active job of each user: the others wait for it."""
        earlier = ImportJob.objects.active().filter(user=OuterRef("user"), pk__lt=OuterRef("pk"))
        return self.filter(~Exists(earlier))


class ImportJob(TimestampedModel):
    """One file on its way to becoming bookmarks.

    The table is the truth about a job: a message in the queue only wakes a worker, which then claims the job here.
    At every moment `processed_bookmarks` is the position in the file, and the sum of what became of the items
    before it. Only `imports.lifecycle` writes the status, the claim and the counters.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="import_jobs")
    file_path = models.CharField(_("stored file"), max_length=255)
    file_name = models.CharField(_("file name"), max_length=255, blank=True)
    file_size = models.PositiveBigIntegerField(_("file size in bytes"), default=0)
    has_upload = models.BooleanField(_("file is still stored"), default=True)
    detected_format = models.CharField(_("format"), max_length=64, blank=True)
    content_hash = models.CharField(_("SHA-256 of the file"), max_length=64, blank=True)
    same_file_as = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="+", db_index=False)
    import_options = models.JSONField(_("options"), default=dict)
    work = models.CharField(_("work"), max_length=16, choices=Work, default=Work.IMPORT)
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.PENDING)
    error_message = models.TextField(_("error message"), blank=True)
    notices = models.JSONField(_("notices"), default=list)
    can_import_partly = models.BooleanField(_("readable up to a break"), default=False)

    total_bookmarks = models.PositiveIntegerField(_("total"), default=0)
    processed_bookmarks = models.PositiveIntegerField(_("processed"), default=0)
    created_bookmarks = models.PositiveIntegerField(_("new"), default=0)
    updated_bookmarks = models.PositiveIntegerField(_("updated"), default=0)
    skipped_bookmarks = models.PositiveIntegerField(_("skipped"), default=0)
    failed_bookmarks = models.PositiveIntegerField(_("failed"), default=0)
    failed_bookmark_details = models.JSONField(_("first rejected items"), default=list)
    # Also when the counters begin anew; what the database has for it serves workers of the release before.
    has_written = models.BooleanField(default=False, db_default=False, editable=False)
    years = models.JSONField(_("items by year"), default=dict)
    preview = models.JSONField(_("preview"), default=dict, blank=True)

    undo_total = models.PositiveIntegerField(_("to be undone"), default=0)
    removed_bookmarks = models.PositiveIntegerField(_("removed by the undo"), default=0)
    restored_bookmarks = models.PositiveIntegerField(_("restored by the undo"), default=0)
    kept_bookmarks = models.PositiveIntegerField(_("kept by the undo"), default=0)
    undo_position = models.BigIntegerField(_("last bookmark that the undo has been at"), default=0)

    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    prepared_at = models.DateTimeField(_("total known"), null=True, blank=True)
    resumed_from = models.PositiveIntegerField(_("position when the total was known"), default=0)
    completed_at = models.DateTimeField(_("ended"), null=True, blank=True)

    wake = models.PositiveBigIntegerField(_("number of the awaited message"), default=0)
    woken_at = models.DateTimeField(_("last woken"), default=timezone.now)
    fence = models.PositiveBigIntegerField(_("number of the last claim"), default=0)
    claimed_by = models.CharField(_("worker"), max_length=255, blank=True)
    lease_expires_at = models.DateTimeField(_("claim expires"), null=True, blank=True)
    deaths = models.PositiveIntegerField(_("worker deaths since progress"), default=0)
    careful_until = models.PositiveIntegerField(_("position up to which items go one by one"), default=0)
    is_forgotten = models.BooleanField(_("removed from the history"), default=False)

    objects = ImportJobQuerySet.as_manager()

    class Meta:
        verbose_name = _("import job")
        verbose_name_plural = _("import jobs")
        ordering = ["-created", "-pk"]
        indexes = [
            models.Index(fields=["user", "-created", "-id"], name="job_history"),
            models.Index(fields=["user", "content_hash"], name="job_same_file"),
            models.Index(fields=["status"], name="job_active", condition=Q(status__in=["pending", "processing"])),
        ]

    def __str__(self) -> str:
        return f"Import job {self.pk} of {self.user} ({self.status})"

    @property
    def options(self) -> ImportOptions:
        """What the person chose."""
        return options_from(self.import_options)

    @property
    def is_active(self) -> bool:
        """Whether the row on the page may still change by itself."""
        return self.status in ACTIVE

    @property
    def is_reading(self) -> bool:
        """Whether a worker is still finding out how much there is to do: it reads the file, as a rule."""
        return self.status == Status.PROCESSING and self.prepared_at is None

    @property
    def is_undo(self) -> bool:
        """Whether the import is being taken back, was, or partly was."""
        return self.work == Work.UNDO

    @property
    def awaits_decision(self) -> bool:
        """Whether the person has a preview to look at, and nothing was imported yet."""
        return self.status == Status.PREVIEWED

    @property
    def can_cancel(self) -> bool:
        """Whether a person may cancel the job now."""
        return self.is_active

    @property
    def can_retry(self) -> bool:
        """Whether a person may start the import again now."""
        if self.status == Status.UNDONE:
            return self.has_upload
        return self.status in RETRYABLE and self.has_upload and not self.is_undo

    @property
    def can_resume(self) -> bool:
        """Whether there is a position to resume from, beside starting over."""
        return self.can_retry and not self.is_undo and 0 < self.processed_bookmarks < self.total_bookmarks

    @property
    def can_undo(self) -> bool:
        """Whether a person may take the import back now, or go on with doing so."""
        if self.is_undo:
            return self.status in RETRYABLE
        wrote = self.has_written or self.created_bookmarks + self.updated_bookmarks > 0
        return wrote and self.status in {Status.COMPLETED, *RETRYABLE}

    @property
    def can_forget(self) -> bool:
        """Whether a person may remove the job from the history now."""
        return not self.is_active

    @property
    def done_items(self) -> int:
        """How many items of the present work are done: of the file, or of what an undo goes through."""
        if self.is_undo:
            return self.removed_bookmarks + self.restored_bookmarks + self.kept_bookmarks
        return self.processed_bookmarks

    @property
    def all_items(self) -> int:
        """How many items the present work has; 0 until that is known."""
        return self.undo_total if self.is_undo else self.total_bookmarks

    @property
    def progress_percentage(self) -> int:
        """How much is done, from 0 to 100; 100 only when everything is."""
        if self.status in {Status.COMPLETED, Status.UNDONE}:
            return 100
        if not self.all_items:
            return 0
        return min(100, 100 * self.done_items // self.all_items)

    @property
    def upload_expires_at(self) -> datetime | None:
        """When the stored file of a job that ended without success, or waits for a decision, will be deleted."""
        waiting = {*RETRYABLE, Status.PREVIEWED, Status.UNDONE}
        if self.status not in waiting or not self.has_upload or self.completed_at is None:
            return None
        return self.completed_at + timedelta(days=settings.IMPORT_RETENTION_DAYS)

    @property
    def items_per_second(self) -> float | None:
        """The rate since the total was known; None before there is one."""
        done = self.done_items - self.resumed_from
        if self.prepared_at is None or done <= 0:
            return None
        seconds = ((self.completed_at or timezone.now()) - self.prepared_at).total_seconds()
        return done / seconds if seconds > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """The estimated time to the end while the job is processing; None when it cannot be told."""
        rate = self.items_per_second
        if self.status != Status.PROCESSING or not rate:
            return None
        return max(0, self.all_items - self.done_items) / rate

    def update_progress(
        self,
        processed: int,
        failed: int = 0,
        *,
        created: int | None = None,
        updated: int = 0,
        skipped: int = 0,
        lease_expires_at: datetime | None = None,
    ) -> None:
        """Advance the counters by what a batch did: the one place where they grow. One UPDATE, no lost increments.

        `created` is what remains of `processed` when not given. `lease_expires_at` renews the worker's claim.
        """
        if created is None:
            created = processed - failed - updated - skipped
        ImportJob.objects.filter(pk=self.pk).update(
            processed_bookmarks=F("processed_bookmarks") + processed,
            created_bookmarks=F("created_bookmarks") + created,
            updated_bookmarks=F("updated_bookmarks") + updated,
            skipped_bookmarks=F("skipped_bookmarks") + skipped,
            failed_bookmarks=F("failed_bookmarks") + failed,
            lease_expires_at=lease_expires_at or F("lease_expires_at"),
            deaths=0,
            updated=timezone.now(),
        )


class Happening(models.TextChoices):
    """What the timeline of a job tells."""

    QUEUED = "queued", _("queued")
    STARTED = "started", _("a worker took it up")
    READ = "read", _("file read")
    PROGRESS = "progress", _("progress")
    PAUSED = "paused", _("a slice ended")
    DIED = "died", _("a worker stopped in the middle")
    PREVIEWED = "previewed", _("preview ready")
    CONFIRMED = "confirmed", _("import confirmed")
    COMPLETED = "completed", _("completed")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")
    RETRIED = "retried", _("retried")
    UNDO = "undo", _("undo asked for")
    UNDONE = "undone", _("undone")
    FIXED = "fixed", _("rejected items fixed")


class JobEvent(models.Model):
    """One entry of a job's timeline, committed together with what it tells."""

    job = models.ForeignKey(ImportJob, models.CASCADE, related_name="events", db_index=False)
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=16, choices=Happening)
    position = models.PositiveBigIntegerField(_("items done by then"), default=0)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["job", "id"], name="timeline")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.kind} at {self.position}"


class Heartbeat(models.Model):
    """When a worker last showed a sign of life: the one row, with primary key 1."""

    seen = models.DateTimeField()

    def __str__(self) -> str:
        return f"last seen {self.seen:%Y-%m-%d %H:%M:%S}"


class RejectedItem(models.Model):
    """One item of a file that did not become a bookmark, and why."""

    job = models.ForeignKey(ImportJob, models.CASCADE, related_name="rejected_items", db_index=False)
    position = models.PositiveIntegerField(_("position in the file, from 1"))
    member = models.CharField(_("file inside the archive"), max_length=255, blank=True)
    title = models.TextField(_("title"), blank=True)
    url = models.TextField(_("URL"), blank=True)
    reason = models.TextField(_("reason"))
    fragment = models.TextField(_("what the file has there"), blank=True)

    class Meta:
        verbose_name = _("rejected item")
        verbose_name_plural = _("rejected items")
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["job", "position"], name="one_record_per_rejected_item")]

    def __str__(self) -> str:
        return f"{self.position}: {self.reason}"
