"""Tells a person by email that an import of theirs has ended."""

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import override

from imports.models import ImportJob


def send(job_id: int) -> bool:
    """Send the email about a job; return whether the site has mail and the job an owner with an address.

    Raises what the mail server's refusal raises, so that the queue sends it again.
    """
    job = ImportJob.objects.select_related("user").filter(pk=job_id).first()
    if not settings.IMPORT_EMAIL or job is None or not job.user.email:
        return False
    with override(job.options.language or settings.LANGUAGE_CODE):
        subject = _("Import of %(name)s: %(status)s") % {"name": job.file_name, "status": job.get_status_display()}
        text = render_to_string("imports/news.txt", {"job": job})
    send_mail(" ".join(subject.split()), text, None, [job.user.email])
    return True
