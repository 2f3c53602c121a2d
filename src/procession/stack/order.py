"""The start order: what is depended on comes first, and otherwise as declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from procession.stack.model import Process

Graph = Mapping[str, Sequence[str]]  # name -> the names that it depends on


def start_order(processes: Sequence[Process]) -> tuple[Process, ...]:
    """`processes` so that each comes after its dependencies; of those that may come next, the first declared does.

    With a cycle in it there is no such order: then those of the cycle, and what depends on it, come last as declared.
    """
    waiting = list(processes)
    known = {process.name for process in processes}
    ordered: list[Process] = []
    placed: set[str] = set()
    while ready := next((process for process in waiting if _needs(process) & known <= placed), None):
        ordered.append(ready)
        placed.add(ready.name)
        waiting.remove(ready)
    return (*ordered, *waiting)


def find_cycles(graph: Graph) -> list[tuple[str, ...]]:
    """Each cycle once, as ("web", "db", "web"); of cycles that share a name, only the first found."""
    cycles: list[tuple[str, ...]] = []
    done: set[str] = set()
    for start in graph:
        if start not in done:
            cycles += _walk(graph, start, done)
    return cycles


def _walk(graph: Graph, start: str, done: set[str]) -> list[tuple[str, ...]]:
    """Depth first from `start`, without recursion: a person's chain may be longer than Python's stack."""
    path = [start]
    branches = [iter(graph[start])]
    cycles = []
    while path:
        name = next(branches[-1], None)
        if name is None:
            done.add(path.pop())
            branches.pop()
        elif name in path:
            cycles.append((*path[path.index(name) :], name))
            done.update(path)
        elif name in graph and name not in done:
            path.append(name)
            branches.append(iter(graph[name]))
    return cycles


def _needs(process: Process) -> set[str]:
    return {dependency.name for dependency in process.depends_on}
