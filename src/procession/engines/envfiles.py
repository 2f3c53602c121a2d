"""Env files that a tool of Docker reads instead of us: what it would make of them, where that is not what we read.

A value must not depend on who reads it. So what is certain to be read alike passes, and all else is refused, by the
names and lines of the variables; values are never said.

- Compose (compose-go's dotenv) puts in variables for `$`, but not within single quotes, where it knows no escapes.
- `docker stack deploy` (docker/cli's opts) and `kubectl create secret --from-env-file` take a line as it is: quotes,
  comments and blanks behind it are a part of the value, and `export` makes a wrong name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from procession.engines.base import Asked
from procession.refusal import Refusal
from procession.stack.dotenv import Assignment, EnvFile, parse

IsAlike = Callable[[Assignment, str], bool]  # of an assignment, and its lines as they stand in the file
COMPOSE_FIX = "write such a value in single quotes, without a backslash"
DOCKER_FIX = "write NAME=value plainly: no quotes, no export, no comment behind it; what cannot be so is for SECRETS"


def refuse_misread(asked: Asked, more: Sequence[str], is_alike: IsAlike, who: str, fix: str) -> None:
    """Raises Refusal for the first env file that `who` would misread. `more` are those of the engine's options."""
    named = [path for process in asked.stack.processes for path in process.env_files]
    paths = dict.fromkeys(os.path.join(asked.stack.directory, one) for one in (*named, *more))
    for path in filter(os.path.exists, paths):  # that one is missing was said of the declaration
        with open(path, encoding="utf-8-sig") as file:
            other = misread(file.read(), path, is_alike)
        if other:
            said = ", ".join(f"{one.name} (line {one.line})" for one in other)
            raise Refusal(f"{path}: {who} would not read as we do: {said}", fix)


def misread(text: str, path: str, is_alike: IsAlike) -> list[Assignment]:
    """Those that may be read differently."""
    return [one for one, written in _with_lines(text, parse(text, path)) if not is_alike(one, written)]


def is_alike_in_compose(_one: Assignment, written: str) -> bool:
    value = written.partition("=")[2].strip()
    if value.startswith("'"):
        return "\\" not in written
    if value.startswith('"'):
        return not {"$", "\\"} & set(written.replace("\\n", ""))
    return not {"$", "\\", "'", '"'} & set(value) and not value.startswith("#")


def is_alike_in_docker(one: Assignment, written: str) -> bool:
    return written.lstrip(" \t").removesuffix("\n") == f"{one.name}={one.value}" and "\n" not in one.value


def _with_lines(text: str, file: EnvFile) -> Iterator[tuple[Assignment, str]]:
    """Each assignment with its lines: all up to the next, but for the comments and empty lines between."""
    lines = text.splitlines(keepends=True)
    ends = [one.line - 1 for one in file.assignments[1:]] + [len(lines)]
    for one, end in zip(file.assignments, ends, strict=True):
        written = lines[one.line - 1 : end]
        while len(written) > 1 and _is_over(one, written):
            written.pop()
        yield one, "".join(written)


def _is_over(one: Assignment, written: Sequence[str]) -> bool:
    """Whether the value ends before the last of these lines: the same is read without it."""
    shorter = parse("".join(written[:-1]), "").assignments
    return bool(shorter) and shorter[0].value == one.value
