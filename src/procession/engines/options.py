"""PRODUCTION_STACK["ENGINES"]["systemd"], a raw mapping -> the engine's own dataclass of options."""

from __future__ import annotations

from typing import Any

from procession.engines.base import Engine
from procession.engines.registry import MODULES, engine
from procession.errors import Problem
from procession.stack.declared import Declared, Place
from procession.stack.fields import build, read_mapping
from procession.stack.model import Stack
from procession.stack.values import suggestion

SUPERVISED = "one"  # the form of a single container, with our supervisor in it
STACK_KEYS = {"toml": "stack"}


def read_options(engine: Engine, stack: Stack) -> tuple[Any, list[Problem]]:
    """The options, and what is wrong with them; with an error among the problems, the options are not to be used."""
    problems = _unknown(stack)
    given = read_mapping(engine.options, stack.engines.get(engine.name, {}), _place(stack).at(engine.name), problems)
    if any(problem.is_error for problem in problems):
        return None, problems
    options = build(engine.options, given)
    return options, [*problems, *_of_prometheus(engine, options, stack)]


def _of_prometheus(engine: Engine, options: Any, stack: Stack) -> list[Problem]:
    """Who empties its directory at the right moments is our supervisor."""
    names = [process.name for process in stack.processes if process.prometheus]
    if not names or not engine.runs or engine.runs_supervisor(options):
        return []
    what = f"{engine.title}: nobody keeps a directory for the numbers of prometheus_client ({', '.join(names)})"
    return [Problem("W160", "prometheus", what, "", "scrape each process, or run them by our supervisor")]


def without_alerts(engine: Engine, stack: Stack, options: Any) -> list[Problem]:
    """What our supervisor does, and this engine does not."""
    is_ours = engine.runs_supervisor(options) or getattr(options, "form", "") == SUPERVISED
    if stack.alerts is None or is_ours:
        return []
    what = f"{engine.title} runs the site, and nobody is told of anything: alerts are sent by our own supervisor"
    fix = (
        "let the engine's own monitoring do it, or run the site by our supervisor (SUPERVISOR, or procession supervise)"
    )
    return [_place(stack).declared.common().at("ALERTS").problem("W172", what, fix)]


def find_mistakes(stack: Stack) -> list[Problem]:
    """What is wrong with the options of all engines that are declared, whichever of them runs the site."""
    problems = _unknown(stack)
    for name in MODULES:
        if name in stack.engines:
            problems += [one for one in read_options(engine(name), stack)[1] if one not in problems]
    return problems


def _unknown(stack: Stack) -> list[Problem]:
    place, known = _place(stack), f"known: {', '.join(MODULES)}"
    return [
        place.at(name).problem("E001", "there is no such engine", suggestion(name, MODULES) or known)
        for name in stack.engines
        if name not in MODULES
    ]


def _place(stack: Stack) -> Place:
    """Where it was written: in the source of the processes."""
    origin = stack.processes[0].origin if stack.processes else None
    source, file = (origin.source, origin.file) if origin else ("settings", "")
    declared = Declared(source=source, file=file, stack_key=STACK_KEYS.get(source, "PRODUCTION_STACK"))
    return declared.common().at("ENGINES" if source == "settings" else "engines")
