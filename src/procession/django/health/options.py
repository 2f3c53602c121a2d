"""PRODUCTION_HEALTH: what the site says of its health endpoints; all of it may be left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from django.core.exceptions import ImproperlyConfigured

from procession.stack.model import settings_key
from procession.stack.values import suggestion
from procession.units import seconds

SETTING = "PRODUCTION_HEALTH"
CHECKS = ("database", "cache", "migrations", "broker")
LOOPBACK, STAFF = "loopback", "staff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The keys are the fields in capitals, without their unit."""

    live: str = "/-/live"  # the paths; "" is none
    ready: str = "/-/ready"
    checks: tuple[str, ...] = CHECKS  # of CHECKS, or the dotted path of a function of the site's own: it raises, or not
    timeout_seconds: float = 2.0  # for each
    fresh_seconds: float = 1.0  # so long an answer is given again
    details: tuple[str, ...] = (LOOPBACK, STAFF)  # who sees what is wrong


def read_options(said: object) -> Options:
    """Raises ImproperlyConfigured: it is read while the site loads, where a mistake must not wait to be asked for."""
    if not isinstance(said, Mapping):
        raise ImproperlyConfigured(f"{SETTING} must be a mapping, got {said!r}")
    keys = {settings_key(field.name): field.name for field in fields(Options)}
    unknown = [key for key in said if str(key).upper() not in keys]
    if unknown:
        near = suggestion(str(unknown[0]).upper(), keys) or f"known: {', '.join(keys)}"
        raise ImproperlyConfigured(f"{SETTING} has no key {unknown[0]!r}; {near}")
    values = {keys[str(key).upper()]: value for key, value in said.items()}
    return Options(**{name: _read(name, value) for name, value in values.items()})  # type: ignore[arg-type]  # each is read by its name


def _read(name: str, value: object) -> object:
    try:
        if name.endswith("_seconds"):
            return seconds(value if isinstance(value, int | float) else str(value))
        if name in ("checks", "details"):
            return _words(name, value)
        if isinstance(value, str) and (value.startswith("/") or not value):
            return value
        raise ValueError(f'must be a path that begins with "/", got {value!r}')
    except ValueError as error:
        raise ImproperlyConfigured(f'{SETTING}["{settings_key(name)}"]: {error}') from error


def _words(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError(f"must be a list, got {value!r}")
    known = CHECKS if name == "checks" else (LOOPBACK, STAFF)
    for word in value:
        if word not in known and not (name == "checks" and "." in str(word)):
            raise ValueError(suggestion(str(word), known) or f"{word!r} is not one of {', '.join(known)}")
    return tuple(value)
