"""The supervisor's side of the recorder: keeps one running, and tells it what to read and what to keep.

Commands go through a FIFO of which we hold both ends open, so that a dead recorder breaks nothing: what it has not read
yet is still there for the next one. Nothing here blocks: what does not fit waits, and past QUEUE_BYTES_MAX it is
counted and lost.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from fcntl import F_SETPIPE_SZ, LOCK_EX, LOCK_NB, fcntl, flock
from signal import SIGCONT
from time import monotonic, time

from procession.fifo import open_fifo
from procession.loop import WRITABLE, Loop
from procession.stack.model import Log
from procession.supervisor.core.actions import Record
from procession.supervisor.linux import procfs, sibling
from procession.supervisor.linux.children import Children
from procession.supervisor.linux.kernel import send_signal, take_fd

FIFO_NAME = "recorder.fifo"
LOCK_NAME = "recorder.lock"  # held by the recorder, with its pid in it
QUEUE_BYTES_MAX = 4 << 20
PIPE_BYTES = 256 << 10
STEADY_SECONDS = 10.0  # a recorder that lived that long did not die of its start
FIRST_WAIT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 30.0
KEPT_FD = 3  # in the recorder: what it keeps for the supervisor that it starts after our death


class Recorder:
    """One recorder for this stack directory, for as long as the supervisor lives, and longer."""

    __slots__ = (
        "_children", "_deaths", "_directory", "_echo", "_fd", "_is_full", "_is_renewed", "_kept", "_loop", "_lost",
        "_on_gone", "_opened", "_pidfd", "_queue", "_queue_bytes", "_since", "_wanted", "_watch",
        "on_renewed", "pid", "restarts",
    )  # fmt: skip

    def __init__(self, directory: str, loop: Loop, children: Children, *, echo: bool, kept: int) -> None:
        """`kept` is an fd that it keeps open for us. Raises OSError when its FIFO cannot be made."""
        self._directory = directory
        self._loop = loop
        self._children = children
        self._echo = echo
        self._kept = kept
        self._watch: dict[str, object] = {}
        self._is_renewed = False  # the old one is on its way out; what we say is for the next one
        self._fd = open_fifo(os.path.join(directory, FIFO_NAME))
        _widen_pipe(self._fd)
        self._queue: list[bytes] = []
        self._queue_bytes = 0
        self._is_full = False
        self._lost = 0
        self._opened: dict[str, dict[str, object]] = {}
        self._wanted = False
        self._pidfd = -1
        self._since = 0.0
        self._deaths = 0
        self._on_gone: Callable[[], object] | None = None
        self.on_renewed: Callable[[], object] = _do_nothing  # another one has begun: what it said before is over
        self.pid = 0
        self.restarts = 0

    def begin(self) -> None:
        """Take over the recorder of an earlier supervisor, or start one."""
        self._wanted = True
        if not self._adopt():
            self._start()

    def end(self, on_gone: Callable[[], object]) -> None:
        """Let it write what there is, then end; tell when it has. Where there is none, one is started for it."""
        self._loop.cancel("recorder")
        if not self.pid:
            self._start_again()
        self._wanted = False
        self._on_gone = on_gone
        if self.pid:
            self._send({"unwatch": True})
            self._send({"quit": True})
            self._wake()
        else:
            self._loop.cancel("recorder")
            on_gone()

    def renew(self) -> None:
        """Let it write what there is and end, and start another, of our own version: we have just been upgraded."""
        if not self.pid:
            return  # the next one is ours anyway
        self._send({"unwatch": True})
        self._send({"quit": True})
        self.flush()
        self._is_renewed = True
        self._wake()

    def _wake(self) -> None:
        """Who is stopped (SIGSTOP) would not hear that it is to end, and be left behind."""
        if self._pidfd >= 0:
            send_signal(self._pidfd, SIGCONT)
        else:
            os.kill(self.pid, SIGCONT)  # our child, and not reaped: the number is its own

    def open(self, name: str, log: Log) -> None:
        """Record what this instance says."""
        command: dict[str, object] = {
            "open": name,
            "path": log.file.replace("{instance}", name),
            "max_bytes": log.max_size_bytes,
            "keep": log.keep,
            "max_age_seconds": log.max_age_seconds or None,
            "compress": log.compress,
        }
        self._opened[name] = command
        self._send(command)

    def close(self, name: str) -> None:
        """The instance is no more."""
        self._opened.pop(name, None)
        self._send({"close": name, "keep_fifo": True})

    def break_line(self, name: str) -> None:
        """What the instance says next begins on a line of its own."""
        self._send({"break": name})

    def keep(self, record: Record) -> None:
        """Keep this in the history."""
        event = {
            "at": round(time(), 3),
            "kind": record.kind,
            "process": record.process,
            "instance": record.instance,
            "pid": record.pid,
            "detail": dict(record.detail),
            "who": record.who,
        }
        self._send({"event": event})

    def note(self, text: str) -> None:
        """A line of the supervisor's own log."""
        self._send({"note": text})

    def ask_for_revival(self, argv: list[str]) -> None:
        """If we die without having said that we go, it shall start this, as we were started."""
        program = {
            "pid": os.getpid(),
            "argv": argv,
            "environment": dict(os.environ),
            "directory": self._directory,  # the one that stays; that of a release may be removed
            "umask": _umask(),
        }
        self._watch = {"watch": program}
        self._send(self._watch)

    def _adopt(self) -> bool:
        """Whether there is one already: its lock tells its pid."""
        pid = _pid_in(os.path.join(self._directory, LOCK_NAME))
        stat = procfs.read_stat(pid) if pid else None
        if stat is None or stat.is_dead or not _is_locked(os.path.join(self._directory, LOCK_NAME)):
            return False
        try:
            self._pidfd = self._children.adopt(pid, stat.start_ticks, self._ended)
        except OSError:
            return False
        self.pid = pid
        self._since = monotonic()
        return True

    def _start(self) -> None:
        argv = sibling.argv_of("recorder", "--directory", self._directory, "--keep")
        if self._echo:
            argv.append("--echo")
        self._since = monotonic()
        try:
            # The FIFO is its stdin from the start: what is in it stays if we die before it has opened the file.
            self.pid = sibling.start(argv, {0: self._fd, KEPT_FD: self._kept})
        except OSError:  # no room for one more process: later
            self._deaths += 1
            self._start_later()
            return
        self._children.add(self.pid, self._ended)

    def _ended(self, _status: int | None) -> None:
        self.pid = 0
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        if not self._wanted:
            if self._on_gone is not None:
                self._on_gone()
            return
        if self._is_renewed:
            self._start_later()
            return
        self.restarts += 1
        self._deaths = 0 if monotonic() - self._since >= STEADY_SECONDS else self._deaths + 1
        self._start_later()

    def _start_later(self) -> None:
        wait = min(FIRST_WAIT_SECONDS * 2.0 ** (self._deaths - 1), LONGEST_WAIT_SECONDS) if self._deaths else 0.0
        self._loop.call_after(wait, "recorder", self._start_again)

    def _start_again(self) -> None:
        """Or take over one that somebody else started meanwhile: its lock would keep ours from ever being there."""
        if not self._adopt():
            self._start()
        if not self.pid:
            return  # there was no room for one more process: it is tried again
        why = "the recorder was renewed, too" if self._is_renewed else "the recorder had ended"
        self._is_renewed = False
        self._send({"note": f"{why}; started again as pid {self.pid}"})
        self.on_renewed()
        for command in (self._watch, *self._opened.values()):
            if command:
                self._send(command)

    def _send(self, command: Mapping[str, object]) -> None:
        line = json.dumps(command, separators=(",", ":")).encode() + b"\n"
        if self._queue_bytes + len(line) > QUEUE_BYTES_MAX:
            self._lost += 1
            return
        self._queue.append(line)
        self._queue_bytes += len(line)

    def flush(self) -> None:
        """Write what was said since the last time: to be called before each sleep, so that a burst is one write."""
        if self._queue and not (self._is_full or self._is_renewed):
            self._write()

    def _write(self) -> None:
        data = b"".join(self._queue)
        self._queue.clear()
        try:
            data = data[os.write(self._fd, data) :]
        except BlockingIOError:
            pass
        self._queue_bytes = len(data)
        if data:
            self._queue.append(data)
            self._wait_for_room()
        else:
            self._have_room()

    def _wait_for_room(self) -> None:
        if not self._is_full:
            self._is_full = True
            self._loop.watch(self._fd, self._write, WRITABLE)

    def _have_room(self) -> None:
        if self._is_full:
            self._is_full = False
            self._loop.forget(self._fd)
        if self._lost:
            lost, self._lost = self._lost, 0
            self._send({"note": f"{lost} messages to the recorder were lost: it did not read them"})


