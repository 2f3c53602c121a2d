"""What the user of each process may not do with what the process needs: enter, read, write, run.

Asked of the kernel, in a child that has become that user (access(2) with its groups), so that ACLs and mounts count.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from procession.doctor.case import Case
from procession.doctor.finding import Finding, Weight
from procession.owner import Owner, become, find_owner
from procession.stack.model import Process

NEEDS = {os.R_OK: "read", os.W_OK: "write", os.X_OK: "enter", os.R_OK | os.X_OK: "run"}


@dataclass(frozen=True, slots=True)
class Need:
    path: str
    mode: int
    why: str  # "its directory"


def examine_permissions(case: Case) -> Iterator[Finding]:
    """For each process as its own user; and for the stack directory, as we are."""
    yield from _stack_directory(case)
    for process in case.processes():
        try:
            owner = find_owner(process.user, process.group)
        except LookupError:
            continue  # the declaration's examination says so
        for need in refused(owner, [need for need in _needs(process, case) if os.path.lexists(need.path)]):
            yield _finding(process.name, owner, need)


def _needs(process: Process, case: Case) -> Iterator[Need]:
    yield Need(process.directory, os.X_OK, "its directory")
    if process.argv and os.path.isabs(process.argv[0]):
        yield Need(process.argv[0], os.R_OK | os.X_OK, "its program")
    for database in case.report.get("databases", ()):
        if database["file"]:
            yield Need(os.path.dirname(database["file"]) or ".", os.W_OK, "the folder of its SQLite database")
            yield Need(database["file"], os.W_OK, "its SQLite database")
    for listener in process.listeners:
        folder = os.path.dirname(listener.bind.removeprefix("unix:"))
        if listener.bind.startswith("unix:") and not process.handoff:  # else the supervisor binds it
            yield Need(folder, os.W_OK, "the folder of its socket")


def refused(owner: Owner, needs: list[Need]) -> list[Need]:
    """Those of the needs that are not met, asked by a child that has become `owner`. Unknown counts as met."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        _answer(owner, needs, writing)
    os.close(writing)
    with open(reading, "rb") as file:
        said = file.read()
    os.waitpid(pid, 0)
    return [need for need, met in zip(needs, said, strict=False) if not met]


def _answer(owner: Owner, needs: list[Need], fd: int) -> None:
    """In the child; never returns."""
    try:
        become(owner)
        os.write(fd, bytes(os.access(need.path, need.mode) for need in needs))
    finally:
        os._exit(0)


def _finding(name: str, owner: Owner, need: Need) -> Finding:
    who = user_name(owner.uid)
    wall = first_wall(owner, need.path)
    path = wall or need.path
    doing = NEEDS[os.X_OK] if wall else NEEDS[need.mode]
    what = f"{name}: permission: user {who} may not {doing} {path}, {need.why if not wall else f'above {need.why}'}"
    fix = f"let it: chmod o+x {path}" if wall else f"give it to that user: chown {who} {path}"
    return Finding(weight=Weight.CAUSE, about=f"permission {path}", what=what, fix=fix, seen=(describe(path),))


def first_wall(owner: Owner, path: str) -> str:
    """The first folder on the way to `path` that may not be entered; "" if they all may."""
    parts = os.path.dirname(os.path.abspath(path)).split("/")
    folders = ["/".join(parts[:length]) or "/" for length in range(1, len(parts) + 1)]
    walls = refused(owner, [Need(folder, os.X_OK, "") for folder in folders])
    return walls[0].path if walls else ""


def describe(path: str) -> str:
    """`drwx------ root root /root`, as ls says it."""
    try:
        found = os.stat(path)
    except OSError as error:
        return f"{path}: {error.strerror}"
    return f"{stat.filemode(found.st_mode)} {user_name(found.st_uid)} (uid {found.st_uid}) {path}"


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _stack_directory(case: Case) -> Iterator[Finding]:
    """It is made at the first start; then it is ours alone."""
    path = case.stack_directory
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    found = os.stat(path)
    us = user_name(os.geteuid())
    if path == case.stack_directory and found.st_uid != os.geteuid() != 0:
        what = f"permission: the stack directory {path} belongs to {user_name(found.st_uid)}, and you are {us}"
        fix = f"do this as {user_name(found.st_uid)} (sudo -u), or use another one: --stack-directory"
    elif not os.access(path, os.W_OK | os.X_OK):
        what = f"permission: user {us} may not write {path}, where the supervisor keeps its files"
        fix = f"give it to that user: chown {us} {path}; or use another one: --stack-directory"
    else:
        return
    yield Finding(weight=Weight.CAUSE, about=f"permission {path}", what=what, fix=fix, seen=(describe(path),))
