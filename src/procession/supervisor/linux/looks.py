"""A file probe: whether a file is there, and young enough. A child looks, because the file's disk may hang."""

from __future__ import annotations

import os
import time

from procession.loop import Loop
from procession.stack.model import Probe
from procession.supervisor.linux.attempts import Judge
from procession.supervisor.linux.children import Children
from procession.supervisor.linux.inquiries import Inquiry

GOOD, BAD = "+", "-"  # the first character of what the child answers


class Look:
    """Looks once at the file, from the process's directory; tells `judge`, unless it is ended before."""

    __slots__ = ("_inquiry", "_judge", "where")

    def __init__(self, loop: Loop, children: Children, probe: Probe, directory: str, judge: Judge) -> None:
        self._judge = judge
        self._inquiry = Inquiry(loop, children, lambda: _look(probe, directory), self._answered)
        self.where = f"file {probe.file}"

    @property
    def is_over(self) -> bool:
        return self._inquiry.is_over

    def begin(self) -> None:
        self._inquiry.begin()

    def end(self) -> None:
        self._inquiry.end()

    def _answered(self, text: str) -> None:
        self._judge(text[:1] == GOOD, text[1:] or f"{self.where}: who looked at it died")


def judge_file(probe: Probe, directory: str, now: float) -> tuple[bool, str]:
    """Whether the file is there and young enough. `now` in seconds since the epoch, as the file's time is."""
    try:
        age_seconds = now - os.stat(os.path.join(directory, probe.file)).st_mtime
    except OSError as error:
        return False, f"file {probe.file}: {(error.strerror or '').lower()}"
    if probe.max_age_seconds and age_seconds > probe.max_age_seconds:
        return False, f"file {probe.file}: last touched {age_seconds:.0f} s ago"
    return True, f"file {probe.file} is there"


def _look(probe: Probe, directory: str) -> str:
    is_good, text = judge_file(probe, directory, time.time())
    return (GOOD if is_good else BAD) + text
