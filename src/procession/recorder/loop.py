"""The one loop: sleeps until an fd is ready or the nearest deadline has come. No polling, no threads."""

from __future__ import annotations

import select
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


class Loop:
    """Calls back when an fd is ready (level-triggered) or when a deadline has come. Time is monotonic."""

    __slots__ = ("_callbacks", "_deadlines", "_epoll", "_running")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[], object]] = {}
        self._deadlines: dict[Hashable, tuple[float, Callable[[], object]]] = {}
        self._running = True

    def watch(self, fd: int, callback: Callable[[], object]) -> None:
        """Call back whenever there is something to read from `fd`, until `forget`."""
        self._epoll.register(fd, select.EPOLLIN)
        self._callbacks[fd] = callback

    def watch_writable(self, fd: int, callback: Callable[[], object]) -> None:
        """Call back whenever `fd` can be written to, until `forget`."""
        self._epoll.register(fd, select.EPOLLOUT)
        self._callbacks[fd] = callback

    def forget(self, fd: int) -> None:
        """Watch this fd no longer; to be called before it is closed. Not watched: nothing happens."""
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def wake_after(self, seconds: float, key: Hashable, callback: Callable[[], object]) -> None:
        """Call back once, so many seconds from now. A later call with the same key takes the place of this one."""
        self._deadlines[key] = (monotonic() + max(seconds, 0.0), callback)

    def cancel(self, key: Hashable) -> None:
        """The deadline with this key shall not come. There is none: nothing happens."""
        self._deadlines.pop(key, None)

    def has_deadline(self, key: Hashable) -> bool:
        """Whether a deadline with this key is yet to come."""
        return key in self._deadlines

    def run(self) -> None:
        """Go on until `stop`."""
        while self._running:
            for fd, _ in self._epoll.poll(self._timeout_seconds()):
                callback = self._callbacks.get(fd)  # None: forgotten by a callback before it in this round
                if callback is not None:
                    callback()
            if self._deadlines:
                self._call_what_is_due()

    def stop(self) -> None:
        """Leave `run` at the end of this round."""
        self._running = False

    def _timeout_seconds(self) -> float | None:
        if not self._deadlines:
            return None
        return max(0.0, min(at for at, _ in self._deadlines.values()) - monotonic())

    def _call_what_is_due(self) -> None:
        now = monotonic()
        for key in [key for key, (at, _) in self._deadlines.items() if at <= now]:
            entry = self._deadlines.pop(key, None)
            if entry is not None:
                entry[1]()
