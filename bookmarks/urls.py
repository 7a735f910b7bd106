"""URLs of bookmarks and tags."""

from django.urls import path

from bookmarks import views

app_name = "bookmarks"
urlpatterns = [
    path("bookmarks/", views.bookmark_list, name="list"),
    path("bookmarks/new", views.new, name="new"),
    path("bookmarks/bulk", views.bulk_change, name="bulk"),
    path("bookmarks/<int:pk>/edit", views.edit, name="edit"),
    path("bookmarks/<int:pk>/delete", views.delete, name="delete"),
    path("bookmarks/export/<str:file_name>", views.export, name="export"),
    path("tags/", views.tag_list, name="tags"),
]
