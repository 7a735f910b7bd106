"""What the site itself keeps: who has asked for what that not everybody may ask for all the time."""

from django.db import models
from django.utils import timezone


class Attempt(models.Model):
    """That somebody at an address asked for something that `project.throttling` counts. Kept for an hour or so."""

    what = models.CharField(max_length=16)
    address = models.CharField(max_length=45)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["what", "address", "at"], name="attempts_of_address")]

    def __str__(self) -> str:
        return f"{self.what} at {self.at:%Y-%m-%d %H:%M:%S}"
