"""The site's URLs."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from project import views

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="bookmarks:list"), name="home"),
    path("", include("bookmarks.urls")),
    path("import/", include("imports.urls")),
    path("accounts/", include("project.account_urls")),
    path("admin/", admin.site.urls),
    path("language/", set_language, name="set_language"),
    path("healthz", views.healthz, name="healthz"),
]
