"""The site's own views."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from imports import lifecycle


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> JsonResponse:
    """Say whether the site works: 503 with the moment since when, while nothing processes the queue."""
    idle_since = lifecycle.idle_since()
    if idle_since is None:
        return JsonResponse({"status": "ok"})
    return JsonResponse({"status": "nothing processes the queue", "since": idle_since.isoformat()}, status=503)
