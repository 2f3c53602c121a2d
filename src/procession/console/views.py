"""What a person sees of the supervisor's views (`supervisor.core.view` makes them): words, colours, rows.

A view of an instance is a mapping: name, process, phase, pid, since_seconds (in this phase), uptime_seconds, why, ...
"""

from __future__ import annotations

import os

from procession.console.text import Cell, Ink, suggestion, table
from procession.control import wire
from procession.refusal import ExitCode, Refusal
from procession.units import show_bytes, show_seconds

COLORS = {
    "ready": "green",
    "done": "green",
    "stopped": "dim",
    "failed": "red",
    "backoff": "red",
    "unready": "red",
}
COLOR_OTHERS = "yellow"  # on the way: waiting, starting, stopping, ...
SETTLED = frozenset({"ready", "done", "standby"})
HEAD = ("NAME", "STATE", "PID", "UPTIME", "RESTARTS", "MEMORY", "LISTENS")
READ_BYTES = 65536
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def state(view: wire.Message) -> str:
    """The phase, or `crash-looping`, which is what matters about one that starts and dies and starts."""
    if view["crash_looping"] and view["phase"] not in SETTLED:
        return "crash-looping"
    return "running" if is_running_task(view) else str(view["phase"])


def is_running_task(view: wire.Message) -> bool:
    """A task that has begun: it counts as ready, but a person waits for its end."""
    return bool(view["phase"] == "ready" and view["kind"] == "task")


def color(view: wire.Message) -> str:
    if is_troubled(view):
        return "red"
    return COLOR_OTHERS if is_running_task(view) else COLORS.get(view["phase"], COLOR_OTHERS)


def is_troubled(view: wire.Message) -> bool:
    """It needs a person."""
    return view["phase"] == "failed" or (bool(view["crash_looping"]) and view["phase"] not in SETTLED)


def is_well(data: wire.Message) -> bool:
    """Everything that is wanted is ready, or ended well. What a person stopped is well, too."""
    return all(view["phase"] in SETTLED or not view["wanted"] for view in data["instances"])


def needs_words(view: wire.Message) -> bool:
    if view["phase"] == "standby":
        return True
    return view["phase"] not in SETTLED and (bool(view["wanted"]) or view["phase"] != "stopped")


def situation(view: wire.Message, later_seconds: float = 0.0) -> str:
    """Why it is not ready, and for how long: `waiting for readiness (12 s of 30 s): GET /health/ gave 503`.

    `later_seconds` is how long ago the view was made.
    """
    passed = view["since_seconds"] + later_seconds
    left = view["deadline_seconds"]
    why = f": {view['why']}" if view["why"] else ""
    match view["phase"]:
        case "starting":
            what = "startup" if view.get("starting_up") else "readiness"  # an older supervisor does not say
            return f"waiting for {what} ({_of(passed, left, later_seconds)}){why}"
        case "backoff":
            times = f" ({view['deaths']} times in a row)" if view["deaths"] > 1 else ""
            return f"{view['why']}{times}; starts again in {show_seconds(max(0.0, (left or 0.0) - later_seconds))}"
        case "failed":
            return f"gave up{why}; to try again: procession start {view['name']}"
        case "waiting" | "standby":
            return f"{view['why']} ({show_seconds(passed)})"
        case phase:
            return f"{phase} ({_of(passed, left, later_seconds)}){why}"


def _of(passed: float, left: float | None, later_seconds: float) -> str:
    whole = "" if left is None else f" of {show_seconds(passed - later_seconds + left)}"
    return show_seconds(passed) + whole


def chosen(data: wire.Message, names: list[str]) -> wire.Message:
    """`data` with the named processes or instances only; no names: all. Raises Refusal for a name that is not there."""
    if not names:
        return data
    known = {view["name"] for view in data["processes"]} | {view["name"] for view in data["instances"]}
    for name in names:
        if name not in known:
            close = suggestion(name, known) or f"; there are: {', '.join(view['name'] for view in data['processes'])}"
            raise Refusal(f"there is no process or instance {name!r}{close}", code=ExitCode.USAGE)
    instances = [view for view in data["instances"] if view["name"] in names or view["process"] in names]
    processes = {view["process"] for view in instances} | set(names)
    return {
        **data,
        "instances": instances,
        "processes": [view for view in data["processes"] if view["name"] in processes],
    }


