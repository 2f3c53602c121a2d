"""Events on their way to `history.sqlite`.

SQLite lives in a process of its own, which is there only while there is something to write: a database that is locked,
broken or on a stuck disk then stops no log, and an idle recorder does not carry SQLite's 2 MB.
"""

from __future__ import annotations

import os
from fcntl import F_SETPIPE_SZ, fcntl
from time import time

from procession.loop import WRITABLE
from procession.recorder.lean import quote_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from procession.loop import Loop
    from procession.recorder.children import Children

KEY = "history"
KEEP_WRITER_SECONDS = 2.0
BACKLOG_BYTES_MAX = 1 << 20
WRITER_PIPE_BYTES = 256 << 10


class History:
    """Hands events to the writer. `on_trouble` hears, as a sentence, what could not be kept."""

    __slots__ = (
        "_backlog", "_children", "_dropped", "_loop", "_on_ended", "_path", "_writer", "_writer_fd", "on_trouble"
    )  # fmt: skip

    def __init__(self, path: str, loop: Loop, children: Children) -> None:
        self._path = path
        self._loop = loop
        self._children = children
        self._writer = 0  # the number of the writer that has the other end of `_writer_fd`
        self._writer_fd = -1
        self._backlog = bytearray()
        self._dropped = 0
        self._on_ended: Callable[[], None] | None = None
        self.on_trouble: Callable[[str], None]

    def add(self, line: bytes) -> None:
        """Keep this event, `{"event": {...}}` in JSON on one line without its end."""
        if len(self._backlog) + len(line) > BACKLOG_BYTES_MAX:
            self._dropped += 1
            return
        self._backlog += line + b"\n"
        self._begin()

    def add_own(self, kind: str, instance: str | None, sentence: str) -> None:
        """Keep an event of the recorder itself."""
        where = f'"instance":{quote_json(instance)},"process":{quote_json(process_of(instance))},' if instance else ""
        detail = f'"detail":{{"message":{quote_json(sentence)}}},"who":"recorder"'
        self.add(f'{{"event":{{"at":{time():.3f},"kind":{quote_json(kind)},{where}{detail}}}}}'.encode())

    def finish(self, on_ended: Callable[[], None]) -> None:
        """Have everything written, then call back."""
        if self._writer_fd < 0:
            on_ended()
            return
        self._on_ended = on_ended
        self._dismiss()

    def _begin(self) -> None:
        """Give a writer what is in the backlog."""
        if self._writer_fd < 0 and not self._start_writer():
            return
        self._loop.call_after(KEEP_WRITER_SECONDS, KEY, self._dismiss)
        self._send()

    def _start_writer(self) -> bool:
        reading, writing = os.pipe()
        self._writer = number = self._writer + 1
        try:
            self._children.start(
                "history_main.py", [self._path], lambda code: self._ended(number, code), stdin_fd=reading
            )
        except OSError as error:
            os.close(writing)
            self.on_trouble(f"cannot start the writer of the history: {error.strerror}")
            return False
        finally:
            os.close(reading)
        os.set_blocking(writing, False)
        try:
            fcntl(writing, F_SETPIPE_SZ, WRITER_PIPE_BYTES)
        except OSError:
            pass  # the backlog holds what does not fit
        self._writer_fd = writing
        return True

    def _send(self) -> None:
        self._loop.forget(self._writer_fd)
        try:
            while self._backlog:
                del self._backlog[: os.write(self._writer_fd, self._backlog)]
        except BlockingIOError:
            self._loop.watch(self._writer_fd, self._send, WRITABLE)
        except BrokenPipeError:
            pass  # it has died: `_ended` comes next
        if self._dropped and not self._backlog:
            dropped, self._dropped = self._dropped, 0
            self.add_own("history-dropped", None, f"{dropped} events dropped: the history could not be written")

    def _dismiss(self) -> None:
        """End the writer's input, so that it ends when all is written; the next event starts another."""
        if self._backlog:
            self._loop.call_after(KEEP_WRITER_SECONDS, KEY, self._dismiss)
            return
        self._let_go()

    def _let_go(self) -> None:
        self._loop.cancel(KEY)
        self._loop.forget(self._writer_fd)
        os.close(self._writer_fd)
        self._writer_fd = -1

    def _ended(self, number: int, code: int) -> None:
        if code:
            self.on_trouble(f"the writer of the history ended with {code}: events are missing in {self._path}")
        if number == self._writer and self._writer_fd >= 0:  # not dismissed: it was killed, or cannot run
            self._let_go()
            if self._backlog:
                self._loop.call_after(KEEP_WRITER_SECONDS, KEY, self._begin)
        if self._on_ended is not None:
            self._on_ended()


def process_of(instance: str) -> str:
    """`web` for `web.1`."""
    return instance.rpartition(".")[0] or instance
