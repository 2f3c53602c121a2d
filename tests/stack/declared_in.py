"""Declarations for the tests, as a settings module would have them."""

from __future__ import annotations

from collections.abc import Mapping

from procession.sources.settings import read_settings
from procession.stack.declare import Read, Said, declare

GOOD: Mapping[str, object] = {"BACKEND": "gunicorn"}


def read(processes: object, stack: object = None) -> Read:
    return declare(read_settings(processes, stack, "mysite.settings"))


def said(raw: Mapping[str, object], stack: object = None) -> Said:
    """One process, which must be right."""
    result = read({"web": {**GOOD, **raw} if "COMMAND" not in raw else raw}, stack)
    assert result.problems == ()
    return result.said[0]


def texts(result: Read) -> list[str]:
    """Each problem as a person reads it, the blanks in front of its id as one."""
    return [" | ".join(" ".join(line.split()) for line in problem.lines()) for problem in result.problems]
