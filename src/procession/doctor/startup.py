"""Where the time of each instance's last start went, out of the history's events. Pure but for the times in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from procession.recorder.reading.history import Event

BEGIN = frozenset({"waiting", "starting"})
END = frozenset({"ready", "done", "standby", "exited", "spawn-failed", "failed", "backoff"})
GOOD = frozenset({"ready", "done", "standby"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start. Times are seconds since 1970; 0.0: it has not come so far. `waits_for` is "" if it did not wait."""

    instance: str
    began: float
    waits_for: str = ""
    starting: float = 0.0  # what it waited for was there
    started: float = 0.0  # its program runs
    ended: float = 0.0  # it was ready, or a task was done, or it came to nothing
    outcome: str = ""  # the kind of event that ended it

    @property
    def is_good(self) -> bool:
        return self.outcome in GOOD

    @property
    def waited_seconds(self) -> float:
        return max(0.0, (self.starting or self.began) - self.began)

    @property
    def spawn_seconds(self) -> float:
        """Fork, limits, user, exec."""
        return max(0.0, self.started - self.starting) if self.started else 0.0

    @property
    def load_seconds(self) -> float:
        """The interpreter, the imports, and what else it does until it is ready; of a task, all that it does."""
        return max(0.0, self.ended - self.started) if self.started and self.ended else 0.0

    @property
    def total_seconds(self) -> float:
        return max(0.0, max(self.ended, self.started, self.starting) - self.began)


def last_starts(events: Iterable[Event]) -> list[Start]:
    """The last start of each instance, in the order in which they began. `events` are in the order of time.

    A task counts as ready as soon as it runs: its start ends when it is done.
    """
    starts: dict[str, Start] = {}
    for event in events:
        if event.instance:
            known = starts.get(event.instance)
            start = _continued(known, event)
            if start is not None:
                starts[event.instance] = start
    return sorted(starts.values(), key=lambda start: start.began)


def _continued(start: Start | None, event: Event) -> Start | None:
    name = str(event.instance)
    if event.kind == "waiting" and (start is None or start.starting):
        return Start(instance=name, began=event.at, waits_for=str(event.detail.get("for", "")))
    if event.kind == "starting":
        if start is None or start.starting:
            return Start(instance=name, began=event.at, starting=event.at)
        return replace(start, starting=event.at)
    if start is None:
        return None
    if event.kind == "started" and not start.started:
        return replace(start, started=event.at)
    if event.kind in END and start.starting and (not start.ended or event.kind == "done"):
        return replace(start, ended=event.at, outcome=event.kind)
    return start
