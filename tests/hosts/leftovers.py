"""What is left in the storage when every import has come to its end, and a sweep has had its day."""

from collections.abc import Iterator
from datetime import timedelta
from unittest.mock import patch

from imports import uploads
from imports.models import ImportJob
from tests.hosts.endpoint import Endpoint


def leftovers(endpoint: Endpoint) -> Iterator[str]:
    """Yield what should not be there: files after all are swept that have no job, or whose job has ended."""
    with patch.object(uploads, "ORPHAN_AGE", timedelta(seconds=-60)):
        uploads.delete_expired()
        uploads.delete_orphans()
    if left := endpoint.objects():
        yield f"{len(left)} files stay in the storage: {left[:3]}"
    active = ImportJob.objects.active().count()
    if active:
        yield f"{active} imports have not ended"
