"""What the task runners have in common: how long a stop may take, how readiness is told, and their old names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from procession.backends.argv import parse, values
from procession.backends.base import Command
from procession.backends.option import Option
from procession.stack.model import Probe, ProbeType, Site

STOP_TIMEOUT_SECONDS = 60.0
"""A task may take longer than a request: time enough for most, and a stop or a deploy still ends in a minute."""

SLACK_SECONDS = 2.0
"""A program that gives up by itself needs this long to put its tasks back before the next step of the ladder."""

READY = "PROCESSION_READY"
"""Tells the Django app what ready means in this program: a key of procession.django.ready.HOOKS."""

TERM_TWICE = (("TERM", None), ("TERM", 5.0))
"""The ladder of the many programs that finish their task after a first TERM and leave it at a second."""


def own_timeout_seconds(stop_timeout_seconds: float) -> float:
    """The graceful timeout to give a program that has one: a little less than the ladder's first step waits."""
    return max(stop_timeout_seconds - SLACK_SECONDS, 0.8 * stop_timeout_seconds)


def asked_stop_seconds(flags: Sequence[str], option: Option, *, unit_seconds: float = 1.0) -> float | None:
    """The STOP_TIMEOUT that follows from the program's own graceful timeout, if ARGS say one that is a number."""
    said = values(flags, option)
    try:
        return float(said[-1]) * unit_seconds + SLACK_SECONDS if said else None
    except ValueError:
        return None  # The program will say what is wrong with it.


def says(flags: Sequence[str], option: Option) -> bool:
    """Is that option among the flags, in any of its spellings?"""
    return any(given.option for given in parse(flags, (option,)))


def with_default(flags: Sequence[str], option: Option, *words: str) -> tuple[str, ...]:
    """The flags, with `words` in front where they say nothing about that option. (Behind, a "--" might hide them.)"""
    return tuple(flags) if says(flags, option) else (*words, *flags)


def site_environment(site: Site, kind: str = "") -> Mapping[str, str]:
    """The settings that the stack was read from, and what makes the Django app tell readiness where the site has it."""
    return {**site.environment(), READY: kind} if kind and site.has_app else site.environment()


def readiness(command: Command) -> Probe:
    """Told by the Django app if the command asks it to; else nobody can know, and started is ready."""
    return Probe(type=ProbeType.APP if READY in command.environment else ProbeType.NONE)


def liveness(command: Command) -> Probe | None:
    """Its main loop touches a file, if the Django app is in it (procession.django.heartbeat); else nobody can know.

    A main loop that connects to a broker behind a firewall which drops all is stuck for 127 s (tcp(7),
    tcp_syn_retries), and then goes on. That, and the tasks in hand, must not end with a restart: this waits longer.
    """
    if READY not in command.environment:
        return None
    return Probe(type=ProbeType.HEARTBEAT, interval_seconds=15.0, max_age_seconds=60.0, failures=6)


def old_paths(module: str, name: str) -> tuple[str, ...]:
    """The dotted paths of a django-prodserver class: 2.x, and the two packages of 3.x."""
    return tuple(f"django_prodserver.backends.{package}{module}.{name}" for package in ("", "workers.", "servers."))
