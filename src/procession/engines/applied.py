"""What was applied last, so that `procession status` knows the engine and the stack without asking the site again."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from procession.engines.files import replace_file
from procession.engines.secrets import PRIVATE_MODE
from procession.refusal import Refusal
from procession.stack.codec import from_data, to_data
from procession.stack.model import Stack

FILE_NAME = "engine.json"  # in the stack directory


@dataclass(frozen=True, slots=True)
class Applied:
    """`directory` is where the engine's files were put. `pending` are those of its files, by path, that an apply has
    changed and the engine has not taken in to the end: a roll was called off, or apply itself.
    """

    engine: str
    directory: str
    stack: Stack
    pending: tuple[str, ...] = ()


def read(stack_directory: str) -> Applied | None:
    """None where nothing was applied. Raises Refusal for a file that is damaged."""
    path = path_in(stack_directory)
    try:
        with open(path, encoding="utf-8") as file:
            data: Mapping[str, Any] = json.load(file)
        pending = tuple(data.get("pending", ()))
        return Applied(data["engine"], data["directory"], from_data(Stack, data["stack"]), pending)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        fix = "remove it, then: procession apply --engine NAME, of the engine that runs the site"
        raise Refusal(f"{path} is damaged: {error}", fix) from error


def write(stack_directory: str, applied: Applied) -> None:
    """Raises OSError. Only we may read it: a declaration may hold secrets."""
    os.makedirs(stack_directory, mode=0o700, exist_ok=True)
    data = {"engine": applied.engine, "directory": applied.directory, "pending": applied.pending}
    data["stack"] = to_data(applied.stack)
    replace_file(path_in(stack_directory), json.dumps(data), PRIVATE_MODE)


def path_in(stack_directory: str) -> str:
    return os.path.join(stack_directory, FILE_NAME)


def forget(stack_directory: str) -> None:
    """There is none: nothing happens."""
    try:
        os.unlink(path_in(stack_directory))
    except FileNotFoundError:
        return
