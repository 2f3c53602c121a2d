"""ALERTS: what is wrong with it on this site, and the command that sends one."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from procession.errors import Problem
from procession.stack.alerts import written
from procession.stack.channels import Means
from procession.stack.declared import Place
from procession.stack.fields import build
from procession.stack.model import ALERT_ADMINS, ALERT_SITE, Alerts, Site, Stack

SENDER = "procession.django.alerts"
NOBODY_READS: Final = {  # what Django's own backends do with a mail
    "django.core.mail.backends.console.EmailBackend": "prints mails",
    "django.core.mail.backends.dummy.EmailBackend": "throws mails away",
    "django.core.mail.backends.locmem.EmailBackend": "keeps mails in memory",
    "django.core.mail.backends.filebased.EmailBackend": "writes mails into files",
}


def with_alerts(stack: Stack, given: object, site: Site) -> Stack:
    """The stack with its ALERTS, and the command that sends them: in the site's own Python, as its e-mail settings."""
    if not isinstance(given, Mapping):
        return stack
    command = (site.python, "-P", "-m", SENDER, *((site.settings_module,) if site.settings_module else ()))
    return replace(stack, alerts=build(Alerts, dict(given)), alerter=command)


def alert_problems(given: object, place: Place, site: Site) -> list[Problem]:
    """What would keep an alert from arriving. What does not even fit was said before."""
    if not isinstance(given, Mapping) or not isinstance(place.raw, Mapping):
        return []
    if any(written(given, means) for means in Means):
        return [*_email_problems(written(given, "email"), place, site), *_package_problems(given, place)]
    return _tells_nobody(place.raw, given, place)


def _tells_nobody(raw: Mapping[str, object], given: Mapping[str, object], place: Place) -> list[Problem]:
    """Only a warning where an address is taken from somewhere, and is not there: as on a developer's machine."""
    fix = 'write one of: "EMAIL": true, "WEBHOOK": "https://...", "APPRISE": "...", "SENTRY": true'
    empty = [str(key) for key, value in raw.items() if str(key).lower() in set(Means) and not value]
    if empty:
        return [place.problem("W171", f"tells nobody: {', '.join(empty)} is empty", fix)]
    is_understood = len(given) == sum(value is not None for value in raw.values())
    return [place.problem("E170", "tells nobody", fix)] if is_understood else []


def _email_problems(recipients: tuple[str, ...], place: Place, site: Site) -> Iterator[Problem]:
    here = place.written("email")
    if not recipients:
        return
    if not site.settings_module:
        fix = "use WEBHOOK or APPRISE (mailto://) instead"
        yield here.problem("E172", "needs Django's e-mail settings, and this site has no Django", fix)
    elif ALERT_ADMINS in recipients and not site.admins:
        fix = 'write the addresses: "EMAIL": ["ops@example.com"], or fill ADMINS'
        yield here.problem("E171", "is for those in ADMINS, which is empty", fix)
    if does := NOBODY_READS.get(site.mailer):
        fix = "set EMAIL_BACKEND to one that sends them, in production at least"
        yield here.problem("W170", f"EMAIL_BACKEND {does}: nobody gets an alert that way", fix)


def _package_problems(given: Mapping[str, object], place: Place) -> Iterator[Problem]:
    """We run in the site's own Python, so what is here is what the sender will find."""
    if written(given, "apprise") and importlib.util.find_spec("apprise") is None:
        yield place.written("apprise").problem("E174", "apprise is not installed", "pip install 'procession[alerts]'")
    is_known = os.environ.get("SENTRY_DSN") or importlib.util.find_spec("sentry_sdk") is not None
    if given.get("sentry") == ALERT_SITE and not is_known:
        fix = 'write it: "SENTRY": "https://KEY@HOST/PROJECT", or set SENTRY_DSN'
        yield place.written("sentry").problem("E174", "no DSN is known: there is no SENTRY_DSN, no sentry_sdk", fix)