def status_lines(data: wire.Message, ink: Ink) -> list[str]:
    """The table, with a line under each instance that is not as it should be."""
    rows = [_row(view, _listeners(data)) for view in data["instances"]]
    rows += [_empty_row(process) for process in _without_instances(data)]
    if not rows:
        return ["Nothing is declared."]
    head, *lines = table(HEAD, rows, ink)
    notes = [_notes(view, ink) for view in data["instances"]] + [[]] * len(lines)
    noted = [line for row, note in zip(lines, notes, strict=False) for line in (row, *note)]
    return [head, *noted, *(ink(COLOR_OTHERS, line) for line in (*_not_held(data), *_not_told(data)))]


def _not_told(data: wire.Message) -> list[str]:
    """Alerts that did not get through."""
    alerts = data.get("supervisor", {}).get("alerts", {})
    if not alerts.get("undelivered"):
        return []
    from procession.console.alert import undelivered  # here, because hardly ever there are any

    return undelivered(alerts)


def _not_held(data: wire.Message) -> list[str]:
    """The limits that nothing holds a process to: `web: not held to cpu: ...`. Not every supervisor tells."""
    shown = {view["name"] for view in data["processes"]}
    not_held = data.get("not_held", {})
    return [f"{name}: not held to {what}" for name in not_held if name in shown for what in not_held[name]]


def with_memory(data: wire.Message) -> wire.Message:
    """`data` with `memory_bytes` in each instance."""
    return {**data, "instances": [{**view, "memory_bytes": memory_bytes(view["pid"])} for view in data["instances"]]}


def memory_bytes(pid: int) -> int:
    """The memory of a process and its descendants: what each has alone, and once what they share; 0 if it is gone.

    From /proc/PID/statm and /proc/PID/task/PID/children (proc(5)): cheap, and readable for one's own processes.
    """
    alone = shared = 0
    for member in tree(pid):
        resident_pages, shared_pages = _statm(member)
        alone += resident_pages - shared_pages
        shared = max(shared, shared_pages)
    return (alone + shared) * PAGE_BYTES


def _row(view: wire.Message, listeners: dict[str, str]) -> list[Cell]:
    is_alive = bool(view["pid"])
    memory = memory_bytes(view["pid"]) if is_alive else 0
    return [
        Cell(view["name"]),
        Cell(state(view), color(view)),
        Cell(str(view["pid"]) if is_alive else "", is_number=True),
        Cell(show_seconds(view["uptime_seconds"]) if is_alive else "", is_number=True),
        Cell(str(view["restarts"]), "yellow" if view["restarts"] else "dim", is_number=True),
        Cell(show_bytes(memory) if memory else "", is_number=True),
        Cell(listeners.get(view["process"], "")),
    ]


def _empty_row(process: wire.Message) -> list[Cell]:
    blank = Cell("", is_number=True)
    return [Cell(process["name"]), Cell("no instances", "dim"), blank, blank, blank, blank, Cell("")]


def _notes(view: wire.Message, ink: Ink) -> list[str]:
    if needs_words(view):
        return [f"    {ink(color(view), situation(view))}"]
    if view["roll_failed"]:
        return [f"    {ink(COLOR_OTHERS, view['roll_failed'])}"]
    return [f"    {ink('dim', view['says'])}"] if view.get("says") else []


def _listeners(data: wire.Message) -> dict[str, str]:
    return {process["name"]: ", ".join(map(address, process["listeners"])) for process in data["processes"]}


def address(bind: str) -> str:
    """What a person can open: a URL, or the socket's path as it was declared."""
    if bind.startswith("unix:"):
        return bind
    host, _, port = bind.rpartition(":")
    return f"http://{'localhost' if host in ('', '0.0.0.0', '[::]') else host}:{port}/"


def _without_instances(data: wire.Message) -> list[wire.Message]:
    present = {view["process"] for view in data["instances"]}
    return [process for process in data["processes"] if process["name"] not in present]


def tree(pid: int) -> list[int]:
    """The pid and those of all its descendants, as the kernel lists them; [] for 0."""
    found = [pid] if pid else []
    for member in found:
        found.extend(map(int, _read(f"/proc/{member}/task/{member}/children").split()))
    return found


def _statm(pid: int) -> tuple[int, int]:
    numbers = _read(f"/proc/{pid}/statm").split()
    return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)


def _read(path: str) -> bytes:
    """All of a small file of /proc; nothing when its process has ended. Without `open`, which takes thrice the time."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(fd, READ_BYTES)
    except OSError:
        return b""
    finally:
        os.close(fd)
