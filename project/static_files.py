"""Collected static files: each under a name of its content, and compressed."""

from typing import Any

from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # it has no types
    """As WhiteNoise's own, but the same everywhere.

    Where some other package brings Brotli along, compressing with that would take half a minute. And everybody may
    read them, unlike uploads: who collects them need not be who serves them.
    """

    def __init__(self, **options: Any) -> None:  # as Django calls it
        super().__init__(**{"file_permissions_mode": 0o644, **options})

    def create_compressor(self, **options: Any) -> Compressor:  # as WhiteNoise calls it
        """Return what compresses with gzip alone."""
        return Compressor(**{**options, "use_brotli": False})
