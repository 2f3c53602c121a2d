"""What is shown of the supervisor's views: rows of words, harmless to a terminal. The words are those of `status`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from procession.console import views
from procession.console.lines import harmless
from procession.control.wire import Message
from procession.units import show_bytes, show_seconds
from procession.watching.usage import Usage, usage

TONES = {"green": "good", "red": "bad", "yellow": "busy", "dim": "off"}
"""The colours of the command line, as classes of the style sheet."""
MARKS = {"good": "●", "bad": "▲", "busy": "◐", "off": "○"}
"""Beside each colour, which is never the only carrier of meaning."""

ON_THE_WAY = frozenset({"waiting", "backoff", "crash-looping", "standby"})
"""What has no process, and would have one soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRow:
    """One instance, or the old life that drains beside it. Numbers are texts, so that no template formats them."""

    key: str
    name: str
    state: str
    tone: str
    mark: str
    note: str
    is_alive: bool
    is_old: bool
    pid: str
    life: str
    uptime: str
    restarts: str
    used: Usage
    memory: str
    cpu: str  # the average since its start; who looks a second time knows better

    @property
    def memory_bytes(self) -> str:
        return str(self.used.memory_bytes)

    @property
    def cpu_seconds(self) -> str:
        return f"{self.used.cpu_seconds:.2f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRow:
    """A process with its instances; or, not whole, with one of them alone."""

    name: str
    backend: str
    kind: str
    replicas: int
    is_singleton: bool
    listeners: tuple[str, ...]
    instances: tuple[InstanceRow, ...]
    not_held: tuple[str, ...]
    is_whole: bool = True
    is_ours: bool = True

    @property
    def is_task(self) -> bool:
        return self.kind == "task"

    @property
    def is_stopped(self) -> bool:
        """There is nothing to stop: a task that has run can be started again, as can what was stopped."""
        return not any(one.is_alive or one.state in ON_THE_WAY for one in self.instances)

    @property
    def offered(self) -> tuple[str, ...]:
        """The verbs that make sense. The supervisor knows it all, and says so; what can never be is not offered."""
        if not self.is_ours:
            return ()
        if self.is_stopped:
            return ("start",)
        can_be_several = not self.is_task and not self.is_singleton
        return (
            *(("roll",) if can_be_several else ()),
            "restart",
            *(("scale",) if can_be_several and self.is_whole else ()),
            "stop",
        )

    def narrowed(self, name: str) -> ProcessRow:
        """To one instance, unless the name is the process's own."""
        if name == self.name:
            return self
        own = tuple(one for one in self.instances if one.name == name)
        return replace(self, instances=own, is_whole=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The whole stack. `engine` is what runs it: "" is our own supervisor."""

    name: str
    tone: str
    mark: str
    summary: str
    processes: tuple[ProcessRow, ...]
    supervisor: str
    is_ending: bool = False
    engine: str = ""

    def row(self, name: str) -> ProcessRow | None:
        """The process of that name, or of it the instance that has it."""
        for row in self.processes:
            if name == row.name or any(name == one.name for one in row.instances):
                return row.narrowed(name)
        return None


def picture(data: Message) -> Picture:
    """Of the data of `status` (see `supervisor.core.view`)."""
    processes = tuple(_process(view, data) for view in data["processes"])
    wanted = [view for view in data["instances"] if view["wanted"]]
    troubled = [view["name"] for view in wanted if views.color(view) == "red"]
    unsettled = [view["name"] for view in wanted if view["phase"] not in views.SETTLED]
    on_the_way = [name for name in unsettled if name not in troubled]
    tone, summary = summary_of(troubled, on_the_way, is_any_wanted=bool(wanted))
    own = data["supervisor"]
    supervisor = f"Procession {own['version']}, pid {own['pid']}, up {show_seconds(own['uptime_seconds'])}"
    return Picture(
        name=data["name"] or "no stack",
        tone=tone,
        mark=MARKS[tone],
        summary=summary,
        processes=processes,
        supervisor=supervisor,
        is_ending=bool(data["is_ending"]),
    )


def summary_of(troubled: list[str], on_the_way: list[str], *, is_any_wanted: bool) -> tuple[str, str]:
    """What one wants to know first, and how bad it is, from the names of instances."""
    if troubled:
        return "bad", f"{_few(troubled)}: {'needs' if len(troubled) == 1 else 'need'} a look"
    if on_the_way:
        return "busy", f"{_few(on_the_way)}: on the way"
    if not is_any_wanted:
        return "off", "Nothing is wanted to run"
    return "good", "All is well"


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _process(view: Message, data: Message) -> ProcessRow:
    own = [one for one in data["instances"] if one["process"] == view["name"]]
    return ProcessRow(
        name=view["name"],
        backend=view["backend"],
        kind=view["kind"],
        replicas=view["replicas"],
        is_singleton=bool(view["singleton"]),
        listeners=tuple(map(views.address, view["listeners"])),
        instances=tuple(_instance(one) for one in own),
        not_held=tuple(data.get("not_held", {}).get(view["name"], ())),
    )


def _instance(view: Message) -> InstanceRow:
    is_alive = bool(view["pid"])
    used = usage(view["pid"])
    tone = TONES[views.color(view)]
    uptime_seconds = view["uptime_seconds"]
    return InstanceRow(
        key=f"{view['name']}{'-old' if view['outgoing'] else ''}",
        name=view["name"],
        state=views.state(view),
        tone=tone,
        mark=MARKS[tone],
        note=_note(view),
        is_alive=is_alive,
        is_old=bool(view["outgoing"]),
        pid=str(view["pid"]) if is_alive else "",
        life=str(view["life"]),
        uptime=show_seconds(uptime_seconds) if is_alive else "",
        restarts=str(view["restarts"]),
        used=used,
        memory=show_bytes(used.memory_bytes) if used.memory_bytes else "",
        cpu=f"{100 * used.cpu_seconds / max(1.0, uptime_seconds):.0f} %" if is_alive else "",
    )


def _note(view: Message) -> str:
    """Why it is not as it should be, or what it says of itself."""
    if view["outgoing"]:
        told = f"the old one: {views.situation(view)}"
    elif views.needs_words(view):
        told = views.situation(view)
    else:
        told = str(view["roll_failed"] or view.get("says", ""))
    return harmless(told, has_color=False)
