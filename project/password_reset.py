"""A forgotten password: a link by email sets a new one. The page never tells whether there is such an account."""

from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.core.cache import cache
from django.core.mail import send_mail
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django_q.tasks import async_task

# Whoever asks again and again fills nobody's mailbox. Held per web process, which is near enough.
_PAUSE_SECONDS = 600
_TASK = "project.password_reset.send_link"


def ask_for_links(form: PasswordResetForm, request: HttpRequest) -> None:
    """Have a worker send the links of a valid form, so that the answer takes no longer where there is an account."""
    site = request.build_absolute_uri("/").rstrip("/")
    for user in form.get_users(form.cleaned_data["email"]):
        if cache.add(f"password-reset-{user.pk}", 1, _PAUSE_SECONDS):
            async_task(_TASK, user.pk, site, get_language())


def send_link(user_id: int, site: str, language: str) -> None:
    """Send a person the link that sets a new password. A task of the queue: the link itself never lies there."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None or not user.email:
        return
    key = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("password_reset_confirm", args=[key, default_token_generator.make_token(user)])
    with override(language):
        text = render_to_string("registration/password_reset_mail.txt", {"user": user, "link": f"{site}{path}"})
        send_mail(_("Set a new password for Cairn"), text, None, [user.email])
