"""The recorder, put together: who hears of what, and what each command does."""

from __future__ import annotations

import os

from procession.fifo import open_fifo
from procession.loop import Loop
from procession.recorder import counts
from procession.recorder.children import Children
from procession.recorder.commands import CommandReader, instance_name, parse_command, policy_of, program_of
from procession.recorder.compression import Compression
from procession.recorder.hand import Hand
from procession.recorder.history import History
from procession.recorder.lean import SIGHUP, SIGINT, SIGTERM, catch_signals
from procession.recorder.logs import Logs
from procession.recorder.revive import Reviver
from procession.recorder.rotation import Policy
from procession.recorder.stamp import Clock
from procession.recorder.streams import Streams
from procession.recorder.word import tell_supervisor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from procession.recorder.echo import Echo
    from procession.recorder.lean import Json
    from procession.recorder.lost import Lost

OWN_LOG = "procession"
OWN_POLICY = Policy(max_bytes=5 << 20, keep=5)
LEAVE_SECONDS_MAX = 5.0


class Recorder:
    """Everything that one recorder has. Raises OSError when its own files cannot be made."""

    def __init__(self, directory: str, loop: Loop, echo: Echo | None, kept_fd: int = -1) -> None:
        self._directory = directory
        self._kept_fd = kept_fd
        self._is_full = False  # the disk: the supervisor was told
        self._loop = loop
        self._echo = echo
        self._clock = Clock()
        self._children = Children(loop)
        self._hand = Hand(self._path("recorder.hand"))
        self._logs = Logs(self._path("log"), loop, self._clock)
        self._compression = Compression(loop, self._children, self._logs.by_name)
        self._history = History(self._path("history.sqlite"), loop, self._children)
        self._reviver = Reviver(loop, kept_fd)
        self._streams = Streams(
            self._path("fifo"), loop, logs=self._logs, hand=self._hand, clock=self._clock, echo=echo
        )
        self._commands = CommandReader(open_fifo(self._path("recorder.fifo")))
        self._connect()

    def run(self) -> None:
        """Go on until told to quit. A mistake of ours ends it: the FIFOs and the hand keep what the next one needs."""
        self._recover()
        try:
            self._loop.run()
        except Exception:
            from traceback import format_exc

            self.note(f"recorder: {format_exc()}")
            raise

    def note(self, text: str) -> None:
        """A line of the supervisor or the recorder, in procession.log."""
        log = self._logs.by_name[OWN_LOG]
        moment = self._clock.now()
        chunk = text.replace("\n", "\n    ").encode("utf-8", "surrogateescape") + b"\n"
        log.append(chunk, moment)
        if log.has_changed:
            self._logs.settle(OWN_LOG, log)
        if self._echo is not None:
            self._echo.add_chunk(OWN_LOG, chunk, moment)

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, name)

    def _connect(self) -> None:
        self._logs.on_lost = self._tell_lost
        self._logs.on_resumed = self._tell_resumed
        self._logs.on_rotated = self._compression.schedule
        self._history.on_trouble = self.note
        self._reviver.on_revived = self._tell_revived
        self._reviver.on_gone = self._leave_if_asked
        self._logs.open(OWN_LOG, self._path("log/procession.log"), OWN_POLICY)
        self._loop.watch(self._commands.fd, self._obey)
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        catch_signals((SIGHUP, SIGINT, SIGTERM), writing)
        self._loop.watch(reading, lambda: self._take_signals(os.read(reading, 64)))

    def _recover(self) -> None:
        try:
            count = self._hand.recover()
        except OSError as error:
            self.note(f"recorder: what the last one had in hand is lost: {error.strerror}")
            return
        if count:
            self.note(f"recorder: wrote {count} bytes that the last one had in hand")
        if self._hand.trouble is not None:
            self.note(f"recorder: a kill of it may lose lines: {self._hand.trouble.strerror}")

    def _obey(self) -> None:
        for line in self._commands.lines():
            try:
                self._do(*parse_command(line))
            except (ValueError, OSError) as error:
                self.note(f"recorder: skipped a command: {error}")

    def _do(self, command: dict[str, Json], line: bytes) -> None:
        """Raises ValueError for what makes no sense, OSError for what the system refuses."""
        for name, value in command.items():
            if name == "open":
                self._open(command)
            elif name == "close":
                self._streams.close(instance_name(value), keep_fifo=command.get("keep_fifo") is True)
            elif name == "break":
                self._streams.end_line(instance_name(value))
            elif name == "event":
                self._history.add(line)
            elif name == "note":
                self.note(str(value))
            elif name == "watch":
                self._reviver.watch(*program_of(value))
            elif name == "unwatch":
                self._reviver.unwatch()
            elif name == "count":
                counts.tell(self._path(f"fifo/{instance_name(value)}"), self._logs.by_name)
            elif name == "quit":
                self._leave()

    def _open(self, command: dict[str, Json]) -> None:
        name = instance_name(command["open"])
        path = command.get("path", f"log/{name}.log")
        if not isinstance(path, str) or not path or "\0" in path:
            raise ValueError(f"{name}: not the path of a log: {path!r}")
        self._streams.open(name, os.path.normpath(self._path(path)), policy_of(command))

    def _take_signals(self, numbers: bytes) -> None:
        if SIGHUP in numbers:
            self._logs.reopen()
        if SIGTERM in numbers:
            self._reviver.is_leaving = True
            self._leave_if_asked()

    def _leave_if_asked(self) -> None:
        """On SIGTERM, stay until the supervisor is gone: at a shutdown of the machine, instances have a last word."""
        if self._reviver.is_leaving and not self._reviver.is_watching:
            self._leave()

    def _leave(self) -> None:
        self._streams.drain()
        if self._echo is not None:
            self._echo.flush()
        self._loop.call_after(LEAVE_SECONDS_MAX, "leave", self._loop.stop)
        self._history.finish(self._loop.stop)

    def _tell_lost(self, name: str, lost: Lost) -> None:
        if name != OWN_LOG:
            self.note(f"{name}: its lines are being dropped: {lost.reason}")
        if lost.needs_room and not self._is_full:
            self._is_full = tell_supervisor(self._kept_fd, lost.reason)

    def _tell_resumed(self, name: str, lost: Lost) -> None:
        self._history.add_own("log-dropped", None if name == OWN_LOG else name, lost.sentence())
        self._tell_room()
        if name != OWN_LOG:
            self.note(f"{name}: {lost.sentence()}")

    def _tell_room(self) -> None:
        """To the supervisor, once no log waits for room any more."""
        is_any = any(log.lost is not None and log.lost.needs_room for log in self._logs.by_name.values())
        if self._is_full and not is_any:
            self._is_full = False
            tell_supervisor(self._kept_fd, "")

    def _tell_revived(self, old_pid: int, pid: int) -> None:
        sentence = f"supervisor died, started again: pid {old_pid} is now {pid}"
        self._history.add_own("supervisor-died", None, sentence)
        self.note(sentence)
