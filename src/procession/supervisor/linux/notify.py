"""What programs say of themselves: sd_notify(3) datagrams on our socket, each credited to the instance that sent it.

The kernel says who sent a datagram (SCM_CREDENTIALS, unix(7)), and only what comes from an instance's tree counts for
it. As root the socket has an abstract name, because an instance of another user could not reach into our directory;
else it is a file there.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from procession.loop import Loop
from procession.supervisor.core.events import Told
from procession.supervisor.core.judge import RELOADING
from procession.supervisor.linux import procfs
from procession.supervisor.linux.kernel import CREDENTIALS
from procession.supervisor.linux.recorder import take_kept_fd
from procession.supervisor.linux.rundir import remove
from procession.units import UNIX_PATH_BYTES_MAX

SOCKET_NAME = "notify.sock"
MESSAGE_BYTES_MAX = 8192
MICROSECONDS = 1_000_000
STATUS_CHARACTERS_MAX = 200
NUMBER_DIGITS_MAX = 18  # more is no number that anybody means, and int() refuses thousands of them
PARENTS_MAX = 32


class Sender(NamedTuple):
    """The instance's life that a datagram came from."""

    name: str
    life: int


class NotifySocket:
    """`tell(Told)` hears what instances say; `beat(life, seconds)` that one is well, and will say so again within these
    (0: as before); `who(pid)` gives the instance whose main process that is, or None. `hear_sibling(pid, said)` is
    asked first: True where it was no instance's word, but that of a program of our own.
    """

    __slots__ = ("_beat", "_directory", "_hear_sibling", "_socket", "_tell", "_who", "address")

    def __init__(
        self,
        directory: str,
        loop: Loop,
        inherited: int = -1,
        *,
        tell: Callable[[Told], object],
        beat: Callable[[int, float], object],
        who: Callable[[int], Sender | None],
        hear_sibling: Callable[[int, dict[str, str]], bool],
    ) -> None:
        """Go on with the socket that the supervisor before us had, what was said meanwhile is in it; else bind one.

        `inherited` is its fd; without one it is looked for in the recorder. Raises OSError.
        """
        self._directory = directory
        self._tell = tell
        self._beat = beat
        self._who = who
        self._hear_sibling = hear_sibling
        self.address = _address(directory)
        self._socket = _taken_over(directory, self.address, inherited) or _bind(self.address)
        loop.watch(self._socket.fileno(), self._receive)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()
        if not self.address.startswith("@"):
            remove(self.address)

    def _receive(self) -> None:
        try:
            data, ancillary, _, _ = self._socket.recvmsg(MESSAGE_BYTES_MAX, socket.CMSG_SPACE(CREDENTIALS.size))
        except OSError:
            return
        pid, uid = _credentials(ancillary)
        said = parse_message(data)
        if self._hear_sibling(pid, said):
            return
        sender = self._find(pid, uid) or self._find_named(said, uid)
        if sender is not None:
            self._pass_on(sender, pid, said)

    def _pass_on(self, sender: Sender, pid: int, said: dict[str, str]) -> None:
        interval_seconds = _number(said.get("WATCHDOG_USEC", "")) / MICROSECONDS
        if said.get("WATCHDOG") == "1" or interval_seconds:
            self._beat(sender.life, interval_seconds)
        news = understand(sender, said)
        if news is not None:
            self._tell(replace(news, pid=pid))

    def _find(self, pid: int, uid: int) -> Sender | None:
        """By what the kernel knows of the process: itself, its session, its parents, its mark."""
        for _ in range(PARENTS_MAX):
            stat = procfs.read_stat(pid)
            if stat is None or pid <= 1:
                break
            sender = self._who(pid) or self._who(stat.session)
            if sender is not None:
                return sender
            pid = stat.parent
        return self._find_marked(pid, uid)

    def _find_marked(self, pid: int, uid: int) -> Sender | None:
        """By its mark, which anybody can write: it must name a main process that we know, of the sender's own user."""
        mark = procfs.read_mark(pid)
        if mark is None or mark.directory != self._directory:
            return None
        sender = self._who(mark.main)
        try:
            is_of_its_user = procfs.read_owner(mark.main) == uid
        except OSError:
            return None
        return sender if is_of_its_user and sender == (mark.instance, mark.life) else None

    def _find_named(self, said: dict[str, str], uid: int) -> Sender | None:
        """Who sent and ended at once leaves nothing to look up; as our own user it may say itself who it was."""
        life = _number(said.get("PROCESSION_LIFE", ""))
        return Sender(said.get("PROCESSION_INSTANCE", ""), life) if life and uid == os.geteuid() else None


