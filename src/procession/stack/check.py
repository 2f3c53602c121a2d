"""What is wrong between things that are each right: a cycle, one port for two, a singleton with two replicas, ...

Each check takes what is to be checked and yields Problems. A process whose declaration is broken is not here any more,
but its name is, so that nothing is said about it twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from procession.errors import Problem
from procession.stack.model import Condition, Kind, Probe, ProbeType, Process, RestartWhen
from procession.stack.order import find_cycles
from procession.stack.values import suggestion
from procession.units import UNIX_PATH_BYTES_MAX, show_seconds

ANY_HOST = frozenset({"", "*", "0.0.0.0", "[::]", "::"})
LOOPBACK = frozenset({"localhost", "127.0.0.1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the checks look at: the complete `processes`, the `names` of all that were declared, and who binds what.

    `binds` are the addresses that each process serves, its own argv's included: a superset of its listeners.
    """

    processes: Sequence[Process]
    names: Collection[str]
    binds: Mapping[str, Sequence[str]]


def check(checked: Checked) -> list[Problem]:
    """All problems between processes, and within each complete one."""
    problems = [problem for process in checked.processes for problem in _check_one(process, checked)]
    return [*problems, *_cycles(checked.processes), *_shared_addresses(checked)]


def _check_one(process: Process, checked: Checked) -> Iterator[Problem]:
    yield from _dependencies(process, checked)
    yield from _replicas(process)
    yield from _task(process)
    yield from _shared_by_instances(process, checked.binds.get(process.name, ()))
    yield from _timeouts(process)
    yield from _unix_paths(process, checked.binds.get(process.name, ()))
    yield from _probe_address(process, checked.binds.get(process.name, ()))
    yield from _probe_types(process)
    yield from _shared_liveness(process)


def problem(process: Process, where: str, id: str, what: str, fix: str = "") -> Problem:
    """A Problem of a complete process, whose origin is that of the whole process."""
    return Problem(id, f"{process.name}.{where}" if where else process.name, what, process.origin.text(), fix)


def _dependencies(process: Process, checked: Checked) -> Iterator[Problem]:
    kinds = {other.name: other.kind for other in checked.processes}
    for dependency in process.depends_on:
        name = dependency.name
        if name not in checked.names:
            known = [other for other in checked.names if other != process.name]
            fix = suggestion(name, known) or (
                f"declared are: {', '.join(known)}" if known else "declare it, or leave it out"
            )
            yield problem(process, "depends_on", "E018", f'there is no process "{name}"', fix)
        elif dependency.condition is Condition.COMPLETED and kinds.get(name) is Kind.PROCESS:
            what = f'"{name}" is no task, so it never is "completed"'
            yield problem(process, "depends_on", "E019", what, f'wait for "ready", or give "{name}" TYPE "task"')


def _replicas(process: Process) -> Iterator[Problem]:
    if process.replicas > 1 and process.singleton:
        what = f"is a singleton, got {process.replicas}: two would do everything twice"
        yield problem(process, "replicas", "E021", what, "write: 1")
    elif process.replicas > 1 and process.kind is Kind.TASK:
        yield problem(process, "replicas", "E023", f"a task runs once, got {process.replicas}", "write: 1")


def _task(process: Process) -> Iterator[Problem]:
    if process.kind is Kind.TASK and process.restart is RestartWhen.ALWAYS:
        what = 'a task that has ended well is done, and is not restarted "always"'
        yield problem(process, "restart", "E026", what, 'write: "on-failure" or "never"')


def _shared_by_instances(process: Process, binds: Sequence[str]) -> Iterator[Problem]:
    """Instances share the listeners that we hand over; a program that binds by itself can be there once."""
    reuses_port = any("reuse" in word for word in process.argv)
    if process.replicas > 1 and binds and not process.listeners and not reuses_port:
        what = f"{process.replicas} instances would each listen on {binds[0]}"
        fix = "write: 1, or a BACKEND in place of COMMAND: then they share the socket"
        yield problem(process, "replicas", "E020", what, fix)


def _timeouts(process: Process) -> Iterator[Problem]:
    for where, probe in _probes(process):
        if where != "liveness" and probe.timeout_seconds > probe.within_seconds:
            longer, shorter = show_seconds(probe.timeout_seconds), show_seconds(probe.within_seconds)
            what = f"one probe may take {longer}, longer than the whole start ({shorter})"
            yield problem(process, f"{where}.timeout", "E024", what, "make TIMEOUT shorter, or WITHIN longer")


