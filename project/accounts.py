"""Accounts: the first one, signing up, profile, settings, passwords, taking everything along, and deletion."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate
from django.contrib.auth import login as log_in
from django.contrib.auth import logout as log_out
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm, PasswordResetForm, SetPasswordForm, UserCreationForm
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from bookmarks.exports import EXPORTS
from bookmarks.requests import SeeOther, SignedInRequest
from project import throttling
from project.account_deletion import OnlyAdministratorError, close
from project.account_export import FILE_NAME, account_archive
from project.password_reset import ask_for_links


class SignupForm(UserCreationForm[User]):
    """A new account: name, optional address, password twice."""

    class Meta(UserCreationForm.Meta):
        model = User
        fields = ("username", "email")


class ProfileForm(forms.ModelForm[User]):
    """What a person may change about an account of their own."""

    class Meta:
        model = User
        fields = ("username", "first_name", "last_name", "email")


class OwnPasswordForm(PasswordChangeForm):
    """A new password for whoever knows the old one; wrong ones count as they do at the login."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:  # those of PasswordChangeForm
        super().__init__(*args, **kwargs)
        self._request = request

    def clean_old_password(self) -> str:
        """Return the old password, or refuse it."""
        password: str = self.cleaned_data["old_password"]
        if authenticate(self._request, username=self.user.get_username(), password=password) is None:
            raise forms.ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return password


class DeletionForm(forms.Form):
    """Asks for the password before everything goes."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class SignupClosedError(Exception):
    """Somebody has an account already, and new ones are not open to everybody."""


class NameTakenError(Exception):
    """Somebody took the name after the form was checked."""


def create_account(form: SignupForm) -> User:
    """Save the account of a valid `form`; the very first one is the site's administrator.

    Of visitors who come first at the same time only one becomes administrator.
    Raises SignupClosedError when there is an account by now and registration is not open, and NameTakenError.
    """
    # The password is hashed before the lock: that is the slow part.
    user = form.save(commit=False)
    with transaction.atomic():
        _lock_accounts()
        first = not User.objects.exists()
        if not (first or settings.REGISTRATION_OPEN):
            raise SignupClosedError
        if User.objects.filter(username=user.username).exists():
            raise NameTakenError
        user.is_staff = user.is_superuser = first
        user.save()
    return user


def _lock_accounts() -> None:
    """Keep others from creating an account until commit. SQLite's IMMEDIATE transactions do so by themselves."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE auth_user IN SHARE ROW EXCLUSIVE MODE")


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponseBase:
    """Log in; on a site without any account, lead to the creation of the first one."""
    if not User.objects.exists():
        return redirect("signup")
    return auth_views.LoginView.as_view(
        redirect_authenticated_user=True,
        extra_context={"registration_open": settings.REGISTRATION_OPEN, "has_mail": settings.IMPORT_EMAIL},
    )(request)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def signup(request: HttpRequest) -> HttpResponse:
    """Create the first account, or, where registration is open, any."""
    if request.user.is_authenticated:
        return redirect("home")
    first = not User.objects.exists()
    if not (first or settings.REGISTRATION_OPEN):
        messages.info(request, _("This site is set up already. Log in with your account."))
        return redirect("login")
    if request.method == "POST" and (refusal := throttling.refused(request, "signup")):
        return refusal
    form = SignupForm(request.POST or None)
    if form.is_valid():
        try:
            user = create_account(form)
        except SignupClosedError:
            messages.info(request, _("Somebody else has just created the first account of this site."))
            return redirect("login")
        except NameTakenError:
            form.add_error("username", _("A user with that username already exists."))
        else:
            log_in(request, user, backend="django.contrib.auth.backends.ModelBackend")
            messages.success(request, _("Welcome to Cairn! Your account is ready."))
            return redirect("home")
    return render(request, "registration/signup.html", {"form": form, "is_first": first})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: SignedInRequest) -> HttpResponse:
    """Show and change name and address."""
    # Not request.user itself, so that a name that is refused does not appear in the page's header.
    form = ProfileForm(request.POST or None, instance=User.objects.get(pk=request.user.pk))
    if form.is_valid():
        form.save()
        messages.success(request, _("Your profile was saved."))
        return redirect("profile")
    return render(request, "registration/profile.html", {"form": form})


@login_required
@require_safe
def settings_page(request: HttpRequest) -> HttpResponse:
    """Show what a person can set and take away: appearance, password, bookmarklet, exports."""
    return render(
        request,
        "registration/settings.html",
        {
            "exports": EXPORTS.values(),
            "bookmarklet": f"location.href='{request.build_absolute_uri(reverse('bookmarks:new'))}'"
            "+'?url='+encodeURIComponent(location.href)+'&title='+encodeURIComponent(document.title)",
        },
    )


class PasswordChangeView(auth_views.PasswordChangeView):
    """Change the password; every other session of the account ends."""

    form_class = OwnPasswordForm
    template_name = "registration/change_password.html"
    success_url = reverse_lazy("settings")

    def get_form_kwargs(self) -> dict[str, Any]:  # what Django hands to the form
        """Let the form know who asks."""
        return super().get_form_kwargs() | {"request": self.request}

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        """Say so."""
        messages.success(self.request, _("Your password was changed. Other devices have been logged out."))
        return super().form_valid(form)


@login_required
@require_safe
@never_cache
def account_export(request: SignedInRequest) -> HttpResponseBase:
    """Send everything that the account has, as it is read."""
    return StreamingHttpResponse(
        account_archive(request.user),
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{FILE_NAME}"'},
    )


@login_required
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def account_delete(request: SignedInRequest) -> HttpResponse:
    """Ask for the password, close the account, and have everything in it deleted."""
    form = DeletionForm(request.POST or None)
    if form.is_valid():
        # Not check_password: failures count here as they do at the login.
        user = authenticate(request, username=request.user.username, password=form.cleaned_data["password"])
        if user is None or user.pk != request.user.pk:
            form.add_error("password", _("This is not your password."))
        else:
            try:
                close(request.user)
            except OnlyAdministratorError:
                form.add_error(None, _("You are the only administrator. Make somebody else one first."))
            else:
                log_out(request)
                messages.success(request, _("Your account is closed, and everything in it is being deleted."))
                return SeeOther(reverse("login"))
    return render(request, "registration/account_delete.html", {"form": form})


class _NeedsMail:
    """Views that are there only where mail can be sent."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # as Django calls it
        """Answer that there is no such page on a site without mail."""
        if not settings.IMPORT_EMAIL:
            raise Http404
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]  # that of the view
        return response


class PasswordResetView(_NeedsMail, auth_views.PasswordResetView):
    """Ask for the address that the link goes to."""

    template_name = "registration/reset_ask.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # as Django calls it
        """Take the address, unless too many were sent from where this one comes."""
        return throttling.refused(request, "reset") or super().post(request, *args, **kwargs)

    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        """Answer the same whether there is such an account or not."""
        ask_for_links(form, self.request)
        return redirect("password_reset_done")


class PasswordResetDoneView(_NeedsMail, auth_views.PasswordResetDoneView):
    """Say that the link was sent, if there is an account to send it to."""

    template_name = "registration/reset_sent.html"


class PasswordResetConfirmView(_NeedsMail, auth_views.PasswordResetConfirmView):
    """Set a new password with a link that was sent; every session of the account ends."""

    template_name = "registration/reset_confirm.html"
    success_url = reverse_lazy("login")

    def form_valid(self, form: SetPasswordForm[User]) -> HttpResponse:
        """Say so on the login page."""
        messages.success(self.request, _("Your new password is set. Log in with it."))
        return super().form_valid(form)
