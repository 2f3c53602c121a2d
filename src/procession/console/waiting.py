"""What is said while a request is under way: a line for each thing that changed; what is awaited, and for how long."""

from __future__ import annotations

import sys
import time

from procession.console import text, views
from procession.control import wire
from procession.units import show_seconds

FIRST_WORD_SECONDS = 5.0  # of patience before a line says what is awaited, where there is no terminal to redraw
NEXT_WORD_SECONDS = 15.0
SLACK_SECONDS = 0.05  # what it was asked for may have happened before we began to count
REDRAW_SECONDS = 0.1  # a hundred instances change many times a second
REST = frozenset({"ready", "standby", "done", "stopped", "failed", "gone"})
RUNNING = frozenset({"starting", "standby", "ready", "unready"})
CLEAR_LINE = "\r\x1b[K"


class Waiting:
    """Hears the changes of one request (`control.client.Listener`) and tells them on stderr.

    On a terminal the last line is redrawn each second; elsewhere what is awaited is said now and then.
    """

    def __init__(self, *, no_color: bool = False, mark: str = "") -> None:
        """`mark` begins each line, where they stand among other lines."""
        self._mark = mark
        self.has_spoken = False
        self._died: set[str] = set()  # while it ran, and what comes of it is not known yet
        self._ink = text.Ink(sys.stderr, no_color=no_color)
        self._is_terminal = sys.stderr.isatty()
        self._views: dict[str, tuple[wire.Message, float]] = {}  # by name: the last view, and when it came
        self._began = time.monotonic()
        self._next_redraw = 0.0
        self._next_word = time.monotonic() + FIRST_WORD_SECONDS

    def changed(self, view: wire.Message) -> None:
        name = view["name"]
        before = self._views[name][0]["phase"] if name in self._views else ""
        self._views[name] = (view, time.monotonic())
        if view["phase"] != before and (before or self._is_new(view)):
            line = self._outcome(view, before)
            if line:
                self.say(line)
        if self._is_terminal and time.monotonic() >= self._next_redraw:
            self.redraw()

    def _is_new(self, view: wire.Message) -> bool:
        """It came to this phase since we listen. (That one says something new of what it is already is no outcome.)"""
        return view["phase"] == "gone" or bool(view["since_seconds"] <= time.monotonic() - self._began + SLACK_SECONDS)

    def ticked(self) -> None:
        self.redraw()
        if not self._is_terminal and time.monotonic() >= self._next_word:
            self._next_word = time.monotonic() + NEXT_WORD_SECONDS
            self.say_awaited()

    def awaited(self) -> list[str]:
        """A line for each instance that is still on its way."""
        now = time.monotonic()
        lines = []
        for name, (view, came) in self._views.items():
            if view["phase"] not in REST:
                lines.append(f"{name}: {views.situation(view, now - came)}")
            elif old := view.get("draining"):  # an older supervisor does not say
                lines.append(f"{name}: the old one is still {views.situation(old, now - came)}")
        return lines

    def say_awaited(self) -> None:
        for line in self.awaited():
            self.say(line)

    def troubled(self) -> list[wire.Message]:
        """The last views of those that need a person."""
        return [
            view
            for view, _ in self._views.values()
            if view["phase"] != "gone" and (views.is_troubled(view) or view["roll_failed"])
        ]

    def say(self, line: str) -> None:
        """One line of talk, in place of the redrawn one."""
        self.clear()
        self.has_spoken = True
        text.say(self._mark + line)

    def clear(self) -> None:
        if self._is_terminal:
            print(CLEAR_LINE, end="", file=sys.stderr, flush=True)

    def redraw(self) -> None:
        """Show the last line again, after something else was printed."""
        if not self._is_terminal:
            return
        self._next_redraw = time.monotonic() + REDRAW_SECONDS
        lines = self.awaited()
        if lines:
            more = f"  (and {len(lines) - 1} more)" if len(lines) > 1 else ""
            shown = text.cut(lines[0], text.columns(sys.stderr) - len(more) - 1)
            print(f"{CLEAR_LINE}{self._ink('yellow', shown)}{more}", end="", file=sys.stderr, flush=True)
        else:
            self.clear()

    def _outcome(self, view: wire.Message, before: str) -> str:
        """What has become of an instance, in the past tense; empty while it is on its way."""
        name, phase = view["name"], view["phase"]
        if phase == "sweeping":
            if before in RUNNING:
                self._died.add(name)
            return ""
        has_died = name in self._died
        self._died.discard(name)
        match phase:
            case "ready" if view["roll_failed"]:
                return ""  # the old one, back in its place: the answer says why
            case "ready" if not views.is_running_task(view):
                after = show_seconds(view["uptime_seconds"])
                return f"{name}: {self._ink('green', 'ready')} after {after}, pid {view['pid']}"
            case "done" | "standby":
                return f"{name}: {self._ink('green', phase)}" + (f": {view['why']}" if view["why"] else "")
            case "stopped" | "gone":
                return f"{name}: stopped"
            case "backoff" | "failed":
                return f"{name}: {self._ink('red', views.situation(view))}"
            case _ if has_died:
                return f"{name}: {self._ink('red', view['last_exit'])}; starts again at once"
            case _:
                return ""
