"""Collected static files: each under a name of its content, and compressed."""

from typing import Any

from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # WhiteNoise has no types
    """As WhiteNoise's own, but the same everywhere.

    Where some other package brings Brotli along, compressing with that would take half a minute.
    """

    def create_compressor(self, **options: Any) -> Compressor:  # as WhiteNoise calls it
        """Return what compresses with gzip alone."""
        return Compressor(**{**options, "use_brotli": False})
