"""A declaration and the facts of its site -> one complete, checked Stack, or all that is wrong with it.

    declared = read_toml(...)                       what was written
    stack, problems = load(declared, site)          None with an error among the problems

The one question that it does not ask is whether the site's own code imports: readiness answers that.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from procession.backends.base import Backend
from procession.errors import Problem
from procession.load.alerts import alert_problems, with_alerts
from procession.load.build import Built, build
from procession.load.choose import choose
from procession.load.singletons import alone
from procession.stack.check import Checked, check
from procession.stack.declare import NAME, Read, Said, declare
from procession.stack.declared import Declared
from procession.stack.model import Condition, Dependency, Kind, Process, Site, Stack
from procession.stack.order import start_order

OPTION_IDS = frozenset({"E040", "E041", "E042", "E043", "E044", "E049"})  # what `arguments.check` says about ARGS
Loaded = tuple[Stack | None, list[Problem]]


def load(declared: Declared, site: Site, *, check_options: bool = True, only: Collection[str] | None = None) -> Loaded:
    """The Stack that `declared` means on this machine, and every problem; the Stack is None if one is an error.

    `check_options=False` takes ARGS on trust: nothing is said of options that the program does not have. `only` are
    the processes to look at: nothing is said of the others, nor of what is between them.
    """
    read = declare(declared)
    chosen = [said for said in read.said if only is None or said.name in only]
    built = [_alone(build(said, site), said, read.stack_name, site) for said in chosen]
    processes = _with_conditions([one.process for one in built])
    problems = [*read.problems, *(problem for one in built for problem in one.problems)]
    if only is None:
        problems += _nothing(read, declared)
        problems += alert_problems(read.common.get("alerts"), declared.common().written("alerts"), site)
        problems += check(Checked(processes=processes, names=read.names, binds=_binds(built)))
    once = dict.fromkeys(problems)  # What is common to all is wrong for each of them.
    wanted = [problem for problem in once if _is_wanted(problem, check_options=check_options, only=only)]
    kept = _by_process(wanted, read.names)
    if any(problem.is_error for problem in kept):
        return None, kept
    name = read.stack_name or stack_name(site.directory)
    stack = Stack(
        name=name,
        directory=site.directory,
        processes=start_order(processes),
        engines=_mapping(read.common.get("engines")),
        services=_mapping(read.common.get("services")),
        static=site.static,
        sqlite=site.sqlite,
    )
    return with_alerts(stack, read.common.get("alerts"), site), kept


def _mapping(value: object) -> Mapping[str, Mapping[str, Any]]:
    return value if isinstance(value, Mapping) else {}


def _alone(built: Built, said: Said, stack_name: str, site: Site) -> Built:
    process, problems = alone(built.process, said, stack_name, site)
    return replace(built, process=process, problems=(*built.problems, *problems))


def asks_django(declared: Declared, site: Site) -> bool:
    """Whether ARGS of any process can only be checked where Django is set up, which takes a site its time."""
    chosen = [choose(said, site) for said in declare(declared).said]
    return any(isinstance(backend, Backend) and backend.asks_django for backend in chosen)


def stack_name(directory: str) -> str:
    """A name for the stack of this directory: its own, made to fit; "site" if nothing of it does."""
    fitting = re.sub(r"[^A-Za-z0-9_-]+", "-", os.path.basename(directory)).lstrip("0123456789-_")[:40].rstrip("-_")
    return fitting if NAME.fullmatch(fitting) else "site"


def _with_conditions(processes: list[Process]) -> list[Process]:
    """A task is ready for those who wait for it when it has completed."""
    tasks = {process.name for process in processes if process.kind is Kind.TASK}
    return [
        replace(process, depends_on=tuple(_condition(one, tasks) for one in process.depends_on))
        for process in processes
    ]


def _condition(dependency: Dependency, tasks: set[str]) -> Dependency:
    waits_for_task = dependency.name in tasks and dependency.condition is Condition.READY
    return replace(dependency, condition=Condition.COMPLETED) if waits_for_task else dependency


def _binds(built: list[Built]) -> dict[str, tuple[str, ...]]:
    return {one.process.name: one.binds for one in built}


def _nothing(read: Read, declared: Declared) -> list[Problem]:
    if read.names or any(problem.is_error for problem in read.problems):
        return []
    key = declared.processes_key or "site"
    fix = "declare a process, or let `procession init` propose a declaration"
    return [Problem("E031", key, "declares no process", declared.file, fix)]


def _by_process(problems: list[Problem], names: tuple[str, ...]) -> list[Problem]:
    """What is about one process together, the processes as they were declared; what is about none in front."""
    place = {name: index for index, name in enumerate(names)}
    return sorted(problems, key=lambda problem: place.get(problem.where.partition(".")[0], -1))


def _is_wanted(problem: Problem, *, check_options: bool, only: Collection[str] | None) -> bool:
    if not check_options and problem.id in OPTION_IDS:
        return False
    name = problem.where.partition(".")[0]
    return only is None or name in only or name == "stack" or problem.id in {"E031", "E032"}
