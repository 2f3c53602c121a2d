"""By the site's own e-mail settings, from SERVER_EMAIL, as all that is about the site itself."""

from __future__ import annotations

import smtplib

from procession.django.alerts import words
from procession.django.alerts.request import Message
from procession.django.alerts.web import NotTaken
from procession.django.site import admin_addresses
from procession.stack.model import ALERT_ADMINS

TIMEOUT_SECONDS = 15.0  # where EMAIL_TIMEOUT says nothing
OF_DJANGO = "django.core.mail.backends."


def send_mail(message: Message, recipients: tuple[str, ...]) -> None:
    """One mail to all of them, its text as it is: nothing in it is HTML. Raises NotTaken."""
    from django.conf import settings
    from django.core.mail import EmailMessage, get_connection

    if not settings.EMAIL_BACKEND.startswith(OF_DJANGO):
        import django

        django.setup()  # it may keep mails in tables of its own
    mail = EmailMessage(
        subject=words.title(message),
        body=words.text(message),
        from_email=settings.SERVER_EMAIL,
        to=_addresses(recipients),
        connection=get_connection(timeout=settings.EMAIL_TIMEOUT or TIMEOUT_SECONDS),
        headers={"Auto-Submitted": "auto-generated", "X-Procession-Alert": message.id},  # RFC 3834: no holiday replies
    )
    if not mail.to:
        raise NotTaken("ADMINS is empty")
    try:
        mail.send()
    except (OSError, smtplib.SMTPException) as error:
        raise NotTaken(_why(error, f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}")) from error


def _addresses(recipients: tuple[str, ...]) -> list[str]:
    """Each once, those of ADMINS in the place of "admins"."""
    from django.conf import settings

    found = [address for name in recipients for address in _meant(name, admin_addresses(settings.ADMINS))]
    return list(dict.fromkeys(found))


def _meant(name: str, admins: tuple[str, ...]) -> tuple[str, ...]:
    return admins if name == ALERT_ADMINS else (name,)


def _why(error: Exception, server: str) -> str:
    said = getattr(error, "strerror", None) or words.one_line(str(error)) or type(error).__name__
    return f"{server}: {said}"
