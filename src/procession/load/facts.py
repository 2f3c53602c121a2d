"""What this machine has to say about a process: its directory, its env files, its user, its program."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

from procession.errors import Problem
from procession.owner import find_owner
from procession.sources.files import read_text
from procession.stack.declare import Said
from procession.stack.dotenv import parse
from procession.stack.model import Limits, Process, Site
from procession.stack.systemd_env import differences

STANDARD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def absolute(path: str, directory: str) -> str:
    return os.path.normpath(os.path.join(directory, path))


def facts(said: Said, process: Process, site: Site) -> Iterator[Problem]:
    """Everything that the process names and this machine does not have."""
    yield from _directory(said, process)
    for path in process.env_files:
        yield from _env_file(said, path)
    yield from _owner(said, process)
    yield from _limits(said, process)
    yield from _program(said, process, site)


def find_program(name: str, process: Process, site: Site) -> str:
    """The absolute path of a program, as a shell in the site's virtual environment would find it; "" if there is none.

    A path is from the process's directory. Symbolic links are kept: a virtual environment's python is one.
    """
    if "/" in name:
        path = absolute(name, process.directory)
        return path if os.path.isfile(path) and os.access(path, os.X_OK) else ""
    if name == "python":
        return site.python
    rest = process.environment.get("PATH") or os.environ.get("PATH") or STANDARD_PATH
    return shutil.which(name, path=f"{os.path.dirname(site.python)}:{rest}") or ""


def _directory(said: Said, process: Process) -> Iterator[Problem]:
    path = process.directory
    if not os.path.isdir(path):
        what = f"is no directory: {path}" if os.path.exists(path) else f"there is no such directory: {path}"
        yield said.written("directory").problem("E027", what, "make it, or correct the path")


def _env_file(said: Said, path: str) -> Iterator[Problem]:
    place = said.written("env_file")
    if not os.path.exists(path):
        yield place.problem("E037", f"there is no such file: {path}", "write it, or leave it out")
        return
    text = read_text(path)
    if isinstance(text, Problem):
        yield place.problem("E037", f"{path} {text.what}", text.fix)
        return
    file = parse(text, path)
    yield from file.problems
    yield from differences(text, file, path)


def _owner(said: Said, process: Process) -> Iterator[Problem]:
    for key, user, group in (("user", process.user, ""), ("group", "", process.group)):
        try:
            find_owner(user, group)
        except LookupError as error:
            yield said.written(key).problem("E029", str(error), f"create it: add{key} --system")
            return
    for user, group in {(each.user, each.group) for each in process.listeners}:
        try:
            find_owner(user, group)
        except LookupError as error:
            yield said.written("socket_owner").problem("E029", str(error), "create it, or correct the name")
            return
    if key := _needs_root(process):
        what = "only root can run a process as somebody else"
        yield said.written(key).problem("W003", what, "run as root, or leave it out")


def _needs_root(process: Process) -> str:
    """The key that asks for somebody else's rights, where we could not give them; "" if none does."""
    if os.geteuid() == 0:
        return ""
    owner = find_owner(process.user, process.group)
    if owner.uid != os.geteuid():
        return "user"
    return "group" if owner.gid not in {os.getegid(), *os.getgroups()} else ""


def _limits(said: Said, process: Process) -> Iterator[Problem]:
    """What is declared and not held to is said, not ignored."""
    if process.limits == Limits():
        return
    from procession.supervisor.linux import cgroups  # here, because few processes have limits

    base = cgroups.find_base()
    for controller, word in cgroups.limits_of(process):
        why = "" if cgroups.is_held_otherwise(process, controller) else base.why_without(controller)
        if why:
            what = f"nothing on this machine holds it to that: {why}"
            yield said.written(f"limits.{word}").problem("W007", what, "run as root, or by systemd with Delegate=yes")


def _program(said: Said, process: Process, site: Site) -> Iterator[Problem]:
    name = process.argv[0] if process.argv else ""
    if not name or find_program(name, process, site):
        return
    place = said.written("command") if said.declaration.command else said.place
    path = absolute(name, process.directory)
    if "/" not in name:
        fix = "install it, or write its path; looked beside the site's Python and in PATH"
        yield place.problem("E028", f'command not found: "{name}"', fix)
    elif os.path.exists(path):
        yield place.problem("E028", f"cannot be executed: {path}", f"run: chmod +x {path}")
    else:
        yield place.problem("E028", f"there is no such program: {path}", "correct the path")
