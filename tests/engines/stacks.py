"""Stacks as a declaration gives them, for the engines' tests."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from procession.load import load
from procession.sources.settings import read_settings
from procession.stack.model import Site, Stack

THERE = "/"  # a site's directory must be there when it is read


def stack_of(
    processes: Mapping[str, Mapping[str, Any]],
    common: Mapping[str, Any] | None = None,
    directory: str = "/srv/mysite",
    has_app: bool = False,
) -> Stack:
    """What the settings say, as if the site were in `directory`."""
    site = Site(
        directory=THERE, python=sys.executable, settings_module="mysite.settings", wsgi="mysite.wsgi:app",
        has_app=has_app,
    )  # fmt: skip
    stack, problems = load(read_settings(processes, {"NAME": "mysite", **(common or {})}, "mysite.settings"), site)
    assert stack is not None, problems
    moved = [replace(one, directory=directory) if one.directory == THERE else one for one in stack.processes]
    return replace(stack, directory=directory, processes=tuple(moved))