def take_kept_fd(directory: str) -> int:
    """A duplicate of what a recorder that lives keeps for its supervisor; -1: nothing, or we may not have it."""
    pid = _pid_in(os.path.join(directory, LOCK_NAME))
    if not pid or "--keep" not in procfs.read_argv(pid):
        return -1
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return -1
    try:
        return take_fd(pidfd, KEPT_FD)
    except OSError:
        return -1
    finally:
        os.close(pidfd)


def _do_nothing() -> None:
    """Nobody asked to be told."""


def _widen_pipe(fd: int) -> None:
    """More room for what is said while no recorder reads (F_SETPIPE_SZ, Linux 2.6.35); a limit (pipe(7)) may say no.

    That of the instances' FIFOs is the recorder's to ask for: it divides what one user may have among all of them.
    """
    try:
        fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES)
    except OSError:
        pass


def _umask() -> int:
    """Ours. It can only be read by setting it (umask(2))."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def _pid_in(path: str) -> int:
    try:
        with open(path, "rb") as file:
            text = file.read(20).strip()
    except OSError:
        return 0
    return int(text) if text.isdigit() else 0


def _is_locked(path: str) -> bool:
    """Whether somebody holds the flock(2) on this file."""

    fd = os.open(path, os.O_RDWR)
    try:
        flock(fd, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
