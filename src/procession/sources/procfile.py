"""Procfile, as Heroku, foreman, honcho and overmind read it: `name: command` lines, with the .env beside it.

- `release:` is a task: it runs to its end before anything else starts.
- A plain command is executed as it is. One that needs a shell gets /bin/sh, which becomes its last command, so that a
  signal reaches the program: `cd app && gunicorn x` is run as `cd app && exec gunicorn x`.
- PORT is the environment's, or that of .env, or 5000. `web` gets it, and the others one hundred more each, in their
  order: 5100, 5200. (Foreman counts by position alone; here a platform's PORT always goes to web.)
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from procession.errors import Problem
from procession.sources.files import read_text
from procession.stack import dotenv
from procession.stack.declared import Declared
from procession.stack.shell import to_argv

LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(\S.*)")
RELEASE = "release"
PORT_FIRST = 5000
PORT_STEP = 100


def read_procfile(path: str, environ: Mapping[str, str]) -> Declared:
    """The declaration in a Procfile; what is wrong with the file itself is in its `problems`. `environ` is for PORT."""
    text = read_text(path)
    if isinstance(text, Problem):
        return Declared(source="procfile", file=path, problems=(text,))
    commands, lines, problems = _read_lines(text, path)
    env_file = os.path.join(os.path.dirname(path), ".env")
    env_files = [env_file] if os.path.isfile(env_file) else []
    ports = number_ports(list(commands), _first_port(env_files, environ))
    processes = {}
    for name, command in commands.items():
        place = f"{path}:{lines[name,]}"
        processes[name] = _process(name, command, place, problems) | {"ENV_FILE": env_files}
        _add(processes[name], name, ports, has_release=RELEASE in commands)
    return Declared(source="procfile", file=path, processes=processes, lines=lines, problems=tuple(problems))


def _read_lines(text: str, path: str) -> tuple[dict[str, str], dict[tuple[str, ...], int], list[Problem]]:
    commands: dict[str, str] = {}
    lines: dict[tuple[str, ...], int] = {}
    problems = []
    for number, line in enumerate(text.split("\n"), start=1):
        match = LINE.fullmatch(line.strip())
        if match and match[1] not in commands:
            commands[match[1]], lines[match[1],] = match[2], number
        elif match:
            problems.append(Problem("E034", match[1], "is said twice", f"{path}:{number}", "rename one of them"))
        elif line.strip() and not line.lstrip().startswith("#"):
            what = f"line {number} is no `name: command`"
            problems.append(Problem("E032", os.path.basename(path), what, f"{path}:{number}", "write: web: gunicorn x"))
    return commands, lines, problems


def _process(name: str, command: str, place: str, problems: list[Problem]) -> dict[str, object]:
    try:
        line = to_argv(command)
    except ValueError as error:
        what = f"cannot be split into words: {str(error).lower()}"
        problems.append(Problem("E015", name, what, place, "close the quotation"))
        return {"COMMAND": ["/bin/sh", "-c", command]}  # which has no mistake that could be told beside this one
    if not line.reaches_program:
        what = "its shell stays between us and the program: a stop signal does not reach the program"
        problems.append(Problem("W006", name, what, place, "put the line into a script that ends in: exec program"))
    return {"COMMAND": list(line.argv), "ENV": dict(line.variables)}


def _add(process: dict[str, object], name: str, ports: Mapping[str, int], *, has_release: bool) -> None:
    variables = process.get("ENV")
    own = variables if isinstance(variables, dict) else {}
    if name in ports:
        process["ENV"] = {"PORT": str(ports[name]), **own}
    if name == RELEASE:
        process["TYPE"] = "task"
    elif has_release:
        process["DEPENDS_ON"] = [RELEASE]


def number_ports(names: list[str], first: int) -> dict[str, int]:
    """PORT for each: `web` first, the others in their order; a release phase serves nothing."""
    serving = sorted((name for name in names if name != RELEASE), key=lambda name: name != "web")
    return {name: first + PORT_STEP * index for index, name in enumerate(serving)}


def _first_port(env_files: list[str], environ: Mapping[str, str]) -> int:
    """The environment's PORT, else that of .env (whose own problems the loader tells), else 5000."""
    said = environ.get("PORT", "")
    for path in env_files:
        text = read_text(path)
        said = said or (dotenv.parse(text, path).values().get("PORT", "") if isinstance(text, str) else "")
    return int(said) if said.isdecimal() and int(said) < 65536 else PORT_FIRST
