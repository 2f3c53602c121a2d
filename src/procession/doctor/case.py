"""What is known of a site before anything is looked at: gathered once, so that every examination sees the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import time

from procession.control import wire
from procession.errors import Problem
from procession.recorder.reading.history import Event
from procession.stack.model import Process, Stack

SETTLED = frozenset({"ready", "done", "standby"})
RECENT_SECONDS = 600.0
RESTARTS_MAX = 2  # deaths that nobody asked for, in that time: one more, and it keeps restarting


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One site, or some processes of it.

    `stack` is what is declared, else what was applied last; None where neither can be read. `problems` are those of the
    declaration. `status` is the supervisor's (see control.wire), None where none answers: then `refusal` says why.
    `engine` names what else runs the site, if anything does: then `status` is that one's, in the same words. `lines`
    are the last of each instance's log, oldest first. `report` is what the site's own Python says (see
    procession.django.examine), {} where it was not asked, and `report_trouble` why it gave none.
    """

    directory: str
    stack_directory: str
    python: str
    names: tuple[str, ...] = ()
    stack: Stack | None = None
    problems: tuple[Problem, ...] = ()
    status: wire.Message | None = None
    refusal: str = ""
    engine: str = ""
    events: tuple[Event, ...] = ()
    lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    report: wire.Message = field(default_factory=dict)
    report_trouble: str = ""

    def processes(self) -> list[Process]:
        """Those that were asked about, and all that they wait for: the cause may be there."""
        if self.stack is None:
            return []
        names = set(self.names) or {process.name for process in self.stack.processes}
        for process in reversed(self.stack.processes):  # what is depended on comes first
            if process.name in names:
                names |= {dependency.name for dependency in process.depends_on}
        return [process for process in self.stack.processes if process.name in names]

    def views(self) -> list[wire.Message]:
        """The supervisor's view of each of their instances."""
        names = {process.name for process in self.processes()} or set(self.names)
        return [view for view in self.all_views() if not names or view["process"] in names]

    def all_views(self) -> list[wire.Message]:
        return list(self.status["instances"]) if self.status is not None else []

    def unwell(self) -> list[wire.Message]:
        """Those that are wanted, and neither ready nor done; or that are ready now, and keep dying."""
        return [
            view
            for view in self.views()
            if view["wanted"] and (view["phase"] not in SETTLED or self.recent_deaths(view) > RESTARTS_MAX)
        ]

    def recent_deaths(self, view: wire.Message) -> int:
        """How often it has died lately without having been asked to end by a person."""
        asked = {event.pid for event in self.events_of(view["name"], "stopping") if not event.detail.get("because")}
        died = [event for event in self.events_of(view["name"], "exited", "spawn-failed") if event.pid not in asked]
        return sum(time() - event.at < RECENT_SECONDS for event in died)

    @property
    def is_well(self) -> bool:
        """All that was asked about runs as it should, whatever else may be amiss."""
        return self.status is not None and bool(self.views()) and not self.unwell()

    def process_of(self, view: wire.Message) -> Process | None:
        return self.stack.process(view["process"]) if self.stack is not None else None

    def events_of(self, instance: str, *kinds: str) -> list[Event]:
        """Oldest first."""
        return [event for event in self.events if event.instance == instance and event.kind in kinds]
