"""Start a supervisor for a stack directory, and be sure that it is there, or say why it is not."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping

from procession.control.wire import ELSEWHERE
from procession.refusal import ExitCode, Refusal

STDERR_NAME = "supervisor.err"
STDERR_LINES = 10
READ_BYTES = 65536
DIRECTORY_MODE = 0o700  # the log files and the environment of a site concern its user alone


def start_supervisor(stack_directory: str, environment: Mapping[str, str] = os.environ) -> int:
    """Start one in the background; gives its pid once its control socket answers. Raises Refusal.

    It is a session of its own, with nothing of ours open, so that it outlives this terminal. Every process inherits
    `environment` from it.
    """
    prepare(stack_directory)
    ready, said = os.pipe()
    try:
        os.set_inheritable(said, True)
        argv = command(stack_directory, "--ready-fd", str(said))
        pid = os.posix_spawn(argv[0], argv, environment, file_actions=_file_actions(stack_directory, said), setsid=True)
    finally:
        os.close(said)
    try:
        return _await_ready(ready, pid, stack_directory)
    finally:
        os.close(ready)


def command(stack_directory: str, *more: str) -> list[str]:
    """The supervisor's argv."""
    return [*program(), "--directory", stack_directory, *more]


def program() -> list[str]:
    """The supervisor beside us. -I -S: nothing of the site can get into it, and it is there in a third of the time."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return [sys.executable, "-I", "-S", os.path.join(package, "supervisor", "__main__.py")]


def prepare(stack_directory: str) -> None:
    """Make the stack directory, if it is not there, and check that it is ours to write. Raises Refusal."""
    try:
        os.makedirs(stack_directory, DIRECTORY_MODE, exist_ok=True)
        owner = os.stat(stack_directory).st_uid
        if owner != os.geteuid():
            raise _not_ours(stack_directory, owner)
        ignore_in_git(stack_directory)
    except OSError as error:
        raise _refusal(stack_directory, error) from error


def ignore_in_git(stack_directory: str) -> None:
    """Sockets, logs and pids are nobody's commit. Writing it also shows that the directory can be written."""
    try:
        with open(os.path.join(stack_directory, ".gitignore"), "x") as file:
            file.write("*\n")
    except FileExistsError:
        if not os.access(stack_directory, os.W_OK | os.X_OK):
            raise


def _refusal(stack_directory: str, error: OSError) -> Refusal:
    if isinstance(error, FileExistsError | NotADirectoryError):
        what = f"the stack directory {stack_directory} cannot be made: {error.filename} is not a directory"
        return Refusal(what, ELSEWHERE)
    return Refusal(f"cannot write to the stack directory {stack_directory}: {error.strerror}", ELSEWHERE)


def _not_ours(stack_directory: str, owner: int) -> Refusal:
    name = _user(owner)
    return Refusal(
        f"the stack directory {stack_directory} belongs to {name}, and you are {_user(os.geteuid())}",
        f"run this as {name}, or use a directory of your own: --stack-directory DIR",
    )


def _user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _file_actions(stack_directory: str, kept: int) -> list[tuple[int, ...] | tuple[int, int, str, int, int]]:
    """Standard streams to nowhere, the last words to a file, and whatever else the shell gave us closed."""
    stderr = os.path.join(stack_directory, STDERR_NAME)
    return [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, stderr, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        *((os.POSIX_SPAWN_CLOSE, fd) for fd in _inheritable() if fd > 2 and fd != kept),
    ]


def _inheritable() -> list[int]:
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.get_inheritable(int(name)):
                found.append(int(name))
        except OSError:
            pass  # the listing's own fd
    return found


def _await_ready(ready: int, pid: int, stack_directory: str) -> int:
    said = b"".join(iter(lambda: os.read(ready, READ_BYTES), b""))
    if not said:
        raise _ended_at_once(pid, stack_directory)
    message = json.loads(said)
    if not message["ready"]:
        what, *fix = message.get("text") or ["the supervisor did not start"]
        raise Refusal(what, "\n    ".join(fix), code=ExitCode(message.get("code", ExitCode.REFUSED)))
    return int(message["pid"])


def _ended_at_once(pid: int, stack_directory: str) -> Refusal:
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    with open(os.path.join(stack_directory, STDERR_NAME), errors="replace") as file:
        last = file.read().splitlines()[-STDERR_LINES:]
    how = f"was killed by signal {-code}" if code < 0 else f"exited with {code}"
    return Refusal(f"the supervisor {how} before it was ready", "\n    ".join(last))
