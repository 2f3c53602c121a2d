"""The FIFOs of the instances, each read chunk by chunk into its log file."""

from __future__ import annotations

import os
from fcntl import F_SETPIPE_SZ, fcntl

from procession.fifo import open_fifo
from procession.recorder.hand import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from procession.loop import Loop
    from procession.recorder.echo import Echo
    from procession.recorder.hand import Hand
    from procession.recorder.logfile import LogFile
    from procession.recorder.logs import Logs
    from procession.recorder.rotation import Policy
    from procession.recorder.stamp import Clock

PIPE_BYTES = (1 << 20, 256 << 10)  # tried in turn; else it stays as the kernel made it, 64 KiB
DRAIN_BYTES_MAX = 64 << 20  # at the end; an orphan that goes on writing must not keep us from it


class Stream:
    """One instance: its FIFO and its log file."""

    __slots__ = ("fd", "fifo_path", "log", "name", "pipe_bytes")

    def __init__(self, name: str, fifo_path: str, log: LogFile) -> None:
        self.name = name
        self.log = log
        self.fifo_path = fifo_path
        self.fd = open_fifo(fifo_path)
        self.pipe_bytes = 0  # what we made of it, against the allowance


class Streams:
    """All open streams."""

    __slots__ = ("_by_name", "_clock", "_echo", "_folder", "_hand", "_logs", "_loop", "_pipe_bytes_left")

    def __init__(self, folder: str, loop: Loop, *, logs: Logs, hand: Hand, clock: Clock, echo: Echo | None) -> None:
        self._folder = folder
        self._loop = loop
        self._logs = logs
        self._hand = hand
        self._clock = clock
        self._echo = echo
        self._pipe_bytes_left = _pipe_bytes_allowed()
        self._by_name: dict[str, Stream] = {}

    def open(self, name: str, log_path: str, policy: Policy) -> None:
        """Read this instance from now on; open already: take the new path and policy. Raises OSError for its FIFO."""
        stream = self._by_name.get(name)
        if stream is None:
            self._open_new(name, log_path, policy)
            return
        self._drain(stream)
        stream.log = self._logs.open(name, log_path, policy)

    def close(self, name: str, *, keep_fifo: bool = False) -> None:
        """Write what is still in its FIFO, then remove that; the log stays. Not open: nothing happens.

        `keep_fifo`: who asks may have begun a new instance of that name, which writes into it already.
        """
        stream = self._by_name.pop(name, None)
        if stream is None:
            return
        self._drain(stream)
        stream.log.end_line(self._clock.now())
        self._loop.forget(stream.fd)
        self._logs.close(name)
        self._pipe_bytes_left += stream.pipe_bytes
        os.close(stream.fd)
        if not keep_fifo:
            _remove(stream.fifo_path)
        if self._echo is not None:
            self._echo.end_line(name, self._clock.now())
            self._echo.forget(name)

    def end_line(self, name: str) -> None:
        """The instance has ended: what the next one writes begins on a line of its own. Not open: nothing happens."""
        stream = self._by_name.get(name)
        if stream is not None:
            self._drain(stream)
            stream.log.end_line(self._clock.now())
            if self._echo is not None:
                self._echo.end_line(name, self._clock.now())

    def drain(self) -> None:
        """Write what is in the FIFOs now; they stay as they are, for whoever still writes to them."""
        for stream in self._by_name.values():
            self._drain(stream)

    def _open_new(self, name: str, log_path: str, policy: Policy) -> None:
        log = self._logs.open(name, log_path, policy)
        try:
            stream = Stream(name, os.path.join(self._folder, name), log)
        except OSError:
            self._logs.close(name)
            raise
        self._widen(stream)
        if self._hand.after_boot:
            log.end_line(self._clock.now())  # who had begun that line is gone
        if self._echo is not None:
            self._echo.add(name)
        self._by_name[name] = stream
        self._loop.watch(stream.fd, lambda: self._pump(stream))

    def _pump(self, stream: Stream) -> int:
        """Write the next chunk of the stream; its size in bytes, 0 when there was none."""
        log = stream.log
        moment = self._clock.now()
        chunk = self._hand.take(stream.fd, Place(log, moment.stamp))
        if not chunk:
            return 0
        log.append(chunk, moment, self._hand)
        self._hand.let_go()
        if log.has_changed:
            self._logs.settle(stream.name, log)
        if self._echo is not None:
            self._echo.add_chunk(stream.name, chunk, moment)
        return len(chunk)

    def _drain(self, stream: Stream) -> None:
        left = DRAIN_BYTES_MAX
        while left > 0:
            count = self._pump(stream)
            if not count:
                return
            left -= count

    def _widen(self, stream: Stream) -> None:
        """A wide pipe holds more while we are being started again, and wakes us less often under a flood."""
        for wanted in PIPE_BYTES:
            if wanted > self._pipe_bytes_left:
                continue
            try:
                stream.pipe_bytes = fcntl(stream.fd, F_SETPIPE_SZ, wanted)
            except OSError:
                continue  # EPERM: above pipe-max-size, or the user's pipes hold too much already (pipe(7))
            self._pipe_bytes_left -= stream.pipe_bytes
            return


def _pipe_bytes_allowed() -> int:
    """Half of what the user's pipes may hold together: past all of it, every new pipe of theirs gets a page or two."""
    try:
        with open("/proc/sys/fs/pipe-user-pages-soft", "rb") as file:
            pages = int(file.read())
    except (OSError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 2 if pages else 1 << 40


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # removed by the supervisor already
