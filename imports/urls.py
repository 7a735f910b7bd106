"""URLs of the import page."""

from django.urls import path

from imports.views import active, detail, page, preview, rejected, undo

app_name = "imports"
urlpatterns = [
    path("", page.job_list, name="import"),
    path("active/", active.active, name="active"),
    path("submit/", page.import_submit, name="import_submit"),
    path("retry/", page.import_retry, name="import_retry"),
    path("cancel/", page.import_cancel, name="import_cancel"),
    path("<int:pk>/row/", page.job_row, name="job_row"),
    path("<int:pk>/preview/", preview.preview, name="preview"),
    path("<int:pk>/preview/sample/", preview.preview_sample, name="preview_sample"),
    path("<int:pk>/preview/again/", preview.preview_again, name="preview_again"),
    path("<int:pk>/preview/confirm/", preview.confirm, name="confirm"),
    path("<int:pk>/preview/discard/", preview.preview_discard, name="preview_discard"),
    path("<int:pk>/", detail.detail, name="detail"),
    path("<int:pk>/head/", detail.detail_head, name="detail_head"),
    path("<int:pk>/cancel/", detail.detail_cancel, name="detail_cancel"),
    path("<int:pk>/retry/", detail.detail_retry, name="detail_retry"),
    path("<int:pk>/undo/", undo.undo, name="undo"),
    path("<int:pk>/forget/", undo.forget, name="forget"),
    path("<int:pk>/rejected/", rejected.rejected, name="rejected"),
    path("<int:pk>/rejected/upload/", rejected.rejected_upload, name="rejected_upload"),
    path("<int:pk>/rejected/<int:position>/", rejected.rejected_row, name="rejected_row"),
    path("<int:pk>/rejected/<int:position>/fix", rejected.rejected_fix, name="rejected_fix"),
    path("<int:pk>/rejected.json", rejected.rejected_json, name="rejected_json"),
    path("<int:pk>/rejected.csv", page.rejected_csv, name="rejected_csv"),
]
