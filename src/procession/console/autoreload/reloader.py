"""What `procession dev` asks the supervisor for when files change; nothing, while one of them does not compile."""

from __future__ import annotations

import os
from collections.abc import Callable

from procession.console.attached import Request, Say
from procession.console.autoreload.plan import Plan, names_of, plan, settings_files
from procession.console.autoreload.syntax import mistakes
from procession.console.autoreload.watcher import Watcher
from procession.console.declared import Loaded
from procession.stack import diff
from procession.stack.model import Stack

Redeclare = Callable[[], Loaded | None]


class Reloader:
    """Looks at the files of a stack, for `Attached`. `redeclare` reads the declaration again, and says what is wrong.

    What cannot be taken up (a file that does not compile, a declaration with mistakes) is kept, and taken up with the
    change that mends it; what runs goes on until then.
    """

    def __init__(self, watcher: Watcher, loaded: Loaded, redeclare: Redeclare) -> None:
        self._watcher = watcher
        self._redeclare = redeclare
        self._pending: set[str] = set()
        self._take(loaded)

    def fileno(self) -> int:
        return self._watcher.fileno()

    def requests(self, say: Say) -> list[Request]:
        """What to ask for now."""
        changed = self._watcher.take()
        concerned = {path for path in changed if self._plan({path})}
        if not concerned:
            return []
        self._pending |= concerned
        wrong = mistakes(self._pending, self._stack.directory)
        if wrong:
            for mistake in wrong.values():
                say(f"{mistake}; what runs goes on until it compiles")
            return []
        wanted = self._plan(self._pending)
        say(f"{names_of(self._pending, self._stack.directory)}: {wanted.text()}")
        return self._carried_out(wanted, say)

    def close(self) -> None:
        self._watcher.close()

    def _plan(self, paths: set[str]) -> Plan:
        return plan(paths, self._stack, settings=self._settings)

    def _carried_out(self, wanted: Plan, say: Say) -> list[Request]:
        requests: list[Request] = []
        if wanted.redeclare:
            loaded = self._redeclare()
            if loaded is None:
                say("nothing was changed; what runs goes on")
                return []
            requests += self._applied(loaded, say)
        self._pending.clear()
        names = [name for name in wanted.restarts if self._stack.process(name)]
        requests += [("restart", {"names": names})] if names else []
        for signal, names_signalled in wanted.signals.items():
            requests.append(("signal", {"names": list(names_signalled), "signal": signal}))
        return requests

    def _applied(self, loaded: Loaded, say: Say) -> list[Request]:
        before = self._stack
        self._take(loaded)
        lines = diff.lines(diff.diff(before, self._stack))
        for line in lines:
            say(line)
        return [("apply", {"stack": loaded.data, "start": False})] if lines else []

    def _take(self, loaded: Loaded) -> None:
        self._stack: Stack = loaded.stack()
        module = loaded.site.settings_module if loaded.site else ""
        self._settings = settings_files(module, self._stack.directory)


def env_files(stack: Stack) -> set[str]:
    """The files that count although they may be ignored, as .env mostly is."""
    return {os.path.join(stack.directory, ".env"), *(path for one in stack.processes for path in one.env_files)}
