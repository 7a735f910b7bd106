"""The site's URLs."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import set_language
from django_q.models import Schedule

from project import health, metrics

# A schedule names any function there is, and the worker calls it: a stolen session of an administrator must not be
# worth that much.
admin.site.unregister(Schedule)

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="bookmarks:list"), name="home"),
    path("", include("bookmarks.urls")),
    path("import/", include("imports.urls")),
    path("accounts/", include("project.account_urls")),
    path("admin/", admin.site.urls),
    path("language/", set_language, name="set_language"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
]