def parse_message(data: bytes) -> dict[str, str]:
    """The assignments, one a line; what is none is left out."""
    lines = (line.partition("=") for line in data.decode("utf-8", "replace").split("\n"))
    return {name: value for name, equals, value in lines if equals}


def understand(sender: Sender, said: dict[str, str]) -> Told | None:
    """What is said that an instance's fate depends on; None: nothing of that kind.

    MAINPID, ERRNO, EXIT_STATUS and the like concern us not: we know the main process, and see ourselves how it ends. A
    file descriptor that comes along (BARRIER=1) is closed by the kernel, for which its sender waits.
    """
    status = said.get("STATUS", "")[:STATUS_CHARACTERS_MAX]
    news = Told(
        sender.name,
        sender.life,
        ready={"1": True, "0": False}.get(said.get("READY", "")),
        status=status or (RELOADING if said.get("RELOADING") == "1" else ""),
        extend_seconds=_number(said.get("EXTEND_TIMEOUT_USEC", "")) / MICROSECONDS,
        is_stopping=said.get("STOPPING") == "1",
        is_hung=said.get("WATCHDOG") == "trigger",
        standby={"1": True, "0": False}.get(said.get("X_STANDBY", "")),  # our own word: see `procession.lease`
    )
    return None if news == Told(sender.name, sender.life) else news


def _number(text: str) -> int:
    """0 for what is none."""
    return int(text) if text.isdecimal() and len(text) <= NUMBER_DIGITS_MAX else 0


def _address(directory: str) -> str:
    path = os.path.join(directory, SOCKET_NAME)
    if os.geteuid() != 0 and len(os.fsencode(path)) <= UNIX_PATH_BYTES_MAX:
        return path
    place = os.stat(directory)
    return f"@procession/{place.st_dev:x}.{place.st_ino:x}"  # the same for the next supervisor of this directory


def _taken_over(directory: str, address: str, inherited: int) -> socket.socket | None:
    """The socket of the supervisor before us, if we have it or the recorder has, and it can still be reached."""
    fd = inherited if inherited >= 0 else take_kept_fd(directory)
    if fd < 0:
        return None
    found = socket.socket(fileno=fd)
    if _is_bound_to(found, address):
        found.setblocking(False)
        return found
    found.close()
    return None


def _is_bound_to(found: socket.socket, address: str) -> bool:
    try:
        name = found.getsockname()
    except OSError:
        return False
    if address.startswith("@"):
        return bool(name == b"\0" + address[1:].encode())
    return bool(name == address) and os.path.exists(address)


def _bind(address: str) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        if address.startswith("@"):
            bound.bind("\0" + address[1:])
        else:
            remove(address)
            umask = os.umask(0o177)
            bound.bind(address)
            os.umask(umask)
    except OSError:
        bound.close()
        raise
    return bound


def _credentials(ancillary: list[tuple[int, int, bytes]]) -> tuple[int, int]:
    """The sender's pid and uid; (0, -1) without."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS and len(data) >= CREDENTIALS.size:
            pid, uid, _ = CREDENTIALS.unpack(data[: CREDENTIALS.size])
            return pid, uid
    return 0, -1
