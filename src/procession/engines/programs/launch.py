"""What an engine cannot do for a program before it is exec'd: `python -I -S .../launch.py WHAT [PROGRAM ARGUMENT...]`.

WHAT is JSON, or @FILE that holds it (lines of # are left out). Its keys, all of which may be missing:

- `argv`: the program, where it cannot be written behind WHAT
- `environment`: variables; `env_files`: read now, under what is set already, if `declared` names it
- `directory`, `umask`, `user`, `group`, `no_new_privs`, `nice`; `limits`: rlimits by their names
- `lock`: a file that is locked for as long as the program's tree lives; locked already: exit 1
- `listener`: the socket of hold.py, which gives a bound one: it becomes fd 3, with LISTEN_FDS (sd_listen_fds(3))
- `ready`: the file in which the site's app says that it is ready (procession.django.ready); emptied first

The pid stays the same, so that the program gets the engine's signals itself.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":  # with -I nothing but the standard library is on the path
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))))

import json
import socket
import time
from collections.abc import MutableMapping
from typing import Any, NoReturn

from procession.envfile import read_env_file
from procession.owner import become, find_owner

FIRST_LISTENER_FD = 3  # SD_LISTEN_FDS_START (sd_listen_fds(3))
EXIT_LOCKED = 1
EXIT_NOT_EXECUTED = 127  # as a shell says it
LISTENER_SECONDS = 30.0  # at boot, the one that holds it is started at the same moment
LOOK_SECONDS = 0.05


def main(arguments: list[str]) -> NoReturn:
    what = _read(arguments[0])
    argv: list[str] = what.get("argv") or arguments[1:]
    try:
        environment = _environment(what)
        if "listener" in what:
            _take_listener(what["listener"], environment)
        if "ready" in what:
            _expect(what["ready"], environment)
        _prepare(what, environment)
        os.execvpe(argv[0], argv, environment)
    except (OSError, ValueError, LookupError) as error:
        print(f"cannot run {argv[0]}: {error}", file=sys.stderr)
        sys.exit(EXIT_NOT_EXECUTED)


def _read(what: str) -> dict[str, Any]:
    if what.startswith("@"):
        with open(what[1:], encoding="utf-8") as file:
            what = "".join(line for line in file if not line.startswith("#"))
    data: dict[str, Any] = json.loads(what)
    return data


def _environment(what: dict[str, Any]) -> dict[str, str]:
    """Raises OSError, or ValueError for an env file that cannot be understood."""
    declared = {name: os.environ[name] for name in what.get("declared", ()) if name in os.environ}
    environment = dict(os.environ)
    for path in what.get("env_files", ()):
        environment.update(read_env_file(path))
    return {**environment, **declared, **what.get("environment", {})}


def _take_listener(path: str, environment: MutableMapping[str, str]) -> None:
    """Raises OSError where nobody gives it in time."""
    with _connected(path) as giver:
        _, fds, _, _ = socket.recv_fds(giver, 1, 1)
    if not fds:
        raise OSError(f"{path} gave no listener")
    if fds[0] != FIRST_LISTENER_FD:
        os.dup2(fds[0], FIRST_LISTENER_FD)
        os.close(fds[0])
    os.set_inheritable(FIRST_LISTENER_FD, True)
    environment["LISTEN_FDS"] = "1"
    environment["LISTEN_PID"] = str(os.getpid())


def _connected(path: str) -> socket.socket:
    """By way of the directory's fd, since a socket's path is short (unix(7)). Raises OSError."""
    folder = os.open(os.path.dirname(path) or ".", os.O_PATH)
    deadline = time.monotonic() + LISTENER_SECONDS
    while True:
        giver = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            giver.connect(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
        except (FileNotFoundError, ConnectionRefusedError):
            giver.close()
            if time.monotonic() >= deadline:
                raise
            time.sleep(LOOK_SECONDS)
        else:
            os.close(folder)
            return giver


def _expect(path: str, environment: MutableMapping[str, str]) -> None:
    """Whoever waits for readiness sees what this life says, not the last one. Raises OSError."""
    with open(path, "wb"):
        environment["PROCESSION_NOTIFY"] = f"file:{path}"


def _prepare(what: dict[str, Any], environment: MutableMapping[str, str]) -> None:
    """Rights go last: what comes before may need them. Raises OSError, LookupError."""
    if "directory" in what:
        os.chdir(what["directory"])
    if "umask" in what:
        os.umask(what["umask"])
    if "lock" in what:
        _lock(what["lock"])
    if "nice" in what:
        os.nice(what["nice"])
    _limit(what.get("limits", {}))
    if "user" in what or "group" in what:
        owner = find_owner(what.get("user", ""), what.get("group", ""))
        declared = what.get("declared", ())
        environment.update({name: value for name, value in owner.variables().items() if name not in declared})
        become(owner)
    if what.get("no_new_privs"):
        from procession.supervisor.linux.kernel import forbid_new_privileges

        forbid_new_privileges()


def _lock(path: str) -> None:
    """Ours, and that of all that we become or start: a lock of flock(2) belongs to the open file. Raises OSError."""
    import fcntl

    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(fd, True)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"another one is running: it holds {path}", file=sys.stderr)
        sys.exit(EXIT_LOCKED)


def _limit(limits: dict[str, int]) -> None:
    """Raises OSError, ValueError for more than we may have."""
    if limits:
        import resource

        for name, value in limits.items():
            number = getattr(resource, f"RLIMIT_{name}")
            hard = resource.getrlimit(number)[1]
            is_allowed = hard == resource.RLIM_INFINITY or value <= hard
            resource.setrlimit(number, (value, hard if is_allowed else value))  # root alone may raise the hard one


if __name__ == "__main__":
    main(sys.argv[1:])
