"""URLs of the import page."""

from django.urls import path

from imports import views

app_name = "imports"
urlpatterns = [
    path("", views.job_list, name="import"),
    path("submit/", views.import_submit, name="import_submit"),
    path("retry/", views.import_retry, name="import_retry"),
    path("cancel/", views.import_cancel, name="import_cancel"),
    path("<int:pk>/row/", views.job_row, name="job_row"),
    path("<int:pk>/rejected.csv", views.rejected_csv, name="rejected_csv"),
]
