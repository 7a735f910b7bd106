"""URLs of the import page."""

from django.urls import path

from imports.views import page

app_name = "imports"
urlpatterns = [
    path("", page.job_list, name="import"),
    path("submit/", page.import_submit, name="import_submit"),
    path("retry/", page.import_retry, name="import_retry"),
    path("cancel/", page.import_cancel, name="import_cancel"),
    path("<int:pk>/row/", page.job_row, name="job_row"),
    path("<int:pk>/rejected.csv", page.rejected_csv, name="rejected_csv"),
]
