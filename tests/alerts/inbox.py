"""Who gets the alerts: the receiver, and what it has got so far."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

DEADLINE_SECONDS = 60.0  # only ever fails a test
Got = dict[str, Any]


class Inbox:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rest = b""
        self._unread: list[Got] = []
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "tests.alerts.receiver", str(folder)], cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        ports = self._next(time.monotonic() + DEADLINE_SECONDS)
        assert ports is not None, "the receiver does not start"
        self.smtp: int = ports["smtp"]
        self.url = f"http://127.0.0.1:{ports['http']}/alerts"

    def refuse(self) -> None:
        (self._folder / "refuse").touch()

    def accept(self) -> None:
        (self._folder / "refuse").unlink()

    def take(self, by: str, *, taken: bool = True, path: str = "") -> Got:
        """The next that came by "smtp" or "http" (there, if `path` says one), and was taken, or refused."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            for got in self._unread:
                if got["by"] == by and got["taken"] is taken and path in ("", got.get("path")):
                    self._unread.remove(got)
                    return got
            got_now = self._next(deadline)
            assert got_now is not None, f"nothing came by {by}; unread: {self._unread}"
            self._unread.append(got_now)

    def post(self) -> Got:
        """The body of the next that was posted."""
        return dict(json.loads(self.take("http")["body"]))

    def rest(self) -> list[Got]:
        """What else has come."""
        while (got := self._next(0.0)) is not None:
            self._unread.append(got)
        return self._unread

    def close(self) -> None:
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        self.popen.stdin.close()
        self.popen.wait(DEADLINE_SECONDS)
        self.popen.stdout.close()

    def _next(self, deadline: float) -> Got | None:
        assert self.popen.stdout is not None
        while b"\n" not in self._rest:
            fd = self.popen.stdout.fileno()
            if not select.select([fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return None
            data = os.read(fd, 65536)
            assert data, "the receiver has ended"
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return dict(json.loads(line))
