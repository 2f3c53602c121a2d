"""Which files of the site have changed, batch by batch: one batch for all that an editor or `git checkout` writes.

The kernel tells (inotify(7), by watchfiles). It is asked for folders that are not ignored, one by one, so that a
node_modules of 50,000 folders costs nothing. A thread waits for it, because watchfiles has no descriptor to select on;
the loop has one of ours.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterable

from watchfiles import Change
from watchfiles._rust_notify import RustNotify  # documented as "Rust backend direct usage"

from procession.console.autoreload.ignored import NAME as GITIGNORE
from procession.console.autoreload.ignored import Ignored

QUIET_MS = 100  # a batch ends when nothing has changed for so long
BATCH_MS_MAX = 5000
REMAINDER_MS = 20
FOREVER_MS = 0

Changes = set[tuple[int, str]]  # what happened (watchfiles.Change), and the file's path


class Watcher:
    """Looks at the files of a project from the moment that it is made.

    `also` are files outside of what is looked at (an env file in /etc, one that is ignored) that count nevertheless.
    """

    def __init__(self, root: str, also: Iterable[str] = ()) -> None:
        self._also = frozenset(also)
        self._root = root
        self._batches: deque[frozenset[str]] = deque()
        self._wakeup, self._awake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._stop = threading.Event()
        self._look()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Readable when there is something to take."""
        return self._wakeup

    def take(self) -> set[str]:
        """The absolute paths of what has changed since the last time: written, made, deleted or renamed."""
        try:
            os.read(self._wakeup, 4096)
        except BlockingIOError:
            pass
        changed: set[str] = set()
        while self._batches:
            changed |= self._batches.popleft()
        return changed

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        os.close(self._wakeup)
        os.close(self._awake)

    def _look(self) -> None:
        """Ask the kernel about every folder as it is now."""
        self._ignored = Ignored(self._root)
        self._directories = {*self._ignored.directories()}
        beside = {os.path.dirname(path) for path in self._also}
        watched = [path for path in self._directories | beside if os.path.isdir(path)]
        self._notify = RustNotify(watched, False, False, 0, False, True)

    def _run(self) -> None:
        while not self._stop.is_set():
            changes = self._notify.watch(BATCH_MS_MAX, QUIET_MS, FOREVER_MS, self._stop)
            if not isinstance(changes, set):
                return  # "stop"
            paths = {path for _, path in changes}
            if self._is_elsewhere(changes):
                paths |= self._look_again()
            if wanted := frozenset(path for path in paths if self._is_wanted(path)):
                self._batches.append(wanted)
                os.write(self._awake, b".")

    def _is_elsewhere(self, changes: Changes) -> bool:
        """Whether there are folders now that nobody looks at, or others rules of what is ignored."""
        return any(
            os.path.basename(path) == GITIGNORE
            or (change == Change.added and os.path.isdir(path))
            or (change == Change.deleted and path in self._directories)
            for change, path in changes
        )

    def _look_again(self) -> set[str]:
        """What lies in new folders counts as changed, and so does what changed while we turned to them."""
        before, old = self._directories, self._notify
        self._look()
        late = old.watch(REMAINDER_MS, REMAINDER_MS, REMAINDER_MS, self._stop)
        old.close()
        found = {path for _, path in late} if isinstance(late, set) else set()
        for directory in self._directories - before:
            found |= _files(directory)
        return found

    def _is_wanted(self, path: str) -> bool:
        if path in self._also:
            return True
        return os.path.dirname(path) in self._directories and not (os.path.isdir(path) or self._ignored.has_file(path))


def _files(directory: str) -> set[str]:
    try:
        with os.scandir(directory) as entries:
            return {entry.path for entry in entries if entry.is_file()}
    except OSError:
        return set()
