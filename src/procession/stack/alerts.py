"""How ALERTS is written: each reader takes what a person wrote, and returns what is meant, or raises Unfit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from procession.stack.model import ALERT_ADMINS, ALERT_SITE, AlertKind
from procession.stack.values import Unfit, choice, show, text, texts

ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")  # one address, with nothing that could begin another, or a header
DSN_FORM = 'write the DSN as Sentry shows it: "https://KEY@HOST/PROJECT", or true'


def addresses(raw: object) -> tuple[str, ...]:
    """E-mail addresses; True is "admins", False and "" are none."""
    if raw is True:
        return (ALERT_ADMINS,)
    found = () if raw in (False, "") else texts(raw)
    for address in found:
        if address != ALERT_ADMINS and not ADDRESS.fullmatch(address):
            raise Unfit("E175", f"must be an e-mail address, got {show(address)}", 'write: "ops@example.com", or true')
    return found


def web_addresses(raw: object) -> tuple[str, ...]:
    """Addresses of web pages; "" is none."""
    found = () if raw == "" else texts(raw)
    for url in found:
        if not _is_web(url):
            raise Unfit("E173", f"must be an http or https address, got {_shown(url)}", 'write: "https://host/path"')
    return found


def dsn(raw: object) -> str:
    """A DSN of Sentry; True is "site". Never shown: its user is a key."""
    if isinstance(raw, bool):
        return ALERT_SITE if raw else ""
    value = text(raw)
    if value in ("", ALERT_SITE):
        return value
    if not _is_web(value) or not urlsplit(value).username or not urlsplit(value).path.strip("/"):
        raise Unfit("E173", "is no DSN", DSN_FORM)
    return value


def kinds(raw: object) -> tuple[AlertKind, ...]:
    """One kind or several."""
    return tuple(dict.fromkeys(choice(AlertKind, word) for word in (raw if isinstance(raw, list | tuple) else [raw])))


def written(given: Mapping[str, object], key: str) -> tuple[str, ...]:
    """What was said of one of the lists of addresses."""
    value = given.get(key, ())
    return value if isinstance(value, tuple) else (str(value),) if value else ()


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\s\x00-\x20]", url)
    except ValueError:
        return False


def _shown(url: str) -> str:
    """Without its path, which is the secret of many a webhook."""
    return show(re.sub(r"(://[^/]*/).*", r"\1...", url))
