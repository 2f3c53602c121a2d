"""The stack directory: ours alone, with one supervisor; and the files in it that the next supervisor needs.

supervisor.lock   held while a supervisor lives, with its pid in it
control.sock      see `server`
stack.json        what runs
state.json        what people asked for, and which processes are whose
alerts.json       see `alerter`; alerts.report beside it, see `sender`
fifo/web.1        what the instance says, on its way to the recorder
terminal/web.1.7  the socket of its terminal, if it has one, in its 7th life
log/, history.sqlite, recorder.*   the recorder's
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from errno import EROFS
from fcntl import LOCK_EX, LOCK_NB, flock

from procession.control.wire import ELSEWHERE, SOCKET_NAME, STATE_NAME, TERMINALS_NAME
from procession.refusal import Refusal
from procession.units import UNIX_PATH_BYTES_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from procession.control.wire import Message

LOCK_NAME = "supervisor.lock"
STACK_NAME = "stack.json"
FOLDERS = ("fifo", "log", TERMINALS_NAME)
MODE = 0o700  # logs and environment of a site concern its user alone


def prepare(directory: str) -> None:
    """Make the stack directory, and check that it can be one. Raises Refusal."""
    if len(os.fsencode(os.path.join(directory, SOCKET_NAME))) > UNIX_PATH_BYTES_MAX:
        raise Refusal(
            f"the path of the stack directory is too long for a socket in it: {directory}",
            f"keep it under {UNIX_PATH_BYTES_MAX - len(SOCKET_NAME)} bytes: --stack-directory DIR",
        )
    try:
        _check_link(directory)
        os.makedirs(directory, MODE, exist_ok=True)
        _check_owner(directory)
        os.chmod(directory, MODE)
        for folder in FOLDERS:
            os.makedirs(os.path.join(directory, folder), MODE, exist_ok=True)
        if not os.access(directory, os.W_OK):
            raise PermissionError(0, "Permission denied", directory)
    except OSError as error:
        why = "the disk is read-only" if error.errno == EROFS else error.strerror
        raise Refusal(f"cannot use the stack directory {directory}: {why}", ELSEWHERE) from error


def lock(directory: str) -> int:
    """Become the one supervisor of this directory; the lock's fd, which holds it until we end. Raises Refusal."""
    path = os.path.join(directory, LOCK_NAME)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise Refusal(f"cannot open the lock {path}: {error.strerror}", ELSEWHERE) from error
    try:
        flock(fd, LOCK_EX | LOCK_NB)
    except BlockingIOError as error:
        pid = os.read(fd, 20).decode("ascii", "replace").strip()
        os.close(fd)
        raise Refusal(
            f"a supervisor (pid {pid or 'not known'}) already runs in {directory}", "see it: procession status"
        ) from error
    write_pid(fd)
    return fd


def write_pid(fd: int) -> None:
    """Say in the lock who holds it. In place: where a pid was already, that needs no room on a full disk."""
    try:
        os.ftruncate(fd, os.pwrite(fd, b"%d\n" % os.getpid(), 0))
    except OSError:
        pass  # it is only said, not needed


def write_json(path: str, data: Mapping[str, object]) -> None:
    """Replace the file in one step: who reads it sees the old or the new. Raises OSError.

    Not synced to disk: after a crash of the machine nothing in it runs any more, and a stuck disk must not stop us.
    """
    temporary = path + ".new"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        rest = memoryview(json.dumps(data, separators=(",", ":")).encode())
        while rest:
            rest = rest[os.write(fd, rest) :]
    finally:
        os.close(fd)
    os.rename(temporary, path)


def read_json(path: str) -> tuple[Message | None, str]:
    """The object in the file and "", or None and why not ("" if there is no file).

    One that cannot be understood is set aside as NAME.broken, so that it is there to be looked at, and not met again.
    """
    try:
        with open(path, "rb") as file:
            data = json.load(file)
        if not isinstance(data, dict):
            raise ValueError("not an object")
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, f"{path}: {error.strerror}"
    except (ValueError, RecursionError) as error:
        return None, f"{path}: {error}; {_set_aside(path)}"
    return data, ""


def _set_aside(path: str) -> str:
    try:
        os.replace(path, path + ".broken")
    except OSError as error:
        return f"it cannot be set aside: {error.strerror}"
    return f"set aside as {os.path.basename(path)}.broken"


def clean_up(directory: str) -> None:
    """Everything is down: no state is left, no FIFO, no terminal. In a directory that is gone there is nothing."""
    try:
        remove(os.path.join(directory, STATE_NAME))
        for folder in (os.path.join(directory, name) for name in ("fifo", TERMINALS_NAME)):
            for name in os.listdir(folder):
                remove(os.path.join(folder, name))
    except OSError:
        pass


def remove(path: str) -> None:
    """There is no such file afterwards. Raises OSError."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _check_link(directory: str) -> None:
    """Who may write to the site's folder could lead root to any other: so no link is followed but root's and ours."""
    try:
        found = os.lstat(directory)
    except FileNotFoundError:
        return
    if stat.S_ISLNK(found.st_mode) and found.st_uid not in (0, os.geteuid()):
        raise Refusal(
            f"the stack directory {directory} is a symbolic link of uid {found.st_uid}'s",
            f"make the link your own (chown -h), or {ELSEWHERE}",
        )


def _check_owner(directory: str) -> None:
    found = os.stat(directory)
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(0, "it is not a directory", directory)
    if found.st_uid != os.geteuid():
        raise Refusal(
            f"the stack directory {directory} belongs to uid {found.st_uid}, and we are uid {os.geteuid()}",
            f"run this as its owner, or {ELSEWHERE}",
        )
