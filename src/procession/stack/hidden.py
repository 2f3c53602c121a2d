"""Which values are secret, so that no message, table or diff prints one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

HIDDEN = "[hidden]"
SECRET_WORDS = re.compile(
    r"SECRET|PASSW|PASSPHRASE|TOKEN|CREDENTIAL|PRIVATE|DSN|SALT|(^|[_-])(API)?KEY($|[_-])|APIKEY|(^|[_-])(PAT|AUTH)$|[_-]PWD$",
    re.IGNORECASE,
)
PASSWORD_IN_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://[^/?#\s:@]*):(?P<password>[^/?#\s]*)@", re.IGNORECASE)

ASSIGNED = re.compile(
    r"""(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)(?P<sign>["']?\s*[=:]\s*)(?P<value>"[^"]*"|'[^']*'|[^\s"',;}]+)"""
)


@lru_cache(maxsize=1024)  # the same few names, for each process
def is_secret(name: str) -> bool:
    """Whether a variable or option of this name holds a secret: SECRET_KEY, DATABASE_PASSWORD, SENTRY_DSN, ..."""
    return SECRET_WORDS.search(name) is not None


def hide(name: str, value: str) -> str:
    """`value` for a person's eyes: `[hidden]` if its name says so, else with any password in a URL hidden."""
    return HIDDEN if value and is_secret(name) else hide_in_text(value)


def hide_in_text(text: str) -> str:
    """`postgres://site:hunter2@db/site` as `postgres://site:[hidden]@db/site`."""
    return PASSWORD_IN_URL.sub(rf"\g<scheme>:{HIDDEN}@", text)


def hide_in_line(text: str, secrets: Sequence[str] = ()) -> str:
    """A line that a program has said: `password=hunter2` and `"TOKEN": "x"` without their value, passwords in URLs, and
    each of these `secrets`, wherever it stands.
    """
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return ASSIGNED.sub(_hide_assigned, hide_in_text(text))


def _hide_assigned(found: re.Match[str]) -> str:
    """What is no secret itself may hold one: `Error: password=hunter2`."""
    value = HIDDEN if is_secret(found["name"]) else ASSIGNED.sub(_hide_assigned, found["value"])
    return f"{found['name']}{found['sign']}{value}"


def hide_in_argv(argv: Sequence[str]) -> list[str]:
    """The words of a command line, `--password=x` and `--password x` without their x."""
    shown: list[str] = []
    for word in argv:
        name, equals, _ = word.partition("=")
        before = shown[-1] if shown else ""
        if equals and name.startswith("-") and is_secret(name):
            shown.append(f"{name}={HIDDEN}")
        elif before.startswith("--") and "=" not in before and is_secret(before) and not word.startswith("-"):
            shown.append(HIDDEN)
        else:
            shown.append(hide_in_text(word))
    return shown
