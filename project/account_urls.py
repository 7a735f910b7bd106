"""URLs of accounts."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from project import accounts

urlpatterns = [
    path("login/", accounts.login, name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("signup/", accounts.signup, name="signup"),
    path("profile/", accounts.profile, name="profile"),
    path("settings/", accounts.settings_page, name="settings"),
    path("password/", accounts.PasswordChangeView.as_view(), name="password_change"),
    path("export.zip", accounts.account_export, name="account_export"),
    path("delete/", accounts.account_delete, name="account_delete"),
    path("reset/", accounts.PasswordResetView.as_view(), name="password_reset"),
    path("reset/sent/", accounts.PasswordResetDoneView.as_view(), name="password_reset_done"),
    path("reset/<uidb64>/<token>/", accounts.PasswordResetConfirmView.as_view(), name="password_reset_confirm"),
]