def _probes(process: Process) -> Iterator[tuple[str, Probe]]:
    """Each with the key that it was said by."""
    named = (("startup", process.startup), ("readiness", process.readiness), ("liveness", process.liveness))
    yield from ((where, probe) for where, probe in named if probe is not None)


def _probe_types(process: Process) -> Iterator[Problem]:
    """Not every way to learn one thing is a way to learn another."""
    for where, probe in _probes(process):
        if where == "liveness" and probe.type is ProbeType.APP:
            fix = 'write: "heartbeat", or a path to ask for: "/health/"'
            yield problem(
                process, where, "E039", "the Django app says once that it is loaded, not for ever that it is alive", fix
            )
        elif where != "liveness" and probe.type is ProbeType.HEARTBEAT:
            fix = 'write: "app"'
            yield problem(process, where, "E039", "a heartbeat tells that it is alive, not that it has come up", fix)


def _shared_liveness(process: Process) -> Iterator[Problem]:
    """Instances share their listeners: whichever is free answers, and one that hangs is the last to."""
    probe = process.liveness
    if (
        probe is None
        or probe.type not in (ProbeType.HTTP, ProbeType.TCP)
        or process.replicas < 2
        or not process.handoff
    ):
        return
    if probe.address in {"", *(listener.bind for listener in process.listeners)}:
        what = f"any of its {process.replicas} instances may answer for one that hangs"
        yield problem(process, "liveness", "W008", what, "ask with a command, or let the program say WATCHDOG=1")


def _unix_paths(process: Process, binds: Sequence[str]) -> Iterator[Problem]:
    probes = [probe.address for _, probe in _probes(process)]
    for address in dict.fromkeys([*binds, *probes]):
        size = len(address.removeprefix("unix:").encode())
        if address.startswith("unix:") and size > UNIX_PATH_BYTES_MAX:
            what = f"a unix socket's path has at most {UNIX_PATH_BYTES_MAX} bytes, this one {size}: {address}"
            yield problem(process, "", "E022", what, "choose a shorter path, such as /run/site.sock")


def _probe_address(process: Process, binds: Sequence[str]) -> Iterator[Problem]:
    for where, probe in _probes(process):
        if probe.type in (ProbeType.HTTP, ProbeType.TCP) and not probe.address and not binds:
            what = f"no address to ask: {process.name} has no listener that we know"
            yield problem(process, where, "E025", what, 'add: "address": "127.0.0.1:8000"')


def _cycles(processes: Sequence[Process]) -> Iterator[Problem]:
    by_name = {process.name: process for process in processes}
    graph = {name: [dependency.name for dependency in process.depends_on] for name, process in by_name.items()}
    for cycle in find_cycles(graph):
        shown = " -> ".join(cycle)
        fix = "take one of these dependencies out"
        yield problem(by_name[cycle[0]], "depends_on", "E017", f"goes round in a circle: {shown}", fix)


def _shared_addresses(checked: Checked) -> Iterator[Problem]:
    """One Problem for each pair of processes of which the second could not bind."""
    by_name = {process.name: process for process in checked.processes if process.replicas}
    bound = [(name, bind) for name, binds in checked.binds.items() if name in by_name for bind in binds]
    seen = set()
    for (first, one), (second, other) in combinations(bound, 2):
        if first != second and overlap(one, other) and (first, second) not in seen:
            seen.add((first, second))
            what = f'listens on {other}, and so does "{first}"' + ("" if one == other else f" ({one})")
            yield problem(by_name[second], "", "E020", what, "give one of them another address")


def overlap(one: str, other: str) -> bool:
    """Whether two binds cannot both be had: the same socket, or one port of which one side takes every address."""
    if one.startswith("unix:") or other.startswith("unix:"):
        return one == other
    (host, port), (other_host, other_port) = _split(one), _split(other)
    if port != other_port or port == "0":
        return False
    return host == other_host or host in ANY_HOST or other_host in ANY_HOST or {host, other_host} <= LOOPBACK


def _split(bind: str) -> tuple[str, str]:
    host, _, port = bind.rpartition(":")
    return host.lower(), port
