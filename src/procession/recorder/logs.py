"""All log files of this recorder: when one is due for rotation, or to be tried again after a failure."""

from __future__ import annotations

import os

from procession.recorder.logfile import LogFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from procession.loop import Loop
    from procession.recorder.lost import Lost
    from procession.recorder.rotation import Policy
    from procession.recorder.stamp import Clock


class Logs:
    """The open log files by instance name.

    `on_lost` hears that lines of an instance are being dropped, `on_resumed` how many when that is over, `on_rotated`
    that there may be something to compress.
    """

    __slots__ = ("_clock", "_folder", "_loop", "by_name", "on_lost", "on_resumed", "on_rotated")

    def __init__(self, folder: str, loop: Loop, clock: Clock) -> None:
        self._folder = folder
        self._loop = loop
        self._clock = clock
        self.by_name: dict[str, LogFile] = {}
        self.on_lost: Callable[[str, Lost], None]
        self.on_resumed: Callable[[str, Lost], None]
        self.on_rotated: Callable[[], None]

    def open(self, name: str, path: str, policy: Policy) -> LogFile:
        """Open the log of `name`, or change where and how it is written. No disk error is raised: see LogFile.lost."""
        log = self.by_name.get(name)
        if log is None or log.path != path:
            if log is not None:
                log.close()
            log = self.by_name[name] = LogFile(path, policy, self._clock.now())
            self._point_to(name, path)
        log.policy = policy
        if log.rotated is not None:
            log.rotated.prune(policy.keep)
        self.settle(name, log)
        return log

    def settle(self, name: str, log: LogFile) -> None:
        """Report and arm what has changed in this log; to be called when its `has_changed` is set."""
        log.has_changed = False
        if log.resumed is not None:
            self.on_resumed(name, log.resumed)
            log.resumed = None
        if log.lost is not None and not log.lost.is_told:
            log.lost.is_told = True
            self.on_lost(name, log.lost)
        self._arm(name, log)
        self.on_rotated()

    def close(self, name: str) -> None:
        """Close the log, after a last attempt to say in it what it lost."""
        log = self.by_name.pop(name)
        self._loop.cancel(log)
        if log.lost is not None and not log.try_again(self._clock.now()):
            self.on_resumed(name, log.lost)  # the log will never say it, the history can
        if log.resumed is not None:
            self.on_resumed(name, log.resumed)
        log.close()

    def reopen(self) -> None:
        """Open all of them anew, as after logrotate has renamed them."""
        for name, log in self.by_name.items():
            log.reopen(self._clock.now())
            self.settle(name, log)

    def _arm(self, name: str, log: LogFile) -> None:
        moment = self._clock.now()
        seconds = log.lost.wait_seconds if log.lost is not None else log.seconds_until_old(moment)
        if seconds is None:
            self._loop.cancel(log)
        else:
            self._loop.call_after(seconds, log, lambda: self._deadline(name, log))

    def _deadline(self, name: str, log: LogFile) -> None:
        moment = self._clock.now()
        if log.try_again(moment):
            log.rotate_if_old(moment)
        self.settle(name, log)

    def _point_to(self, name: str, path: str) -> None:
        """A log elsewhere is found by those who read logs through a symbolic link where they look for it."""
        usual = os.path.join(self._folder, name + ".log")
        try:
            if os.path.islink(usual):
                os.unlink(usual)
            if path != usual and not os.path.lexists(usual):
                os.symlink(path, usual)
        except OSError:
            pass  # read-only or full: the log itself matters more
