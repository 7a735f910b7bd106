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
]
