"""PRODUCTION_STACK["ENGINES"]["systemd"], a raw mapping -> the engine's own dataclass of options."""

from __future__ import annotations

from typing import Any

from procession.engines.base import Engine
from procession.errors import Problem
from procession.stack.declared import Declared
from procession.stack.fields import build, read_mapping
from procession.stack.model import Stack


def read_options(engine: Engine, stack: Stack) -> tuple[Any, list[Problem]]:
    """The options, and what is wrong with them; with an error among the problems, the options are not to be used."""
    problems: list[Problem] = []
    place = Declared(source="", file="", stack_key="PRODUCTION_STACK").common().at("ENGINES").at(engine.name)
    given = read_mapping(engine.options, stack.engines.get(engine.name, {}), place, problems)
    return (None if any(problem.is_error for problem in problems) else build(engine.options, given)), problems
