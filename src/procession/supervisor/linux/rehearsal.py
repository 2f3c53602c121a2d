"""Would this version of Procession go on with what runs in a directory? Asked before an upgrade; nothing is touched."""

from __future__ import annotations

import json
import os

from procession.control.wire import STATE_NAME, Message
from procession.stack.codec import from_data
from procession.stack.model import Stack
from procession.supervisor.core.memory import recall
from procession.supervisor.linux.rundir import STACK_NAME
from procession.supervisor.linux.state import VERSION


def why_not(directory: str) -> str:
    """What this version cannot understand; "" where it would go on."""
    try:
        state, stack = _read(directory, STATE_NAME), _read(directory, STACK_NAME)
    except ValueError as error:
        return str(error)
    if state and state.get("version") != VERSION:
        return f"{STATE_NAME} is of format {state.get('version')!r}, and this version knows format {VERSION}"
    if not stack:
        return ""
    try:
        recall(from_data(Stack, stack), state.get("memory", {}))
    except (TypeError, ValueError) as error:
        return f"this version does not understand what runs ({STACK_NAME}: {error})"
    return ""


def _read(directory: str, name: str) -> Message:
    """The object in the file; empty where there is none. Raises ValueError, in words."""
    try:
        with open(os.path.join(directory, name), "rb") as file:
            data = json.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read {name}: {error}") from error
    if not isinstance(data, dict):
        raise ValueError(f"{name} is not an object")
    return data
