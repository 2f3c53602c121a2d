"""One look at what runs of a site, whoever runs it."""

from __future__ import annotations

import argparse

from procession.console import project
from procession.watching import actions
from procession.watching.picture import Picture, picture

ENGINE_SECONDS = 5.0  # between two looks: another engine is asked by a program of its own, which costs


def look(directory: str) -> Picture:
    """Raises Refusal: no supervisor is there, or none for us; or the engine that runs the site does not say."""
    if is_elsewhere(directory):
        from procession.watching import elsewhere  # here, because our own supervisor needs no engine

        return elsewhere.picture(directory)
    return picture(actions.status(directory))


def is_elsewhere(directory: str) -> bool:
    """Whether another engine runs the site of this stack directory, and not our supervisor under it."""
    return project.is_elsewhere(argparse.Namespace(stack_directory=directory))


def ask_elsewhere(directory: str, what: str) -> str:
    """Whom to ask, where another engine keeps the logs and events, and does what is done; "" where all that is ours."""
    return f"Another engine than our own runs the site; ask it: {what}" if is_elsewhere(directory) else ""
