"""The one loop, of the supervisor and of the recorder: sleeps until an fd is ready or the nearest deadline has come.

No polling, no threads.
"""

from __future__ import annotations

import select
from time import monotonic

TYPE_CHECKING = False  # as in typing, which the recorder need not import
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    Callback = Callable[[], object]

READABLE = select.EPOLLIN
WRITABLE = select.EPOLLOUT
HUNG_UP = select.EPOLLHUP  # always reported, asked for or not (epoll_ctl(2))


class Loop:
    """Calls back when an fd is ready (level-triggered) or when a deadline has come. Deadlines are monotonic seconds."""

    __slots__ = ("_callbacks", "_deadlines", "_epoll", "_is_running")

    def __init__(self) -> None:
        self._epoll = select.epoll()  # close-on-exec, as all that Python opens (PEP 446)
        self._callbacks: dict[int, Callback] = {}
        self._deadlines: dict[Hashable, tuple[float, Callback]] = {}
        self._is_running = True

    def watch(self, fd: int, callback: Callback, events: int = READABLE) -> None:
        """Call back whenever `fd` is ready, until `forget`. Raises OSError where the system has no more room for it."""
        self._epoll.register(fd, events)
        self._callbacks[fd] = callback

    def change(self, fd: int, callback: Callback, events: int) -> None:
        """From now on call this back, for these events; `fd` is being watched."""
        self._epoll.modify(fd, events)
        self._callbacks[fd] = callback

    def forget(self, fd: int) -> None:
        """Watch `fd` no longer; to be called before it is closed. Not watched: nothing happens."""
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def call_at(self, when: float, key: Hashable, callback: Callback) -> None:
        """Call back once, at `when`. A later call with the same key takes the place of this one."""
        self._deadlines[key] = (when, callback)

    def call_after(self, seconds: float, key: Hashable, callback: Callback) -> None:
        """Call back once, so many seconds from now; `key` as for `call_at`."""
        self._deadlines[key] = (monotonic() + seconds, callback)

    def cancel(self, key: Hashable) -> None:
        """The deadline with this key shall not come. There is none: nothing happens."""
        self._deadlines.pop(key, None)

    def has_deadline(self, key: Hashable) -> bool:
        """Whether a deadline with this key is yet to come."""
        return key in self._deadlines

    def run(self) -> None:
        """Go on until `stop`."""
        while self._is_running:
            self.wait(None)

    def stop(self) -> None:
        """Leave `run` at the end of this round."""
        self._is_running = False

    def wait(self, until: float | None) -> None:
        """Sleep until something is to be called back, or `until` (None: for ever) has come; then call back."""
        for fd, _ in self._epoll.poll(self._timeout_seconds(until)):
            callback = self._callbacks.get(fd)  # None: forgotten by a callback before it in this round
            if callback is not None:
                callback()
        if self._deadlines:
            self._call_what_is_due()

    def _timeout_seconds(self, until: float | None) -> float | None:
        times = [at for at, _ in self._deadlines.values()]
        if until is not None:
            times.append(until)
        return max(0.0, min(times) - monotonic()) if times else None

    def _call_what_is_due(self) -> None:
        now = monotonic()
        for key in [key for key, (at, _) in self._deadlines.items() if at <= now]:
            entry = self._deadlines.get(key)  # None: cancelled by a callback before it
            if entry is not None and entry[0] <= now:
                del self._deadlines[key]
                entry[1]()
